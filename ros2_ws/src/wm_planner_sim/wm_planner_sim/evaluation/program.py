"""Evaluates a model: in process and over ROS, with baselines and shifts; writes one page."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from wm_planner.cli.arguments import count, positive, whole_number
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.cli.width import table_width, wrapped
from wm_planner.ending import explained
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner.models.loading import load
from wm_planner.progress import Progress
from wm_planner_sim.client.episode import Episode as RosEpisode
from wm_planner_sim.client.processes import embedded_model
from wm_planner_sim.client.session import pursue, session
from wm_planner_sim.evaluation import report
from wm_planner_sim.evaluation.episodes import Episode, start_episode
from wm_planner_sim.evaluation.figures import share
from wm_planner_sim.evaluation.in_process import BLIND, POLICIES, Setup, evaluate, flop_per_episode
from wm_planner_sim.evaluation.output import new_folder, print_report
from wm_planner_sim.evaluation.shifts import SHIFTS
from wm_planner_sim.evaluation.workers import process_count
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.actions import STEP_DURATION
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.task import Task
from wm_planner_sim.simulator.tasks import add_task, find_task


def over_ros(task: Task, setup: Setup, chosen: range, progress: Progress) -> list[RosEpisode]:
    """Pursue the goals of some seeds with the real node.

    Raises:
        ClientError: Simulator or planner do not answer.
    """
    parameters = [
        f"planning.preset:={setup.preset}",
        f"planning.horizon:={setup.horizon or task.horizon}",
        f"model.history:={'real' if setup.looks_back else 'none'}",
    ]
    with session(task, setup.model, parameters) as client:
        found = []
        with progress(f"pursuing goals of {task.name} over ROS", len(chosen)) as step:
            for seed in chosen:
                found.append(pursue(client, task, seed))
                step()
        return found


def run(
    options: argparse.Namespace, directory: Path, tell: Callable[[str], None], progress: Progress
) -> Path:
    """Run everything that was asked for; write the page again after each part.

    Args:
        options: The program's.
        directory: Folder of the page.
        tell: Takes each result, a line.
        progress: Shows how far the job is.

    Returns:
        The path of the page.
    """
    task = find_task(options.task)
    chosen = seeds.EVALUATION[options.first : options.first + options.goals]
    planner = Setup(
        task.name,
        model=options.model or embedded_model(task.name),
        preset=options.preset,
        horizon=options.horizon,
        looks_back=options.history == "real",
        ends=not options.whole,
        record=True,
        device=options.device,
    )
    assert planner.model
    with progress("loading the model"):
        model = load(planner.model, options.device)  # before the goals, not after them
    with closing(Simulation(*BLIND, task=task)) as simulation:
        count = len(start_episode(simulation, chosen[0]).sub_goals)
    protocol = _protocol(options, planner, chosen)
    if count:
        protocol["sub-goals"] = f"{count} images on the way to each goal, drawn by the simulator"
    results = report.Results(task, chosen, protocol, sub_goals=count, comparable=planner.ends)

    def part(name: str, episodes: list[Episode]) -> None:
        tell(f"{name}: {share(episodes)}")
        report.write(results, directory)

    policies = [p for p in options.policies if p != "oracle" or model.spec.statistics.state]
    if len(policies) < len(options.policies) and not options.quiet:
        tell("no oracle: the model's latent is no state (statistics.state in model.yaml)")
    for policy in policies:
        setup = replace(planner, policy=policy)
        found = evaluate(setup, chosen, options.processes, options.batch, progress=progress)
        results.policies[policy] = found
        part(report.WHO[policy], found)
    if "planner" in policies:
        with progress("counting the operations of an episode"):
            results.flop = flop_per_episode(planner, chosen[0])
    if options.ros:
        results.over_ros = over_ros(task, planner, chosen[: options.ros], progress)
        tell(f"over ROS: {results.ros_share}")
    few = chosen[: options.shift_goals]
    if options.shifts and "planner" in policies:  # to compare with
        results.shifts["none"] = results.policies["planner"][: len(few)]
    for name in options.shifts:
        setup = replace(planner, shift=name, record=False)
        label = f"pursuing goals of {task.name} under {name}"
        found = evaluate(setup, few, options.processes, options.batch, label, progress)
        results.shifts[name] = found
        part(SHIFTS[name].what, found)
    return report.write(results, directory)


def _protocol(options: argparse.Namespace, planner: Setup, chosen: range) -> dict[str, Any]:
    task = find_task(planner.task)
    assert planner.model
    return {
        "model": planner.model.name,
        "goals": f"seeds {chosen[0]} to {chosen[-1]}, never used in training or calibration; over "
        f"ROS the first {options.ros}, for each shift the first {options.shift_goals}",
        "episode": f"at most {task.max_steps} steps, in process of {STEP_DURATION} s, over ROS of "
        f"{task.step_time} s",
        "end": "over ROS at the first images within the model's tolerance, in process "
        + ("too" if planner.ends else "after all steps"),
        "planner": f"preset {planner.preset}, horizon {planner.horizon or task.horizon}, history "
        f"{options.history}; in process the arm waits for each plan, in batches of {options.batch} "
        "goals",
    }


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner_sim.evaluation",
        "Evaluate a model: in process and over ROS, with baselines and shifts; write "
        "evaluation.html and evaluation.json. It takes from minutes to hours.",
        "--json prints what is in evaluation.json, with the path of the page.\n"
        "Exit code: 0 if all parts ran, whether or not goals were reached.",
        "--task push",
        "--task push --goals 20 --ros 0 --shifts",
        "--task reach --model my_model --policies planner random --json",
    )
    shifts = [name for name in SHIFTS if name != "none"]
    above_0: dict[str, Any] = {"type": positive, "metavar": "N"}
    from_0: dict[str, Any] = {"type": count, "metavar": "N"}
    add = parser.add_argument
    add_task(parser)
    add(
        "--model",
        type=Path,
        metavar="MODEL_DIR",
        help="model directory; its actions are the task's (default: the embedded model)",
    )
    most = len(seeds.EVALUATION)
    add(
        "--goals",
        type=whole_number(1, most),
        default=100,
        metavar="N",
        help="goals in process (%(default)s)",
    )
    add(
        "--first",
        type=whole_number(0, most - 1),
        default=0,
        metavar="N",
        help="first of the evaluation's seeds (%(default)s)",
    )
    add("--ros", default=30, help="how many of them over ROS (%(default)s)", **from_0)
    add(
        "--policies",
        nargs="*",
        choices=POLICIES,
        default=POLICIES,
        metavar="POLICY",
        help=f"who acts in process (default: all): {', '.join(POLICIES)}",
    )
    add(
        "--shifts",
        nargs="*",
        choices=shifts,
        default=shifts,
        metavar="SHIFT",
        help=f"shifts to test (default: all): {', '.join(shifts)}",
    )
    add("--shift-goals", default=50, help="goals per shift (%(default)s)", **above_0)
    add("--preset", default="online", metavar="NAME", help="planner preset (%(default)s)")
    add(
        "--horizon", type=whole_number(0, 100), default=0, metavar="N",
        help="model steps planned (default: the task's)",
    )  # fmt: skip
    add(
        "--history",
        choices=("none", "real"),
        default="none",
        help="real: plan also from earlier images (%(default)s)",
    )
    add("--whole", action="store_true", help="in process, run all steps of each episode")
    add("--device", default="cpu", metavar="NAME", help="of the model, in process (%(default)s)")
    add(
        "--processes", type=process_count, default=2, metavar="N",
        help="worker processes (%(default)s)",
    )  # fmt: skip
    add("--batch", default=10, help="goals at once in a process (%(default)s)", **above_0)
    add(
        "--output",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="folder of the pages (%(default)s)",
    )
    add_output_options(parser)
    return parser


@explained("evaluate")
def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, evaluate, and write the page."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.first + options.goals > len(seeds.EVALUATION):
        parser.error(f"--first and --goals: there are {len(seeds.EVALUATION)} seeds")
    options.ros = min(options.ros, options.goals)
    options.shift_goals = min(options.shift_goals, options.goals)
    if options.history == "real" and {"delay", "lost"} & set(options.shifts):
        parser.error("--history real goes with neither of the shifts delay and lost: see --shifts")
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    tell = _ignore if options.json else _print
    progress = shown_progress(options.quiet or options.json)
    with new_folder(options.output / f"{options.task}_{stamp}") as directory:
        path = run(options, directory, tell, progress)
    print_report(path, as_json=options.json)


def _print(line: str) -> None:
    print("\n".join(wrapped(line, table_width(), others="  ")), flush=True)


def _ignore(line: str) -> None:
    """Take a line that is not printed."""


if __name__ == "__main__":
    main()
