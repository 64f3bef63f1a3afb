"""Where a host receives the events of its runs."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio

from piplan_tui.run import events as ev

log = logging.getLogger(__name__)


class EventSink(Protocol):
    """A host's receiver of events. `emit` may be a coroutine function; calls come in order, one at a time."""

    def emit(self, event: ev.RuntimeEvent) -> Awaitable[None] | None: ...


Sink = EventSink | Callable[[ev.RuntimeEvent], Awaitable[None] | None]


class Delivery:
    """Hands events to a host's sink, in order; a sink that fails is reported and does not stop the run."""

    def __init__(self, sink: Sink) -> None:
        self._emit: Callable[[ev.RuntimeEvent], Awaitable[None] | None]
        self._emit = sink if not hasattr(sink, "emit") else sink.emit
        self._waiting: list[Awaitable[None]] = []
        self._more = anyio.Event()

    def __call__(self, event: ev.RuntimeEvent) -> None:
        try:
            outcome = self._emit(event)
        except Exception:
            log.exception("the sink failed on %s", event.type)
            return
        if inspect.isawaitable(outcome):
            self._waiting.append(outcome)
            self._more.set()

    async def run_until(self, closed: anyio.Event) -> None:
        """Await what a coroutine sink gave, until the run is closed and everything is delivered."""
        async with anyio.create_task_group() as tasks:

            async def wake_at_end() -> None:
                await closed.wait()
                self._more.set()

            tasks.start_soon(wake_at_end)
            while not (closed.is_set() and not self._waiting):
                await self._more.wait()
                self._more = anyio.Event()
                waiting, self._waiting = self._waiting, []
                for outcome in waiting:
                    try:
                        await outcome
                    except Exception:
                        log.exception("the sink failed")
