"""Benchmark of goal masks: what counting only a part of the goal image does to plans.

It trains, then measures: half an hour on a core. The second example is a quick look.

The world is a plane with two discs, seen from above: a hand, which the actions displace, and a
cube, which moves only if the hand pushes it. A DINO-WM model (random frozen encoder, 6 x 6 tokens)
is trained on random strokes. Each goal is where a recorded stroke of five model steps left the
cube, but its image shows the hand somewhere else, as when it was photographed with the arm parked.
Every goal is pursued from the same start by the same planner, which plans anew after each step,
with

    all         the whole goal image
    cube        a mask that is white around the cube only
    not hand    a mask that is black around the hand only
    posed       the whole of an image that shows the hand where the stroke
                left it, for comparison

The table says how far the cube then is from its goal place, in its diameters, and how often it is
within a quarter of one. Goals and seeds are fixed; the training was chosen by its own error, not on
these goals.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from benchmark_parsers import make_benchmark_parser
from dino_wm import cpu_name, table
from torch.nn import functional

from wm_planner.cli.arguments import positive
from wm_planner.ending import explained
from wm_planner.images.masks import token_weights
from wm_planner.models.dino_wm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.goals import encode_goal
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.planning import make_planner, shift
from wm_planner.types import Goal, Observation, RgbImage

SIDE = 96  # [pixels]
HAND, CUBE = 0.07, 0.10  # radii, as shares of the image's side
BLUR = 0.02  # of the camera, as a share of the image's side
STRIDE, HORIZON, STEPS = 0.06, 5, 8  # largest displacement in a step, steps planned and taken
RED, BLUE, TABLE = (220, 40, 40), (40, 60, 220), (170, 160, 140)
TRAINING_SEED, GOAL_SEED = 0, 1_000
BATCH, RATE, SAMPLES = 32, 2e-3, 64
_PIXELS = ((np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    """Where hand and cube are, (2,) each, as shares of the image's side."""

    hand: np.ndarray
    cube: np.ndarray

    def after(self, action: np.ndarray) -> Scene:
        """Return the scene after a displacement of the hand (2,), which pushes the cube."""
        hand, cube = self.hand, self.cube
        for _ in range(6):
            hand = np.clip(hand + np.clip(action, -STRIDE, STRIDE) / 6, HAND, 1 - HAND)
            apart = cube - hand
            distance = float(np.linalg.norm(apart))
            if distance < HAND + CUBE:
                cube = hand + apart / max(distance, 1e-9) * (HAND + CUBE)
                cube = np.clip(cube, CUBE, 1 - CUBE)
        return Scene(hand, cube)

    def image(self) -> RgbImage:
        """Return what the camera sees, (SIDE, SIDE, 3)."""
        image = np.empty((SIDE, SIDE, 3), np.float32)
        image[:] = TABLE
        for place, radius, color in ((self.cube, CUBE, BLUE), (self.hand, HAND, RED)):
            cover = 1 / (1 + np.exp((_away(place) - radius) / BLUR))[..., None]
            image = cover * color + (1 - cover) * image
        return image.round().astype(np.uint8)


