"""The device of a model is checked before the model is loaded."""

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
def test_an_unknown_or_missing_device_is_refused(device: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        resolve_device(device)


def test_the_cpu_is_always_accepted() -> None:
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("available", "chosen"), [(False, "cpu"), (True, "cuda")])
def test_auto_is_the_gpu_if_there_is_one(
    available: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert resolve_device("auto") == torch.device(chosen)


@pytest.mark.parametrize(("device", "count"), [("cuda", 1), ("cuda:0", 1), ("cuda:1", 2)])
def test_a_gpu_is_accepted_only_if_there_are_enough(
    device: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert resolve_device(device) == torch.device(device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count - 1)
    with pytest.raises(ValueError, match="use auto or cpu"):
        resolve_device(device)
