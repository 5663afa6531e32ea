"""Rates, ages and percentiles of the node's events."""

from __future__ import annotations

import math

from wm_planner.ros.rates import SAMPLES, SPAN, Event, Latency, Rate, RateMonitor, Samples


def test_a_rate_counts_the_last_seconds_only() -> None:
    rate = Rate()
    for i in range(100):
        rate.event(i * 0.1)
    assert math.isclose(rate.per_second(9.9), 10.0, rel_tol=0.05)
    assert rate.per_second(9.9 + SPAN) == 0.0


def test_percentiles_are_those_of_the_last_samples() -> None:
    samples = Samples()
    assert math.isnan(samples.quantile(0.5))
    for value in [1e9, *range(1, SAMPLES + 1)]:
        samples.add(float(value))
    assert samples.quantile(0.5) == SAMPLES / 2
    assert samples.quantile(0.95) == SAMPLES * 0.95
    assert samples.quantile(1.0) == SAMPLES


def test_figures_are_named_with_their_units() -> None:
    monitor = RateMonitor()
    monitor.event(Event.PLANS, 10.0)
    monitor.sample(Latency.PLAN_TIME, 0.25)
    assert monitor.figures(12.0, Event.PLANS, Latency.PLAN_TIME) == {
        "plans [Hz]": "0.2",
        "plans: age [s]": "2",
        "plan time: p50 [s]": "0.25",
        "plan time: p95 [s]": "0.25",
        "plan time: p99 [s]": "0.25",
    }
