"""Settings of the worker."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting


@dataclass
class WorkerConfig:
    """Where the model is loaded and plans."""

    mode: str = setting(
        "process",
        "process: a process of its own; thread: a thread of the node; inline: the node's "
        "callbacks, which wait for every plan (for debugging).",
        choices=["process", "thread", "inline"],
    )
    python: str = setting(
        "",
        "Interpreter of the worker's process, in an environment with torch; empty: the one in "
        "WM_PLANNER_WORKER_PYTHON (`scripts/env.sh` sets it after `make worker`), or the node's "
        "own.",
    )
    threads: int = setting(0, "CPU threads of torch; 0: torch decides.", low=0, high=1024)
    nice: int = setting(
        0,
        "Niceness added to the worker's process. Above 0 it plans less often beside other busy "
        "processes, and the commands come no more regularly.",
        low=0,
        high=19,
    )
    start_timeout: float = setting(
        120.0, "Time to load and warm up the model [s].", above=0.0, high=3600.0
    )
    plan_timeout: float = setting(
        5.0,
        "Time after which a plan is given up and the worker restarted [s].",
        above=0.0,
        high=600.0,
    )
    plan_once_timeout: float = setting(
        60.0,
        "The same for a plan of ~/plan_once, which no goal waits for [s].",
        above=0.0,
        high=3600.0,
    )
    restart_timeout: float = setting(
        15.0,
        "How long a goal holds while a lost worker is restarted, once per goal [s]; 0: the goal "
        "ends at once.",
        low=0.0,
        high=3600.0,
    )
