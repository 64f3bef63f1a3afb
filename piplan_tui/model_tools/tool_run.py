"""Sees a run through for a model: tells how it goes, asks its user where that is possible, stops it in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import anyio
from anyio.abc import TaskGroup

from piplan_tui.config.settings import OnAsk
from piplan_tui.model_tools.outcome import Outcome, outcome
from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import InputRequest, read_request
from piplan_tui.run.control_watch import serve_control
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.store.protocol import StoreError
from piplan_tui.views.line import one_line
from piplan_tui.views.plain import PlainPrinter
from piplan_tui.views.questions import question

MAX_TRIES = 3
"""How often a question is put again when the answer does not fit."""


class Reply(NamedTuple):
    """What a person said to a form."""

    action: Literal["accept", "decline", "cancel"]
    values: Mapping[str, Any] = {}


Tell = Callable[[str], Awaitable[None]]
"""Says on one line how the run goes."""
Ask = Callable[[InputRequest, str], Awaitable[Reply]]
"""Puts a form to the user; the text is what was wrong with the last answer, or empty."""
CanAsk = Callable[[InputRequest], bool]


class ToolRun:
    """One run of one tool call. `run_dir` is `None` for a run that no other process can see."""

    def __init__(
        self,
        run: Run,
        *,
        on_ask: OnAsk,
        run_dir: Path | None,
        tell: Tell,
        ask: Ask | None = None,
        can_ask: CanAsk = lambda request: True,
    ) -> None:
        self._run = run
        self._on_ask = on_ask
        self._run_dir = run_dir
        self._tell = tell
        self._ask = ask
        self._can_ask = can_ask
        self._printer = PlainPrinter(run.state, lambda ask: read_request(ask.request))
        self._news = ""
        self._moved = anyio.Event()
        self._told = anyio.Event()
        self._seen: set[str] = set()
        self._asking: dict[str, anyio.CancelScope] = {}
        self._paused_by = ""

    def _on_event(self, event: ev.RuntimeEvent) -> None:
        if lines := self._printer.event(event):
            self._news = one_line(lines[0])
        if isinstance(event, ev.RunPaused):
            self._paused_by = event.by
        for ask_id, scope in self._asking.items():
            if ask_id not in self._run.state.asks:
                scope.cancel()  # it was answered elsewhere
        self._moved.set()
        self._told.set()

    async def see_through(self) -> Outcome:
        """Start the run, wait for its end, let go of it. When the caller is cancelled, so is the run."""
        run = self._run
        problem = ""
        unsubscribe = run.subscribe(self._on_event)
        try:
            async with anyio.create_task_group() as tasks:
                if self._run_dir is not None:
                    tasks.start_soon(serve_control, run, self._run_dir)
                tasks.start_soon(self._keep_telling)
                await run.start()
                try:
                    problem = await self._until_rest(tasks)
                except StoreError as error:
                    problem = str(error)
                tasks.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await run.cancel(reason="the caller cancelled it")
            raise
        finally:
            unsubscribe()
            with anyio.CancelScope(shield=True):
                await run.leave()
        return outcome(run.state, problem)

    async def _keep_telling(self) -> None:
        said = ""
        while True:
            await self._told.wait()
            self._told = anyio.Event()
            state = self._run.state
            steps = f"{state.done} of {len(state.order)} steps" if state.order else "starting"
            line = f"run {state.run_id} · {steps} · {self._news}"
            if line != said:
                said = line
                await self._tell(line)

    async def _until_rest(self, tasks: TaskGroup) -> str:
        """Return when the run has ended, or why it rests without having ended."""
        run = self._run
        while True:
            self._moved = moved = anyio.Event()
            await self._settle(tasks)
            if self._moved.is_set():
                continue
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(self._until_event, moved, waiting.cancel_scope)
                state = await run.wait()
                if state.ended:
                    waiting.cancel_scope.cancel()
                    return ""
                if not (self._asking or self._somebody_acts()):
                    waiting.cancel_scope.cancel()
                    return self._why_it_rests()

    @staticmethod
    async def _until_event(moved: anyio.Event, scope: anyio.CancelScope) -> None:
        await moved.wait()
        scope.cancel()

    def _somebody_acts(self) -> bool:
        """Whether a person at another terminal is to move the run."""
        state = self._run.state
        if state.status == "paused":
            return self._paused_by == "user"
        return bool(state.asks) and self._on_ask == "wait"

    def _why_it_rests(self) -> str:
        state = self._run.state
        if state.asks:
            ask = next(iter(state.asks.values()))
            return f"it waits for an answer to: {question(ask)}; piplan-tui asks {state.run_id}"
        return state.reason

    # -- questions -----------------------------------------------------------------------------

    async def _settle(self, tasks: TaskGroup) -> None:
        for ask in list(self._run.state.asks.values()):
            if ask.id in self._seen:
                continue
            self._seen.add(ask.id)
            if self._ask is not None and self._can_ask(read_request(ask.request)):
                self._asking[ask.id] = anyio.CancelScope()
                tasks.start_soon(self._put, ask, self._ask)
            else:
                await self._without_a_person(ask)

    async def _without_a_person(self, ask: AskState) -> None:
        with suppress(ControlRefused):  # somebody was quicker
            if self._on_ask == "defaults" and await self._run.answer_with_defaults(ask.id):
                return
            if self._on_ask in ("fail", "defaults") and not ask.kind:
                reason = f"nobody is there to answer: {question(ask)}"
                await self._run.fail_waiting(ask.step_id, reason, by="policy")

    async def _put(self, ask: AskState, put: Ask) -> None:
        request = read_request(ask.request)
        wrong = ""
        try:
            with suppress(ControlRefused):  # it was answered elsewhere
                for _ in range(MAX_TRIES):
                    # only while the form is shown: taking in an answer must not be cut off
                    with self._asking[ask.id]:
                        reply = await put(request, wrong)
                    if ask.id not in self._run.state.asks:
                        return
                    if reply.action == "cancel":
                        break
                    try:
                        await self._run.answer(
                            ask.id, dict(reply.values), action=reply.action, surface="client"
                        )
                        return
                    except AnswerInvalid as error:
                        wrong = str(error)
                        self._asking[ask.id] = anyio.CancelScope()
                await self._without_a_person(ask)
        finally:
            del self._asking[ask.id]
            self._moved.set()
