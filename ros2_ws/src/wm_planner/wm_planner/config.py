"""The configuration: one schema, two doors.

The dataclasses below are the only place where a setting is named, given a default and described.
Hydra composes them from ``config/*.yaml`` and overrides (``compose``); the node declares every
leaf as a ROS parameter of the same dotted name (``leaves``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
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
            ``choices`` (allowed strings), ``sizes`` (allowed lengths of a list).
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
        False, "Use normalisation statistics without provenance; every status then says so."
    )


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
    """How camera and goal pictures are read."""

    generic_color_order: str = setting(
        "refuse",
        "Channel order of 8UC3 and 8UC4 pictures: refuse, rgb or bgr.",
        choices=["refuse", "rgb", "bgr"],
    )
    float_range: str = setting(
        "refuse",
        "Range of float pictures: refuse, [0,1] or [0,255].",
        choices=["refuse", "[0,1]", "[0,255]"],
    )
    bit_depth: int = setting(
        0, "Bits used in 16-bit pictures, 8 to 16; 0: not declared.", choices=[0, *range(8, 17)]
    )
    transport: str = setting(
        "raw", "Camera messages: raw or compressed.", choices=["raw", "compressed"]
    )
    reliability: str = setting(
        "auto",
        "QoS reliability of the camera subscription; auto matches the publisher.",
        choices=["auto", "reliable", "best_effort"],
    )


@dataclass
class CameraConfig:
    """The camera contract: how often it is checked, and what each finding does."""

    period: float = setting(1.0, "Time between checks while a goal is pursued [s].", above=0.0)
    aspect_ratio: str = severity("warn", "The picture has another shape than in training.")
    resolution: str = severity("warn", "The picture is smaller than in training.")
    black: str = severity("stop", "The picture is black.")
    constant: str = severity("stop", "The picture is of one colour.")
    float_feed: str = severity("stop", "A [0, 1] picture was cast to 8 bits.")
    near_zero: str = severity("stop", "All values are near zero.")
    saturated: str = severity("stop", "Most values are at the upper end.")
    channel_swap: str = severity("stop", "Red and blue are exchanged.")
    statistics: str = severity("warn", "The channel means are far from those of training.")
    frozen: str = severity("stop", "The picture does not change while the arm moves.")
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
    max_lead: float = setting(
        0.1, "Largest distance of the command from the measured position [m].", above=0.0
    )
    policy: str = setting(
        "clamp",
        "clamp: bring a command back to the limits; refuse: hold and end the goal.",
        choices=["clamp", "refuse"],
    )


@dataclass
class CommandsConfig:
    """What goes to the robot."""

    rate: float = setting(
        50.0, "Commands per second while a goal is pursued [Hz].", low=1.0, high=1000.0
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
    image_timeout: float = setting(
        1.0, "Hold and end the goal when no good image came for this long [s].", above=0.0
    )
    pose_timeout: float = setting(
        1.0, "Hold and end the goal when no measured pose came for this long [s].", above=0.0
    )


@dataclass
class GoalsConfig:
    """Stored goals."""

    directory: str = setting("", "Directory of stored goal pictures, <name>.png or <name>.jpg.")


@dataclass
class WorkerConfig:
    """The process that holds the model."""

    python: str = setting("", "Interpreter of the worker; empty: the node's own.")
    threads: int = setting(0, "CPU threads of torch; 0: torch decides.", low=0)
    start_timeout: float = setting(120.0, "Time to load and warm up the model [s].", above=0.0)
    plan_timeout: float = setting(
        5.0, "A plan that takes longer is given up: hold, end the goal [s].", above=0.0
    )


@dataclass
class Config:
    """All settings of the planner."""

    model: ModelConfig = field(default_factory=ModelConfig)
    planning: PlanningConfig = field(default_factory=PlanningConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    images: ImagesConfig = field(default_factory=ImagesConfig)
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


def to_yaml(config: Config) -> str:
    """The configuration as YAML, as it is printed and published."""
    return OmegaConf.to_yaml(cast(DictConfig, OmegaConf.structured(config)))
