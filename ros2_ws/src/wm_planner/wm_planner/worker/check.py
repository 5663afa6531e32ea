"""A check of the node's and the worker's interpreters, with a plan through both.

Usage, in the node's environment: ``python -m wm_planner.worker.check [MODEL_DIR]``; ``make worker``
ends with it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wm_planner.config import Config
from wm_planner.ending import explained
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner.models.spec import SpecError, load_spec
from wm_planner.types import Goal
from wm_planner.worker.interpreter import foreign_environment, python_problem, worker_python
from wm_planner.worker.link import PlannerLink, WorkerError
from wm_planner.worker.messages import Failed, Planned, PlanOnce

WIDTH = 80  # [columns]
TIMEOUT = 60.0  # [s] of the plan
GIB = 1 << 30
_ADVICE = "`make worker` makes an environment for the worker."


@explained("wm_planner.worker.check")
def main(argv: Sequence[str] | None = None) -> int:
    """Print both interpreters, make a plan, and return the exit code.

    Args:
        argv: Arguments; None takes the process's own.
    """
    arguments = make_parser().parse_args(argv)
    report = _Report(arguments.json)
    _node(report)
    report.gap()
    other = worker_python("")
    if other and (problem := python_problem(other)):
        print(f"{other} cannot be used: {problem}", file=sys.stderr)
        report.end(1)
        return 1
    words = ["-m", "wm_planner.worker_process", "--check", arguments.driver]
    worker = subprocess.run(
        [other or sys.executable, *words, *["json"] * arguments.json],
        env=foreign_environment() if other else None,
        stdout=subprocess.PIPE if arguments.json else None,
        text=True,
    )
    code = worker.returncode
    if arguments.json:
        with contextlib.suppress(ValueError):  # it ended before it knew anything
            report.found |= json.loads(worker.stdout)
    if not code and arguments.model is not None:
        report.gap()
        code = _across(arguments.model, report)
    report.end(code)
    return code


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner.worker.check",
        "Check the interpreters of the node and of the worker, with a plan through both.",
        "Exit code: 0 if both can be used and the plan was made, 1 if not, 2 if something else is "
        "wrong; the message says what.",
        "",
        "my_model --json",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL_DIR", help="make a plan with this model")
    parser.add_argument(
        "--driver",
        default="",
        metavar="NAME",
        help="name of the NVIDIA driver; the worker must then find a GPU",
    )
    add_output_options(parser)
    return parser


class _Report:
    """Prints what was found at once, or as JSON at the end.

    Attributes:
        found: Values by name, for each title.
    """

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self.found: dict[str, Any] = {}

    def begin(self, title: str) -> None:
        """Begin a part."""
        self._part = self.found[title.lower()] = {}
        if not self._json:
            print(title, flush=True)

    def line(self, name: str, value: str, place: str = "") -> None:
        """Take a value, and the folder or file that it is of."""
        self._part[name] = {"value": value, "place": place} if place else value
        if self._json:
            return
        line = f"  {name:<11}{value:<9}"
        room = WIDTH - len(line) - 2
        if place and len(place) > room:
            place = f"…{place[1 - room :]}"
        print(f"{line}  {place}".rstrip(), flush=True)

    def gap(self) -> None:
        """Separate two parts."""
        if not self._json:
            print(flush=True)

    def end(self, code: int | None = None) -> None:
        """Print the JSON document, if that was asked for."""
        if self._json:
            exit_code = {} if code is None else {"exit_code": code}
            print(json.dumps({**self.found, **exit_code}, indent=2))


def _node(report: _Report) -> None:
    report.begin("Node")
    _interpreter(report)
    for name in ("cv2", "cv_bridge", "rclpy"):
        _module(report, name)


def check_worker(driver: str, form: str = "") -> int:
    """Print this interpreter, the worker's, and its device; return the exit code.

    Args:
        driver: Name of the NVIDIA driver; a GPU must then be found.
        form: ``json``, or empty.
    """
    report = _Report(form == "json")
    report.begin("Worker")
    code = _worker(report, driver)
    report.end()
    return code


def _worker(report: _Report, driver: str) -> int:
    _interpreter(report)
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: one of its libraries cannot be loaded
        report.line("torch", "none")
        print(f"PyTorch cannot be imported: {error}. {_ADVICE}", file=sys.stderr)
        return 1
    built = torch.version.cuda
    report.line(
        "torch", f"{torch.__version__}, built for {f'CUDA {built}' if built else 'the CPU'}"
    )
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        report.line("device", f"{device.name}, {device.total_memory / GIB:.0f} GiB")
    elif driver:
        report.line("device", "none")
        print(_no_gpu(driver, built), file=sys.stderr)
        return 1
    else:
        report.line("device", f"CPU, {torch.get_num_threads()} threads")
    return 0


def _no_gpu(driver: str, built: str | None) -> str:
    if built is None:
        return (
            f"There is {driver}, but PyTorch is built for the CPU, because pip is set to an index "
            "of such builds (PIP_INDEX_URL, PIP_FIND_LINKS or pip.conf). Unset that, delete "
            ".venv-worker and run `make worker` again, or do without the GPU: make worker TORCH=cpu"
        )
    return (
        f"There is {driver}, but PyTorch, built for CUDA {built}, finds no GPU. Check nvidia-smi "
        "and CUDA_VISIBLE_DEVICES, reboot after an update of the driver, or do without the GPU: "
        "make worker TORCH=cpu"
    )


def _across(model: str, report: _Report) -> int:
    """Start a worker as the node does, and plan once between two gray images."""
    config = Config()
    config.model.directory = model
    report.begin("Both together")
    try:
        spec = load_spec(model, allow_unverified_statistics=True)
        observation = spec.gray_observation()
        link = PlannerLink(config, lambda: None)
        begin = time.monotonic()
        try:
            link.start()
            started = time.monotonic()
            link.plan_once(PlanOnce(1, observation, Goal(observation)))
            plan = _answer(link, begin=started)
            ended = time.monotonic()
            assert link.ready
            report.line("model", f"{Path(model).name}, loaded in {started - begin:.1f} s")
            report.line(
                "a plan",
                f"{(ended - started) * 1e3:.0f} ms, {plan.plan_time * 1e3:.0f} ms of it planning",
            )
        finally:
            link.close()
    except (SpecError, WorkerError, ValueError) as error:
        print(f"No plan was made: {error}", file=sys.stderr)
        return 1
    return 0


def _answer(link: PlannerLink, begin: float) -> Planned:
    while time.monotonic() - begin < TIMEOUT:
        for answer in link.drain():
            if isinstance(answer, Failed):
                raise WorkerError(answer.message)
            return answer
        time.sleep(0.001)
    raise WorkerError(f"the worker did not answer within {TIMEOUT:.0f} s")


def _interpreter(report: _Report) -> None:
    report.line("Python", platform.python_version(), sys.executable)
    _module(report, "numpy")


def _module(report: _Report, name: str) -> None:
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a module built for another NumPy may raise anything
        report.line(name, f"cannot be imported ({error})")
    else:
        place = os.path.dirname(module.__file__ or "")
        report.line(name, str(getattr(module, "__version__", "")), place)


if __name__ == "__main__":
    sys.exit(main())