def _away(place: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel from a place."""
    return np.hypot(_PIXELS - place[0], _PIXELS[:, None] - place[1])


def random_scene(rng: np.random.Generator) -> Scene:
    """Return a scene whose hand is near the cube, but does not touch it."""
    cube = rng.uniform(0.3, 0.7, 2)
    angle, gap = rng.uniform(0, 2 * np.pi), rng.uniform(0.005, 0.08)
    hand = cube + (HAND + CUBE + gap) * np.array([np.cos(angle), np.sin(angle)])
    return Scene(np.clip(hand, HAND, 1 - HAND), cube)


def stroke(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, list[Scene]]:
    """Return the actions (HORIZON, 2) of a random stroke, most of them toward the cube."""
    toward = scene.cube - scene.hand
    angle = np.arctan2(toward[1], toward[0]) + rng.normal(0, 0.5 if rng.random() < 0.7 else 2.0)
    actions = STRIDE * np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.4, 1, (HORIZON, 1))
    actions = np.clip(actions + rng.normal(0, 0.01, (HORIZON, 2)), -STRIDE, STRIDE)
    scenes = [scene]
    for action in actions:
        scenes.append(scenes[-1].after(action))
    return actions, scenes


def make_model() -> DinoWorldModel:
    """Return the untrained model."""
    encoder = EncoderArchitecture(
        "dinov2_vits14", "x_norm_patchtokens", 32, 2, 2, 0, "mlp", grid=6, input_size=84
    )
    predictor = PredictorArchitecture(3, 3, 16, 192, 48, encoder.tokens, 1)
    architecture = Architecture(encoder, predictor, None, 1, 8, 1, 8, 1)
    std = STRIDE / 2
    spec = ModelSpec(
        name="two discs",
        family="dino_wm",
        weights=WeightsFile(sha256=""),
        image=ImageSpec(size=SIDE),
        action=ActionSpec(["dx", "dy"], ["1", "1"], "image", [-STRIDE] * 2, [STRIDE] * 2),
        statistics=Statistics(Moments([0.0, 0.0], [std, std])),
        training=Training(1, 1, TRAINING_SEED),
        control_rate=5.0,
        architecture=architecture.to_dict(),
    )
    torch.manual_seed(TRAINING_SEED)
    model = DinoWorldModel(spec, None)
    with torch.no_grad():
        for name, parameter in model.networks.encoder.named_parameters():
            if name.endswith("pos_embed") or name == "patch_embed.proj.weight":
                parameter.normal_(0, 0.05)
    return model


def train(model: DinoWorldModel, steps: int) -> float:
    """Train the predictor on random strokes; return the last error, over that of no change."""
    rng = np.random.default_rng(TRAINING_SEED)
    networks, tokens = model.networks, model.tokens
    networks.predictor.requires_grad_(True)
    networks.action_encoder.requires_grad_(True)
    parameters = [*networks.predictor.parameters(), *networks.action_encoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    share = 1.0
    for _ in range(steps):
        strokes = [stroke(random_scene(rng), rng) for _ in range(BATCH // HORIZON + 1)]
        actions = torch.as_tensor(
            model.spec.normalize_actions(np.array([a for a, _ in strokes])), dtype=torch.float32
        )
        images = np.array([[scene.image() for scene in scenes] for _, scenes in strokes])
        seen = model.encode(ObservationBatch(torch.from_numpy(images)))
        assert seen.proprio is not None
        embedded = networks.action_encoder(actions)
        frame, predicted = tokens.join(seen.visual, seen.proprio)[:, :1], []
        for step in range(HORIZON):  # as in a plan: from its own predictions
            frame = networks.predictor.predict(
                tokens.with_action(frame, embedded[:, step : step + 1])
            )
            predicted.append(tokens.split(frame)[0])
        target = seen.visual[:, 1:]
        error = functional.mse_loss(torch.cat(predicted, dim=1), target)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        schedule.step()
        still = functional.mse_loss(seen.visual[:, :1].expand_as(target), target)
        share += 0.02 * (float(error.detach() / still) - share)
    networks.requires_grad_(False)
    model.use("float32", "eager")  # which copies the trained weights
    return share


def around(place: np.ndarray, radius: float, inside: int, outside: int) -> np.ndarray:
    """Return the weights of tokens by a mask of two shades, within a radius and beyond it."""
    mask = np.where(_away(place) < radius, inside, outside).astype(np.uint8)
    return token_weights([mask], (6, 6))


def pursue(model: DinoWorldModel, start: Scene, goal: Goal, seed: int, steps: int) -> Scene:
    """Return the scene after so many steps toward a goal, planned anew in each."""
    planner = make_planner(
        "online",
        action_dim=2,
        horizon=HORIZON,
        bounds=tuple(bound.tolist() for bound in model.spec.action_bounds()),
        seed=seed,
        num_samples=SAMPLES,
        num_elites=SAMPLES // 6,
    )
    wanted = encode_goal(model, goal)
    scene, warm = start, None
    for _ in range(steps):
        now = _encode(model, Observation((scene.image(),)))
        with torch.inference_mode():
            plan = planner.plan(
                lambda actions: model.distance(model.rollout(now, actions), wanted),  # noqa: B023
                warm_start=warm,
            )
        warm = shift(plan.actions, steps=1)
        scene = scene.after(model.spec.denormalize_actions(plan.actions[0, 0].numpy()))
    return scene


def _encode(model: DinoWorldModel, observation: Observation) -> Latent:
    return model.encode(ObservationBatch(torch.from_numpy(observation.images[0])[None, None]))


def measure(model: DinoWorldModel, goals: int) -> list[list[str]]:
    """Return the rows of the table."""
    rng = np.random.default_rng(GOAL_SEED)
    left: dict[str, list[float]] = {}
    done = 0
    while done < goals:
        start = random_scene(rng)
        _, scenes = stroke(start, rng)
        end = scenes[-1]
        elsewhere = rng.uniform(HAND, 1 - HAND, 2)
        pushed = np.linalg.norm(end.cube - start.cube) > CUBE
        if not pushed or np.linalg.norm(elsewhere - end.cube) < 2 * (HAND + CUBE):
            continue
        done += 1
        parked, posed = (Observation((s.image(),)) for s in (Scene(elsewhere, end.cube), end))
        variants = {
            "all": Goal(parked),
            "cube": Goal(parked, weights=around(end.cube, 1.5 * CUBE, 255, 0)),
            "not hand": Goal(parked, weights=around(elsewhere, 2 * HAND, 0, 255)),
            "posed": Goal(posed),
            "no action": None,
        }
        for name, goal in variants.items():
            last = pursue(model, start, goal, done, STEPS) if goal else start
            error = float(np.linalg.norm(last.cube - end.cube)) / (2 * CUBE)
            left.setdefault(name, []).append(error)
    return [
        [name, f"{np.mean(e):.2f}", f"{np.median(e):.2f}", f"{np.mean(np.array(e) < 0.25):.0%}"]
        for name, e in left.items()
    ]


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("goal_masks", __doc__, "", "--goals 20 --steps 500")
    add = parser.add_argument
    add("--goals", type=positive, default=40, metavar="N", help="number of goals (%(default)s)")
    add(
        "--steps", type=positive, default=6000, metavar="N",
        help="steps of the training (%(default)s)",
    )  # fmt: skip
    return parser


@explained("goal_masks")
def main() -> int:
    """Train, measure, print the table."""
    arguments = make_parser().parse_args()
    torch.set_num_threads(1)
    begin = time.monotonic()
    model = make_model()
    share = train(model, arguments.steps)
    print(
        f"{cpu_name()}, torch {torch.__version__}; {arguments.steps} steps of training in "
        f"{time.monotonic() - begin:.0f} s, error {share:.2f} of that of no change"
    )
    rows = measure(model, arguments.goals)
    heading = ("what counts", "cube off, mean", "median", "within a quarter")
    print(table(f"{arguments.goals} goals, distances in diameters of the cube", heading, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
