"""One plan at a time from a worker that is watched, and started again when it is lost."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from wm_planner.config import Config
from wm_planner.worker.client import Worker
from wm_planner.worker.messages import (
    Answer,
    Failed,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    SetGoal,
)


class WorkerError(RuntimeError):
    """The worker did not start; the message says why."""


class PlannerLink:
    """Keeps at most one plan under way and knows whether the worker is up.

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
        self._asked: tuple[float, PlanRequest | PlanOnce] | None = None
        self._once: list[PlanOnce] = []
        self._worker: Worker | None = None
        self.ready: Ready | None = None
        self.problem = "the planner's process is still loading the model"

    @property
    def idle(self) -> bool:
        """Whether a plan may be asked for."""
        return self.ready is not None and self._asked is None

    def start(self) -> None:
        """Start the worker and wait until the model is loaded.

        Raises:
            WorkerError: It failed, or took longer than ``worker.start_timeout``.
        """
        self._spawn()
        try:
            _, answer = self._answers.get(timeout=self._config.worker.start_timeout)
        except queue.Empty:
            self.close()
            raise WorkerError(
                "the model was not loaded within worker.start_timeout "
                f"({self._config.worker.start_timeout:.0f} s)"
            ) from None
        if not isinstance(answer, Ready):
            self.close()
            assert isinstance(answer, Failed)
            raise WorkerError(answer.message)
        self.ready = answer

    def set_goal(self, goal: SetGoal) -> None:
        """Make this the goal of the plans that follow; ends the plan under way."""
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
        """Answers that came since the last call; a lost worker has been started again."""
        answers: list[Planned | Failed] = []
        while not self._answers.empty():
            generation, answer = self._answers.get()
            if generation != self._generation:
                continue  # from a process that was given up
            if isinstance(answer, Ready):
                self.ready = answer
                continue
            if isinstance(answer, Failed) and self.ready is None and not answer.lost:
                self.problem = f"{answer.message}: clean the node up and configure it again"
                continue
            answers.append(answer)
            if isinstance(answer, Failed) and answer.lost:
                answers += self._restart(answer)
            else:
                self._asked = None
        return answers

    def serve_waiting(self) -> None:
        """Ask for a plan of its own that waits, if the worker is idle."""
        if self._once and self.idle:
            self._ask(self._once.pop(0))

    def watch(self) -> None:
        """Give up a worker that did not answer in time."""
        settings, now = self._config.worker, time.monotonic()
        if self._asked and now - self._asked[0] > settings.plan_timeout:
            what = f"worker.plan_timeout ({settings.plan_timeout:.1f} s)"
        elif self._worker and not self.ready and now - self._spawned > settings.start_timeout:
            what = f"worker.start_timeout ({settings.start_timeout:.0f} s)"
        else:
            return
        message = f"the planner did not answer within {what}"
        self._receive(self._generation, Failed(-1, message + " and was stopped", lost=True))

    def close(self) -> None:
        """End the worker."""
        if self._worker:
            self._worker.close()
        self._worker, self.ready, self._asked = None, None, None

    def _spawn(self) -> None:
        self._spawned = time.monotonic()
        self._generation += 1
        generation = self._generation
        self._worker = Worker(self._config, lambda answer: self._receive(generation, answer))

    def _receive(self, generation: int, answer: Answer) -> None:
        self._answers.put((generation, answer))
        self._wake()

    def _restart(self, lost: Failed) -> list[Failed]:
        """Start again if the worker had been up; answer what waited for it."""
        waiting = [*([self._asked[1]] if self._asked else []), *self._once]
        self._once.clear()
        was_up = self.ready is not None
        if self._worker:
            self._worker.kill()  # nobody waits for it: the arm comes first
        self._worker, self.ready, self._asked = None, None, None
        if was_up:
            self.problem = lost.message + "; it is being started again"
            try:
                self._spawn()
            except ValueError as error:
                self.problem = f"{lost.message}; it cannot be started again: {error}"
        return [Failed(r.goal_id, lost.message) for r in waiting if isinstance(r, PlanOnce)]

    def _ask(self, request: PlanRequest | PlanOnce) -> None:
        assert self.idle, "one plan at a time"
        assert self._worker
        self._asked = (time.monotonic(), request)
        self._worker.send(request)
