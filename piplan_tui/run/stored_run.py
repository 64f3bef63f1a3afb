"""A run that this process does not own: read from the store, followed as its owner writes it, and steered
through its owner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from watchfiles import awatch

from piplan_tui.agents.protocol import Steered
from piplan_tui.run import events as ev
from piplan_tui.run.asks import CheckedAnswer, InputRequest, check_answer, note_problems, read_request
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.kept_state import KeptState
from piplan_tui.run.model import PiPlanCancelResult
from piplan_tui.run.recovery import show_interrupted
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.remote_control import ask_owner, tell_owner_secret
from piplan_tui.run.state import HOLDS_SLOT, RunState
from piplan_tui.run.stored_state import stored_state, take_stored
from piplan_tui.run.transcript_tail import TranscriptTails
from piplan_tui.store import control
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import Owner, RuntimeStore

_GATHER_MS = 30
"""Changes of the files that come within this time of each other are read at once."""
_LOOK_AGAIN_MS = 500
"""How often is looked at a run of which nothing is heard: its owner may have been killed."""
_TRANSCRIPT_SECONDS = 0.05
_ACTIVITY_SECONDS = 1.0
_WATCHED = ("events.jsonl", "lock")


class StoredRun:
    """What `Run` offers, of a run elsewhere: its state is as new as the last `poll`, or `follow` keeps it so.

    With an owner, steering goes through the run's folder to that process, which does it or says why not.
    Without one, nothing can be done here: `PlanRuntime.open_run` makes a `Run` of it.
    """

    def __init__(
        self, store: RuntimeStore, state: RunState, owner: Owner | None, now: Callable[[], datetime]
    ) -> None:
        self.state = state
        self.owner = owner
        self.now = now
        self.transcripts = TranscriptTails(store.attempts_dir(state.run_id))
        self._store = store
        self._run_dir: Path | None = None
        if isinstance(store, FileRuntimeStore):
            self._run_dir = store.run_dir(state.run_id)
        self.owner_changed = anyio.Event()
        """Set, and replaced by a new one, when the run gets another owner or loses it."""
        self._polling = anyio.Lock()
        self._as_stored: KeptState | None = None
        self._activity: dict[str, datetime] = {}
        self._subscribers: list[ev.OnEvent] = []

    @classmethod
    async def open(cls, store: RuntimeStore, run_id: str, now: Callable[[], datetime]) -> StoredRun:
        """Read it.

        Raises:
            RunNotFound, RunCorrupt
        """
        owner = await store.owner(run_id)
        state = await stored_state(store, run_id)
        run = cls(store, state, owner, now)
        if owner is None:
            run._show_as_interrupted()
        return run

    @property
    def id(self) -> str:
        return self.state.run_id

    @property
    def refused(self) -> str:
        """Why nothing can be done to it from here; empty when its owner can be asked, or it be taken over."""
        if self.owner is None or self._run_dir is not None:
            return ""
        return f"run {self.id} is owned by another process (pid {self.owner.pid}); steer it there"

    # -- following -----------------------------------------------------------------------------

    def subscribe(self, on_event: ev.OnEvent) -> Callable[[], None]:
        """Call `on_event` for every event that is read from now on, after the state has changed."""
        self._subscribers.append(on_event)
        return lambda: self._subscribers.remove(on_event)

    async def follow(self) -> None:
        """Read on whenever its owner has written, within a tenth of a second. Ends only by cancellation.

        Raises:
            RunCorrupt, RunNotFound: it cannot be read any further.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow_transcripts)
            tasks.start_soon(self._note_activity)
            async for _ in self._changes():
                await self.poll()

    async def _changes(self) -> AsyncIterator[object]:
        yield None
        if self._run_dir is None:
            while True:
                await anyio.sleep(_LOOK_AGAIN_MS / 1000)
                yield None
        async for changes in awatch(
            self._run_dir,
            watch_filter=lambda _change, path: path.endswith(_WATCHED),
            debounce=_GATHER_MS,
            step=10,
            rust_timeout=_LOOK_AGAIN_MS,
            yield_on_timeout=True,
            recursive=False,
        ):
            yield changes

    async def poll(self) -> None:
        """Read what its owner has written since, tell the subscribers, and look whether it still lives."""
        async with self._polling:
            owner = await self._store.owner(self.id)
            # in this order: what an owner wrote before it went is read before it is taken for dead
            async for event in self._store.read(self.id, after=self.state.seq):
                self._show_as_stored()
                await self._take(event)
            before, self.owner = self.owner, owner
            if owner is not None:
                self._show_as_stored()
            if owner is None and before is not None:
                self._show_as_interrupted()
            if owner != before:
                changed, self.owner_changed = self.owner_changed, anyio.Event()
                changed.set()

    async def _take(self, event: ev.RuntimeEvent) -> None:
        await take_stored(self._store, self.state, event)
        if isinstance(event, _ENDS_ATTEMPT):
            await self.transcripts.finish(event.step_id, event.attempt)
        self._tell(event)

    def _tell(self, event: ev.RuntimeEvent) -> None:
        for on_event in self._subscribers:
            on_event(event)

    def _show_as_interrupted(self) -> None:
        # the owner is gone and could not say so; the store hears of it when the run is taken up again
        self._as_stored = KeptState(self.state)
        show_interrupted(self.state, self._tell)

    def _show_as_stored(self) -> None:
        # what was only shown may be said in the store now, and counts once
        if self._as_stored is not None:
            self._as_stored.restore(self.state)
            self._as_stored = None

    async def _follow_transcripts(self) -> None:
        while True:
            await anyio.sleep(_TRANSCRIPT_SECONDS)
            await self.transcripts.poll()

    async def _note_activity(self) -> None:
        while True:
            running = [
                (step.id, step.attempt.number)
                for step in self.state.order
                if step.status in HOLDS_SLOT and step.attempt is not None
            ]
            self._activity = await self.transcripts.last_written(running)
            await anyio.sleep(_ACTIVITY_SECONDS)

    def last_activity(self, step_id: str) -> datetime | None:
        """When the running attempt of a step was last heard of, to about a second; `None` when it was not."""
        return self._activity.get(step_id)

    # -- asks ----------------------------------------------------------------------------------

    def request(self, ask_id: str) -> InputRequest:
        """The open question as a form.

        Raises:
            ControlRefused: it is not open (any more).
        """
        ask = self.state.asks.get(ask_id)
        if ask is None:
            raise ControlRefused("this question is not open any more")
        return read_request(ask.request)

    async def answer(
        self,
        ask_id: str,
        values: Mapping[str, Any] | None = None,
        *,
        action: ev.AnswerAction = "accept",
        action_id: str = "",
        note: str = "",
        surface: str = "",
    ) -> None:
        """Have an open question answered. An answer with a secret goes straight to the owner, through no file.

        Raises:
            AnswerInvalid: the values do not fit the question; the owner was not asked.
            ControlRefused: the question is not open, or the owner refuses.
        """
        request = self.request(ask_id)
        if wrong := note_problems(note):
            raise AnswerInvalid(wrong)
        given = dict(values or {})
        secret = False
        if action == "accept":
            secret = self._holds_secret(request, given)
            checked = check_answer(request, given, action_id, self.state.workspace)
            if not isinstance(checked, CheckedAnswer):
                raise AnswerInvalid(checked)
        wanted = control.AnswerRequest(
            ask_id=ask_id,
            action=action,
            values=given if action == "accept" else {},
            action_id=action_id,
            note=note,
            surface=surface,
        )
        if secret:
            await tell_owner_secret(self._store, self._run_dir, self.id, wanted)
        else:
            await self._ask(wanted)

    def _holds_secret(self, request: InputRequest, values: dict[str, Any]) -> bool:
        secrets = [field.name for field in request.fields if field.type == "secret"]
        given = {name for name in secrets if values.get(name) not in (None, "")}
        for name in secrets:
            if name not in given:
                values.pop(name, None)
        return bool(given)

    async def load_draft(self, ask_id: str) -> dict[str, Any] | None:
        return await self._store.load_draft(self.id, ask_id)

    async def save_draft(self, ask_id: str, draft: dict[str, Any] | None) -> None:
        """Keep a half-written answer; drafts need no owner."""
        await self._store.save_draft(self.id, ask_id, draft)

    # -- steering ------------------------------------------------------------------------------

    async def _ask(self, request: control.ControlRequest) -> control.ControlReply:
        if self.refused:
            raise ControlRefused(self.refused)
        done = None
        if self._run_dir is not None:
            done = await ask_owner(self._store, self._run_dir, self.id, request)
        if done is None:
            raise ControlRefused(f"the process that owned run {self.id} is gone; nothing was done")
        return done

    async def cancel(self, *, reason: str = "") -> PiPlanCancelResult:
        """Have the run ended; returns when no process of it is left.

        Raises:
            ControlRefused: it has ended already. This and all below: also when its owner refuses, does not
                reply, or is gone.
        """
        await self._ask(control.CancelRequest(reason=reason))
        return PiPlanCancelResult(
            run_id=self.id, plan_id=self.state.plan_id, cancelled=True, status="cancelled"
        )

    async def cancel_step(self, step_id: str) -> None:
        """Have one step stopped."""
        await self._ask(control.CancelRequest(step_id=step_id))

    async def pause(self, *, reason: str = "") -> None:
        """Have no new step started."""
        await self._ask(control.PauseRequest(reason=reason))

    async def resume(self) -> None:
        """Have a paused run go on."""
        await self._ask(control.ResumeRequest())

    async def retry(
        self,
        step_ids: Sequence[str] = (),
        *,
        goal: str | None = None,
        agent: str | None = None,
        model: str | None = None,
        with_downstream: bool = False,
    ) -> str:
        """Have steps tried again; without ids, all that failed or were cancelled. Says which, in a sentence."""
        done = await self._ask(
            control.RetryRequest(
                step_ids=list(step_ids), goal=goal, agent=agent, model=model, with_downstream=with_downstream
            )
        )
        return done.message

    async def skip(self, step_id: str) -> None:
        """Have a step left out."""
        await self._ask(control.SkipRequest(step_id=step_id))

    async def edit_step(self, step_id: str, goal: str) -> None:
        """Have a step that has not been tried given another goal."""
        await self._ask(control.EditRequest(step_id=step_id, goal=goal))

    async def steer(self, step_id: str, text: str) -> Steered:
        """Have the agent of a running step told something.

        Raises:
            ControlRefused: also when the agent cannot be told anything now.
        """
        done = await self._ask(control.SteerRequest(step_id=step_id, message=text))
        return "queued" if done.queued else "now"


_ENDS_ATTEMPT = (ev.StepCompleted, ev.StepFailed, ev.StepCancelled, ev.StepInterrupted)
