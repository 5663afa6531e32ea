"""The configuration: one schema, two doors.

The dataclasses below are the only place where a setting is named, given a default and described.
Hydra composes them from ``config/*.yaml`` and overrides (``compose``); the node declares every
leaf as a ROS parameter of the same dotted name (``leaves``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass
from functools import reduce
from pathlib import Path
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

SCHEMA_NAME = "wm_planner_schema"


class ConfigError(ValueError):
    """A setting is unknown, of the wrong type or out of range."""


def setting(default: Any, help: str, **checks: Any) -> Any:
    """A leaf of the schema.

    Args:
        default: Default value; a list is copied for every instance.
        help: One sentence with the unit; it becomes the ROS parameter's description.
        **checks: ``above`` (exclusive minimum), ``low`` and ``high`` (inclusive range),
            ``choices`` (allowed strings), ``sizes`` (allowed lengths of a list), ``of`` (type of
            a list's entries, if not float).
    """
    metadata = {"help": help, **checks}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def severity(default: str, finding: str) -> Any:
    """What a finding of the camera contract does: stop, warn or off."""
    return setting(default, f"{finding} stop, warn or off.", choices=["stop", "warn", "off"])


@dataclass
class ModelConfig:
    """Which world model, and where it runs."""

    directory: str = setting("", "Directory with model.yaml and the weights.")
    device: str = setting("auto", "Torch device; auto is the first GPU, else the CPU.")
    allow_unverified_statistics: bool = setting(
        False, "Use normalization statistics without provenance; every status then says so."
    )
    precision: str = setting(
        "float32",
        "Precision of rollouts: float32, bfloat16 or float16 (of dino_wm models).",
        choices=["float32", "bfloat16", "float16"],
    )
    compile: bool = setting(
        False, "Compile rollouts; the first plans take longer (of dino_wm models)."
    )
    cuda_graphs: bool = setting(
        False, "Replay rollouts as CUDA graphs where there is a GPU (of dino_wm models)."
    )
    approximation: str = setting(
        "none",
        "none: rollouts as the model was trained; rolling_cache: keep keys and values when the "
        "window slides, which is cheaper and ranks candidates differently (of dino_wm models).",
        choices=["none", "rolling_cache"],
    )

    def options(self) -> dict[str, Any]:
        """What the model's family is told: how to compute, where that is not the default."""
        names = ("precision", "compile", "approximation")
        default = ModelConfig()
        chosen = {name: getattr(self, name) for name in names}
        return {k: v for k, v in chosen.items() if v != getattr(default, k)}


@dataclass
class PlanningConfig:
    """The planner; 0 stands for the preset's own value."""

    preset: str = setting(
        "online", "Planner preset: online (5 iterations), full (30), dino_wm, random (a baseline)."
    )
    num_samples: int = setting(0, "Candidates per iteration; 0: the preset's (300).", low=0)
    iterations: int = setting(0, "Iterations per plan; 0: the preset's (5 or 30).", low=0)
    num_elites: int = setting(0, "Elites per iteration; 0: the preset's.", low=0)
    horizon: int = setting(5, "Model steps planned ahead.", low=1, high=100)
    seed: int = setting(0, "Seed of the planner's random draws.", low=0)
    budget: float = setting(
        0.0, "Wall-clock budget of one plan [s]; the best plan so far is used; 0: none.", low=0.0
    )


@dataclass
class ObjectiveConfig:
    """The cost of a candidate."""

    mode: str = setting(
        "model",
        "Frames that count: model (as model.yaml says), last, all (DINO-WM), mean.",
        choices=["model", "last", "all", "mean"],
    )
    base: float = setting(2.0, "Growth of the frame weights in mode all.", above=0.0)
    alpha: float = setting(1.0, "Weight of the proprio distance.", low=0.0)


@dataclass
class ImagesConfig:
    """How camera and goal images are read."""

    generic_color_order: str = setting(
        "refuse",
        "Channel order of 8UC3 and 8UC4 images: refuse, rgb or bgr.",
        choices=["refuse", "rgb", "bgr"],
    )
    float_range: str = setting(
        "refuse",
        "Range of float images: refuse, [0,1] or [0,255].",
        choices=["refuse", "[0,1]", "[0,255]"],
    )
    bit_depth: int = setting(
        0, "Bits used in 16-bit images, 8 to 16; 0: not declared.", choices=[0, *range(8, 17)]
    )
    transport: str = setting(
        "raw", "Camera messages: raw or compressed.", choices=["raw", "compressed"]
    )
    reliability: str = setting(
        "auto",
        "QoS reliability of the camera subscription; auto matches the publisher.",
        choices=["auto", "reliable", "best_effort"],
    )
    depth: int = setting(1, "QoS depth of the camera subscription.", low=1, high=100)
    slop: float = setting(
        0.02, "Images of several cameras that belong together are no further apart [s].", low=0.0
    )


@dataclass
class ProprioConfig:
    """Where the state comes from that some models need beside the image."""

    source: str = setting(
        "none",
        "Where the numbers of the model's proprio come from: joint_states (named like the joints, "
        "or joint.velocity, joint.effort), pose (current_pose: x, y, z, qx, qy, qz, qw), topic "
        "(proprio: a std_msgs/Float64MultiArray in the model's order) or none.",
        choices=["none", "joint_states", "pose", "topic"],
    )
    fields: list[str] = setting(  # noqa: RUF009
        [],
        "Where each number comes from, as source:name in the model's order, e.g. "
        "[joint_states:panda_joint1, pose:z, topic:0]; empty: all from proprio.source.",
        of=str,
    )
    slop: float = setting(
        0.05, "The state that belongs to an image is no further from its stamp [s].", low=0.0
    )


@dataclass
class CameraConfig:
    """The camera contract of every image that is planned from: what each finding does."""

    aspect_ratio: str = severity("warn", "The image has another shape than in training.")
    resolution: str = severity("warn", "The image is smaller than in training.")
    black: str = severity("stop", "The image is black.")
    constant: str = severity("stop", "The image is of one color.")
    float_feed: str = severity("stop", "A [0, 1] image was cast to 8 bits.")
    near_zero: str = severity("stop", "All values are near zero.")
    saturated: str = severity("stop", "Most values are at the upper end.")
    channel_swap: str = severity("stop", "Red and blue are exchanged.")
    statistics: str = severity("warn", "The channel means are far from those of training.")
    frozen: str = severity("stop", "The image does not change while the arm moves.")
    latent: str = severity("warn", "The model's latent lies outside its training.")


@dataclass
class LimitsConfig:
    """The last gate before the wire; the box has no default because no guess is safe."""

    workspace_min: list[float] = setting(  # noqa: RUF009 (a new list each time)
        [], "Lowest x, y, z a command may have [m, frame of the action].", sizes=[0, 3]
    )
    workspace_max: list[float] = setting(  # noqa: RUF009
        [], "Highest x, y, z a command may have [m, frame of the action].", sizes=[0, 3]
    )
    max_speed: float = setting(0.5, "Largest speed of the commanded position [m/s].", above=0.0)
    max_acceleration: float = setting(
        10.0, "Largest change of the commanded velocity [m/s^2].", above=0.0
    )
    max_lead: float = setting(
        0.1, "Largest distance of the command from the measured position [m].", above=0.0
    )
    joint_min: list[float] = setting(  # noqa: RUF009
        [], "Lowest position of each commanded joint, in their order [rad]."
    )
    joint_max: list[float] = setting(  # noqa: RUF009
        [], "Highest position of each commanded joint, in their order [rad]."
    )
    max_joint_speed: float = setting(1.0, "Largest speed of any joint [rad/s].", above=0.0)
    max_joint_acceleration: float = setting(
        20.0, "Largest change of any joint's commanded velocity [rad/s^2].", above=0.0
    )
    max_joint_lead: float = setting(
        0.2, "Largest distance of any joint's command from its measured position [rad].", above=0.0
    )
    policy: str = setting(
        "clamp",
        "clamp: bring a command back to the limits; refuse: hold and end the goal.",
        choices=["clamp", "refuse"],
    )


@dataclass
class CommandsConfig:
    """What goes to the robot."""

    type: str = setting(
        "pose_stamped",
        "Message of the command: pose_stamped, twist_stamped, joint_state, joint_trajectory or "
        "float64_multi_array.",
        choices=[
            "pose_stamped", "twist_stamped", "joint_state", "joint_trajectory",
            "float64_multi_array",
        ],
    )  # fmt: skip
    topic: str = setting("command", "Topic of the commands, relative to the node's namespace.")
    frame: str = setting(
        "", "frame_id of the commands; nothing is transformed; empty: the frame of the action."
    )
    interface: str = setting(
        "position",
        "What joint_state and float64_multi_array hold: position or velocity.",
        choices=["position", "velocity"],
    )
    mode: str = setting(
        "",
        "What an action is: relative, absolute or velocity; empty: as model.yaml says.",
        choices=["", "relative", "absolute", "velocity"],
    )
    position: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the action's numbers for x, y, z or for each joint; empty: as model.yaml says.",
        of=str,
    )
    joints: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the arm's joints that the numbers of the position move; empty: as model.yaml "
        "says.",
        of=str,
    )
    rate: float = setting(
        50.0, "Commands per second while a goal is pursued [Hz].", low=1.0, high=1000.0
    )
    play_on: float = setting(
        0.5,
        "How long a plan is played beyond its first step while the next is awaited [s].",
        low=0.0,
    )
    blend: float = setting(
        0.1,
        "Time over which the velocity changes at corners, joins and stops [s]; 0: at once.",
        low=0.0,
        high=1.0,
    )
    feedback: float = setting(
        1.0,
        "Velocity commands also close this share of the distance to the arm per second [1/s].",
        low=0.0,
    )
    trajectory_time: float = setting(
        0.04, "Time of a joint_trajectory's only point after it is received [s].", above=0.0
    )
    second_publisher: str = setting(
        "stop",
        "When somebody else publishes on the command's topic: stop (hold, end the goal) or warn.",
        choices=["stop", "warn"],
    )
    no_subscriber: str = setting(
        "warn",
        "When nobody listens to the commands: warn in the diagnostics, or refuse goals.",
        choices=["warn", "refuse"],
    )


