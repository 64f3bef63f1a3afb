"""Takes in what sessions say: text into transcripts, what recovery and the tree need into events, questions to the
user's policy or to the user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from piplan_tui.agents import protocol as said
from piplan_tui.agents.protocol import AgentFailure, AskReply, SessionEvent
from piplan_tui.run import events as ev
from piplan_tui.run.active_attempt import ActiveAttempt
from piplan_tui.run.permission import decide, question_of
from piplan_tui.run.quota import Quota
from piplan_tui.run.redact import Redactor
from piplan_tui.run.session_facts import fact_of
from piplan_tui.run.state import RunState
from piplan_tui.run.transcript import Transcripts


class Hearing:
    """Hears the sessions of one run. No secret of the user's gets past it."""

    def __init__(
        self,
        state: RunState,
        emit: ev.OnEvent,
        transcripts: Transcripts,
        redactor: Redactor,
        now: Callable[[], datetime],
        quota: Quota,
    ) -> None:
        self._state = state
        self._emit = emit
        self._transcripts = transcripts
        self._redactor = redactor
        self._now = now
        self._quota = quota
        self.start_soon: Callable[..., object] | None = None
        """Starts a task of the run; set by who holds its tasks."""

    def heard(self, active: ActiveAttempt, event: SessionEvent) -> None:
        """Pass on what a session said; what recovery and the tree need also becomes an event of the run."""
        active.last_said = self._now()
        if isinstance(event, said.TextDelta | said.ThinkingDelta) and self._redactor.secrets:
            self._heard_streamed(active, event)
            return
        self.say_held(active)
        event = self._redactor.value(event)
        self._transcripts.add(active.step_id, active.number, event)
        if isinstance(event, said.AskRaised) and self._decided(active, event):
            return
        fact = self._fact(active, event)
        if fact is not None:
            self._emit(fact)
            if isinstance(fact, ev.SessionToolStarted) and fact.writes:
                self._warn_of_overlaps(fact)
        self._quota.heard(active.step_id, event)

    def _warn_of_overlaps(self, fact: ev.SessionToolStarted) -> None:
        for path in fact.writes:
            others = self._state.others_at(path, fact.step_id)
            known = self._state.steps[fact.step_id].overlaps.get(path, [])
            if others and set(others) - set(known):
                self._emit(
                    ev.StepOverlapped(step_id=fact.step_id, attempt=fact.attempt, path=path, others=others)
                )

    def _decided(self, active: ActiveAttempt, event: said.AskRaised) -> bool:
        """Let the user's policy answer, where it does, and keep a record of it."""
        if active.session is None or self.start_soon is None:
            return False
        decided = decide(active.permissions, event.request, active.workspace)
        if decided is None:
            return False
        reply = AskReply(
            action="accept" if decided.allowed else "decline",
            values={"decision": decided.decision} if decided.decision else {},
        )
        self._emit(
            ev.AskAnswered(
                step_id=active.step_id,
                attempt=active.number,
                ask_id=self.new_ask_id(active.step_id, active.number),
                action=reply.action,
                values=reply.values,
                by="policy",
                policy=active.permissions,
                question=question_of(event.request),
            )
        )
        self.start_soon(self.reply, active, event.ask_id, reply)
        return True

    async def reply(self, active: ActiveAttempt, agent_ask_id: str, reply: AskReply) -> None:
        """Give a session, or the step runner, the answer to a question that it knows by `agent_ask_id`."""
        own = active.own_asks.pop(agent_ask_id, None)
        if own is not None:
            own.reply = reply
            own.answered.set()
            return
        if active.session is None:
            return
        try:
            await active.session.answer(agent_ask_id, reply)
        except AgentFailure as failure:
            self.heard(active, said.Notice(f"the answer did not reach the agent: {failure}", "error"))

    def _heard_streamed(self, active: ActiveAttempt, event: said.TextDelta | said.ThinkingDelta) -> None:
        """Pass streamed text on, but for an end that may turn out to be the beginning of a secret."""
        if active.held is not None and type(active.held) is type(event):
            event = type(event)(active.held.text + event.text)
            active.held = None
        self.say_held(active)
        text = self._redactor.text(event.text)
        kept = len(text) - self._redactor.unfinished(text)
        if kept < len(text):
            active.held = type(event)(text[kept:])
        if kept:
            self._transcripts.add(active.step_id, active.number, type(event)(text[:kept]))

    def say_held(self, active: ActiveAttempt) -> None:
        """Pass on streamed text that was held back: no secret began with it."""
        held, active.held = active.held, None
        if held is not None:
            self._transcripts.add(active.step_id, active.number, held)

    def _fact(self, active: ActiveAttempt, event: SessionEvent) -> ev.StepEvent | None:
        where: dict[str, Any] = {"step_id": active.step_id, "attempt": active.number}
        match event:
            case said.UsageReported():
                before = active.usage_before
                return ev.SessionUsage(**where, usage=before.plus(event.usage) if before else event.usage)
            case said.AskRaised():
                ask_id = self.new_ask_id(active.step_id, active.number)
                active.agent_ask_ids[ask_id] = event.ask_id
                return ev.AskOpened(**where, ask_id=ask_id, request=event.request)
            case said.AskWithdrawn():
                for ask_id, agent_ask_id in active.agent_ask_ids.items():
                    if agent_ask_id == event.ask_id:
                        del active.agent_ask_ids[ask_id]
                        if event.expired:
                            return ev.AskAnswered(**where, ask_id=ask_id, action="expire", by="timeout")
                        return ev.AskWithdrawn(**where, ask_id=ask_id, reason=event.reason)
                return None
        return fact_of(event, active.step_id, active.number, active.workspace)

    def new_ask_id(self, step_id: str, attempt: int) -> str:
        """The id of a question that becomes an event next."""
        # counted from the whole run's sequence, so that it is unique and the same after a replay
        return f"{step_id}-{attempt}-{self._state.seq + 1}"
