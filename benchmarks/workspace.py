"""How near a Franka Research 3 comes to the limits of its joints within a box and a cone.

Draws poses, solves for the joints as the simulated arm does, and lets the hand move and turn as
config/franka.yaml allows, in the worst direction. Near a singularity the joints turn fast for a
small motion of the hand, and the arm stops with a reflex. This is an estimate by the Jacobian at
each pose; its change along the way is left out.
"""

from __future__ import annotations

import argparse

import numpy as np
from benchmark_parsers import make_benchmark_parser, not_negative
from scipy.spatial.transform import Rotation

from wm_planner.cli.arguments import count, number, positive
from wm_planner.cli.settings import config_directory
from wm_planner.config import compose
from wm_planner.config.limits import LimitsConfig
from wm_planner.ending import explained
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.controller import JOINT_LIMITS
from wm_planner_sim.simulator.kinematics import InverseKinematics

STEP = 1e-6  # [rad] of the numerical derivative
CORNERS = 16  # poses at each corner, tilted as far as allowed
REACHED = 1e-3  # [m or rad] from a pose that counts as reached


def jacobian(kinematics: InverseKinematics, joints: np.ndarray) -> np.ndarray:
    """Return how the hand moves and turns (6, 7) [m/rad, rad/rad] with the joints (7,)."""
    columns = []
    for direction in np.eye(7):
        (before, old), (after, new) = (
            kinematics.pose(joints + side * STEP * direction) for side in (-0.5, 0.5)
        )
        turn = (Rotation.from_quat(new) * Rotation.from_quat(old).inv()).as_rotvec()
        columns.append(np.concatenate([after - before, turn]) / STEP)
    return np.array(columns).T


def shares(kinematics: InverseKinematics, limits: LimitsConfig, joints: np.ndarray) -> np.ndarray:
    """Return how much of their limits the joints use, by the Jacobian at joint positions (7,).

    Returns:
        (2, 2): of velocity and acceleration, while the hand only moves, and while it turns, too.
    """
    inverse = np.linalg.pinv(jacobian(kinematics, joints))
    move, turn = np.linalg.norm(inverse[:, :3], axis=1), np.linalg.norm(inverse[:, 3:], axis=1)
    hand = [
        (limits.max_speed, limits.max_angular_speed),
        (limits.max_acceleration, limits.max_angular_acceleration),
    ]
    found = []
    for (moves, turns), limit in zip(hand, JOINT_LIMITS[:2], strict=True):
        found.append([(moves * move / limit).max(), ((moves * move + turns * turn) / limit).max()])
    return np.array(found)


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser(
        "workspace",
        __doc__,
        "--min 0.4 -0.2 0.2 --max 0.56 0.2 0.4 --tilt 0.3 --twist 0.5",
    )
    limits = compose(config_directory(), "franka").limits
    add, box = parser.add_argument, {"type": number, "nargs": 3, "metavar": ("X", "Y", "Z")}
    add("--min", **box, default=limits.workspace_min, help="lower corner [m] (franka.yaml's)")
    add("--max", **box, default=limits.workspace_max, help="upper corner [m] (franka.yaml's)")
    angle = {"type": not_negative, "default": 0.0, "metavar": "RAD"}
    add("--tilt", **angle, help="from pointing down, at most [rad] (%(default)s)")
    add("--twist", **angle, help="about vertical, at most [rad] (%(default)s)")
    add("--poses", type=positive, default=2000, metavar="N", help="number of poses (%(default)s)")
    add("--seed", type=count, default=0, metavar="N", help="seed of the poses (%(default)s)")
    return parser


@explained("workspace")
def main(arguments: list[str] | None = None) -> tuple[int, np.ndarray]:
    """Print the shares in a box; return the poses out of reach, and the largest shares (2, 2)."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if not np.less(options.min, options.max).all():
        parser.error(f"--min is {options.min}: it must be below --max, {options.max}, in x, y, z")
    limits = compose(config_directory(), "franka").limits
    rng = np.random.default_rng(options.seed)
    kinematics = InverseKinematics(table.table_scene().compile())
    found, places = [], []
    for index in range(options.poses):
        corner = np.array([index >> axis & 1 for axis in range(3)])
        place = corner if index < 8 * CORNERS else rng.uniform(size=3)  # the corners first
        place = options.min + place * np.subtract(options.max, options.min)
        angle, share = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform())
        tilt = options.tilt * (1.0 if index < 8 * CORNERS else share)
        hand = Rotation.from_rotvec(tilt * np.array([np.cos(angle), np.sin(angle), 0.0]))
        hand *= Rotation.from_rotvec([0, 0, rng.uniform(-options.twist, options.twist)])
        hand *= Rotation.from_quat(franka.DOWN_XYZW)
        joints = kinematics.settle(place, hand.as_quat())
        reached, turned = kinematics.pose(joints)
        apart = (Rotation.from_quat(turned) * hand.inv()).magnitude()
        if max(np.linalg.norm(reached - place), apart) < REACHED:
            found.append(shares(kinematics, limits, joints))
            places.append(place)
    missed, every = options.poses - len(found), np.array(found)
    print(f"{options.min} to {options.max} m, tilt {options.tilt}, twist {options.twist} rad")
    print(f"out of reach: {missed} of {options.poses} poses")
    if not found:
        raise SystemExit("workspace: the arm reaches none of these poses: choose another box")
    print("| of the joints' limit | worst | median | poses above 1 |")
    print("|---|---|---|---|")
    for order, name in enumerate(("velocity", "acceleration")):
        for column, what in zip(every[:, order].T, ("moving", "and turning"), strict=True):
            worst, median, above = column.max(), np.median(column), (column > 1).mean()
            print(f"| {name}, {what} | {worst:.2f} | {median:.2f} | {above:.1%} |")
    print("worst at", places[int(every[:, 1, 0].argmax())].round(3).tolist(), "m")
    return missed, every.max(axis=0)


if __name__ == "__main__":
    main()
