"""Running a script with nothing but the results that there are, to say before it starts what it will reuse.

Calls that have a result get it; one that has none is counted and never returns. When the script stands still, what
it will reuse is known, and what it will run at least: the rest depends on answers that nobody has yet.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.call import AgentCall
from piplan_tui.run.nested import Script
from piplan_tui.run.reuse import Forecast
from piplan_tui.run.state import RunState, StepState
from piplan_tui.run.workflow_host import RunHost
from piplan_tui.workflow.host import ScriptFailed, ScriptMistake, WorkflowStop

log = logging.getLogger(__name__)

STILL_SECONDS = 0.3
"""How long nothing must be asked for until the script is taken to stand still."""
LONGEST_SECONDS = 3.0

Take = Callable[[str, str], StepState | None]
"""The finished call that a key and a place stand for; `None` when there is none."""


class Rehearsal:
    """A driver that makes nothing happen."""

    def __init__(
        self, state: RunState, take: Take, nested: Callable[[str], Awaitable[Script]], max_items: int
    ) -> None:
        self.state: RunState = state
        self.max_items: int = max_items
        self.nested: Callable[[str], Awaitable[Script]] = nested
        self._take = take
        self._reuse = self._run = self._asked = 0

    def say(self, event: ev.RuntimeEvent) -> None:
        """Nothing of a rehearsal is a fact."""

    async def agree(self, items: int, calls: int, place: str) -> None:
        """Every fan-out begins: it costs nothing here."""

    async def result_of(self, call: AgentCall, place: str, check: AnswerCheck | None) -> Any:
        """The result that the call has already."""
        self._asked += 1
        step = self._take(call.key, place)
        if step is None:
            self._run += 1
            await anyio.sleep_forever()
            raise AssertionError("unreachable")
        if step.status in ("skipped", "cancelled"):
            return None  # the user settled it; it neither runs nor has a result
        self._reuse += 1
        return step.value["value"] if call.wrapped and isinstance(step.value, dict) else step.value

    async def forecast(self, script: Script) -> Forecast:
        """Run it until it ends or stands still."""
        args = self.state.workflow.args if self.state.workflow is not None else None

        async def run() -> None:
            try:
                await script(RunHost(self, args))
            except (ScriptFailed, ScriptMistake, WorkflowStop):
                pass  # it will be told when it really runs
            except Exception:
                # the script is somebody else's code
                log.exception("a rehearsal of run %s ended with an unexpected error", self.state.run_id)
            tasks.cancel_scope.cancel()

        with anyio.move_on_after(LONGEST_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                before = -1
                while self._asked != before:  # standing still is that nothing happens
                    before = self._asked
                    await anyio.sleep(STILL_SECONDS)
                tasks.cancel_scope.cancel()
        return Forecast(self._reuse, self._run)
