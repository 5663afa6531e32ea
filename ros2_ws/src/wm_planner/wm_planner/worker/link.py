"""One plan at a time from a worker that is watched, and started again when it is lost."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from wm_planner.config import Config
from wm_planner.worker.client import Worker, make_worker
from wm_planner.worker.messages import (
    Answer,
    Failed,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    SetGoal,
)

POLL = 0.05  # [s] how often a start looks whether it was interrupted
MAX_LOSSES = 5  # in a row, without a plan in between
BACKOFF = 1.0  # [s] before the second start in a row, doubled for each that follows


class WorkerError(RuntimeError):
    """The worker did not start; the message says why."""


class PlannerLink:
    """Keeps at most one plan under way and knows whether the worker is up.

    A worker that is lost is started again, and gets the goal again when it is up: the answer
    ``Failed(lost=True, restarting=True)`` says that the goal may wait for it. The goal cannot when
    the worker is lost twice, or is not back within ``worker.restart_timeout``; then ``restarting``
    is False. After ``MAX_LOSSES`` in a row it is given up.

    Args:
        config: All settings.
        wake: Called from another thread when an answer waits for ``drain``.
    """

    def __init__(self, config: Config, wake: Callable[[], None]) -> None:
        self._config = config
        self._wake = wake
        self._answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        self._generation = 0
        self._spawned = 0.0
        self._spawn_due: float | None = None
        self._asked: tuple[float, PlanRequest | PlanOnce] | None = None
        self._limit = "plan_timeout"  # the setting that bounds what was asked
        self._once: list[PlanOnce] = []
        self._worker: Worker | None = None
        self._goal: SetGoal | None = None
        self._restarted = False  # since the goal was set
        self._waiting_since: float | None = None  # [s, steady] a goal waits for the restart
        self._overdue: list[Failed] = []
        self._losses = 0
        self.ready: Ready | None = None
        self.problem = "the planner's process is still loading the model"

    @property
    def idle(self) -> bool:
        """Whether a plan may be asked for."""
        return self.ready is not None and self._asked is None

    @property
    def memory(self) -> int:
        """Resident memory of the worker's process [bytes]; 0 when it is not there."""
        if self._worker is None:
            return 0
        try:
            pages = int(Path(f"/proc/{self._worker.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def start(self, interrupted: Callable[[], bool] = lambda: False) -> None:
        """Start the worker and wait until the model is loaded.

        Args:
            interrupted: Asked while waiting; True ends the start.

        Raises:
            WorkerError: It failed, was interrupted, or took longer than ``worker.start_timeout``.
        """
        self._spawn()
        try:
            answer = self._first_answer(interrupted)
        except WorkerError:
            self.close()
            raise
        if not isinstance(answer, Ready):
            self.close()
            assert isinstance(answer, Failed)
            raise WorkerError(answer.message)
        self.ready = answer

    def set_goal(self, goal: SetGoal) -> None:
        """Make this the goal of the plans that follow; ends the plans under way and waiting."""
        if self._goal is None or goal.goal_id != self._goal.goal_id:
            self._restarted, self._waiting_since = False, None
        self._goal = goal
        if self._asked and self._limit == "plan_once_timeout":  # it ends now, or the worker hangs
            self._asked, self._limit = (time.monotonic(), self._asked[1]), "plan_timeout"
        if self._once:
            why = "a goal came in between"
            self._overdue += [Failed(r.goal_id, why, preempted=True) for r in self._once]
            self._once.clear()
            self._wake()
        if self._worker:
            self._worker.send(goal)

    def plan(self, request: PlanRequest) -> None:
        """Ask for a plan; only while ``idle``."""
        self._ask(request)

    def plan_once(self, request: PlanOnce) -> None:
        """Ask for a plan of its own, as soon as the worker is idle."""
        self._once.append(request)
        self.serve_waiting()

    def drain(self) -> list[Planned | Failed]:
        """Answers that came since the last call; a lost worker is being started again."""
        answers: list[Planned | Failed] = [*self._overdue]
        self._overdue.clear()
        while not self._answers.empty():
            generation, answer = self._answers.get()
            if generation != self._generation:
                continue  # from a worker that was given up
            if isinstance(answer, Ready):
                self._resume(answer)
            elif isinstance(answer, Failed) and answer.lost:
                answers += self._lose(answer)
            elif isinstance(answer, Failed) and self.ready is None:
                answers += self._give_up(answer)
            else:
                self._asked = None
                self._losses = 0
                answers.append(answer)
        return answers

    def serve_waiting(self) -> None:
        """Ask for a plan of its own that waits, if the worker is idle."""
        if self._once and self.idle:
            self._ask(self._once.pop(0))

    def watch(self) -> None:
        """Give up a worker that did not answer in time, and start one whose time has come."""
        settings, now = self._config.worker, time.monotonic()
        if self._waiting_since and now - self._waiting_since > settings.restart_timeout:
            self._waiting_since = None
            late = f"not done within worker.restart_timeout ({settings.restart_timeout:g} s)"
            self._overdue.append(Failed(-1, f"{self.problem}, {late}", lost=True))
            self._wake()
        if self._spawn_due and now >= self._spawn_due:
            self._spawn_again()
        elif self._asked and now - self._asked[0] > getattr(settings, self._limit):
            self._expire(f"worker.{self._limit} ({getattr(settings, self._limit):.1f} s)")
        elif self._worker and not self.ready and now - self._spawned > settings.start_timeout:
            self._expire(f"worker.start_timeout ({settings.start_timeout:.0f} s)")

    def close(self) -> None:
        """End the worker."""
        if self._worker:
            self._worker.close()
        self._forget_worker()
        self._spawn_due = None

    def _first_answer(self, interrupted: Callable[[], bool]) -> Answer:
        """Wait for the answer to the start."""
        timeout = self._config.worker.start_timeout
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if interrupted():
                raise WorkerError("the loading of the model was interrupted")
            try:
                return self._answers.get(timeout=POLL)[1]
            except queue.Empty:
                continue
        raise WorkerError(f"the model was not loaded within worker.start_timeout ({timeout:.0f} s)")

    def _spawn(self) -> None:
        self._spawned, self._spawn_due = time.monotonic(), None
        self._generation += 1
        generation = self._generation
        self._worker = make_worker(self._config, lambda answer: self._receive(generation, answer))

    def _receive(self, generation: int, answer: Answer) -> None:
        self._answers.put((generation, answer))
        self._wake()

    def _expire(self, what: str) -> None:
        message = f"the planner did not answer within {what} and was stopped"
        self._receive(self._generation, Failed(-1, message, lost=True))

    def _forget_worker(self) -> None:
        self._generation += 1  # what it still says is not heard
        self._worker, self.ready, self._asked = None, None, None

    def _lose(self, lost: Failed) -> list[Planned | Failed]:
        """Start again, now or later; answer what waited for the worker."""
        waiting = [*([self._asked[1]] if self._asked else []), *self._once]
        self._once.clear()
        if self._worker:
            self._worker.kill()  # nobody waits for it: the arm comes first
        self._forget_worker()
        self._losses += 1
        restarting = not self._restarted and self._config.worker.restart_timeout > 0
        if self._losses > MAX_LOSSES:
            restarting = False
            self.problem = (
                f"{lost.message}; this happened {self._losses} times in a row, so it is not "
                "started again: clean the node up and configure it again"
            )
        else:
            self.problem = f"{lost.message}; it is being started again"
            delay = BACKOFF * 2 ** (self._losses - 2) if self._losses > 1 else 0.0
            self._spawn_due = time.monotonic() + delay
            if not delay:
                self._spawn_again()
        self._restarted = True
        self._waiting_since = time.monotonic() if restarting else None
        message = self.problem if self._losses > MAX_LOSSES else lost.message
        return [
            replace(lost, message=message, restarting=restarting),
            *(Failed(r.goal_id, lost.message) for r in waiting if isinstance(r, PlanOnce)),
        ]

    def _spawn_again(self) -> None:
        try:
            self._spawn()
        except ValueError as error:  # counts as another loss
            self._receive(self._generation, Failed(-1, str(error), lost=True))

    def _give_up(self, failure: Failed) -> list[Planned | Failed]:
        """A worker that was started again cannot load the model any more."""
        if self._worker:
            self._worker.kill()
        self._forget_worker()
        self._waiting_since = None
        self.problem = f"{failure.message}: clean the node up and configure it again"
        return [Failed(-1, self.problem, lost=True)]

    def _resume(self, ready: Ready) -> None:
        """The worker is up again: it gets the goal it does not know of."""
        self.ready, self._waiting_since = ready, None
        if self._worker and self._goal:
            self._worker.send(self._goal)

    def _ask(self, request: PlanRequest | PlanOnce) -> None:
        assert self.idle, "one plan at a time"
        assert self._worker
        self._asked = (time.monotonic(), request)
        self._limit = "plan_once_timeout" if isinstance(request, PlanOnce) else "plan_timeout"
        self._worker.send(request)
