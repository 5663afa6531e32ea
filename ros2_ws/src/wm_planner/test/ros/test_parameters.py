"""Every setting is a parameter, and only valid values are accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from loop_rig import LoopRig
from rclpy.node import Node
from rclpy.parameter import Parameter

from wm_planner.config import Config, ConfigError, LimitsConfig, leaves
from wm_planner.message_limits import MAX_LIST, MAX_TEXT
from wm_planner.models import ModelSpec
from wm_planner.ros.parameters import AT_START, Parameters
from wm_planner.ros.runtime import PlannerRuntime
from wm_planner.worker import PlannerLink, Ready

MakeNode = Callable[..., Node]
UNLOCKED = Config(limits=LimitsConfig(locked=False))
FILES = Path(__file__).parents[2] / "config"


@pytest.fixture
def make_node(make_node: MakeNode) -> MakeNode:
    def make(*overrides: Parameter) -> Node:
        given = {p.name: p for p in (Parameter("limits.locked", value=False), *overrides)}
        return make_node("parameters", parameter_overrides=list(given.values()))

    return make


def test_every_leaf_is_declared_with_its_default_and_description(make_node: MakeNode) -> None:
    node = make_node(Parameter("limits.locked", value=True))
    assert Parameters(node, FILES).config() == Config()
    for leaf in leaves(Config()):
        assert node.describe_parameter(leaf.name).description == leaf.checks["help"]


def test_overrides_and_values_take_precedence_over_a_profile(make_node: MakeNode) -> None:
    node = make_node(
        Parameter("profile", value="moveit_servo"),
        Parameter("overrides", value=["commands.rate=100.0"]),
        Parameter("commands.frame", value="base_link"),
    )
    commands = Parameters(node, FILES).config().commands
    assert (commands.type, commands.rate, commands.frame) == ("twist_stamped", 100.0, "base_link")


def test_values_take_precedence_over_file_and_overrides(make_node: MakeNode) -> None:
    node = make_node(
        Parameter("config_file", value="franka"),
        Parameter("overrides", value=["planning.seed=1", "planning.horizon=8"]),
        Parameter("planning.seed", value=2),
        Parameter("limits.workspace_max", value=[0.5, 0.1, 0.4]),
    )
    config = Parameters(node, FILES).config()
    assert (config.planning.seed, config.planning.horizon) == (2, 8)
    assert config.limits.workspace_min == [0.35, -0.3, 0.05]
    assert config.limits.workspace_max == [0.5, 0.1, 0.4]


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Parameter("planning.horizon", value=0), "planning.horizon"),
        (Parameter("planning.horizon", value=2.5), "planning.horizon"),
        (Parameter("overrides", value=["planing.horizon=3"]), "planing"),
        (Parameter("config_file", value="nowhere"), "nowhere"),
    ],
    ids=["range", "type", "override", "file"],
)
def test_an_invalid_initial_value_is_named(
    make_node: MakeNode, parameter: Parameter, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        Parameters(make_node(parameter), FILES)


@pytest.mark.parametrize(
    ("name", "value"),
    [("limits.policy", "maybe"), ("limits.workspace_min", [1.0]), ("planning.horizon", 0)],
)
def test_an_invalid_change_is_refused_with_a_reason(
    make_node: MakeNode, name: str, value: object
) -> None:
    node = make_node()
    parameters = Parameters(node, FILES)
    answer = node.set_parameters([Parameter(name, value=value)])[0]
    assert not answer.successful
    assert name in answer.reason
    assert parameters.config() == UNLOCKED


def test_a_valid_change_is_accepted(make_node: MakeNode) -> None:
    node = make_node()
    parameters = Parameters(node, FILES)
    assert node.set_parameters([Parameter("limits.policy", value="refuse")])[0].successful
    assert parameters.config().limits.policy == "refuse"


@pytest.mark.parametrize("running", [False, True], ids=["unconfigured", "configured"])
@pytest.mark.parametrize("name", AT_START)
def test_files_and_programs_are_named_at_the_start_only(
    make_node: MakeNode, running: bool, name: str
) -> None:
    node = make_node()
    parameters = Parameters(node, FILES)
    if running:
        parameters.running = _Running(parameters.config())
    answer = node.set_parameters([Parameter(name, value="/home/robot/.bashrc")])[0]
    assert not answer.successful
    assert f"{name} cannot change while the node runs" in answer.reason
    assert node.get_parameter(name).value == ""


@pytest.mark.parametrize("running", [False, True], ids=["unconfigured", "configured"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limits.max_speed", 0.6),
        ("limits.workspace_max", [0.5, 0.1, 0.4]),
        ("limits.locked", False),
        ("session.image_timeout", 50.0),
        ("session.motion_check", False),
        ("session.tolerance", 1.0),
        ("session.tolerance_images", 1),
        ("inputs.other_publisher", "warn"),
        ("commands.other_publisher", "warn"),
        ("camera.frozen", "off"),
        ("worker.plan_timeout", 500.0),
        ("safety.max_force", 5.0),
        ("gripper.scale", 5.0),
        ("commands.shadow", True),
    ],
)
def test_locked_limits_and_watchdogs_never_change(
    make_node: MakeNode, running: bool, name: str, value: object
) -> None:
    node = make_node(Parameter("limits.locked", value=True))
    parameters = Parameters(node, FILES)
    if running:
        parameters.running = _Running(parameters.config())
    answer = node.set_parameters([Parameter(name, value=value)])[0]
    assert not answer.successful
    assert "limits.locked" in answer.reason
    assert parameters.config() == Config()
    for free in (
        Parameter("session.timeout", value=5.0),
        Parameter("planning.seed", value=1),
        Parameter("commands.speed_override", value=50.0),
    ):
        assert node.set_parameters([free])[0].successful


def test_limits_cannot_be_unlocked_or_locked_while_the_node_runs(make_node: MakeNode) -> None:
    node = make_node()
    Parameters(node, FILES)
    assert not node.set_parameters([Parameter("limits.locked", value=True)])[0].successful


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("limits.max_sped", r"did you mean limits\.max_speed\?"),
        ("commands.topc", r"did you mean commands\.topic\?"),
        ("sesion.timeout", r"did you mean session\.timeout\?"),
        ("overides", r"did you mean overrides\?"),
        ("images.quality", r"'images\.quality'\. See"),
    ],
)
def test_a_misspelt_parameter_is_refused_with_the_nearest_name(
    make_node: MakeNode, name: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        Parameters(make_node(Parameter(name, value=1.0)), FILES)


def test_parameters_of_other_nodes_are_ignored(make_node: MakeNode) -> None:
    foreign = [Parameter(name, value=1) for name in ("robot_description", "fps", "driver.rate")]
    qos = Parameter("qos_overrides./rgb.subscription.depth", value=5)
    assert Parameters(make_node(*foreign, qos), FILES).config().planning == Config().planning


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter("goals.directory", value="x" * (MAX_TEXT + 1)),
        Parameter("commands.topic", value="x" * 10**6),
        Parameter("limits.joint_min", value=[0.0] * (MAX_LIST + 1)),
        Parameter("proprio.fields", value=["x"] * (MAX_LIST + 1)),
        Parameter("proprio.fields", value=["x" * (MAX_TEXT + 1)]),
    ],
    ids=lambda parameter: parameter.name,
)
def test_long_texts_and_lists_are_refused(make_node: MakeNode, parameter: Parameter) -> None:
    node = make_node()
    Parameters(node, FILES)
    answer = node.set_parameters([parameter])[0]
    assert not answer.successful
    assert "the most is" in answer.reason
    assert len(answer.reason) < MAX_TEXT


def test_the_clock_cannot_be_exchanged_while_the_node_is_configured(make_node: MakeNode) -> None:
    node = make_node()
    parameters = Parameters(node, FILES)
    parameters.running = _Running(parameters.config())
    assert not node.set_parameters([Parameter("use_sim_time", value=True)])[0].successful


class _Running:
    """A fake of a configured node, which may object to a change."""

    def __init__(self, config: Config, objection: str = "") -> None:
        self.config, self._objection = config, objection

    def check(self, config: Config, *, during_goal: bool) -> None:
        if self._objection and not during_goal:
            raise ValueError(self._objection)

    def apply(self, config: Config) -> None:
        self.config = config


def _configured(node: Node, objection: str = "") -> _Running:
    parameters = Parameters(node, FILES)
    running = parameters.running = _Running(parameters.config(), objection)
    return running


def test_a_configured_node_accepts_changes_of_live_settings(make_node: MakeNode) -> None:
    node = make_node()
    running = _configured(node)
    changes = [
        Parameter("session.timeout", value=5.0),
        Parameter("limits.workspace_min", value=[0.0, 0.0, 0.1]),
        Parameter("planning.preset", value="mppi"),
        Parameter("planning.mppi.temperature", value=0.3),
        Parameter("objective.alpha", value=0.5),
    ]
    assert node.set_parameters_atomically(changes).successful
    assert running.config.session.timeout == 5.0
    assert running.config.limits.workspace_min == [0.0, 0.0, 0.1]
    assert running.config.planning.preset == "mppi"
    assert running.config.planning.mppi.temperature == 0.3
    assert running.config.objective.alpha == 0.5
    assert running.config.worker == Config().worker


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("model.device", "cpu", "model.device cannot change while the node is configured"),
        ("planning.preset", "mppi", "the preset mppi has no such setting"),
        ("objective.alpha", -1.0, "objective.alpha"),
        ("session.tolerance_images", 0, "session.tolerance_images"),
        ("limits.policy", "maybe", "limits.policy is 'maybe'"),
    ],
)
def test_one_invalid_change_refuses_all_changes_of_a_call(
    make_node: MakeNode, name: str, value: object, words: str
) -> None:
    node = make_node()
    running = _configured(node)
    elites = Parameter("planning.num_elites", value=4)
    changes = [Parameter("session.timeout", value=5.0), elites, Parameter(name, value=value)]
    answer = node.set_parameters_atomically(changes)
    assert not answer.successful
    assert words in answer.reason
    assert running.config == UNLOCKED
    assert node.get_parameter("session.timeout").value == Config().session.timeout


def test_a_change_that_the_running_node_refuses_is_not_applied(make_node: MakeNode) -> None:
    node = make_node()
    running = _configured(node, "a goal is under way")
    answer = node.set_parameters([Parameter("session.timeout", value=5.0)])[0]
    assert (answer.successful, answer.reason) == (False, "a goal is under way")
    assert running.config == UNLOCKED


def test_a_preset_that_cannot_plan_in_the_worker_s_precision_is_refused(
    make_node: MakeNode, spec: ModelSpec
) -> None:
    node = make_node()
    running = PlannerRuntime.__new__(PlannerRuntime)  # the parts that check settings
    running.config = Config()
    running.loop = LoopRig(spec, running.config).loop
    running.link = PlannerLink(running.config, lambda: None)
    running.link.ready = Ready("a worker", precision="float16")
    Parameters(node, FILES).running = running
    for preset in ("gradient", "cem_gd"):
        (answer,) = node.set_parameters([Parameter("planning.preset", value=preset)])
        assert not answer.successful
        assert f"the preset {preset} needs gradients" in answer.reason
        assert node.get_parameter("planning.preset").value == "online"


def test_the_speed_override_changes_also_during_a_goal_but_not_with_others(
    make_node: MakeNode,
) -> None:
    node = make_node()
    running = _configured(node, "a goal is under way")
    override = Parameter("commands.speed_override", value=30.0)
    assert node.set_parameters([override])[0].successful
    assert running.config.commands.speed_override == 30.0
    both = [
        Parameter("commands.speed_override", value=60.0),
        Parameter("session.timeout", value=5.0),
    ]
    assert not node.set_parameters_atomically(both).successful
    assert not node.set_parameters([Parameter("commands.rate", value=20.0)])[0].successful
    for value in (-1.0, 101.0, float("nan")):
        assert not node.set_parameters([Parameter("commands.speed_override", value=value)])[
            0
        ].successful
    assert running.config.commands.speed_override == 30.0


def test_parameters_that_choose_the_defaults_cannot_change_later(make_node: MakeNode) -> None:
    node = make_node()
    Parameters(node, FILES)
    assert not node.set_parameters([Parameter("config_file", value="franka")])[0].successful
