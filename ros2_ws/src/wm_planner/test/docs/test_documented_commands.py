"""Every command of the pages works: it is run, or checked where it needs what is not here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from documented_files import Files
from documented_pages import NEEDS, REPOSITORY, Command, Page, model_cards, pages, split
from documented_rules import CHECKS, Follower, Parsed
from documented_tables import ELSEWHERE

PAGES, CARDS = pages(), model_cards()
PROGRAMS = frozenset(CHECKS) - {"cp", "export", "ls", "mkdir", "source"}
RUNNABLE = ("make", "pip", "python", "wm-planner")


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: page.name)
def test_every_block_says_what_it_is_and_what_it_needs(page: Page) -> None:
    wrong = []
    for block in page.blocks:
        where = f"{page.name}:{block.line}"
        if not block.language:
            wrong.append(f"{where}: name the language: sh for commands, text for output")
        if block.language in ("bash", "console", "shell"):
            wrong.append(f"{where}: commands are called sh")
        if block.need and block.need not in NEEDS:
            wrong.append(f"{where}: {block.need!r} is none of the needs: {', '.join(NEEDS)}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_that_can_run_says_no_need(page: Page) -> None:
    blocks: dict[int, list[Command]] = {}
    for command in page.commands(PROGRAMS):
        if command.need:
            blocks.setdefault(command.line, []).append(command)
    for line, commands in blocks.items():
        listens = any("--topic" in command.words for command in commands)
        could = all(command.words[0] in RUNNABLE for command in commands)
        assert listens or not could, f"{page.name}:{line} can run: remove '# Needs …'"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_works(page: Page, files: Files) -> None:
    follower = Follower(page.name, files)
    wrong = [
        f"{command}\n    {problem}"
        for command in page.commands(PROGRAMS)
        for problem in follower.follow(command)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", CARDS, ids=lambda page: page.name)
def test_the_commands_of_a_model_card_exist(page: Page) -> None:
    follower, commands = Follower(page.name), page.commands(PROGRAMS)
    assert commands
    found = [f"{command}: {wrong}" for command in commands for wrong in follower.follow(command)]
    assert found == []


def _not_taken(given: list[Parsed]) -> list[str]:
    """Return what the programs say of their arguments, nothing where they are right."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("parse_only.py")],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return list(json.loads(done.stdout))


def test_every_program_takes_its_documented_arguments() -> None:
    found: dict[str, Parsed] = {}
    for page in [*PAGES, *CARDS]:
        for command in page.commands(PROGRAMS):
            follower = Follower(page.name)
            list(follower.follow(command))
            found.update((f"{command} ({parsed[0]})", parsed) for parsed in follower.parsed)
    answers = zip(found, _not_taken(list(found.values())), strict=True)
    assert [f"{command}: {wrong}" for command, wrong in answers if wrong] == []


def test_arguments_that_a_program_does_not_have_are_found() -> None:
    planner = str(REPOSITORY / "benchmarks/planner.py")
    given = [(planner, ["--no-peer"]), ("-m wm_planner_sim.evaluation", ["--goals", "many"])]
    unknown, no_number = _not_taken(given)
    assert "unrecognized arguments: --no-peer" in unknown
    assert "argument --goals: 'many' is not a whole number" in no_number


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_runs_a_command_in_our_place_is_there(command: str) -> None:
    file, text = ELSEWHERE[command]
    assert text in (REPOSITORY / file).read_text(), f"{file} does not run {command!r} any more"


LAUNCH = "ros2 launch wm_planner planner.launch.py"
SAVE = "ros2 service call /wm_planner/save_goal wm_planner_msgs/srv/SaveGoal"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("make demonstration", "no target 'demonstration'"),
        ("make demo TSAK=push", "reads TSAK"),
        ("make demo TASK=pull", "no task 'pull'"),
        ("wm-planner inspekt MODEL", "no command 'inspekt'"),
        ("wm-planner plan MODEL --goal now.png", "no option --goal"),
        ("wm-planner plan … planning.horizons=8", "horizons"),
        ("wm-planner plan … planning.horizon=0", "planning.horizon"),
        ("python -m wm_planner.nothing", "no module wm_planner.nothing"),
        ("python benchmarks/nothing.py", "no file benchmarks/nothing.py"),
        ("pip install docs/examples/nothing", "no docs/examples/nothing"),
        ("source scripts/nothing.sh", "no file scripts/nothing.sh"),
        ("ros2 launch wm_planner plan.launch.py", "no launch file plan.launch.py"),
        (f"{LAUNCH} modle:=m", "declares no argument 'modle'"),
        (f"{LAUNCH} cockpit:=on", "cockpit:=on is none of true"),
        (f"{LAUNCH} profile:=nothing", "nothing"),
        (f"{LAUNCH} overrides:=\"['planning.horizon=0']\"", "planning.horizon"),
        ("ros2 run wm_planner planner", "no executable planner"),
        ("ros2 run wm_planner planner_node --ros-args -r imag:=a", "no topic imag"),
        ("ros2 run wm_planner cockpit --ros-args -p prot:=1", "no parameter prot"),
        ("ros2 topic echo /wm_planner/state", "no topic /wm_planner/state"),
        ("ros2 topic pub /enable std_msgs/msg/Bool '{data: 1}'", "Bool.data cannot be 1"),
        ("ros2 topic pub /enable std_msgs/msg/String '{data: a}'", "has the type Bool"),
        ("ros2 service call /wm_planner/halt std_srvs/srv/Trigger", "none called /wm_planner/halt"),
        (f"{SAVE} '{{nam: home}}'", "no field 'nam'"),
        ("ros2 service call /wm_planner/stop std_srvs/srv/Triger", "no type std_srvs/srv/Triger"),
        ("ros2 param set /wm_planner commands.speed 10.0", "no setting commands.speed"),
        ("ros2 param set /wm_planner commands.speed_override -1.0", "speed_override"),
        ("ros2 component list", "no rule for 'ros2 component'"),
        ("frobnicate now", "no rule for 'frobnicate'"),
    ],
)
def test_a_wrong_command_is_found(text: str, problem: str) -> None:
    found = list(Follower("page.md").follow(Command("page.md", 1, text)))
    assert len(found) == 1, found
    assert problem in found[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wm-planner doctor MODEL --dataset nowhere", "nowhere"),
        ("wm-planner plan MODEL --image now.png --goal-image goal.png", "the model takes 3"),
        ("wm-planner plan MODEL --image now.png", "required: --goal-image"),
        ("python docs/examples/lab_world_model/export.py", "required: directory"),
        ("make clean", "nothing runs 'make clean'"),
        ("ros2 topic echo /wm_planner/status", "nothing runs this"),
    ],
)
def test_a_command_that_fails_is_found(text: str, problem: str, files: Files) -> None:
    (found,) = Follower(text, files).follow(Command("page.md", 1, text))
    assert problem in found


def test_a_shell_s_text_is_split_as_a_shell_splits_it() -> None:
    text = "a 'b; c' && d # e; f\n# x\ng \\\n    --h=\"['i', 'j']\" | k#l"
    assert split(text) == ["a 'b; c'", "d", "g --h=\"['i', 'j']\"", "k#l"]
