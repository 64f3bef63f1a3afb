"""How the step executor reports on one attempt: to the events of the run, and to who hears its session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from piplan_tui.agents import protocol as said
from piplan_tui.agents.protocol import AgentSession, AskReply, SessionEvent
from piplan_tui.run import events as ev
from piplan_tui.run.active_attempt import ActiveAttempt, OwnAsk
from piplan_tui.run.hearing import Hearing
from piplan_tui.run.model import Changes


class AttemptPort:
    """See `StepPort`. `held_up` is told what keeps the files of a step from being written; empty: nothing does."""

    def __init__(
        self,
        active: ActiveAttempt,
        emit: ev.OnEvent,
        hearing: Hearing,
        held_up: Callable[[str, str], None],
    ) -> None:
        self._active = active
        self._emit = emit
        self._hearing = hearing
        self._held_up = held_up

    def opened(self, session: AgentSession, workspace: Path | None = None) -> None:
        active = self._active
        active.session, active.workspace = session, workspace or active.workspace
        self._emit(ev.SessionStarted(step_id=active.step_id, attempt=active.number, session=session.ref))

    def said(self, event: SessionEvent) -> None:
        self._hearing.heard(self._active, event)

    async def ask(self, request: dict[str, Any]) -> AskReply:
        active = self._active
        own = OwnAsk()
        ask_id = f"runner-{id(own)}"
        active.own_asks[ask_id] = own
        self._hearing.heard(active, said.AskRaised(ask_id, request))
        await own.answered.wait()
        return own.reply

    def changed(self, changes: Changes) -> None:
        active = self._active
        self._emit(ev.StepChanged(step_id=active.step_id, attempt=active.number, changes=changes))

    def held_up(self, problem: str) -> None:
        self._held_up(self._active.step_id, problem)

    def reprompted(self, count: int, problem: str) -> None:
        active = self._active
        self._hearing.heard(active, said.Notice(f"asked again ({count}): {problem}", "warning"))
        self._emit(
            ev.SessionReprompted(step_id=active.step_id, attempt=active.number, count=count, problem=problem)
        )
