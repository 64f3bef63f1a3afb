"""The open questions of a run, for whoever answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import InputRequest
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run_door import RunDoor


class RunAsks(RunDoor):
    """Questions, answers and half-written answers."""

    def request(self, ask_id: str) -> InputRequest:
        """The open question as a form.

        Raises:
            ControlRefused: it is not open (any more).
        """
        return self._inbox.request(ask_id)

    async def answer(
        self,
        ask_id: str,
        values: Mapping[str, Any] | None = None,
        *,
        action: ev.AnswerAction = "accept",
        action_id: str = "",
        note: str = "",
        by: ev.AnsweredBy = "human",
        surface: str = "",
    ) -> None:
        """Answer an open question, from whatever door; the answer is durable when this returns.

        In a run that `PlanRuntime.open_run` has just taken over nothing moves before `start` is called.

        Raises:
            AnswerInvalid: the values do not fit the question; it stays open.
            ControlRefused: the question is not open.
        """
        driver = self._require_driver()
        ask = self.state.asks.get(ask_id)
        self._inbox.answer(
            ask_id, values or {}, action=action, action_id=action_id, note=note, by=by, surface=surface
        )
        await self._journal.sync()
        # what the user had written in a form is not thrown away by an answer that came through another door
        if by != "timeout" and surface in ("", "tui"):
            await self.save_draft(ask_id, None)
        driver.pump()
        if ask is not None and ask.kind:
            await self._own_question_answered(ask, action, values or {}, by)

    async def _own_question_answered(
        self, ask: AskState, action: ev.AnswerAction, values: Mapping[str, Any], by: ev.AnsweredBy
    ) -> None:
        """What follows from the answer to a question of the run itself, which no step waits for."""

    async def answer_with_defaults(self, ask_id: str, *, by: ev.AnsweredBy = "default") -> bool:
        """Answer with the fields' own defaults; false (and nothing done) when a required field has none."""
        defaults = self._inbox.defaults(ask_id)
        if defaults is None:
            return False
        await self.answer(ask_id, defaults, by=by, surface="script")
        return True

    async def _expire(self, ask_id: str, then: str) -> None:
        if then == "defaults" and await self.answer_with_defaults(ask_id, by="timeout"):
            return
        if then == "fail":
            step_id = self.state.asks[ask_id].step_id
            await self.fail_waiting(step_id, "the question was not answered in time", by="timeout")
        elif then == "decline":
            await self.answer(ask_id, action="decline", by="timeout", surface="script")
        else:
            await self.answer(ask_id, action="expire", by="timeout", surface="script")

    async def fail_waiting(self, step_id: str, reason: str, *, by: str = "policy") -> None:
        """Fail a step that waits for the user, because nobody is going to answer.

        Raises:
            ControlRefused: the step does not wait for the user.
        """
        driver = self._require_driver()
        step = self._step(step_id)
        if step.status != "waiting_user":
            raise ControlRefused(f"step {step_id} does not wait for an answer; it is {step.status}")
        await self._attempts.stop([step_id], "cancel", by)
        self._attempts.withdraw_asks(step, reason)
        self.emit(
            ev.StepFailed(step_id=step_id, attempt=step.attempt_number, error=reason, kind="unanswered")
        )
        await self._journal.sync()
        driver.pump()

    async def save_draft(self, ask_id: str, draft: dict[str, Any] | None) -> None:
        """Keep a half-written answer; it is there again after a crash. `None` forgets it."""
        await self._store.save_draft(self.id, ask_id, draft)

    async def load_draft(self, ask_id: str) -> dict[str, Any] | None:
        return await self._store.load_draft(self.id, ask_id)
