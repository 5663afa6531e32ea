"""The launch files: arguments with descriptions, and nothing that the node does not know.

Skipped where launch is not installed, as in an environment without the ros2 command line.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from rclpy.context import Context
from rclpy.node import Node
from std_msgs.msg import String

from wm_planner.config import Config, ImagesConfig
from wm_planner.control.action_mapping import command_mapping
from wm_planner.control.permission import Permission
from wm_planner.models import ModelSpec
from wm_planner.ros import robot_description
from wm_planner.ros.camera import Camera
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.commanded_joints import JointInput
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.parameters import Parameters
from wm_planner.ros.rates import RateMonitor

pytest.importorskip("launch_ros")
import launch
import launch_ros

PACKAGE = Path(__file__).parents[1]
FILES = sorted((PACKAGE / "launch").glob("*.launch.py"))
OF_THE_PROCESS = {"autostart"}  # declared by main, not by the settings


def _description(file: Path) -> Any:
    return _module(file).generate_launch_description()


def _module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.name.removesuffix(".launch.py"), file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _commands(entity: Any, context: Any) -> Iterator[list[str]]:
    """The command lines of all nodes that an entity would start."""
    if isinstance(entity, launch_ros.actions.Node):
        entity._perform_substitutions(context)
        entity.prepare(context)
        yield entity.process_details["cmd"]
        return
    for part in entity.visit(context) or []:
        yield from _commands(part, context)


def _started(file: Path, **arguments: str) -> list[list[str]]:
    context = launch.LaunchContext()
    context.launch_configurations.update(model="/nowhere/model", **arguments)
    context.extend_locals({"ros_specific_arguments": {"name": "", "ns": ""}})  # as execute() does
    return list(_commands(_description(file), context))


def _command(file: Path, **arguments: str) -> list[str]:
    (command,) = _started(file, **arguments)
    return command


def _after(words: list[str], option: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == option]


@pytest.fixture
def node(spec: ModelSpec) -> Iterator[Node]:
    """A node with the planner's parameters and topics."""
    with contextlib.ExitStack() as ends:
        node = Node("wm_planner", context=ends.enter_context(Context()))
        ends.callback(node.destroy_node)
        config = Config()
        config.images.reliability = "reliable"  # subscribes without a publisher
        Parameters(node, PACKAGE / "config")
        mapping = command_mapping(spec, config.commands)
        config.safety.enable_timeout = config.safety.max_force = 1.0  # subscribes
        listener: Any = SimpleNamespace(on_pose=print, on_observation=print, on_contact=print)
        permission = Permission.of(config, spec)
        Inputs(node, config, spec, mapping, permission, RateMonitor(), listener)
        JointInput(node, ["a"], 1.0, lambda pose: None)
        images = ImagesConfig(transport="compressed", reliability="reliable")
        ends.enter_context(contextlib.closing(Camera(node, images, 1.0, lambda: None)))
        node.create_subscription(String, robot_description.TOPIC, print, 1)
        CommandOutput(node, config.commands, mapping.joints, spec.action.frame, 0.5)
        yield node


