"""The executables: Ctrl+C ends them silently also during their imports, which take seconds."""

from __future__ import annotations

from wm_planner.ending import explained


def demo() -> None:
    """Run the demo."""
    with explained("demo"):
        from wm_planner_sim.demo.program import main

        main()


def evaluate() -> None:
    """Evaluate a model."""
    with explained("evaluate"):
        from wm_planner_sim.evaluation.program import main

        main()


def collect() -> None:
    """Collect training episodes."""
    with explained("collect"):
        from wm_planner_sim.training.collect import main

        main()


def train() -> None:
    """Make the embedded model of a task."""
    with explained("train"):
        from wm_planner_sim.training.make_model import main

        main()


def sim_node() -> None:
    """Run the simulator's node."""
    with explained("sim_node"):
        from wm_planner_sim.simulator.node import main

        main()
