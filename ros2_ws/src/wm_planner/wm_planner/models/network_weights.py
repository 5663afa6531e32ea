"""Puts a weights file into the networks that it is for, checked before memory is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from safetensors import SafetensorError
from torch import nn

from wm_planner.files.safetensors_file import (
    RepeatedTensorError,
    WeightFiles,
    named,
    open_safetensors,
)
from wm_planner.models.loading import WeightsError
from wm_planner.text import one_line

_SHOWN = 3  # tensors that a sentence names at most
_Networks = TypeVar("_Networks", bound=nn.Module)


def ready_networks(
    build: Callable[[], _Networks], weights: WeightFiles | None, device: torch.device
) -> _Networks:
    """Return networks with their weights, in evaluation mode, without gradients of the weights.

    Args:
        build: Makes the networks.
        weights: The ``safetensors`` files; None leaves the networks untrained.
        device: Where they are put.

    Raises:
        WeightsError: A file cannot be read, or the tensors are others.
    """
    if weights is not None:
        check_shapes(build, weights)
    networks = build()
    if weights is not None:
        with open_safetensors(weights) as tensors:
            networks.load_state_dict({name: tensors.read(name) for name in tensors.names})
    return networks.to(device).eval().requires_grad_(False)


def check_shapes(build: Callable[[], nn.Module], weights: WeightFiles) -> None:
    """Check that the files have exactly the tensors of the networks, in name and shape.

    The networks are built without memory (on torch's device ``meta``), and of the files only the
    headers are read. So sizes in ``model.yaml`` that no memory could hold are refused.

    Args:
        build: Makes the networks.
        weights: The ``safetensors`` files.

    Raises:
        WeightsError: A file cannot be read, or the tensors are others.
    """
    with torch.device("meta"):
        networks = build()
    expected = {name: tuple(tensor.shape) for name, tensor in networks.state_dict().items()}
    try:
        with open_safetensors(weights) as tensors:
            found = {name: tuple(tensors.header(name).get_shape()) for name in tensors.names}
    except RepeatedTensorError as error:
        raise WeightsError(str(error)) from error
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{named(weights)} cannot be read as safetensors ({error}): convert or export the "
            "model again"
        ) from error
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{one_line(name, 256)} is not known" for name in found if name not in expected]
    problems += [
        f"{name} is {found[name]}, not {shape}"
        for name, shape in expected.items()
        if found.get(name, shape) != shape
    ]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise WeightsError(
            f"{named(weights)} does not fit the architecture in model.yaml: "
            f"{'; '.join(problems[:_SHOWN])}{more}: use the files of one export together"
        )
