"""Moves that would bring the links of an arm together."""

from __future__ import annotations

import numpy as np
import pytest
from arms import HOME, joint, panda
from shaped_arms import arm_of, shape, text_of

from wm_planner.kinematics import Arm
from wm_planner.kinematics.links import BUDGET, GRAIN, MAX_PAIRS

LEAST = 0.03  # [m]
BAR = shape('<box size="0.02 0.02 1.2"/>')  # it turns about its middle
BARS = arm_of(text_of(a=shape(), b=BAR, c=BAR, d=BAR))


def _pairs(*more: str, crossed: str = "0 1 0", **shapes: str) -> list[tuple[str, str]]:
    """Pairs of an arm whose joints are 8 cm apart, the first with another axis."""
    text = text_of(*more, **shapes).replace('<axis xyz="0 1 0"/>', f'<axis xyz="{crossed}"/>', 1)
    return arm_of(text.replace('xyz="0 0 0.3"', 'xyz="0 0 0.08"')).links(LEAST).pairs


def test_neighbours_and_links_across_axes_that_cross_are_left_out() -> None:
    shapes = dict.fromkeys("abcd", shape('<sphere radius="0.02"/>'))
    assert _pairs(**shapes) == [("a", "c"), ("a", "d"), ("b", "d")]
    assert _pairs(crossed="1 0 0", **shapes) == [("a", "c"), ("a", "d"), ("b", "d")]
    assert _pairs(crossed="0 0 1", **shapes) == [("a", "d"), ("b", "d")]


def test_what_sticks_out_counts_beside_its_neighbours() -> None:
    table = joint("j4", "a", "e", type="fixed", xyz="0 0 -0.6")
    shapes = {"e": shape('<box size="2 2 1"/>'), "c": shape(), "b": shape()}
    assert _pairs(table, crossed="0 0 1", **shapes) == [], "none can come to the table"
    rod = shape('<cylinder radius="0.01" length="0.6"/>', xyz="0 0 0.3")
    assert _pairs(table, crossed="0 0 1", **{**shapes, "c": rod}) == [("c", "e")]
    assert _pairs(table, **{**shapes, "b": rod}) == [("b", "e"), ("c", "e")]


def test_shapes_that_are_near_by_design_are_left_out_and_named() -> None:
    wide, balls = shape('<sphere radius="0.5"/>'), shape()
    assert arm_of(text_of(a=wide, d=balls)).links(LEAST).near == []
    wider = arm_of(text_of(a=shape('<sphere radius="0.9"/>'), d=balls)).links(LEAST)
    assert wider.pairs == []
    assert wider.near == [("a", "d")]
    near = arm_of(text_of(a=balls, c=balls))
    assert near.links(0.2).pairs == [("a", "c")]
    assert near.links(0.5).near == [("a", "c")], "they are never further apart"


def test_too_many_pairs_are_not_compared() -> None:
    many = arm_of(text_of(a=shape() * 50, d=shape() * 50)).links(LEAST)
    assert len(many.pairs) == MAX_PAIRS
    assert many.uncompared == 500


def test_the_shipped_panda_is_known_and_apart_at_home() -> None:
    arm = panda()
    links = arm.links(0.01)
    assert arm.solids.unknown == []
    assert links.near == []
    assert {name for pair in links.pairs for name in pair} == {
        "panda_hand", *(f"panda_link{i}" for i in range(8))
    }  # fmt: skip
    assert links.distances(HOME).min() > 0.08
    folded = links.distances(HOME + np.array([0, 0, 0, -0.7, 0, -0.8, 0]))
    assert folded.min() < 0
    assert links.pairs[folded.argmin()] == ("panda_link2", "panda_hand")


