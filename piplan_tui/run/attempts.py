"""The attempts that are in flight: each is one errand of the step executor, told to the run as events."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import anyio

from piplan_tui.agents.protocol import AgentFailure, AskReply, Steered, UserSaid
from piplan_tui.clean import clean_text
from piplan_tui.run import events as ev
from piplan_tui.run.active_attempt import ActiveAttempt, StopReason
from piplan_tui.run.attempt_port import AttemptPort
from piplan_tui.run.call import call_job
from piplan_tui.run.handoff import HandoffError
from piplan_tui.run.hearing import Hearing
from piplan_tui.run.model import StepDone, StepExecutionInput, StepJob
from piplan_tui.run.quota import Quota
from piplan_tui.run.redact import Redactor
from piplan_tui.run.routing import Route, place_of
from piplan_tui.run.state import RunState, StepState
from piplan_tui.run.step_runner import StepExecutor
from piplan_tui.run.transcript import Transcripts

log = logging.getLogger(__name__)


class Attempts:
    """Starts, stops and reports attempts of one run."""

    def __init__(
        self,
        state: RunState,
        emit: ev.OnEvent,
        executor: StepExecutor,
        transcripts: Transcripts,
        redactor: Redactor,
        now: Callable[[], datetime],
        attempts_dir: Path | None,
        quota: Quota,
    ) -> None:
        self._state = state
        self._emit = emit
        self._executor = executor
        self._transcripts = transcripts
        self._redactor = redactor
        self._attempts_dir = attempts_dir
        self._quota = quota
        self._hearing = Hearing(state, emit, transcripts, redactor, now, quota)
        self._on_held_up: Callable[[], object] = lambda: None
        self.active: dict[str, ActiveAttempt] = {}
        self.held_up: dict[str, str] = {}
        """Steps whose files cannot be written now, and why; each tries again by itself."""

    def use(self, start_soon: Callable[..., object], on_held_up: Callable[[], object]) -> None:
        """Before the first one begins: what starts a task of the run, and who is told when `held_up` changes."""
        self._hearing.start_soon = start_soon
        self._on_held_up = on_held_up

    # -- beginning -----------------------------------------------------------------------------

    def route(self, step: StepState) -> Route | None:
        """Who is to carry out a step now; `None` while every provider that it may use is limited."""
        return self._quota.choose(step)

    def begin(self, step: StepState, route: Route) -> StepJob:
        """Take a queued step: say what it is given and that it runs. `see_through` must follow.

        A step that has an answer goes on with the same attempt; any other begins a new one.
        """
        previous = step.attempt
        goes_on = step.continues and previous is not None
        # another agent cannot go on with the conversation of this one
        interrupted = (
            previous is not None and previous.status == "interrupted" and previous.agent == route.agent
        )
        number = step.attempt_number if goes_on else step.attempt_number + 1
        self._quota.begun(step, route)
        place = place_of(self._state, step)
        given = self._input(step, number, place.workspace)
        self._emit(ev.StepContext(step_id=step.id, attempt=number, input=given))
        if goes_on:
            self._emit(ev.StepResumed(step_id=step.id, attempt=number))
        else:
            self._emit(ev.StepStarted(step_id=step.id, attempt=number, agent=route.agent, model=route.model))
        active = ActiveAttempt(step.id, number, Path(given.workspace), permissions=route.permissions)
        active.usage_before = previous.usage if goes_on and previous else None
        self.active[step.id] = active
        job = StepJob(
            given=given,
            agent=route.agent,
            model=route.model,
            provider=route.provider,
            thinking=route.thinking,
            tools=route.tools,
            system_prompt=self._state.settings.get("systemPrompt", ""),
            permissions=route.permissions,
            home=self._state.workspace,
            demo_pace=_number(self._state.settings.get("demoPace")),
            isolation=place.isolation,
            reason="answer" if goes_on else "continue" if interrupted else "start",
            resume=previous.session if previous is not None and (goes_on or interrupted) else None,
            session_dir=str(self._attempts_dir / step.id / "sessions") if self._attempts_dir else "",
        )
        return job if self._state.workflow is None else call_job(job, step)

    def _input(self, step: StepState, number: int, workspace: str) -> StepExecutionInput:
        state = self._state
        document = step.document
        if step.goal_override is not None:
            document = {**document, "goal": step.goal_override}
        handoffs = (state.steps[dependency].handoff for dependency in step.depends_on)
        return StepExecutionInput(
            run_id=state.run_id,
            attempt=number,
            plan=state.plan,
            step=document,
            workspace=workspace,
            dependencies=tuple(handoff for handoff in handoffs if handoff is not None),
            metadata=state.metadata,
            user_input=tuple(answer for attempt in step.attempts for answer in attempt.answers),
        )

    # -- seeing it through ---------------------------------------------------------------------

    async def see_through(self, step: StepState, job: StepJob) -> None:
        """Run an errand that `begin` made to its end, and say how it ended. Never raises for a failed step."""
        active = self.active[step.id]
        outcome: ev.StepEvent | None = None
        try:
            with active.scope:
                outcome = await self._outcome(active, job)
        finally:
            self._hearing.say_held(active)
            # before it is over for anybody: who hears of its end finds its transcript whole
            await self._transcripts.finish(step.id, active.number)
            self._quota.ended(step, outcome)
            del self.active[step.id]
            if active.ended is not None:
                active.ended.set()
        if outcome is None:
            self.withdraw_asks(step, "its attempt was stopped")
            if active.stopped == "interrupt":
                outcome = ev.StepInterrupted(
                    step_id=step.id, attempt=active.number, reason="the run was left while it ran"
                )
            else:
                outcome = ev.StepCancelled(
                    step_id=step.id, attempt=active.number, by=active.stopped_by or "user"
                )
        elif step.asks:
            self.withdraw_asks(step, "its attempt ended")
        self._emit(self._redactor.value(outcome))

    async def _outcome(self, active: ActiveAttempt, job: StepJob) -> ev.StepEvent:
        port = AttemptPort(active, self._emit, self._hearing, self._note_held_up)
        try:
            done = await self._executor.execute(job, port)
        except AgentFailure as failure:
            excused = self._quota.excuse(self._state.steps[active.step_id], active.number, failure)
            return excused or self._failed(active, failure.message, failure.kind, failure.detail)
        except HandoffError as error:
            return self._failed(active, str(error), "handoff")
        except Exception as error:
            # a mistake of ours in one step must not end the others
            trace = self._redactor.text(traceback.format_exc())
            log.error("step %s ended with an unexpected error\n%s", active.step_id, trace)
            return self._failed(active, f"internal error: {type(error).__name__}: {error}", "internal")
        return self._result_event(active, done)

    def _note_held_up(self, step_id: str, problem: str) -> None:
        self.held_up.pop(step_id, None)
        if problem:
            self.held_up[step_id] = problem
        self._on_held_up()

    def _failed(self, active: ActiveAttempt, error: str, kind: str, detail: str = "") -> ev.StepFailed:
        return ev.StepFailed(
            step_id=active.step_id, attempt=active.number, error=error, kind=kind, detail=detail
        )

    def _result_event(self, active: ActiveAttempt, done: StepDone) -> ev.StepEvent:
        step_id, attempt, result = active.step_id, active.number, done.result
        if result.status == "completed":
            return ev.StepCompleted(
                step_id=step_id,
                attempt=attempt,
                handoff=done.handoff,
                summary=result.summary,
                value=done.value,
            )
        if result.status == "waiting_user":
            return ev.StepWaitingUser(
                step_id=step_id,
                attempt=attempt,
                ask_id=self._hearing.new_ask_id(step_id, attempt),
                request=result.input_request,
                summary=result.summary,
            )
        reason = result.error or result.summary
        if result.status == "failed":
            return self._failed(active, reason or "the agent reported failure without a reason", "result")
        return ev.StepCancelled(step_id=step_id, attempt=attempt, reason=reason, by="agent")

    def withdraw_asks(self, step: StepState, reason: str) -> None:
        """Close what a step asks without an answer, because nothing waits for one any more."""
        for ask_id in list(step.asks):
            attempt = self._state.asks[ask_id].attempt
            self._emit(ev.AskWithdrawn(step_id=step.id, attempt=attempt, ask_id=ask_id, reason=reason))

    # -- asks of live sessions -----------------------------------------------------------------

    def holds(self, step: StepState) -> bool:
        """Whether a session of this step stands still in the middle of its turn."""
        return step.id in self.active

    def resume_held(self, step: StepState) -> None:
        """Let a session that stood still take its slot again; `deliver_replies` must follow."""
        self._emit(ev.StepResumed(step_id=step.id, attempt=self.active[step.id].number))

    async def deliver_replies(self, step_id: str) -> None:
        """Give a session the answers to what it asked in the middle of its turn."""
        active = self.active.get(step_id)
        if active is None:
            return
        replies, active.replies = active.replies, []
        for agent_ask_id, reply in replies:
            await self._hearing.reply(active, agent_ask_id, reply)

    def keep_reply(self, step_id: str, ask_id: str, reply: AskReply) -> None:
        """Hold an answer until the step has a slot again. Nothing happens when no session waits for it."""
        active = self.active.get(step_id)
        if active is not None and (agent_ask_id := active.agent_ask_ids.pop(ask_id, None)) is not None:
            active.replies.append((agent_ask_id, reply))

    # -- stopping ------------------------------------------------------------------------------

    async def stop(self, step_ids: list[str], reason: StopReason, by: str) -> None:
        """Stop these attempts and wait until their agents have let go."""
        stopping = [self.active[step_id] for step_id in step_ids if step_id in self.active]
        for active in stopping:
            active.stopped = active.stopped or reason
            active.stopped_by = active.stopped_by or by
            active.ended = active.ended or anyio.Event()
            active.scope.cancel()
        for active in stopping:
            assert active.ended is not None
            await active.ended.wait()

    async def steer(self, step_id: str, text: str, by: str) -> Steered:
        """Tell the session of a running step something; that it was told is a fact then."""
        active = self.active.get(step_id)
        if active is None or active.session is None:
            return ""
        heard = await active.session.steer(text)
        if heard:
            said = self._redactor.text(clean_text(text).strip())
            self._emit(ev.StepSteered(step_id=step_id, attempt=active.number, text=said, heard=heard, by=by))
            who = "you" if by == "user" else by
            self.user_said(step_id, active.number, f"{who} told it: {said}")
        return heard

    def user_said(self, step_id: str, attempt: int, text: str) -> None:
        """Put what the user said into the transcript, where it was said."""
        if (active := self.active.get(step_id)) is not None:
            self._hearing.say_held(active)
        self._transcripts.add(step_id, attempt, UserSaid(self._redactor.text(text)))


def _number(given: object) -> float | None:
    # settings are read from the disk as they are
    return float(given) if isinstance(given, int | float) and given >= 0 else None
