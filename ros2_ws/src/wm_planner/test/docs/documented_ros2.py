"""Checks commands of ROS 2's command line, which is not installed with the wheels.

Each function returns what is wrong with the words behind ``ros2 VERB``, as sentences.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from documented_pages import OMITTED, REPOSITORY

from wm_planner.config import ConfigError, compose, leaves

SOURCES = REPOSITORY / "ros2_ws/src"
CONFIG = SOURCES / "wm_planner/config"
NODE = "/wm_planner"
OF_THE_NODE = ("autostart", "config_directory", "config_file", "overrides", "profile")
"""Parameters of the planner that are no settings."""
OURS = ("wm_planner", "wm_planner_sim")
OTHER_TOPICS = ("rgb", "camera_info", "target_pose", "target_twist", "joint_command")
"""Topics of the simulator that the planner's policy does not name."""
VIEWS = ("wrist",)
"""Examples of names of cameras in ``model.yaml``, which are topics too."""
FLAGS = {
    "--once": 0,
    "-r": 1,
    "--rate": 1,
    "--qos-durability": 1,
    "--feedback": 0,
    "-o": 1,
    "-1": 0,
}
"""Options that pages use, and how many words follow each."""
TRANSITIONS = ("configure", "cleanup", "activate", "deactivate", "shutdown")


def wrong_ros2(words: list[str]) -> list[str]:
    """Return what is wrong with a command, as sentences; ``words`` begins with ``ros2``."""
    if len(words) < 2 or words[1] not in VERBS:
        return [f"no rule for 'ros2 {' '.join(words[1:2])}': add one to {Path(__file__).name}"]
    return list(VERBS[words[1]](words[2:]))


def _launch(words: list[str]) -> Iterator[str]:
    if len(words) < 2:  # named only
        return
    package, file, *arguments = words
    if package not in OURS:
        yield f"the package {package} is not ours: say where it comes from, and add a rule"
        return
    path = SOURCES / package / "launch" / file
    if not path.exists():
        yield f"{package} has no launch file {file}"
        return
    declared, given = launch_arguments(path), {}
    for word in arguments:
        name, assigned, value = word.partition(":=")
        if word == OMITTED or word == "--show-args":
            continue
        if not assigned or name not in declared:
            yield f"{file} declares no argument {name!r}"
        elif value != OMITTED:
            given[name] = value
    for name, value in given.items():
        choices = declared.get(name)
        if choices and value not in choices:
            yield f"{name}:={value} is none of {', '.join(choices)}"
    overrides = given.get("overrides", "")
    listed = yaml.safe_load(overrides) if overrides.lstrip().startswith("[") else [overrides]
    profile = [f"+profiles={given['profile']}"] if given.get("profile") else []
    chosen = tuple([*profile, *filter(None, listed)])
    if problem := _refused(given.get("config_file", "planner"), chosen):
        yield problem


@cache
def _refused(config_file: str, overrides: tuple[str, ...]) -> str:
    """Return why the node would refuse a file with overrides, or nothing."""
    try:
        compose(CONFIG, config_file, overrides)
    except ConfigError as error:
        return str(error)
    return ""


@cache
def launch_arguments(path: Path) -> dict[str, list[str]]:
    """Return the arguments that a launch file declares, with the choices of those that have any."""
    choices: dict[str, list[str]] = {}
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Assign(targets=[ast.Name(id="ARGUMENTS")], value=ast.Dict(keys=keys)):
                found |= {str(ast.literal_eval(key)): [] for key in keys if key}
            case ast.Assign(targets=[ast.Name(id="CHOICES")], value=value):
                choices |= ast.literal_eval(value)
            case ast.Call(func=ast.Name(id="DeclareLaunchArgument"), args=[ast.Constant(value=n)]):
                found[n] = []
                for keyword in node.keywords:
                    if keyword.arg == "choices" and isinstance(keyword.value, ast.List):
                        found[n] = ast.literal_eval(keyword.value)
    return {name: choices.get(name, own) for name, own in found.items()}


