"""The thread that a script lives in. Everything of the engine is made, used and dropped there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from piplan_tui.workflow.js.compile import CompiledScript
from piplan_tui.workflow.js.engine import STACK_OF_THREAD, Engine, EngineStopped, JsLimits, Meter

_SLICE_SECONDS = 0.02  # how long a busy script may keep its requests to itself

Budget = tuple[float | None, float]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Nothing is left that could make the script go on. `site` is where it waits, if that is known."""

    site: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a script asked for and said, in order; then, at its end, how it ended."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    end: Stuck | BaseException | None = None


_thread_stack = threading.Lock()


class Worker:
    """Runs one script. `post` is called in the thread with each `Batch`, never with an empty one."""

    def __init__(
        self, script: CompiledScript, args: Any, limits: JsLimits, post: Callable[[Batch], None]
    ) -> None:
        self._script = script
        self._args = args
        self._limits = limits
        self._post = post
        self._inbox: SimpleQueue[str | None] = SimpleQueue()
        self._stopping = False
        self._meter = Meter()
        self._open = 0  # requests without an answer

    def start(self, budget: Budget) -> None:
        """Start the thread and the script in it."""
        thread = threading.Thread(target=self._live, args=(budget,), name="workflow-script", daemon=True)
        # the size is a setting of the whole process; a thread that another starts just then gets more, no harm
        with _thread_stack:
            before = threading.stack_size(STACK_OF_THREAD)
            try:
                thread.start()
            finally:
                threading.stack_size(before)

    def answer(self, request: int, budget: Budget, *, value: Any = None, error: str | None = None) -> None:
        """Settle a request with a JSON value, or with an error that `parallel` and `pipeline` pass on.

        Raises:
            TypeError, ValueError: the value is no JSON.
        """
        outcome = {"value": value} if error is None else {"error": error}
        self._inbox.put(json.dumps({"id": request, "budget": budget, **outcome}, allow_nan=False))

    def busy_seconds(self) -> float:
        """For how long the engine has been running without coming back."""
        since = self._meter.busy_since
        return time.monotonic() - since if since is not None else 0.0

    def stop(self) -> None:
        """Let go of the script. One that is busy ends at its limit of processor time; one that is inside a long
        built-in function, such as the `join` of four thousand million items, only when that is done."""
        self._stopping = True
        self._inbox.put(None)

    def _live(self, budget: Budget) -> None:
        end: Stuck | BaseException | None = None
        try:
            engine = Engine(self._script, self._args, self._limits, self._meter)
            try:
                engine.start(budget)
                end = self._run(engine)
            except EngineStopped as error:
                # a traceback would take the engine along to another thread
                end = EngineStopped(str(error), error.place, error.site)
                with suppress(EngineStopped):  # what it said before it broke is not lost
                    self._flush(engine)
        except BaseException as error:
            end = error
        if end is not None and not self._stopping:
            self._post(Batch(end=end))

    def _run(self, engine: Engine) -> Stuck | None:
        while not self._stopping:
            more = engine.pump(lambda: self._stopping, _SLICE_SECONDS)
            if self._flush(engine):
                return None
            if more:
                continue
            if self._open == 0:
                if engine.fire_timer():
                    continue
                return Stuck(engine.waits_at())
            answer = self._inbox.get()
            if answer is not None:
                self._open -= 1
                engine.settle(answer)
        return None

    def _flush(self, engine: Engine) -> bool:
        """Hand over what the script said. True when that was its end."""
        messages = engine.drain()
        if not messages or self._stopping:
            return False
        self._open += sum("id" in message for message in messages)
        self._post(Batch(messages))
        return any(message["m"]["t"] in {"done", "failed", "unhandled"} for message in messages)
