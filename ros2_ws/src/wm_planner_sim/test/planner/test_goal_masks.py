"""Over DDS: with a mask, only a part of the goal image counts.

The model compares the colors of four parts of the image, by the distance of all families.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal
from wm_planner_msgs.srv import Plan

from wm_planner.control import ErrorCode
from wm_planner_sim.client.processes import ManagedProcess, embedded_model, start_planner
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEED = seeds.EVALUATION[7700]
PATCHES = '''
"""Four tokens, the colors of the quarters of the image, which actions hardly change."""

from torch.nn.functional import adaptive_avg_pool2d

from wm_planner.models.protocol import Latent
from wm_planner.models.shared.distances import distance_to_goal
from wm_planner.planning import Objective


class Patches:
    token_grid = (2, 2)

    def __init__(self, spec, weights, device):
        self.spec, self.device = spec, device

    def encode(self, observation):
        images = observation.images[:, -1].to(self.device).permute(0, 3, 1, 2).float() / 255
        side = min(images.shape[-2:])
        left = (images.shape[-1] - side) // 2
        colors = adaptive_avg_pool2d(images[..., :side, left : left + side], 2)
        return Latent(colors.flatten(2).transpose(1, 2)[:, None])

    def rollout(self, latent, actions):
        ways = 0.01 * actions[..., :1].float().cumsum(dim=2)
        return Latent(latent.visual[:, None, -1:] + ways[..., None])

    def distance(self, latent, goal, objective=Objective()):
        return objective(distance_to_goal(latent, goal, self.spec.objective, objective.mode))

    def decode(self, latent):
        return None
'''


@pytest.fixture(scope="module")
def client(
    simulator: ManagedProcess,
    watch: Any,
    patient: tuple[str, ...],
    install_family: Callable[[Path, str, str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """A client of a planner whose model compares parts of the image."""
    folder = tmp_path_factory.mktemp("patches")
    install_family(folder, "patches", PATCHES)
    shutil.copytree(embedded_model(), folder / "model")
    spec = folder / "model" / "model.yaml"
    text = spec.read_text()
    assert text.count("family: latent") == 1
    spec.write_text(text.replace("family: latent", "family: patches"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        planner = start_planner(
            *patient,
            "commands.other_publisher:=warn",  # the planner of the other tests
            model=folder / "model",
            name="patches_planner",
        )
        with planner, watch("patches_planner") as node:
            node.wait_active()
            yield node


def _message(pixels: np.ndarray, encoding: str) -> Image:
    height, width = pixels.shape[:2]
    message = Image(height=height, width=width, encoding=encoding, step=pixels[0].nbytes)
    message.data = pixels.tobytes()
    return message


def _halves(image: Image) -> tuple[Image, Image, Image]:
    """Return the image with another left half, and masks of its left and its right half."""
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3).copy()
    middle = image.width // 2
    pixels[:, :middle] = np.clip(pixels[:, :middle].astype(int) + 40, 0, 255)
    left = np.zeros(pixels.shape[:2], np.uint8)
    left[:, :middle] = 255
    return _message(pixels, image.encoding), _message(left, "mono8"), _message(255 - left, "mono8")


def test_the_distance_is_that_of_what_the_mask_shows(client: Any) -> None:
    client.reset(SEED)
    now = client.image
    goal, left, right = _halves(now)
    distances = []
    for masks in ([], [left], [right]):
        request = Plan.Request(
            start=Goal(images=[now]), goal=Goal(images=[goal], masks=masks), seed=0
        )
        answer = client.ask(Plan, "plan_once", request)
        assert answer.success, answer.message
        distances.append(answer.distance)
    whole, changed, unchanged = distances
    assert whole > 0
    assert changed == pytest.approx(np.sqrt(2) * whole, rel=0.02)
    assert unchanged < 0.02 * whole


def test_a_goal_is_reached_when_its_masked_part_looks_as_wanted(client: Any) -> None:
    client.reset(SEED)
    goal, _, right = _halves(client.image)
    request = ReachGoal.Goal(goal=Goal(images=[goal], masks=[right]))
    handle = client.send(request, 600.0)
    assert handle.accepted, client.rejection.message
    assert client.result(handle).result.error_code == ErrorCode.NONE


def test_a_black_mask_is_rejected_with_what_to_do(client: Any) -> None:
    client.reset(SEED)
    goal, left, _ = _halves(client.image)
    left.data = bytes(len(left.data))
    handle = client.send(ReachGoal.Goal(goal=Goal(images=[goal], masks=[left])), 600.0)
    assert not handle.accepted
    assert client.rejection.error_code == ErrorCode.INVALID_GOAL
    assert "Draw white what must look as in the goal image" in client.rejection.message
