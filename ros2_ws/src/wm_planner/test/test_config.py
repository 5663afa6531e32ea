"""The configuration: wrong settings are refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wm_planner.config import (
    PRESETS,
    Config,
    ConfigError,
    ModelConfig,
    SearchSize,
    compose,
    leaves,
    to_yaml,
    validate,
)

FILES = Path(__file__).parents[1] / "config"


def test_planner_yaml_holds_the_schema_defaults() -> None:
    assert compose(FILES) == Config()


@pytest.mark.parametrize("path", sorted(FILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_composes(path: Path) -> None:
    compose(FILES, path.stem)


PROFILES = {
    "cartesian_controllers": ("pose_stamped", "cartesian_motion_controller/target_frame"),
    "crisp_controllers": ("pose_stamped", "target_pose"),
    "forward_position_controller": (
        "float64_multi_array",
        "forward_position_controller/commands",
    ),
    "forward_velocity_controller": (
        "float64_multi_array",
        "forward_velocity_controller/commands",
    ),
    "franka_ros2": ("joint_trajectory", "fr3_arm_controller/joint_trajectory"),
    "isaac_sim": ("joint_state", "joint_command"),
    "joint_trajectory_controller": (
        "joint_trajectory",
        "joint_trajectory_controller/joint_trajectory",
    ),
    "moveit_servo": ("twist_stamped", "servo_node/delta_twist_cmds"),
}


def test_every_profile_is_known_here() -> None:
    assert sorted(PROFILES) == sorted(path.stem for path in FILES.glob("profiles/*.yaml"))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_sets_type_and_topic_and_leaves_the_rest(profile: str) -> None:
    config, usual = (compose(FILES, "franka", o) for o in ([f"+profiles={profile}"], []))
    assert (config.commands.type, config.commands.topic) == PROFILES[profile]
    unchanged = list(leaves(usual))
    changed = {leaf.name for leaf in leaves(config) if leaf not in unchanged}
    assert changed <= {
        f"commands.{name}"
        for name in ("type", "topic", "interface", "space", "controller", "receiver_timeout")
    }


def test_overrides_win_over_a_profile() -> None:
    overrides = ["+profiles=crisp_controllers", "commands.topic=elsewhere"]
    assert compose(FILES, "planner", overrides).commands.topic == "elsewhere"


def test_every_leaf_has_a_description_that_ends_like_a_sentence() -> None:
    for leaf in leaves(Config()):
        assert leaf.checks["help"].endswith("."), leaf.name


def test_every_number_has_a_range() -> None:
    open_ended = [
        leaf.name
        for leaf in leaves(Config())
        if isinstance(leaf.value, (int, float, list))
        and not isinstance(leaf.value, bool)
        and leaf.checks.get("of") is not str
        and "choices" not in leaf.checks
        and not ("high" in leaf.checks and {"low", "above"} & leaf.checks.keys())
    ]
    assert open_ended == []


def test_a_number_in_a_list_is_checked_too() -> None:
    with pytest.raises(ConfigError, match=r"limits\.workspace_max is 1000\.0; the most is 10\.0"):
        compose(FILES, "planner", ["limits.workspace_max=[1,1,1000]"])


def test_overrides_and_values_win_in_this_order() -> None:
    config = compose(FILES, "franka", ["planning.horizon=7"], {"planning.seed": 3})
    assert (config.planning.horizon, config.planning.seed) == (7, 3)
    assert compose(FILES, "franka", ["planning.seed=1"], {"planning.seed": 3}).planning.seed == 3


@pytest.mark.parametrize(
    "text", ["${oc.env:SECRET}", "${hydra:runtime.cwd}", r"\${a}", "1e3", "yes", "é", "a: b"]
)
def test_a_text_has_no_second_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    config = compose(FILES, values={"goals.directory": text})
    assert config.goals.directory == text
    written = "defaults: [wm_planner_schema, _self_]\n" + to_yaml(config)
    (tmp_path / "again.yaml").write_text(written)
    assert compose(tmp_path, "again").goals.directory == text


def test_half_a_reference_is_text_too(tmp_path: Path) -> None:
    assert compose(FILES, values={"goals.directory": "${"}).goals.directory == "${"
    text = "defaults: [wm_planner_schema, _self_]\ngoals: {directory: '${'}"
    (tmp_path / "planner.yaml").write_text(text)
    with pytest.raises(ConfigError, match="half a reference in a file"):  # Hydra cannot read it
        compose(tmp_path)


@pytest.mark.parametrize(
    "override", ["planning.horizon=${oc.env:SECRET}", "+profiles=${oc.env:SECRET}"]
)
def test_no_error_tells_what_is_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, override: str
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    with pytest.raises(ConfigError) as caught:
        compose(FILES, overrides=[override])
    assert "hunter2" not in str(caught.value)
    assert "${oc.env:SECRET}" in str(caught.value)


def test_a_value_of_a_wrong_type_is_named_with_its_setting() -> None:
    with pytest.raises(ConfigError, match=r"^planning\.horizon: Value 'far' of type 'str'"):
        compose(FILES, values={"planning.horizon": "far"})


@pytest.mark.parametrize(
    ("overrides", "text", "words"),
    [
        (["hydra.searchpath=[file:///tmp]"], "", "hydra is not a setting"),
        ([], "hydra: {searchpath: ['file:///tmp']}\n", "hydra is not a setting"),
    ],
)
def test_what_hydra_would_take_for_its_own_is_refused(
    tmp_path: Path, overrides: list[str], text: str, words: str
) -> None:
    (tmp_path / "planner.yaml").write_text("defaults: [wm_planner_schema, _self_]\n" + text)
    with pytest.raises(ConfigError, match=words):
        compose(tmp_path, overrides=overrides)


def test_other_files_of_the_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "planner.yaml").write_text("defaults: [wm_planner_schema, mine/arm, _self_]\n")
    (tmp_path / "nav2.yaml").write_text("a: &a 1\nb: *a\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "arm.yaml").write_text("defaults: [deep/one]\n")
    (tmp_path / "mine" / "deep").mkdir()
    (tmp_path / "mine" / "deep" / "one.yaml").write_text("a: &a 1\nb: *a\n")
    with pytest.raises(ConfigError, match=r"mine/deep/one\.yaml is not plain YAML: line 2"):
        compose(tmp_path)
    (tmp_path / "mine" / "deep" / "one.yaml").write_text("{}")
    (tmp_path / "planner.yaml").write_text("defaults: [wm_planner_schema, _self_]\n")
    assert compose(tmp_path) == Config()


@pytest.mark.parametrize("place", ["planner.yaml", "profiles/mine.yaml"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [1, 1]\nb: &b [*a, *a]\n", "aliases"),
        ("model: {}\nmodel: {}\n", "the key 'model' is given twice"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("a: 2024-13-13", "month"),
        ("a: " + "9" * 5000, "digits"),
    ],
)
def test_a_file_that_is_not_plain_is_named(
    tmp_path: Path, place: str, text: str, words: str
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "planner.yaml").write_text("defaults: [wm_planner_schema, _self_]\n")
    (tmp_path / place).write_text(text)
    with pytest.raises(ConfigError) as caught:
        compose(tmp_path, overrides=["+profiles=mine"] if "mine" in place else [])
    assert place in str(caught.value)
    assert words in str(caught.value)


def test_printed_settings_compose_to_the_same(tmp_path: Path) -> None:
    config = compose(FILES, "franka", ["planning.budget=0.15"])
    text = "defaults: [wm_planner_schema, _self_]\n" + to_yaml(config)
    (tmp_path / "again.yaml").write_text(text)
    assert compose(tmp_path, "again") == config


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("planning.horizn=3", "did you mean planning.horizon?"),
        ("limts.max_speed=3", "did you mean limits?"),
        ("+profiles=isacsim", "profiles: did you mean isaac_sim? There are cartesian_cont"),
        ("+profiles=my_arm", "profiles. There are cartesian_controllers, "),
        (f"planning.horizon={'9' * 5000}", "limit"),
        ("+limits.max_sped=3", "limits.max_sped is not a setting: did you mean limits.max_speed?"),
        ("+new.thing=3", "new.thing is not a setting"),
        (f"limits.max_speed={10**400}", "too large"),
        ("planning.horizon=long", "long"),
        ("planning.horizon=0", "planning.horizon is 0; the least is 1"),
        ("limits.max_speed=0", "limits.max_speed is 0.0; it must be above 0.0"),
        ("limits.policy=maybe", "limits.policy is 'maybe'; choose clamp, refuse"),
        ("limits.workspace_min=[1,2]", "limits.workspace_min has 2 numbers, not 3"),
        ("images.bit_depth=7", "images.bit_depth is '7'; choose 0, 8, 9"),
        ("commands.rate=0.1", "commands.rate is 0.1; the least is 1.0"),
        ("planning.preset=best", "planning.preset is 'best'; choose online, full, dino_wm"),
        ("planning.mppi.rank=0", "planning.mppi.rank is 0.0; it must be above 0.0"),
        ("planning.mppi.momentum=0", "momentum"),
        ("planning.num_samples=1", "planning.num_samples is 1; give a whole number, 2 or more"),
        ("planning.num_elites=301", "planning.num_elites is 301, more than num_samples"),
    ],
)
def test_a_bad_setting_is_named(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(FILES, "planner", [override])
    assert words in str(caught.value)


@pytest.mark.parametrize("setting", ["num_samples", "iterations", "num_elites"])
@pytest.mark.parametrize("preset", ["random", "cem_gd"])
def test_a_setting_that_the_planner_does_not_have_is_named(preset: str, setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(FILES, "planner", [f"planning.preset={preset}", f"planning.{setting}=4"])
    assert str(caught.value) == (
        f"planning.{setting} is 4, but the preset {preset} has no such setting; set it to 0 or "
        "choose another preset"
    )


def test_the_help_of_the_preset_names_all_presets() -> None:
    (leaf,) = (leaf for leaf in leaves(Config()) if leaf.name == "planning.preset")
    assert leaf.checks["choices"] == list(PRESETS)
    for name, preset in PRESETS.items():
        assert f"{name} ({preset.about})" in leaf.checks["help"]


def test_the_paper_s_settings_are_the_defaults() -> None:
    assert PRESETS["dino_wm"].size == SearchSize(num_samples=300, iterations=30, num_elites=30)
    assert PRESETS["full"].size == SearchSize(num_samples=300, iterations=30)
    assert PRESETS["online"].size == SearchSize(num_samples=300, iterations=5)
    assert (Config().planning.preset, Config().planning.horizon) == ("online", 5)


def test_the_settings_need_no_torch() -> None:
    code = "import sys, wm_planner.config; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_family_gets_only_options_that_differ_from_the_default() -> None:
    assert ModelConfig(directory="somewhere", device="cpu").options() == {}
    chosen = {"precision": "bfloat16", "approximation": "rolling_cache"}
    assert ModelConfig(**chosen).options() == chosen
    assert ModelConfig(precision="float32", compute="compiled").options() == {"compute": "compiled"}


def test_nan_is_no_speed() -> None:
    config = Config()
    config.limits.max_speed = float("nan")
    with pytest.raises(ConfigError, match=r"limits\.max_speed is nan"):
        validate(config)


def test_an_unknown_file_is_named() -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        compose(FILES, "nowhere")
