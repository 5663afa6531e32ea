"""The node's link to the worker: one plan at a time, and a restart when the worker is lost."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from wm_planner.config import Config
from wm_planner.worker.client import Worker, make_worker
from wm_planner.worker.gradients import gradient_problem
from wm_planner.worker.messages import (
    Answer,
    Configure,
    Failed,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    SetGoal,
)

POLL = 0.05  # [s] between two looks at whether a start was interrupted
MAX_LOSSES = 5  # in a row, without a plan in between
BACKOFF = 1.0  # [s] before the second restart in a row; doubled for each further one


class WorkerError(RuntimeError):
    """The worker did not start; the message says why."""


class PlannerLink:
    """The worker as the node sees it: at most one plan at a time, restarted when lost.

    A lost worker is restarted and then gets the goal again. ``Failed(lost=True, restarting=True)``
    says that the goal may wait for it. ``restarting`` is False if the goal must end, because its
    worker was lost twice or is not back within ``worker.restart_timeout``. After ``MAX_LOSSES`` in
    a row the worker is not restarted any more.

    Args:
        config: All settings.
        wake: Called, from another thread, when an answer waits for ``drain``.

    Attributes:
        ready: The worker's ``Ready``, or None while it cannot plan.
        problem: While ``ready`` is None, a sentence that says why.
    """

    def __init__(self, config: Config, wake: Callable[[], None]) -> None:
        self._config = config
        self._wake = wake
        self._answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        self._generation = 0
        self._spawned = 0.0
        self._spawn_due: float | None = None
        self._request: tuple[float, PlanRequest | PlanOnce] | None = None  # since when [s, steady]
        self._request_timeout = "plan_timeout"  # the setting that bounds the request
        self._waiting: list[PlanOnce] = []
        self._worker: Worker | None = None
        self._goal: SetGoal | None = None
        self._new_settings = False  # the worker does not have them yet
        self._restarted = False  # since the goal was set
        self._restart_since: float | None = None  # [s, steady] a goal waits for the restart
        self._own_answers: list[Failed] = []
        self._losses = 0
        self.ready: Ready | None = None
        self.problem = "the planner's process is still loading the model"

    @property
    def idle(self) -> bool:
        """Whether a plan may be requested."""
        return self.ready is not None and self._request is None

    @property
    def memory(self) -> int:
        """Resident memory of the worker's process [bytes]; 0 without a process."""
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
            interrupted: Called while waiting; True ends the start.

        Raises:
            WorkerError: The start failed, was interrupted, or took longer than
                ``worker.start_timeout``.
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

    def check(self, config: Config) -> None:
        """Check that the worker can plan with other settings of ``planning``.

        Raises:
            ValueError: It cannot; the message says why.
        """
        precision = self.ready.precision if self.ready else config.model.precision
        if why := gradient_problem(config.planning.preset, precision):
            raise ValueError(why)

    def apply(self, config: Config) -> None:
        """Use other settings of ``planning`` and ``objective`` from the next goal on.

        A current ``PlanOnce`` is not disturbed: the worker gets the settings after it. A restarted
        worker starts with them.
        """
        self._config = config
        self._new_settings = True
        if self.idle:
            self._send_settings()

    def set_goal(self, goal: SetGoal) -> None:
        """Make this the goal of the following plans; ends the current and the waiting plans."""
        if self._goal is None or goal.goal_id != self._goal.goal_id:
            self._restarted, self._restart_since = False, None
        self._goal = goal
        if self._request and self._request_timeout == "plan_once_timeout":
            # It ends now, or the worker hangs.
            self._request = time.monotonic(), self._request[1]
            self._request_timeout = "plan_timeout"
        if self._waiting:
            why = "a goal was accepted before its turn"
            self._own_answers += [Failed(r.goal_id, why, preempted=True) for r in self._waiting]
            self._waiting.clear()
            self._wake()
        if self._worker:
            self._send_settings()
            self._worker.send(goal)

    def plan(self, request: PlanRequest) -> None:
        """Request a plan; only while ``idle``."""
        self._send(request)

    def plan_once(self, request: PlanOnce) -> None:
        """Request a plan with a goal of its own, as soon as the worker is idle."""
        self._waiting.append(request)
        self.serve_waiting()

    def drain(self) -> list[Planned | Failed]:
        """Return the answers since the last call; restart a lost worker."""
        answers: list[Planned | Failed] = [*self._own_answers]
        self._own_answers.clear()
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
                self._request = None
                self._losses = 0
                answers.append(answer)
        if self.idle:
            self._send_settings()
        return answers

    def serve_waiting(self) -> None:
        """Send the first waiting ``PlanOnce`` if the worker is idle."""
        if self._waiting and self.idle:
            self._send(self._waiting.pop(0))

    def watch(self) -> None:
        """Give up a worker that did not answer in time, and restart one whose time has come."""
        settings, now = self._config.worker, time.monotonic()
        if self._restart_since and now - self._restart_since > settings.restart_timeout:
            self._restart_since = None
            late = f"not done within worker.restart_timeout ({settings.restart_timeout:g} s)"
            self._own_answers.append(Failed(-1, f"{self.problem}, {late}", lost=True))
            self._wake()
        timeout = getattr(settings, self._request_timeout)
        if self._spawn_due and now >= self._spawn_due:
            self._spawn_again()
        elif self._request and now - self._request[0] > timeout:
            self._expire(f"worker.{self._request_timeout} ({timeout:.1f} s)")
        elif self._worker and not self.ready and now - self._spawned > settings.start_timeout:
            self._expire(f"worker.start_timeout ({settings.start_timeout:.0f} s)")

    def close(self) -> None:
        """End the worker."""
        if self._worker:
            self._worker.close()
        self._forget_worker()
        self._spawn_due = None

    def _first_answer(self, interrupted: Callable[[], bool]) -> Answer:
        """Return the first answer of a started worker."""
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
        self._new_settings = False
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
        self._generation += 1  # its further answers are ignored
        self._worker, self.ready, self._request = None, None, None

    def _lose(self, lost: Failed) -> list[Planned | Failed]:
        """Restart the worker, now or later; answer the requests that waited for it."""
        waiting = [*([self._request[1]] if self._request else []), *self._waiting]
        self._waiting.clear()
        if self._worker:
            self._worker.kill()  # without waiting for its end, because the arm must be held
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
        self._restart_since = time.monotonic() if restarting else None
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
        """Give up a restarted worker that cannot load the model any more."""
        if self._worker:
            self._worker.kill()
        self._forget_worker()
        self._restart_since = None
        self.problem = f"{failure.message}: clean the node up and configure it again"
        return [Failed(-1, self.problem, lost=True)]

    def _resume(self, ready: Ready) -> None:
        """Continue with a restarted worker, which does not know the goal."""
        self.ready, self._restart_since = ready, None
        self._send_settings()
        if self._worker and self._goal:
            self._worker.send(self._goal)

    def _send(self, request: PlanRequest | PlanOnce) -> None:
        assert self.idle, "one plan at a time"
        assert self._worker
        self._send_settings()
        self._request = time.monotonic(), request
        once = isinstance(request, PlanOnce)
        self._request_timeout = "plan_once_timeout" if once else "plan_timeout"
        self._worker.send(request)

    def _send_settings(self) -> None:
        """Send settings that the worker does not have yet."""
        if self._worker and self._new_settings:
            self._new_settings = False
            self._worker.send(Configure(self._config))