def test_there_are_launch_files() -> None:
    assert {"planner.launch.py", "isaac_franka.launch.py"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_argument_has_a_description(file: Path) -> None:
    arguments = _description(file).get_launch_arguments()
    assert "model" in {argument.name for argument in arguments}
    assert [a.name for a in arguments if a.description.startswith("no description")] == []
    assert [a.name for a in arguments if not a.description.strip()] == []


def _parameters(words: list[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for path in _after(words, "--params-file"):
        for section in yaml.safe_load(Path(path).read_text()).values():
            parameters |= section["ros__parameters"]
    return parameters


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_topic_of_the_commands_is_the_profile_s_unless_it_is_given(file: Path) -> None:
    assert "commands.topic" not in _parameters(_command(file))
    assert _parameters(_command(file, tip="hand"))["commands.tip"] == "hand"
    given = _parameters(_command(file, command="/other/target"))
    assert given["commands.topic"] == "/other/target"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_parameter_is_one_of_the_node(file: Path, node: Node) -> None:
    names = _parameters(_command(file, command="/other/target")).keys()
    assert "model.directory" in names
    assert [n for n in names - OF_THE_PROCESS if not node.has_parameter(n)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_remapping_is_of_a_topic_of_the_node(file: Path, node: Node) -> None:
    remapped = {
        rule.split(":=")[0] for rule in _after(_command(file), "-r") if rule and "__" not in rule
    }
    topics = [s.topic_name for s in node.subscriptions] + [p.topic_name for p in node.publishers]
    assert remapped
    assert remapped <= {topic.lstrip("/") for topic in topics}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_cockpit_is_started_only_if_asked_for(file: Path) -> None:
    assert not any("cockpit" in word for word in _command(file))
    topics = {"joint_states": "arm/joints", "enable": "button"}
    cockpit, planner = _started(file, cockpit="true", **topics)
    assert cockpit[0].endswith("cockpit")
    assert planner[0].endswith("planner_node")
    assert {"joint_states:=arm/joints", "robot_description:=robot_description"} <= set(cockpit)
    assert _parameters(cockpit) == {"use_sim_time": _parameters(planner)["use_sim_time"]}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize(
    ("given", "overrides"),
    [
        ("", None),
        ("planning.horizon=8", ["planning.horizon=8"]),
        ("['planning.horizon=8', 'planning.seed=1']", ["planning.horizon=8", "planning.seed=1"]),
        ("['']", None),
        ("[]", None),
    ],
)
def test_overrides_need_no_brackets(file: Path, given: str, overrides: list[str] | None) -> None:
    assert _parameters(_command(file, overrides=given)).get("overrides") == overrides


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_of_parameters_counts_before_the_arguments(file: Path, tmp_path: Path) -> None:
    own = tmp_path / "my_cell.yaml"
    own.write_text(
        "/**:\n  ros__parameters: {profile: moveit_servo, overrides: [a.b=1], config_file: none}"
    )
    command = _command(file, params_file=str(own), profile="")
    assert _after(command, "--params-file")[0] == str(own)
    given = _parameters(command)
    assert given["profile"] == "moveit_servo"
    assert given["overrides"] == ["a.b=1"]
    assert given["config_file"] != "none"
    given = _parameters(_command(file, params_file=str(own), profile="franka_ros2"))
    assert given["profile"] == "franka_ros2"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"params_file": "/nowhere.yaml"}, "params_file:='/nowhere.yaml' is no file"),
        ({"image": "a b"}, "image:='a b' is no name of a topic"),
        ({"command": "1/x"}, "command:='1/x' is no name of a topic"),
        ({"overrides": "['a"}, "overrides:="),
        ({"log_level": "loud"}, "log_level:='loud' is none of"),
        ({"use_sim_time": "perhaps"}, "Valid options are"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, str], words: str) -> None:
    with pytest.raises((ValueError, RuntimeError), match=re.escape(words)):
        _command(PACKAGE / "launch" / "planner.launch.py", **arguments)


@pytest.mark.parametrize(("code", "fails"), [(0, 0), (2, 1), (-9, 1)])
def test_the_launch_fails_with_its_planner_and_other_processes_go_on(
    tmp_path: Path, code: int, fails: int
) -> None:
    ending = _module(PACKAGE / "launch" / "planner.launch.py")._Ending()
    end = "import os; os.kill(os.getpid(), 9)" if code < 0 else f"raise SystemExit({code})"
    # It ends after the planner has ended, which makes the file.
    driver = (
        "import pathlib, time\n"
        f"ended, done = pathlib.Path({str(tmp_path / 'ended')!r}), {str(tmp_path / 'done')!r}\n"
        "while not ended.exists(): time.sleep(0.01)\n"
        "pathlib.Path(done).touch()\n"
    )

    def on_exit(event: Any, context: Any) -> None:
        ending.on_exit(event, context)
        (tmp_path / "ended").touch()

    service = launch.LaunchService(noninteractive=True)
    service.include_launch_description(
        launch.LaunchDescription(
            [
                launch.actions.ExecuteProcess(cmd=[sys.executable, "-c", driver]),
                launch.actions.ExecuteProcess(cmd=[sys.executable, "-c", end], on_exit=on_exit),
                launch.actions.RegisterEventHandler(
                    launch.event_handlers.OnShutdown(on_shutdown=ending.on_shutdown)
                ),
            ]
        )
    )
    assert service.run() == fails
    assert (tmp_path / "done").exists(), "a driver ended with the planner"


@pytest.mark.parametrize("level", ["WARN", "planner:=debug"])
def test_a_log_level_is_any_that_ros_takes(level: str) -> None:
    file = PACKAGE / "launch" / "planner.launch.py"
    assert _after(_command(file, log_level=level), "--log-level") == [level]


def test_an_enclave_is_given_to_the_node_only_if_it_is_named() -> None:
    file = PACKAGE / "launch" / "planner.launch.py"
    assert _after(_command(file), "--enclave") == []
    assert _after(_command(file, enclave="/planner"), "--enclave") == ["/planner"]
