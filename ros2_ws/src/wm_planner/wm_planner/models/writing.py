"""Write a model directory that is either complete or not there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from wm_planner.files.digest import file_sha256
from wm_planner.files.whole import whole_directory, whole_file
from wm_planner.models.spec import ModelSpec, SpecError, load_spec

SUFFIX = ".safetensors"


def write_model(output: Path, spec: ModelSpec, tensors: Mapping[str, Tensor]) -> None:
    """Write weights, in one file, and spec, into which the digest of the weights is filled.

    Args:
        output: Directory to make. In one that exists, only a model is replaced: in one step, by its
            new ``model.yaml``, which names weights under another file name.
        spec: Content of ``model.yaml``.
        tensors: The weights.

    Raises:
        OSError: The directory cannot be written; what it held is unchanged.
    """
    try:
        if output.is_dir():
            _replace(output, spec, tensors)
        else:
            with whole_directory(output) as directory:
                _write(directory, spec, tensors)
    except SafetensorError as error:
        raise OSError(f"{output} cannot be written: {error}") from error
    except OSError as error:  # which names a file that is there for a moment only
        raise OSError(error.errno, error.strerror or str(error), str(output)) from error


def _replace(output: Path, spec: ModelSpec, tensors: Mapping[str, Tensor]) -> None:
    old = _weight_files(output)
    stem, suffix = Path(spec.weights.file).stem, Path(spec.weights.file).suffix
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    spec.weights.file = next(n + suffix for n in names if not (output / (n + suffix)).exists())
    try:
        _write(output, spec, tensors)
    finally:
        for name in (old | {spec.weights.file}) - _weight_files(output):
            if Path(name).suffix == SUFFIX:  # a foreign model.yaml may name any file
                (output / name).unlink(missing_ok=True)


def _weight_files(output: Path) -> set[str]:
    """Return the names of the weight files of a model, none if there is no model."""
    try:
        spec = load_spec(output, allow_unverified_statistics=True)
    except SpecError:
        return set()
    return {part.file for part in (spec.weights, *spec.more_weights)}


def _write(directory: Path, spec: ModelSpec, tensors: Mapping[str, Tensor]) -> None:
    with whole_file(directory / spec.weights.file) as weights:
        weights.touch()
        mode = weights.stat().st_mode
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, weights)
        # save_file makes a file that only its owner can read; it shall be as public as the spec.
        weights.chmod(mode)
        spec.weights.sha256, spec.more_weights = file_sha256(weights), []
    spec.save(directory)
