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


@pytest.mark.parametrize(("there", "chosen"), [(False, "cpu"), (True, "cuda")])
def test_a_gpu_is_chosen_where_there_is_one(
    there: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert resolve_device("auto") == torch.device(chosen)


@pytest.mark.parametrize(("device", "there"), [("cuda", 1), ("cuda:0", 1), ("cuda:1", 2)])
def test_a_gpu_that_is_there_is_taken(
    device: str, there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    assert resolve_device(device) == torch.device(device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there - 1)
    with pytest.raises(ValueError, match="use auto, or cpu"):
        resolve_device(device)
