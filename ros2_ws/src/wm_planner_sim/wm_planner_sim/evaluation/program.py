"""Evaluates a model: in process and over ROS, with baselines and shifts; writes one page.

ros2 run wm_planner_sim evaluate --task push
ros2 run wm_planner_sim evaluate --task push --goals 20 --ros 0 --shifts none
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from wm_planner_sim.client.calls import ClientError
from wm_planner_sim.client.episode import Episode as RosEpisode
from wm_planner_sim.client.processes import embedded_model
from wm_planner_sim.client.session import pursue, session
from wm_planner_sim.evaluation import report
from wm_planner_sim.evaluation.figures import share
from wm_planner_sim.evaluation.in_process import POLICIES, Setup, evaluate, flop_per_episode
from wm_planner_sim.evaluation.shifts import SHIFTS
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.task import STEP_DURATION, Task
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS, find_task


def over_ros(task: Task, model: Path, chosen: range) -> list[RosEpisode]:
    """Pursue the goals of some seeds with the real node.

    Raises:
        ClientError: Simulator or planner do not answer.
    """
    with session(task, model) as client:
        label = f"{task.name}: over ROS"
        return [
            pursue(client, task, seed)
            for seed in track(chosen, label, console=Console(stderr=True))
        ]


def run(options: argparse.Namespace, console: Console) -> report.Results:
    """Run everything that was asked for."""
    task = find_task(options.task)
    model = options.model or embedded_model(task.name)
    chosen = seeds.EVALUATION[options.first : options.first + options.goals]
    planner = Setup(
        task.name,
        model=model,
        preset=options.preset,
        horizon=options.horizon,
        looks_back=options.history == "real",
        ends=not options.whole,
        record=True,
        device=options.device,
    )
    protocol: dict[str, Any] = {
        "model": model.name,
        "pairs": f"seeds {chosen[0]} to {chosen[-1]}, never used in training or calibration",
        "episode": f"at most {task.max_steps} steps, in process of {STEP_DURATION} s, over ROS of "
        f"{task.step_time} s",
        "end": "over ROS at the first image within the model's tolerance, in process "
        + ("after all steps" if options.whole else "too"),
        "planner": f"preset {options.preset}, horizon {planner.horizon or task.horizon}; in "
        f"process the arm waits for each plan, in batches of {options.batch} pairs",
    }
    results = report.Results(task, chosen, protocol)
    work = {"processes": options.processes, "batch": options.batch}
    for policy in options.policies:
        setup = Setup(**{**vars(planner), "policy": policy})
        results.policies[policy] = evaluate(setup, chosen, **work)
        console.print(f"{report.WHO[policy]}: {share(results.policies[policy])}")
    results.flop = flop_per_episode(planner, chosen[0])
    if options.ros:
        results.over_ros = over_ros(task, model, chosen[: options.ros])
        console.print(f"over ROS: {results.ros_share}")
    for name in options.shifts:
        setup = Setup(**{**vars(planner), "shift": name, "record": False})
        label = f"{task.name}: {name}"
        found = evaluate(setup, chosen[: options.shift_goals], label=label, **work)
        results.shifts[name] = found
        console.print(f"{SHIFTS[name].what}: {share(found)}")
    return results


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, evaluate, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shifts = [name for name in SHIFTS if name != "none"]
    parser.add_argument("--task", choices=TASKS, default=DEFAULT_TASK, help="simulated task")
    parser.add_argument("--model", type=Path, help="model directory (default: the embedded model)")
    parser.add_argument("--goals", type=_count, default=100, help="pairs in process (default 100)")
    parser.add_argument("--first", type=int, default=0, help="first of the evaluation's seeds")
    parser.add_argument("--ros", type=int, default=30, help="goals over ROS (default 30)")
    parser.add_argument(
        "--policies", nargs="*", choices=POLICIES, default=POLICIES, help="who acts in process"
    )
    parser.add_argument(
        "--shifts", nargs="*", choices=shifts, default=shifts, help="differences from training"
    )
    parser.add_argument("--shift-goals", type=_count, default=50, help="pairs for each difference")
    parser.add_argument("--preset", default="online", help="planner preset, in process")
    parser.add_argument("--horizon", type=int, default=0, help="model steps planned, in process")
    parser.add_argument("--history", choices=("none", "real"), default="none", help="model.history")
    parser.add_argument(
        "--whole", action="store_true", help="in process, go on within the model's tolerance"
    )
    parser.add_argument("--device", default="cpu", help="of the model, in process")
    parser.add_argument("--processes", type=_count, default=2, help="worker processes")
    parser.add_argument("--batch", type=_count, default=10, help="pairs at once in a process")
    parser.add_argument("--output", type=Path, default=Path("reports"), help="folder of the pages")
    options, _ = parser.parse_known_args(arguments)  # ros2 launch adds --ros-args
    console = Console()
    try:
        options.output.mkdir(parents=True, exist_ok=True)  # before the goals, not after them
        results = run(options, console)
    except (ClientError, OSError) as error:
        raise SystemExit(f"evaluate: {error}") from error
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    path = report.write(results, options.output / f"{options.task}_{stamp}")
    console.print(f"report: {path.resolve()}", soft_wrap=True)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number")
    return number


if __name__ == "__main__":
    main()