@dataclass
class SessionConfig:
    """When a goal ends."""

    tolerance: float = setting(
        0.0,
        "Reached below this fraction of the model's typical distance; 0: the model's own.",
        low=0.0,
        high=1.0,
    )
    tolerance_frames: int = setting(2, "Frames in a row below the tolerance.", low=1)
    timeout: float = setting(30.0, "A goal without its own timeout ends after this [s].", above=0.0)
    hold_after: float = setting(
        0.08,
        "Hold, and go on later, when the next image, measured pose or plan takes longer than "
        "this and 2.5 times as long as usual [s]; as long as the timeouts: never.",
        low=0.0,
    )
    image_timeout: float = setting(
        1.0, "Hold and end the goal when no good image came for this long [s].", above=0.0
    )
    pose_timeout: float = setting(
        1.0,
        "Hold and end the goal when no measured pose came for this long; one that is older when it "
        "arrives does not count [s].",
        above=0.0,
    )
    progress_time: float = setting(
        10.0,
        "A goal has stalled when its distance did not fall for this long [s]; 0: never.",
        low=0.0,
    )
    progress_fraction: float = setting(
        0.02,
        "Less than this fraction of the model's typical distance is no fall.",
        low=0.0,
        high=1.0,
    )


@dataclass
class GoalsConfig:
    """Stored goals."""

    directory: str = setting(
        "", "Directory of stored goals, <name>.png or <name>.jpg; ~/save_goal writes there."
    )


