"""Write a model directory that is either complete or not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from wm_planner.conversion.errors import ConversionError
from wm_planner.files.digest import file_sha256
from wm_planner.models.spec import SPEC_FILE, ModelSpec


def check_output(output: Path, force: bool) -> None:
    """Check that a model can be written to ``output``.

    Raises:
        ConversionError: It holds a model and ``force`` is false, holds something else, or its
            parent is no directory.
    """
    if not output.parent.is_dir():
        raise ConversionError(f"{output.parent} is no directory: make it first")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / SPEC_FILE).is_file():
        raise ConversionError(f"{output} exists and holds no model: choose another output")
    if not force:
        raise ConversionError(
            f"{output} holds a model already: choose another output, or replace it with --force"
        )


def write_model(output: Path, spec: ModelSpec, tensors: dict[str, Tensor]) -> None:
    """Write weights and spec; the digest of the weights is filled into ``spec``.

    Args:
        output: Directory to make; if it exists, only the two files are replaced.
        spec: Content of ``model.yaml``.
        tensors: The weights.

    Raises:
        OSError: The directory cannot be written.
    """
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    temporary.mkdir()
    try:
        weights = temporary / spec.weights.file
        save_file(tensors, weights)
        spec.weights.sha256 = file_sha256(weights)
        # save_file makes a file that only its owner can read; it shall be as public as the spec.
        weights.chmod(spec.save(temporary).stat().st_mode)
        if output.exists():
            for name in (spec.weights.file, SPEC_FILE):
                os.replace(temporary / name, output / name)
        else:
            temporary.rename(output)
    except SafetensorError as error:
        raise OSError(f"{output} cannot be written: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
