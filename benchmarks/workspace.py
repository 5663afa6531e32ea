"""How near a Franka Research 3 comes to the limits of its joints within a box and a cone.

Draws poses, solves for the joints as the simulated arm does, and lets the hand move and turn as
config/franka.yaml allows, in the worst direction. Near a singularity the joints turn fast for a
small motion of the hand, and the arm stops with a reflex.

    python benchmarks/workspace.py [--min X Y Z] [--max X Y Z] [--tilt RAD] [--twist RAD]
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.cli.settings import config_directory
from wm_planner.config import compose
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.controller import JOINT_LIMITS
from wm_planner_sim.simulator.kinematics import InverseKinematics

STEP = 1e-6  # [rad] of the numerical derivative


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    limits = compose(config_directory(), "franka").limits
    box = {"type": float, "nargs": 3, "metavar": ("X", "Y", "Z")}
    parser.add_argument("--min", **box, default=limits.workspace_min, help="lower corner [m]")
    parser.add_argument("--max", **box, default=limits.workspace_max, help="upper corner [m]")
    parser.add_argument("--tilt", type=float, default=0.0, help="from pointing down, at most [rad]")
    parser.add_argument("--twist", type=float, default=0.0, help="about vertical, at most [rad]")
    parser.add_argument("--poses", type=int, default=2000, help="number of poses")
    parser.add_argument("--seed", type=int, default=0, help="seed of the poses")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    kinematics = InverseKinematics(table.table_scene().compile())
    shares, missed, places = [], 0, []
    for number in range(options.poses):
        corner = [number >> axis & 1 for axis in range(3)]
        place = np.array(corner) if number < 8 else rng.uniform(size=3)  # the corners first
        place = options.min + place * np.subtract(options.max, options.min)
        angle = rng.uniform(0, 2 * np.pi)
        tilt = options.tilt * np.array([np.cos(angle), np.sin(angle), 0.0])
        twist = [0.0, 0.0, rng.uniform(-options.twist, options.twist)]
        hand = Rotation.from_rotvec(tilt) * Rotation.from_rotvec(twist)
        hand *= Rotation.from_quat(franka.DOWN_XYZW)
        joints = kinematics.settle(place, hand.as_quat())
        reached, _ = kinematics.pose(joints)
        if np.linalg.norm(reached - place) > 1e-3:
            missed += 1
            continue
        inverse = np.linalg.pinv(jacobian(kinematics, joints))
        moving, turning = (
            np.linalg.norm(inverse[:, part], axis=1) for part in (slice(3), slice(3, 6))
        )
        rates = [
            (limits.max_speed * moving, limits.max_angular_speed * turning),
            (limits.max_acceleration * moving, limits.max_angular_acceleration * turning),
        ]
        shares.append(
            [
                [(move / limit).max(), ((move + turn) / limit).max()]
                for (move, turn), limit in zip(rates, JOINT_LIMITS, strict=False)
            ]
        )
        places.append(place)
    found = np.array(shares)
    print(
        f"box {options.min} to {options.max} m, tilt {options.tilt} rad, twist {options.twist} rad"
    )
    print(f"out of reach: {missed} of {options.poses} poses")
    print("| of the joints' limit | worst | median | poses above 1 |")
    print("|---|---|---|---|")
    for order, name in enumerate(("velocity", "acceleration")):
        for turns, what in enumerate(("moving", "moving and turning")):
            column = found[:, order, turns]
            above = 100 * (column > 1).mean()
            print(
                f"| {name}, {what} | {column.max():.2f} | {np.median(column):.2f} | {above:.1f} % |"
            )
    print("worst at", places[int(found[:, 1, 0].argmax())].round(3).tolist(), "m")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