@dataclass
class WorkerConfig:
    """Where the model is loaded and plans."""

    mode: str = setting(
        "process",
        "process: one of its own; thread: of the node's process; inline: in the node's callbacks, "
        "which wait for every plan (for debugging).",
        choices=["process", "thread", "inline"],
    )
    python: str = setting(
        "",
        "Interpreter of the process, of an environment with torch; empty: the one that "
        "WM_PLANNER_WORKER_PYTHON names (`scripts/env.sh` sets it after `make worker`), otherwise "
        "the node's own.",
    )
    threads: int = setting(0, "CPU threads of torch; 0: torch decides.", low=0)
    nice: int = setting(
        5, "How far the process gives way to the node's callbacks, as nice(1).", low=0, high=19
    )
    start_timeout: float = setting(120.0, "Time to load and warm up the model [s].", above=0.0)
    plan_timeout: float = setting(
        5.0, "A plan that takes longer is given up and the worker started again [s].", above=0.0
    )
    plan_once_timeout: float = setting(
        60.0, "The same for a plan of ~/plan_once, which no goal waits for [s].", above=0.0
    )
    restart_timeout: float = setting(
        15.0,
        "How long a goal holds and waits for a lost worker to be started again, once [s]; 0: it "
        "ends at once.",
        low=0.0,
    )


