"""Over DDS: what a model is told of the past is what the arm did between the images that it gets.

The model is the embedded one, which has learned what actions do to images: from each image of the
past and the actions after it, it must predict the next one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner_sim.client.processes import ManagedProcess, embedded_model, start_planner
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEED = seeds.EVALUATION[7400]
PLANS = 25
LOOKING = '''
"""The embedded model, which writes down what it sees of the past and what it would predict."""

import json
import os
from dataclasses import replace

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.protocol import ObservationBatch


class Looking(LatentWorldModel):
    def __init__(self, spec, weights, device):
        super().__init__(replace(spec, num_hist=1), weights, device)
        self.spec = spec

    def encode(self, observation):
        images, actions = observation.images, observation.actions
        seen = [super(Looking, self).encode(ObservationBatch(images[:, t : t + 1]))
                for t in range(images.shape[1])]
        codes = [frame.visual.flatten().tolist() for frame in seen]
        predicted = [self.rollout(frame, actions[:, None, t : t + 1]).visual[0, 0, -1, 0].tolist()
                     for t, frame in enumerate(seen[:-1])]
        with open(os.environ["LOOKING_BACK"], "a") as file:
            print(json.dumps([codes, predicted]), file=file)
        return seen[-1]
'''


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("looking") / "looked.json"


@pytest.fixture(scope="module")
def client(
    simulator: ManagedProcess,
    watch: Any,
    patient: tuple[str, ...],
    install_family: Callable[[Path, str, str], None],
    looked: Path,
) -> Iterator[Any]:
    """A client of a planner whose model looks back at two images."""
    folder = looked.parent
    install_family(folder, "looking", LOOKING)
    shutil.copytree(embedded_model(), folder / "model")
    spec = folder / "model" / "model.yaml"
    text = spec.read_text()
    for old, new in (
        ("family: latent", "family: looking"),
        ("num_hist: 1", "num_hist: 3"),
        # On a busy machine the arm follows its commands later than commands.lag says.
        ("    mode: relative", "    mode: relative\n    reference: measured"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    spec.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("LOOKING_BACK", str(looked))
        planner = start_planner(
            *patient,
            "model.history:=real",
            "commands.other_publisher:=warn",  # the planner of the other tests
            model=folder / "model",
            image="spoiled",
            name="looking_planner",
        )
        with planner, watch("looking_planner") as node:
            node.wait_active()
            yield node


def test_images_and_actions_of_the_past_belong_together(client: Any, looked: Path) -> None:
    client.reset(SEED)
    goal, _ = client.sample_goal(SEED)
    before = len(looked.read_text().splitlines())  # of the warm-up
    request = ReachGoal.Goal(goal=Goal(images=[goal], tolerance=1e-9))
    handle = client.send(request, 600.0)
    assert handle.accepted, client.rejection.message
    client.spin_until(lambda: len(looked.read_text().splitlines()) > before + PLANS)
    client.spin_until(lambda: client.status.frames == 3)
    assert client.status.state == PlanStatus.ACTIVE
    client.cancel(handle)
    client.result(handle)
    plans = [json.loads(line) for line in looked.read_text().splitlines()[before + 2 :]]
    errors, changes = [], []
    for codes, predicted in plans:
        for code, then, expected in zip(codes, codes[1:], predicted, strict=False):
            errors.append(np.subtract(expected, then))
            changes.append(np.subtract(code, then))
    assert len(errors) > PLANS
    ratio = np.square(errors).sum() / np.square(changes).sum()
    assert ratio < 0.4, f"{ratio:.3f} of the error of predicting no change"


def test_a_camera_that_is_too_slow_is_named_in_the_status(client: Any) -> None:
    words, passed = "plans are made from only 1 of 3 images", [0.0]

    def seldom(image: Image) -> Image | None:
        stamp = image.header.stamp.sec + 1e-9 * image.header.stamp.nanosec
        if 0 <= stamp - passed[0] < 0.5:  # the model step is 0.2 s
            return None
        passed[0] = stamp
        return image

    handle = client.begin(SEED)
    client.spoil = seldom
    try:
        client.spin_until(lambda: any(words in text for text in client.status.warnings))
        client.spin_until(lambda: client.status.frames == 1)
        client.spoil = lambda image: image
        client.spin_until(lambda: client.status.frames == 3)
        client.spin_until(lambda: not any(words in text for text in client.status.warnings))
    finally:
        client.spoil = lambda image: image
        client.cancel(handle)
    client.result(handle)