@pytest.mark.parametrize("arm", [panda(), BARS])
def test_a_move_is_judged_by_all_of_its_way(arm: Arm) -> None:
    rng, count = np.random.default_rng(0), len(arm.joints)
    links, exact = arm.links(LEAST), arm.links(LEAST)
    joints = np.clip(np.zeros(count), arm.limits.lower, arm.limits.upper)
    blocked = passed = 0
    for _ in range(600):
        move = rng.uniform(-1, 1, count) * rng.choice([0.03, 0.3, 1.0])
        if rng.random() < 0.5:
            move *= np.arange(count) == rng.integers(count)  # one joint alone
        move = np.clip(joints + move, arm.limits.lower, arm.limits.upper) - joints
        if rng.random() < 0.2:
            joints = rng.uniform(arm.limits.lower, arm.limits.upper)
            move = np.clip(joints + move, arm.limits.lower, arm.limits.upper) - joints
        way = np.array([exact.distances(joints + s * move) for s in np.linspace(0, 1, 60)])
        allowed = np.minimum(way[0], LEAST)
        links.start_goal(joints)
        links.start_command()
        found = links.nearer(joints, move)
        if found is None:
            assert (way >= allowed - GRAIN / 2 - 1e-5).all()
            passed += 1
            joints = joints + move
        else:
            assert found < 0 or way[:, found].min() < allowed[found] + GRAIN
            blocked += 1
    assert passed > 300
    assert blocked > 50


def test_few_distances_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    links, computed = panda().links(0.01), []
    distance = links._distance
    monkeypatch.setattr(links, "_distance", lambda i: computed.append(i) or distance(i))
    joints, move = HOME.copy(), np.full(7, 2e-3)
    for i in range(200):
        step = move * np.sin(i / 20)
        assert links.nearer(joints, step) is None
        joints += step
    assert len(computed) < 200, "of 44 pairs in 200 moves"


def test_a_thin_rod_does_not_pass_through_a_pole() -> None:
    pole = joint("j4", "a", "e", type="fixed", xyz="0.5 0 0.5")
    rod = joint("j5", "d", "f", type="fixed", xyz="0.5 0 0")
    thin = shape('<cylinder radius="0.001" length="0.4"/>')
    text = text_of(pole, rod, axis="0 0 1", e=thin, f=shape('<box size="0.4 0.002 0.002"/>'))
    links = arm_of(text.replace('xyz="0 0 0.3"', 'xyz="0 0 0.15"')).links(2e-3)
    assert links.pairs == [("e", "f")]
    start = np.array([-0.4, 0.0, 0.0])
    for speed in (0.02, 0.1, 0.8):
        way = np.array([speed, 0.0, 0.0])
        passed = []
        for i in range(int(0.8 / speed)):
            links.start_command()
            passed.append(links.nearer(start + i * way, way))
        assert 0 in passed, f"{speed} rad a move"


def test_a_long_way_beside_something_counts_as_too_near() -> None:
    wall = joint("j4", "a", "e", type="fixed", xyz="0 0.0306 0.5")
    flat = shape('<box size="3 0.001 3"/>')
    links = arm_of(text_of(wall, e=flat, d=shape('<box size="0.02 0.02 0.02"/>'))).links(0.02)
    assert links.nearer(np.zeros(3), np.array([GRAIN, 0, 0])) is None
    assert links.nearer(np.zeros(3), np.array([GRAIN * BUDGET * 3, 0, 0])) == -1


def test_links_that_touch_may_come_apart_and_no_nearer_than_at_the_start() -> None:
    links = arm_of(text_of(a=shape(), c=shape('<sphere radius="0.2"/>'))).links(0.2)
    joints, nearer, aside = np.array([1.6, 0, 0]), np.array([0.02, 0, 0]), np.array([0, 0.5, 0])
    assert links.distance(0, joints) == pytest.approx(0.178, abs=1e-3)
    links.start_goal(joints)
    assert links.nearer(joints, nearer) == 0
    assert links.nearer(joints, -nearer) is None
    assert links.nearer(joints, 0 * nearer) is None
    assert links.nearer(joints, aside) is None
    assert links.nearer(joints - nearer, nearer) is None, "back to the start"
    assert links.nearer(joints - nearer, 1.1 * nearer) == 0


def test_links_that_came_nearer_than_allowed_must_come_apart() -> None:
    links = arm_of(text_of(a=shape(), c=shape('<sphere radius="0.2"/>'))).links(0.2)
    joints, nearer, aside = np.array([1.6, 0, 0]), np.array([0.02, 0, 0]), np.array([0, 0.5, 0])
    assert links.nearer(joints, -nearer) is None
    assert links.nearer(joints, aside) == 0
    assert links.nearer(joints, 0 * nearer) is None