def _run(words: list[str]) -> Iterator[str]:
    if not words or OMITTED in words[:2]:
        return
    package, executable, *arguments = words
    try:
        prefix = Path(get_package_prefix(package))
    except PackageNotFoundError:
        yield f"there is no package {package}"
        return
    if not (prefix / "lib" / package / executable).exists():
        yield f"{package} has no executable {executable}"
    ros = arguments[arguments.index("--ros-args") + 1 :] if "--ros-args" in arguments else []
    for option, value in pairwise(ros):
        name, assigned, new = value.partition(":=")
        if option in ("-p", "-r") and not assigned:
            yield f"{option} {value} has no :="
        elif option == "-p":
            yield from _parameter_of(executable, name, new)
        elif option == "-r" and not name.startswith("__") and name not in _topics():
            yield f"there is no topic {name} to remap"


def _parameter_of(executable: str, name: str, value: str) -> Iterator[str]:
    if name == "use_sim_time":
        return
    if executable == "planner_node":
        if name not in OF_THE_NODE:
            yield from _setting(name, value)
        return
    package = SOURCES / "wm_planner/wm_planner/cockpit"
    if executable == "sim_node":
        package = SOURCES / "wm_planner_sim/wm_planner_sim/simulator"
    if not any(f'"{name}"' in file.read_text() for file in package.glob("*.py")):
        yield f"{executable} has no parameter {name}"


@cache
def settings_names() -> frozenset[str]:
    """Return the names of all settings."""
    return frozenset(leaf.name for leaf in leaves(compose(CONFIG)))


def _setting(name: str, value: str = OMITTED) -> Iterator[str]:
    if name not in settings_names():
        yield f"there is no setting {name}"
    elif value != OMITTED:
        try:
            compose(CONFIG, values={name: yaml.safe_load(value)})
        except ConfigError as error:
            yield str(error)


@cache
def _rules() -> dict[str, set[str]]:
    """Return what the planner opens, by the rule of its security policy; ``~`` is resolved."""
    policy = ElementTree.parse(CONFIG / "security/policy.xml")
    rules: dict[str, set[str]] = {}
    for group in policy.findall(".//enclave[@path='/planner']/profiles/profile/*"):
        names = {(name.text or "").replace("~", NODE) for name in group}
        for rule in group.attrib:
            rules.setdefault(rule, set()).update(name.lstrip("/") for name in names)
    return rules


def _topics() -> set[str]:
    return {*_rules()["publish"], *_rules()["subscribe"], *OTHER_TOPICS, *VIEWS}


@cache
def _types() -> dict[str, str]:
    """Return the types of services and topics that the node opens with literal names."""
    found = {}
    for file in (SOURCES / "wm_planner/wm_planner/ros").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(args=[ast.Name(id=kind), ast.Constant(value=str(name)), *_]):
                    found[name.replace("~", NODE).lstrip("/")] = kind.removesuffix("Message")
    return found


def _positional(words: list[str]) -> list[str]:
    left, found = list(words), []
    while left:
        word = left.pop(0)
        if word in FLAGS:
            del left[: FLAGS[word]]
        else:
            found.append(word)
    return found


def _topic(words: list[str]) -> Iterator[str]:
    what, *rest = words or [""]
    if what not in ("echo", "pub", "hz", "info", "list"):
        yield f"no rule for 'ros2 topic {what}'"
        return
    named = _positional(rest)
    unknown = [word for word in named if word.startswith("-")]
    if unknown:
        yield f"no rule for the option {unknown[0]}"
    if not named or OMITTED in named:
        return
    name = named[0].lstrip("/")
    heard = _rules()["subscribe"] if what == "pub" else _topics()
    if name not in heard:
        yield f"the planner has no topic {named[0]} to {what}"
    yield from _message(name, "msg", named[1:])


