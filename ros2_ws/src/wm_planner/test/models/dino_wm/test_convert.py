"""A run becomes a model directory that is whole, or there is a sentence and no directory."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from upstream import TrainingRun

from wm_planner.models import load, load_spec
from wm_planner.models.dino_wm.checkpoint import CheckpointError, read_checkpoint, read_state_dict
from wm_planner.models.dino_wm.convert import Converted, Request, convert
from wm_planner.models.dino_wm.datasets import DataError
from wm_planner.models.dino_wm.facts import Facts, read_facts
from wm_planner.models.dino_wm.run import ConversionError
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import SpecError

DATA = Path(__file__).parents[2] / "data" / "dino_wm"
RUN = DATA / "outputs/tiny"
ENCODER = DATA / "dinov2_tiny_pretrain.pth"
MAZE = DATA / "data/point_maze"
ERRORS = (CheckpointError, ConversionError, DataError, SpecError)


def facts(**changes: Any) -> Facts:
    told = {
        "control_rate": 10.0,
        "color_order": "rgb",
        "action": {"names": ["fx", "fy"], "units": ["N", "N"], "frame": "maze"},
        "proprio": {"names": ["x", "y", "vx", "vy"], "units": ["m", "m", "m/s", "m/s"]},
        "encoder_heads": 3,
    }
    return read_facts(None, {**told, **changes})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """The genuine run, converted."""
    output = tmp_path_factory.mktemp("models") / "tiny"
    return convert(Request(RUN, output, encoder=ENCODER, dataset=MAZE, command="…"), facts())


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Converted]:
    """Converts a run that is written with the given settings, with its statistics in a file."""

    def make(run: TrainingRun, **changes: Any) -> Converted:
        directory = run.write(tmp_path / "run")
        names = [f"a{i}" for i in range(run.action_dim)]
        state = [f"p{i}" for i in range(run.proprio_dim)]
        told = {
            "action": {"names": names, "units": ["m"] * len(names), "frame": "base"},
            "proprio": {"names": state, "units": ["m"] * len(state)},
            "encoder_heads": 0 if run.encoder_inside else 2,
        }
        wanted = {
            "encoder": None if run.encoder_inside else tmp_path / "encoder.pth",
            **changes,
        }
        if "statistics" not in wanted:
            wanted["statistics"] = _statistics(tmp_path, run.action_dim, run.proprio_dim)
        output = wanted.pop("output", tmp_path / "model")
        return convert(Request(directory, output, **wanted), facts(**told))

    return make


def _statistics(directory: Path, action: int, proprio: int, value: float = 0.5) -> Path:
    moments = {
        name: {"mean": [value] * width, "std": [2 * value] * width}
        for name, width in (("action", action), ("proprio", proprio))
    }
    provenance = {"dataset": "franka", "dataset_sha256": "ab", "split": "all", "split_seed": -1,
                  "episodes": 3, "steps": 90, "formula": "mean and std, ddof 1"}  # fmt: skip
    path = directory / "statistics.yaml"
    path.write_text(yaml.safe_dump({**moments, "provenance": provenance}))
    return path


def test_the_genuine_run_is_described_as_it_was_trained(tiny: Converted) -> None:
    spec = load_spec(tiny.directory)
    assert tiny.notes == []
    assert (spec.family, spec.name, spec.num_hist, spec.frameskip) == ("dino_wm", "tiny", 3, 5)
    assert (spec.training.epoch, spec.training.epochs, spec.training.seed) == (1, 1, 0)
    assert (spec.image.size, spec.image.color_order, spec.control_rate) == (224, "rgb", 10.0)
    assert (spec.objective.mode, spec.objective.alpha) == ("last", 1.0)
    assert spec.action.command is None
    assert spec.calibration is None
    assert spec.source["dataset"]["n_rollout"] == 12
    assert spec.source["dataset"]["data_path"] == "/data/point_maze"
    files = {"checkpoint": RUN / "checkpoints/model_latest.pth", "config": RUN / "hydra.yaml",
             "encoder": ENCODER}  # fmt: skip
    for name, file in files.items():
        assert spec.source[name]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    architecture = spec.architecture
    assert architecture["predictor"] == {
        "depth": 2, "heads": 4, "dim_head": 16, "mlp_dim": 64, "width": 68, "tokens": 196,
        "frames": 3,
    }  # fmt: skip
    assert (architecture["encoder"]["heads"], architecture["encoder"]["grid"]) == (3, 37)


def test_its_tensors_are_those_of_its_files_to_the_bit(tiny: Converted) -> None:
    written = load_file(tiny.directory / "weights.safetensors")
    expected = {f"encoder.{k}": v.read() for k, v in read_state_dict(ENCODER).items()}
    for name, module in read_checkpoint(RUN / "checkpoints/model_latest.pth").modules.items():
        expected |= {f"{name}.{key}": tensor for key, tensor in module.tensors().items()}
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in expected.items())


def test_its_statistics_are_those_of_the_training(tiny: Converted) -> None:
    with np.load(DATA / "reference.npz") as reference:
        for name in ("action", "proprio"):
            moments = getattr(tiny.spec.statistics, name)
            assert moments.mean == reference[f"{name}_mean"].tolist()
            assert moments.std == reference[f"{name}_std"].tolist()
    assert tiny.spec.statistics.problem() == ""


def test_a_converted_run_is_loaded_and_computes_what_upstream_computed(tiny: Converted) -> None:
    model = load(tiny.directory, "cpu")
    with np.load(DATA / "reference.npz") as content:
        reference = {name: torch.from_numpy(values) for name, values in content.items()}
    latent = model.encode(ObservationBatch(reference["obs_visual"], reference["obs_proprio"]))
    rollout = model.rollout(latent, reference["act"][None])
    for found, name in ((rollout.visual, "rollout_visual"), (rollout.proprio, "rollout_proprio")):
        torch.testing.assert_close(found[0], reference[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_hist": 1},
        {"num_hist": 5, "frameskip": 1},
        {"concat_dim": 0},
        {"repeats": (2, 3)},
        {"feature_key": "x_norm_clstoken"},
        {"feature_key": "x_norm_clstoken", "concat_dim": 0},
        {"encoder_inside": True},
        {"data_parallel": True, "encoder_inside": True},
        {"legacy": True},
        {"action_dim": 8, "proprio_dim": 1},
        {"encoder_name": "dinov2_vits14_reg"},
        {"heads": (1, 0)},
        {"heads": (1, 12)},
    ],
    ids=str,
)
def test_every_variant_is_converted_and_loaded(
    made: Callable[..., Converted], settings: dict[str, Any]
) -> None:
    run = TrainingRun(**settings)
    converted = made(run)
    assert converted.notes == []
    written = load_file(converted.directory / "weights.safetensors")
    for name, module in run.modules.items():
        prefix = f"{name}."
        for key, tensor in module.state_dict().items():
            stored = f"{prefix}{key}".replace("encoder.base_model.", "encoder.")
            assert torch.equal(written[stored], tensor)
    model = load(converted.directory, "cpu")
    assert model.spec.architecture["concat_dim"] == run.concat_dim
    assert model.spec.action.dim == run.action_dim
    assert model.spec.training.epoch == 7


@pytest.mark.parametrize("decoder", ["none", "transposed_conv"])
def test_without_the_known_decoder_there_is_a_note_and_no_decoder(
    made: Callable[..., Converted], decoder: str
) -> None:
    converted = made(TrainingRun(decoder=decoder))
    (note,) = converted.notes
    assert "no imagined images" in note
    names = load_file(converted.directory / "weights.safetensors")
    assert not any(name.startswith("decoder.") for name in names)
    assert converted.spec.architecture["decoder"] is None


def test_images_of_the_data_set_give_the_camera_contract_and_the_calibration(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    """A square grows in images whose red is 0.2 and blue 0.6 on average."""
    data = tmp_path / "set"
    (data / "obses").mkdir(parents=True)
    torch.manual_seed(1)
    torch.save(torch.randn(4, 24, 2), data / "actions.pth")
    torch.save(torch.randn(4, 24, 4), data / "states.pth")
    torch.save(torch.full((4,), 24), data / "seq_lengths.pth")
    images = torch.zeros(24, 32, 48, 3, dtype=torch.uint8)
    images[..., 0], images[..., 2] = 51, 153
    for step in range(24):
        images[step, : step + 4, : step + 4, 1] = 250
    for episode in range(4):
        torch.save(images, data / f"obses/episode_{episode:03d}.pth")
    converted = made(TrainingRun(frameskip=1), dataset=data, statistics=None, calibrate=True)
    assert converted.notes == []
    spec = load_spec(converted.directory)
    assert (spec.image.channel_mean[0], spec.image.channel_mean[2]) == (0.2, 0.6)
    assert spec.image.camera_aspect == 1.5
    assert spec.calibration is not None
    assert spec.calibration.latent is not None


def test_a_numbered_checkpoint_is_chosen_by_its_epoch(made: Callable[..., Converted]) -> None:
    converted = made(TrainingRun(file="model_7.pth"), checkpoint="7")
    assert converted.spec.source["checkpoint"]["file"] == "model_7.pth"


def test_a_renamed_checkpoint_is_refused(made: Callable[..., Converted]) -> None:
    with pytest.raises(ConversionError, match="holds epoch 7, not 40"):
        made(TrainingRun(file="model_40.pth"), checkpoint="model_40.pth")


def test_a_layout_of_the_data_set_names_the_numbers(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    data = tmp_path / "set"
    data.mkdir()
    torch.manual_seed(1)
    torch.save(torch.randn(4, 20, 2), data / "actions.pth")
    torch.save(torch.randn(4, 20, 4), data / "states.pth")
    layout = {"action": {"a0": "m", "a1": "m"}, "state": {f"p{i}": "m" for i in range(4)},
              "proprio": [f"p{i}" for i in range(4)], "epsilon": 0.0}  # fmt: skip
    (data / "layout.yaml").write_text(yaml.safe_dump(layout, sort_keys=False))
    converted = made(TrainingRun(), dataset=data, dataset_kind="franka", statistics=None)
    assert converted.spec.source["dataset_kind"] == "franka"
    layout["action"] = {"a1": "m", "a0": "m"}
    (data / "layout.yaml").write_text(yaml.safe_dump(layout, sort_keys=False))
    request = Request(
        tmp_path / "run", tmp_path / "other", tmp_path / "encoder.pth", data, "franka"
    )
    with pytest.raises(ConversionError, match="the data set's layout says a1, a0"):
        convert(request, facts(encoder_heads=2, action={"names": ["a0", "a1"]}, proprio={}))
    told = facts(encoder_heads=2, action={"frame": "base"}, proprio={})
    assert convert(request, told).spec.action.names == ["a1", "a0"]


def test_what_is_not_normalized_needs_no_data_set(tmp_path: Path) -> None:
    run = TrainingRun().write(tmp_path / "run")
    config = yaml.safe_load((run / "hydra.yaml").read_text())
    config["normalize_action"] = config["env"]["dataset"]["normalize_action"] = False
    (run / "hydra.yaml").write_text(yaml.safe_dump(config))
    request = Request(run, tmp_path / "model", tmp_path / "encoder.pth")
    converted = convert(request, facts(encoder_heads=2))
    statistics = load_spec(converted.directory).statistics
    assert (statistics.action.mean, statistics.action.std) == ([0.0, 0.0], [1.0, 1.0])
    assert statistics.provenance is not None
    assert statistics.provenance.formula == "normalize_action false: mean 0, std 1"
    other = Request(run, tmp_path / "other", tmp_path / "encoder.pth",
                    statistics=_statistics(tmp_path, 2, 4))  # fmt: skip
    with pytest.raises(ConversionError, match="normalize_action is false"):
        convert(other, facts(encoder_heads=2))


def test_everything_that_is_missing_is_asked_for_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(Request(RUN, tmp_path / "out"), read_facts(None, {}))
    message = str(caught.value)
    for option in ("--encoder", "--dataset", "--statistics", "--control-rate", "--color-order",
                   "--action-names", "--action-units", "--action-frame", "--proprio-names",
                   "--proprio-units"):  # fmt: skip
        assert option in message
    template = message[message.index("control_rate:") :]
    assert yaml.safe_load(template).keys() == {"control_rate", "color_order", "action", "proprio"}
    (tmp_path / "meta.yaml").write_text(template)
    with pytest.raises(ConversionError, match="--action-frame"):  # filled in with nothing
        convert(Request(RUN, tmp_path / "out"), read_facts(tmp_path / "meta.yaml", {}))
    for blank, value in (("control_rate:", "10"), ("color_order:", "bgr"), ("frame:", "maze")):
        template = template.replace(blank, f"{blank} {value}", 1)
    template = template.replace("names:", "names: [fx, fy]", 1).replace(
        "units:", "units: [N, N]", 1
    )
    head, _, tail = template.partition("proprio:")
    tail = tail.replace("names:", "names: [x, y, vx, vy]").replace("units:", "units: [m, m, v, v]")
    (tmp_path / "meta.yaml").write_text(f"{head}proprio:{tail}\nencoder_heads: 3\n")
    told = read_facts(tmp_path / "meta.yaml", {"color_order": "rgb"})
    converted = convert(Request(RUN, tmp_path / "out", ENCODER, MAZE), told)
    assert converted.spec.image.color_order == "rgb"
    assert converted.spec.proprio.units == ["m", "m", "v", "v"]


def _config(path: str, value: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        config = yaml.safe_load((run / "hydra.yaml").read_text())
        *sections, name = path.split(".")
        place = config
        for section in sections:
            place = place[section]
        place[name] = value
        (run / "hydra.yaml").write_text(yaml.safe_dump(config))

    return change


def _replace(name: str, content: bytes | Path) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        data = content.read_bytes() if isinstance(content, Path) else content
        (run / name).write_bytes(data)

    return change


def _hist(value: int) -> Callable[[Path], None]:
    return _all("num_hist", "model.num_hist", value=value)


def _size(value: int) -> Callable[[Path], None]:
    return _all("img_size", "model.image_size", "env.dataset.transform.img_size", value=value)


def _all(*paths: str, value: int) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        for path in paths:
            _config(path, value)(run)

    return change


LATEST = "checkpoints/model_latest.pth"
BOMB = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 60)
)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: (run / "hydra.yaml").unlink(), "hydra.yaml cannot be read"),
        (_replace("hydra.yaml", b"a: [1"), "is not valid YAML"),
        (_replace("hydra.yaml", b"\xff\xfe"), "is not valid YAML"),
        (_replace("hydra.yaml", b"- 1"), "not a mapping"),
        (_replace("hydra.yaml", b"hydra: {run: {dir: x}}"), "one of Hydra's own files"),
        (_replace("hydra.yaml", b"img_size: ${size}"), "one of Hydra's own files"),
        (_replace("hydra.yaml", b"img_size: 224"), "lacks encoder._target_"),
        (_config("frameskip", 3), "frameskip is 3, but the checkpoint's action encoder takes 10"),
        (_config("frameskip", "5"), "unusable value '5' for frameskip"),
        (_config("frameskip", [[0]]), "unusable value [[0]] for frameskip"),
        (_config("num_hist", 5), "model.num_hist is 3, but num_hist is 5"),
        (_config("img_size", 256), "transform.img_size is 224, but img_size is 256"),
        (_config("env.dataset.transform.img_size", 64), "img_size is 64, but img_size is 224"),
        (_config("model.image_size", 64), "model.image_size is 64, but img_size is 224"),
        (_config("concat_dim", 2), "hydra.yaml says concat_dim is 2"),
        (_replace("hydra.yaml", BOMB), "aliases (*) are not read"),
        (_replace("hydra.yaml", b"[" * 5000), "nested too deeply"),
        (_hist(5), "make 5 x 196 positions, but the checkpoint's predictor has 588"),
        (_hist(2), "make 2 x 196 positions"),
        (_size(256), "make 3 x 256 positions"),
        (_size(8), "hydra.yaml says img_size is 8"),
        (_config("concat_dim", 0), "is not the encoder of this run"),
        (_config("num_action_repeat", 2), "is not the encoder of this run"),
        (_config("encoder.feature_key", "x_norm_clstoken"), "make 3 x 1 positions"),
        (_config("action_emb_dim", 12), "action_emb_dim is 12"),
        (_config("predictor.heads", 16), "predictor.heads is 16, but the predictor's heads is 4"),
        (_config("predictor.depth", 6), "different runs"),
        (_config("predictor.dim_head", 64), "different runs"),
        (_config("decoder.channel", 384), "decoder.channel is 384"),
        (_config("encoder._target_", "models.encoder.resnet.resnet18"), "only DINOv2 encoders"),
        (_config("encoder.name", "dinov2_vitz14"), "known are dinov2_vits14"),
        (_config("encoder.name", "dinov2_vits14_reg"), "4: give dinov2_vits14_reg4_pretrain.pth"),
        (_config("encoder.feature_key", "x_prenorm"), "feature_key is x_prenorm"),
        (_config("model.train_encoder", True), "official weights would be the wrong ones"),
        (_config("env.dataset.transform._target_", "my.transform"), "image transform my.transform"),
        (_config("env.dataset._target_", "my.data"), "whose rule is not known"),
        (lambda run: (run / LATEST).unlink(), "it has no checkpoint at all"),
        (_replace(LATEST, b""), "is empty"),
        (_replace(LATEST, ENCODER), "is no checkpoint of DINO-WM"),
        (_replace(LATEST, MAZE / "actions.pth"), "not a checkpoint of DINO-WM"),
        (_replace(LATEST, DATA / "reference.npz"), "a zip archive, but not one of torch.save"),
    ],
)
def test_a_run_that_does_not_fit_gives_a_sentence_and_no_directory(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    damage(run)
    with pytest.raises(ERRORS) as caught:
        convert(Request(run, tmp_path / "out", ENCODER, MAZE), facts())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("changes", "told", "words"),
    [
        ({"encoder": RUN / LATEST}, {}, "holds a checkpoint of a training, not named tensors"),
        ({"encoder": MAZE / "actions.pth"}, {}, "not named tensors"),
        ({"encoder": Path("missing.pth")}, {}, "cannot be read"),
        ({"checkpoint": "40"}, {}, "has no model_40.pth; it has model_latest.pth"),
        ({"checkpoint": "../hydra.pth"}, {}, "it has model_latest.pth"),
        ({"dataset": None, "statistics": Path("missing.yaml")}, {}, "missing.yaml is missing"),
        ({"statistics": Path("statistics.yaml")}, {}, "exclude each other"),
        ({"dataset": RUN}, {}, "actions.pth is missing"),
        ({"dataset_kind": "maze"}, {}, "must be one of"),
        ({"calibrate": True}, {}, "the data set's images"),
        ({"output": Path("nowhere/out")}, {}, "is no directory"),
        ({}, {"action": {"names": ["a"], "units": ["N"], "frame": "maze"}}, "names has 1 entries"),
        ({}, {"proprio": {"names": ["x", "y"], "units": ["m", "m"]}}, "4 proprio numbers"),
        ({}, {"proprio": {"names": []}}, "4 proprio numbers"),
        ({}, {"control_rate": -1.0}, "control_rate must be above zero and finite, not -1.0"),
        ({}, {"control_rate": 0.0}, "control_rate must be above zero and finite, not 0.0"),
        ({}, {"color_order": "rbg"}, "color_order must be rgb or bgr"),
        ({}, {"encoder_heads": 5}, "multiple of heads"),
        ({}, {"action": {"names": ["a", "b"], "units": ["N", "N"], "frame": "maze",
                         "command": {"mode": "relative", "position": ["a", "b", "c"]}}}, "lacks"),
    ],
)  # fmt: skip
def test_what_is_given_wrong_gives_a_sentence_and_no_directory(
    tmp_path: Path, changes: dict[str, Any], told: dict[str, Any], words: str
) -> None:
    wanted = {"output": tmp_path / "out", "encoder": ENCODER, "dataset": MAZE, **changes}
    with pytest.raises(ERRORS) as caught:
        convert(Request(RUN, **wanted), facts(**told))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_statistics_of_another_version_of_the_data_are_refused(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    """Trained with 8 numbers per action, normalized with 6: a real cause of bad plans."""
    with pytest.raises(ConversionError, match=r"of 6 action numbers, but .* trained with 8"):
        made(TrainingRun(action_dim=8), statistics=_statistics(tmp_path, 6, 4))


def test_an_encoder_beside_the_trained_one_is_not_used(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    converted = made(TrainingRun(encoder_inside=True), encoder=tmp_path / "encoder.pth")
    assert converted.spec.source["encoder"]["file"] == "model_latest.pth"
    (note,) = converted.notes
    assert note.startswith("--encoder is not used")


def test_positions_that_fit_by_chance_are_refused(tmp_path: Path) -> None:
    """Four frames of one token beside a configuration of one frame of four."""
    run = TrainingRun(num_hist=4, feature_key="x_norm_clstoken").write(tmp_path / "run")
    _hist(1)(run)
    _config("encoder.feature_key", "x_norm_patchtokens")(run)
    request = Request(run, tmp_path / "model", tmp_path / "encoder.pth",
                      statistics=_statistics(tmp_path, 2, 4))  # fmt: skip
    with pytest.raises(ConversionError, match=r"make 4 tokens .* masks frames of 1"):
        convert(request, facts(encoder_heads=2))


def test_an_epoch_after_the_last_gives_a_note(made: Callable[..., Converted]) -> None:
    (note,) = made(TrainingRun(epoch=101)).notes
    assert "is of epoch 101, but hydra.yaml says training.epochs is 100" in note


def test_an_empty_working_directory_can_be_the_output(
    made: Callable[..., Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    converted = made(TrainingRun(), output=Path("."))
    assert load_spec(work).name == converted.spec.name == "work"


def test_statistics_of_a_wrong_kind_name_the_kind(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    """Read as point_maze, the whole state is the proprio."""
    with pytest.raises(ConversionError, match=r"read as point_maze .* has statistics of 4 proprio"):
        made(TrainingRun(proprio_dim=3), dataset=MAZE, statistics=None)


def test_facts_with_aliases_are_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.yaml").write_bytes(BOMB + b"control_rate: *a59\n")
    with pytest.raises(ConversionError, match=r"meta\.yaml is not valid YAML: aliases"):
        read_facts(tmp_path / "meta.yaml", {})


def test_the_encoder_is_found_in_torch_s_cache(
    made: Callable[..., Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(ConversionError, match="which torch's cache"):
        made(TrainingRun(), encoder=None)
    cache = tmp_path / "cache/hub/checkpoints"
    cache.mkdir(parents=True)
    shutil.move(tmp_path / "encoder.pth", cache / "dinov2_vits14_pretrain.pth")
    wanted = Request(tmp_path / "run", tmp_path / "model", statistics=tmp_path / "statistics.yaml")
    converted = convert(wanted, facts(encoder_heads=2))
    assert converted.spec.source["encoder"]["file"] == "dinov2_vits14_pretrain.pth"


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    run = TrainingRun()
    directory = run.write(tmp_path / "run")
    run.modules["predictor"].pos_embedding.data[0, 1, 2] = float("nan")
    run._save(directory / LATEST)
    request = Request(directory, tmp_path / "out", tmp_path / "encoder.pth",
                      statistics=_statistics(tmp_path, 2, 4))  # fmt: skip
    with pytest.raises(CheckpointError, match=r"predictor\.pos_embedding holds numbers that are"):
        convert(request, facts(encoder_heads=2))
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_a_model_is_replaced_only_when_forced(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.txt").write_text("of another purpose")
    request = Request(RUN, output, ENCODER, MAZE)
    with pytest.raises(ConversionError, match="holds no model"):
        convert(Request(RUN, output, ENCODER, MAZE, force=True), facts())
    (output / "thesis.txt").unlink()
    convert(request, facts())
    (output / "notes.txt").write_text("mine")
    with pytest.raises(ConversionError, match="--force"):
        convert(request, facts())
    convert(Request(RUN, output, ENCODER, MAZE, force=True), facts(name="again"))
    assert load_spec(output).name == "again"
    assert (output / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
