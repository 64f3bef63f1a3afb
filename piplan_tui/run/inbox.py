"""The open questions of a run: read as forms, answered through one door, closed when their time is up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import anyio
from anyio.abc import TaskGroup

from piplan_tui.agents.protocol import AskReply
from piplan_tui.run import budget
from piplan_tui.run import events as ev
from piplan_tui.run.answer_line import answer_line
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import (
    CheckedAnswer,
    FieldError,
    InputRequest,
    check_answer,
    defaults_of,
    note_problems,
    read_request,
)
from piplan_tui.run.attempts import Attempts
from piplan_tui.run.redact import Redactor
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import RunState

Expire = Callable[[str, str], Awaitable[None]]
"""Called with the question's id and what the plan wants done: decline, cancel, fail or defaults."""


class AnswerInvalid(Exception):
    """An answer does not fit its question. `errors` has a sentence per field."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


class Inbox:
    """What the user is asked in one run. Every answer is checked here, whatever door it came through."""

    def __init__(
        self,
        state: RunState,
        emit: ev.OnEvent,
        attempts: Attempts,
        redactor: Redactor,
        now: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._emit = emit
        self._attempts = attempts
        self._redactor = redactor
        self._now = now
        self._requests: dict[str, InputRequest] = {}

    def request(self, ask_id: str) -> InputRequest:
        known = self._requests.get(ask_id)
        if known is None:
            ask = self._state.asks.get(ask_id)
            if ask is None:
                raise ControlRefused(f"question {ask_id} is not open; it may have been answered already")
            known = self._requests[ask_id] = read_request(ask.request)
        return known

    def forget(self, ask_id: str) -> None:
        """The question is closed."""
        self._requests.pop(ask_id, None)

    def answer(
        self,
        ask_id: str,
        values: Mapping[str, Any],
        *,
        action: ev.AnswerAction,
        action_id: str,
        note: str,
        by: ev.AnsweredBy,
        surface: str,
    ) -> None:
        request = self.request(ask_id)
        if wrong := note_problems(note):
            raise AnswerInvalid(wrong)
        answer = CheckedAnswer(values={}, other=[], secrets={})
        if action == "accept":
            checked = check_answer(request, values, action_id, self._state.workspace)
            if not isinstance(checked, CheckedAnswer):
                raise AnswerInvalid(checked)
            if wrong := budget.answer_problem(self._state, self._state.asks[ask_id], dict(checked.values)):
                raise AnswerInvalid(wrong)
            answer = checked
            action = checked.action
        self._redactor.learn(dict(answer.secrets))
        told: Literal["accept", "decline", "cancel"] = "cancel" if action == "expire" else action
        # the same permission of several agents is one question
        for same in self._state.same_asks(ask_id):
            self._emit(
                ev.AskAnswered(
                    step_id=same.step_id,
                    attempt=same.attempt,
                    ask_id=same.id,
                    action=action,
                    values=dict(answer.values),
                    action_id=action_id,
                    other=list(answer.other),
                    note=self._redactor.text(note),
                    by=by,
                    surface=surface,
                    same_as=ask_id if same.id != ask_id else "",
                )
            )
            if same.step_id:
                secrets = {field.name for field in request.fields if field.type == "secret"}
                said = answer_line(action, answer.values, secrets=secrets, note=note, by=by)
                self._attempts.user_said(same.step_id, same.attempt, said)
            reply = AskReply(action=told, values=dict(answer.values))
            self._attempts.keep_reply(same.step_id, same.id, reply)

    # -- time limits ---------------------------------------------------------------------------

    def watch_deadline(self, ask: AskState, tasks: TaskGroup, expire: Expire) -> None:
        """End a question when the time is up that the plan set for it; without one it waits for ever.

        An asker whose protocol has a limit (a dialog of Pi) keeps that time itself, and says when it is up.
        """
        limit = ask.limit
        if limit is not None and limit.owner == "runtime":
            until = ask.opened_at + timedelta(seconds=limit.seconds)
            left = (until - self._now()).total_seconds()
            # never longer than the plan says, even when the clock was set back since the question was put
            left = min(max(0.0, left), limit.seconds)
            tasks.start_soon(self._expire_after, ask.id, left, limit.then, expire)

    async def _expire_after(self, ask_id: str, seconds: float, then: str, expire: Expire) -> None:
        await anyio.sleep(seconds)
        if ask_id in self._state.asks:
            await expire(ask_id, then)

    def defaults(self, ask_id: str) -> dict[str, Any] | None:
        """The answer that the fields' own defaults make; `None` when a required field has none."""
        return defaults_of(self.request(ask_id))