def _message(name: str, kind: str, words: list[str]) -> Iterator[str]:
    """Check a type, and the YAML of a message of it, if they are given."""
    if not words:
        return
    package, _, rest = words[0].partition("/")
    folder, _, of_type = rest.partition("/")
    known = _types().get(name)
    try:
        found = getattr(importlib.import_module(f"{package}.{kind}"), of_type)
    except (ImportError, AttributeError):
        yield f"there is no type {words[0]}"
        return
    if folder != kind:
        yield f"{words[0]} should be {package}/{kind}/{of_type}"
    if known and known != of_type:
        yield f"{name} has the type {known}, not {of_type}"
    if len(words) > 1:
        made = {"msg": found, "srv": getattr(found, "Request", None)}
        message = (made | {"action": getattr(found, "Goal", None)})[kind]()
        yield from unfit(message, yaml.safe_load(words[1]), of_type)


def unfit(message: Any, content: Any, where: str) -> Iterator[str]:
    """Yield the fields that a message does not have, or that have another kind."""
    if not isinstance(content, dict):
        yield f"{where} is given as {content!r}, not as fields"
        return
    for name, value in content.items():
        if name not in message.get_fields_and_field_types():
            yield f"{where} has no field {name!r}"
        elif isinstance(value, dict):
            yield from unfit(getattr(message, name), value, f"{where}.{name}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            kind = re.search(r"<(\w+)/(\w+)", message.get_fields_and_field_types()[name])
            if kind is None:
                yield f"{where}.{name} is no list of messages"
                continue
            made = getattr(importlib.import_module(f"{kind[1]}.msg"), kind[2])
            for item in value:
                yield from unfit(made(), item, f"{where}.{name}[]")
        else:
            try:
                type(message)(check_fields=True, **{name: value})
            except (AssertionError, TypeError):
                yield f"{where}.{name} cannot be {value!r}"


def _service(words: list[str]) -> Iterator[str]:
    yield from _called(words, "call", "reply", "srv")


def _action(words: list[str]) -> Iterator[str]:
    yield from _called(words, "send_goal", "execute", "action")


def _called(words: list[str], verb: str, rule: str, kind: str) -> Iterator[str]:
    what, *rest = words or [""]
    if what in ("list", "info"):
        return
    named = _positional(rest)
    if what != verb:
        yield f"no rule for 'ros2 {kind} {what}'"
    elif named and OMITTED not in named:
        if named[0].lstrip("/") not in _rules()[rule]:
            yield f"the planner has none called {named[0]}"
        yield from _message(named[0].lstrip("/"), kind, named[1:])


def _param(words: list[str]) -> Iterator[str]:
    what, *rest = words or [""]
    if what not in ("set", "get", "dump", "list", "describe"):
        yield f"no rule for 'ros2 param {what}'"
    elif rest and rest[0] != NODE:
        yield f"the planner's node is called {NODE}, not {rest[0]}"
    elif rest[1:]:
        yield from _setting(*rest[1:])


def _lifecycle(words: list[str]) -> Iterator[str]:
    if words[:2] != ["set", NODE] or words[2:] not in [[name] for name in TRANSITIONS]:
        yield f"no rule for 'ros2 lifecycle {' '.join(words)}'"


def _package(words: list[str]) -> Iterator[str]:
    if len(words) == 2 and words[1] not in OURS:
        yield f"there is no package {words[1]}"


def _anything(words: list[str]) -> Iterator[str]:
    """Accept the words: only an installation of ROS 2 can tell."""
    yield from ()


VERBS: dict[str, Callable[[list[str]], Iterator[str]]] = {
    "launch": _launch,
    "run": _run,
    "topic": _topic,
    "service": _service,
    "action": _action,
    "param": _param,
    "lifecycle": _lifecycle,
    "pkg": _package,
    **dict.fromkeys(("bag", "security", "node", "doctor"), _anything),
}
