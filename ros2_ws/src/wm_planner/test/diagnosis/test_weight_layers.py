"""Weights as torch draws them, and trained ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wm_planner.diagnosis.weight_layers import looks_initial


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("layer", [nn.Conv1d(35, 10, 1), nn.Linear(404, 64), nn.Conv2d(3, 8, 5)])
def test_weights_as_torch_draws_them_look_initial(seed: int, layer: nn.Module) -> None:
    torch.manual_seed(seed)
    layer.reset_parameters()
    assert looks_initial(layer.weight.detach())


@pytest.mark.parametrize("seed", range(20))
def test_weights_after_a_few_hundred_optimizer_steps_do_not(seed: int) -> None:
    torch.manual_seed(seed)
    layer = nn.Conv1d(10, 10, 1)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=5e-4)
    goal = torch.randn(10, 10, 1)
    for _ in range(400):
        optimizer.zero_grad()
        inputs = torch.randn(16, 10, 4)
        (layer(inputs) - torch.conv1d(inputs, goal)).square().mean().backward()
        optimizer.step()
    assert not looks_initial(layer.weight.detach())
