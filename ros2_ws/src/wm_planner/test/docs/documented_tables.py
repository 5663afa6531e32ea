"""The tables in which the tests of the pages are told about commands."""

from __future__ import annotations

SIM = "ros2_ws/src/wm_planner_sim/test"
ELSEWHERE = {
    "make build": (".ci/run", "make build"),
    "make test": (".ci/run", "make test"),
    "make lint": ("Makefile", "test: lint pytest"),
    "make pytest": (".ci/run", "make pytest"),
    "make worker": (f"{SIM}/planner/test_workstation.py", '"worker"'),
    "make cockpit": ("scripts/bootstrap.py", '"cockpit", "browser"'),
    "make kinematics": ("scripts/bootstrap.py", '"kinematics", "cockpit"'),
    "make demo": (f"{SIM}/demo/test_demo.py", "wm_planner_sim.demo"),
    "make evaluate": (f"{SIM}/evaluation/test_over_ros.py", "wm_planner_sim.evaluation"),
    "make model": (f"{SIM}/training/test_make_model.py", "make_model.main"),
    "ros2 launch wm_planner_sim demo.launch.py": (f"{SIM}/demo/test_launched.py", "demo.launch.py"),
    "ros2 launch wm_planner planner.launch.py": (f"{SIM}/demo/launched.py", "launch.py"),
    "make play": (f"{SIM}/demo/test_play.py", '"--play"'),
    "ros2 run wm_planner cockpit": (f"{SIM}/cockpit/conftest.py", "start_cockpit"),
    "python docs/examples/send_goal.py": (f"{SIM}/demo/test_play.py", "send_goal.py"),
    ".venv/bin/pre-commit install": (".pre-commit-config.yaml", "ruff"),
}
"""Commands that are not run here, each with the file that runs the same, and a text of it.

Those of ``ros2 launch`` run only where ROS 2 is installed, not in CI: there their arguments are
checked.
"""
SUBSTITUTES = {
    # Nothing may be installed into the environment of the tests.
    "pip install ": "python -m pip install -qq --no-deps --target site ",
    # The small encoder has no official size.
    "dinov2_vits14_pretrain.pth": "dinov2_vits14_pretrain.pth --encoder-heads 2",
}
"""What runs in the place of a page's words."""
FASTER = {
    "doctor": ["planning.num_samples=16", "planning.iterations=2"],
    "plan": ["planning.num_samples=16", "planning.iterations=2"],
    "inspect": ["--samples=16", "--iterations=2"],
}
"""Further words, for as many candidates as the tests have time for."""
USELESS = ("settings", "spec", "file", "refused", "weights", "dataset", "episode", "bag", "task")
"""Results of the doctor that say that it could not use what it was given."""
ARGUMENTS = {
    "DEMO_ARGS": "-m wm_planner_sim.demo",
    "EVALUATE_ARGS": "-m wm_planner_sim.evaluation",
    "MODEL_ARGS": "-m wm_planner_sim.training.make_model",
}
"""Variables of the Makefile that hold arguments of a program."""
EXECUTABLES = {
    "evaluate": "wm_planner_sim.evaluation.program:main",
    "demo": "wm_planner_sim.demo.program:main",
    "train": "wm_planner_sim.training.make_model:main",
    "collect": "wm_planner_sim.training.collect:main",
}
"""Executables of ``ros2 run wm_planner_sim`` that take arguments."""