@dataclass
class Config:
    """All settings of the planner."""

    model: ModelConfig = field(default_factory=ModelConfig)
    planning: PlanningConfig = field(default_factory=PlanningConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    images: ImagesConfig = field(default_factory=ImagesConfig)
    proprio: ProprioConfig = field(default_factory=ProprioConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    commands: CommandsConfig = field(default_factory=CommandsConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    goals: GoalsConfig = field(default_factory=GoalsConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)


@dataclass(frozen=True)
class Leaf:
    """One setting: dotted name, value, and what the schema says about it."""

    name: str
    value: Any
    checks: Mapping[str, Any]


def leaves(config: Any, prefix: str = "") -> Iterator[Leaf]:
    """Every leaf of a configuration, depth first, in the schema's order."""
    for item in fields(config):
        value = getattr(config, item.name)
        name = prefix + item.name
        if is_dataclass(value):
            yield from leaves(value, name + ".")
        else:
            yield Leaf(name, value, item.metadata)


def validate(config: Config) -> None:
    """Check every leaf against its range.

    Raises:
        ConfigError: Names the setting, its value and what is allowed.
    """
    for leaf in leaves(config):
        checks, value = leaf.checks, leaf.value
        if "choices" in checks and value not in checks["choices"]:
            raise ConfigError(
                f"{leaf.name} is '{value}'; choose {', '.join(map(str, checks['choices']))}"
            )
        if "sizes" in checks and len(value) not in checks["sizes"]:
            raise ConfigError(f"{leaf.name} has {len(value)} numbers, not {checks['sizes'][-1]}")
        if "above" in checks and not value > checks["above"]:
            raise ConfigError(f"{leaf.name} is {value}; it must be above {checks['above']}")
        if "low" in checks and not value >= checks["low"]:
            raise ConfigError(f"{leaf.name} is {value}; the least is {checks['low']}")
        if "high" in checks and not value <= checks["high"]:
            raise ConfigError(f"{leaf.name} is {value}; the most is {checks['high']}")


def compose(
    directory: str | Path,
    name: str = "planner",
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Config:
    """Compose the configuration with Hydra.

    Args:
        directory: The folder of YAML files.
        name: Name of the primary file, without ``.yaml``.
        overrides: Hydra overrides, e.g. ``planning.horizon=8``.
        values: Values by dotted name, applied last (the node's ROS parameters).

    Returns:
        The validated configuration.

    Raises:
        ConfigError: A file or setting is unknown, of the wrong type or out of range.
    """
    ConfigStore.instance().store(name=SCHEMA_NAME, node=Config)
    try:
        with initialize_config_dir(str(Path(directory).resolve()), version_base="1.3"):
            composed = hydra_compose(name, overrides=list(overrides))
        for key, value in (values or {}).items():
            OmegaConf.update(composed, key, value)
        config = cast(Config, OmegaConf.to_object(composed))
    except (HydraException, OmegaConfBaseException) as error:
        reasons = [str(e).splitlines()[0] for e in (error, error.__cause__) if e is not None]
        raise ConfigError(": ".join(reasons)) from error
    validate(config)
    return config


def changed(config: Config, values: Mapping[str, Any]) -> Config:
    """A copy with other values, in a small part of the time that ``compose`` takes.

    Args:
        config: Stays as it is.
        values: Values of the leaves' own types, by dotted name.

    Raises:
        ConfigError: A value is out of range.
    """
    copy = deepcopy(config)
    for name, value in values.items():
        *path, leaf = name.split(".")
        owner = reduce(getattr, path, copy)
        setattr(owner, leaf, value)
    validate(copy)
    return copy


def to_yaml(config: Config) -> str:
    """The configuration as YAML, as it is printed and published.

    Raises:
        ConfigError: A text is an interpolation (``${...}``) that cannot be read.
    """
    try:
        return OmegaConf.to_yaml(cast(DictConfig, OmegaConf.structured(config)))
    except OmegaConfBaseException as error:
        raise ConfigError(f"a text of the settings cannot be read: {error}") from error
