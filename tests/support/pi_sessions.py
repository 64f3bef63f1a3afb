"""What tests with a real Pi share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import anyio
import msgspec
import psutil

from piplan_tui.agents.guarded import is_warden
from piplan_tui.agents.pi import PiAgent
from piplan_tui.agents.process import RUN_MARK
from piplan_tui.agents.protocol import SessionEvent, SessionRequest, TextDelta

RESULT = '{"status": "completed", "summary": "ok"}'


class Events(list[SessionEvent]):
    """Reported events, and a way to wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = anyio.Event()

    def __call__(self, event: SessionEvent) -> None:
        self.append(event)
        self._changed.set()
        self._changed = anyio.Event()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    async def wait_for(self, kind: type[Any], number: int = 1) -> Any:
        with anyio.fail_after(20):
            while len(self.of(kind)) < number:
                await self._changed.wait()
        return self.of(kind)[number - 1]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))


MakeAgent = Callable[..., PiAgent]


def alive_of(run_id: str) -> list[str]:
    """Command lines of living processes that carry the run's mark, each without its warden's."""
    found = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            if (
                process.environ().get(RUN_MARK) == run_id
                and process.status() != psutil.STATUS_ZOMBIE
                and pid != os.getpid()
                and not is_warden(process)
            ):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def with_step(request: SessionRequest, step_id: str, **changes: Any) -> SessionRequest:
    return msgspec.structs.replace(request, step_id=step_id, **changes)
