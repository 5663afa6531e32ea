"""What is asked of a loaded model is checked before it is loaded."""

from __future__ import annotations

import pytest
import torch

from wm_planner.models.loading import resolve_device


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("foo", "model.device is foo, which torch does not know: use auto, cpu"),
        ("cpu:x", "model.device is cpu:x, which torch does not know"),
        (f"cuda:{torch.cuda.device_count()}", r"but torch .* sees (no|\d+) GPU"),
    ],
)
def test_a_device_that_is_not_there_gives_a_sentence(device: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        resolve_device(device)


def test_the_cpu_is_always_there() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda")
