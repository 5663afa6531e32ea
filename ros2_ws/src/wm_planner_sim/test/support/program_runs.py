"""Programs as processes, in the way in which a shell starts them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FREE_DOMAIN = Path(__file__).parents[5] / "scripts" / "free_domain.py"
WAIT = 60.0  # [s] that only a broken program needs


def own_domain() -> dict[str, str]:
    """Return the environment for processes that are apart from the nodes of other tests."""
    domain = subprocess.check_output([sys.executable, FREE_DOMAIN], text=True).strip()
    return {**os.environ, "ROS_DOMAIN_ID": domain}


@contextmanager
def running(
    module: str, words: list[str], printed: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, as a shell does; all it prints is in a file."""
    with printed.open("wb") as file:
        command = [sys.executable, "-m", module, *words]
        program = subprocess.Popen(
            command, env=env, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def wait_until(done: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
