"""A run as lines of text: one line per change of state, for a log, a pipe or a small terminal.

A printer is given each event after the state has taken it in, and gives back the lines to print. It does no
I/O and looks at no clock but the events' own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from piplan_tui.agents import protocol
from piplan_tui.clean import StreamCleaner, clean_text
from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks.request import InputRequest
from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.state import HOLDS_SLOT, RunState, StepState, StepStatus
from piplan_tui.views.ask_text import ask_lines, value_text
from piplan_tui.views.changes import changes_line, overlap_line
from piplan_tui.views.decisions import applies_to, decision_line
from piplan_tui.views.formatting import (
    RUN_WORDS,
    agent_label,
    counted,
    format_duration,
    format_money,
    format_tokens,
)
from piplan_tui.views.line import Role, one_line
from piplan_tui.views.step_row import limit_note, step_note

ReadRequest = Callable[[AskState], InputRequest]
LastActivity = Callable[[str], datetime | None]

_MAX_NAMES = 3
_MAX_LINE = 4_000
_CODES: dict[Role, str] = {
    "dim": "2",
    "strong": "1",
    "accent": "36",
    "running": "36",
    "attention": "1;33",
    "failed": "1;31",
    "done": "34",
}


def paint(text: str, role: Role) -> str:
    """`text` in the colour of its role, for a terminal."""
    code = _CODES.get(role)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


_MOVING_WORDS: dict[StepStatus, str] = {
    "running": "running",
    "retrying": "retrying",
    "waiting_user": "waiting for you",
}


class PlainPrinter:
    """Turns what happens to a run into lines.

    `verbosity` 1 adds tools and repeated prompts, 2 also what agents say. With `colour` the lines have escape
    sequences of ours; text of plans and agents never has any. `answered_by_user` tells whether the commands that
    answer a question are to stand under it.
    """

    def __init__(
        self,
        state: RunState,
        read_request: ReadRequest,
        *,
        verbosity: int = 0,
        colour: bool = False,
        answered_by_user: Callable[[], bool] = lambda: True,
    ) -> None:
        self._state = state
        self._answered_by_user = answered_by_user
        self._read_request = read_request
        self._verbosity = verbosity
        self._paint = paint if colour else lambda text, _role: text
        self._blocked = state.counts.get("blocked", 0)
        self._tools: dict[tuple[str, str], str] = {}
        self._speech: dict[str, _Speech] = {}

    # -- events --------------------------------------------------------------------------------

    def event(self, event: ev.RuntimeEvent) -> list[str]:
        """The lines for an event that the state has just taken in."""
        if isinstance(event, ev.StepEvent):
            step = self._state.steps.get(event.step_id)
            if step is None:
                # an answer to the run itself; what comes of it is said by what happens next
                return self._of_the_run(event) if isinstance(event, ev.AskAnswered) else []
            lines = self._end_of_speech(event) if self._verbosity >= 2 else []
            return lines + self._step_event(step, event)
        return self._run_event(event)

    def _of_the_run(self, event: ev.AskAnswered) -> list[str]:
        """An answer to the run itself."""
        state = self._state
        run = one_line(state.run_id)
        lines = [f"run {run}: {_answer(event)}"]
        if state.paused_by == "budget" and state.status == "paused" and event.action != "accept":
            stays = f"run {run} stays paused: {one_line(state.reason)}; piplan-tui resume {run} asks again"
            lines.append(self._paint(stays, "attention"))
        return lines

    def _run_event(self, event: ev.RuntimeEvent) -> list[str]:
        state = self._state
        run = f"run {one_line(state.run_id)}"
        match event:
            case ev.RunStarted():
                slots = "one at a time" if state.slots == 1 else f"up to {state.slots} at once"
                agent = agent_label(state.agent, state.model)
                steps = counted(len(state.order), "step")
                return [self._strong(f"{run} started: {one_line(state.title)} ({steps}, {slots}, {agent})")]
            case ev.RunResumed():
                return [self._strong(f"{run} goes on: {state.done:,} of {len(state.order):,} steps are done")]
            case ev.RunReopened():
                return [self._strong(f"{run} is taken up again")]
            case ev.RunPaused():
                why = f": {one_line(event.reason)}" if event.reason else ""
                return [self._paint(f"{run} paused{why}; no new step starts", "attention")]
            case ev.RunInterrupted():
                return [self._paint(f"{run} was interrupted: {one_line(event.reason)}", "attention")]
            case ev.RunWaitingUser():
                count = len(event.ask_ids)
                what = "an answer" if count == 1 else counted(count, "answer")
                return [self._paint(f"{run} waits for {what}; nothing else can move", "attention")]
            case ev.RunCancelRequested():
                why = f" ({one_line(event.reason)})" if event.reason else ""
                stopping = [step.id for step in state.order if step.status in HOLDS_SLOT]
                return [self._paint(f"cancelling {run}{why}: stopping {_names(stopping)}", "attention")]
            case ev.RunCancelled() | ev.RunFailed() | ev.RunCompleted():
                return [self._strong(f"{run} {RUN_WORDS[state.status].lower()}")]
            case ev.BudgetExceeded():
                return [self._paint(f"{run}: {one_line(state.reason)}; no new step starts", "failed")]
            case ev.RunAsked() if (ask := state.asks.get(event.ask_id)) is not None:
                return self.question(ask)
            case ev.ProviderLimited():
                note = limit_note(state.limits[event.provider], event.at)
                text = f"{run}: {one_line(event.provider)}: {note} ({one_line(event.reason)})"
                return [self._paint(f"{text}; no step starts with it until then", "attention")]
            case ev.ProviderRecovered():
                return [f"{run}: {one_line(event.provider)} answers again; its steps go on"]
            case ev.Logged():
                return [clean_text(line) for line in event.message.splitlines()]
        return []

    def _step_event(self, step: StepState, event: ev.StepEvent) -> list[str]:
        attempt = step.attempt
        match event:
            case ev.StepStarted():
                again = f", attempt {event.attempt}" if event.attempt > 1 else ""
                who = agent_label(event.agent, event.model)
                return self._line(step, f"started ({who}{again}): {one_line(step.title)}")
            case ev.StepResumed():
                return self._line(step, "goes on")
            case ev.StepCompleted():
                said = f": {one_line(event.summary)}" if event.summary else ""
                return self._line(step, f"completed {self._took(attempt)}{said}", "done")
            case ev.StepFailed():
                return self._failed(step, event)
            case ev.StepCancelled():
                why = f": {one_line(event.reason)}" if event.reason else ""
                blocks = self._newly_blocked(step)
                return self._line(step, f"cancelled{why}{blocks}", "attention")
            case ev.StepSkipped():
                self._newly_blocked(step)
                return self._line(step, "skipped; the run goes on without it")
            case ev.StepRetried():
                self._newly_blocked(step)
                return self._line(step, "will be tried again")
            case ev.StepEdited():
                return self._line(step, f"has another goal: {one_line(event.goal)}")
            case ev.StepSteered():
                return self._line(step, f"told: {one_line(event.text)}")
            case ev.StepInterrupted() if event.kind:
                return self._line(step, f"put off, not failed: {one_line(event.reason)}", "attention")
            case ev.StepInterrupted():
                return self._line(step, f"interrupted: {one_line(event.reason)}", "attention")
            case ev.StepWaitingUser() | ev.AskOpened():
                return self._asked(step, event.ask_id)
            case ev.AskAnswered():
                return self._line(step, self._answered(step, event))
            case ev.AskWithdrawn():
                why = f": {one_line(event.reason)}" if event.reason else ""
                return self._line(step, f"the question is void{why}")
            case ev.StepChanged():
                return self._line(step, changes_line(event.changes))
            case ev.StepOverlapped():
                return self._line(step, overlap_line(event.path, event.others), "attention")
            case ev.SessionRetrying():
                wait = format_duration(event.delay_seconds)
                tries = f"try {event.retry} of {event.max_retries} in {wait}"
                return self._line(step, f"{one_line(event.error)}; {tries}", "attention")
            case _ if self._verbosity >= 1:
                return self._detail(step, event)
        return []

    def _detail(self, step: StepState, event: ev.StepEvent) -> list[str]:
        match event:
            case ev.SessionToolStarted():
                tool = f"{one_line(event.tool)} {one_line(event.target)}".rstrip()
                self._tools[step.id, event.call_id] = tool
                return self._line(step, tool, "dim")
            case ev.SessionToolEnded():
                tool = self._tools.pop((step.id, event.call_id), "a tool")
                return [] if event.ok else self._line(step, f"failed: {tool}", "dim")
            case ev.SessionRecovered():
                return self._line(
                    step, "the provider answers again" if event.ok else "gave up retrying", "dim"
                )
            case ev.SessionReprompted():
                return self._line(step, f"asked again ({event.count}): {one_line(event.problem)}", "dim")
        return []

    def _failed(self, step: StepState, event: ev.StepFailed) -> list[str]:
        first, *rest = clean_text(event.error).strip().splitlines() or ["without a reason"]
        lines = self._line(step, f"failed {self._took(step.attempt)}: {first[:_MAX_LINE]}", "failed")
        for text in (*rest[:10], *clean_text(event.detail).strip().splitlines()[-10:]):
            lines += self._line(step, f"| {text[:_MAX_LINE]}", "dim")
        if blocks := self._newly_blocked(step):
            lines += self._line(step, blocks.removeprefix("; "), "attention")
        return lines

    def _newly_blocked(self, step: StepState) -> str:
        """`; blocks 8 steps: survey, report, …`, counted since the last call."""
        count = self._state.counts.get("blocked", 0)
        new, self._blocked = count - self._blocked, count
        if new <= 0:
            return ""
        names = [one.id for one in self._state.dependents[step.index] if one.status == "blocked"]
        shown = ", ".join(map(one_line, names[:_MAX_NAMES])) + (
            ", …" if new > min(len(names), _MAX_NAMES) else ""
        )
        return f"; blocks {counted(new, 'step')}: {shown}"

    def _took(self, attempt: AttemptState | None) -> str:
        if attempt is None:
            return "at once"
        parts = [f"in {format_duration(attempt.elapsed_seconds(self._state.at))}"]
        if attempt.usage is not None and attempt.usage.tokens is not None:
            parts.append(f"{format_tokens(attempt.usage.tokens)} tokens")
        if attempt.usage is not None and attempt.usage.cost_usd is not None:
            parts.append(format_money(attempt.usage.cost_usd))
        return ", ".join(parts)

    # -- questions -----------------------------------------------------------------------------

    def _asked(self, step: StepState, ask_id: str) -> list[str]:
        ask = self._state.asks.get(ask_id)
        if ask is None:
            return []
        first = self._state.same_asks(ask_id)[0]
        if first is not ask:
            return self._line(step, f"asks the same as {one_line(first.step_id)}", "attention")
        return self.question(ask)

    def _answered(self, step: StepState, event: ev.AskAnswered) -> str:
        attempt = step.attempt
        if event.by == "policy" and attempt is not None and attempt.decisions:
            return decision_line(attempt.decisions[-1])
        return _answer(event)

    def question(self, ask: AskState) -> list[str]:
        """An open question in full, with how to answer it."""
        first, *rest = ask_lines(
            self._state.run_id,
            ask,
            self._read_request(ask),
            applies_to(self._state, ask),
            commands=self._answered_by_user(),
        )
        step = self._state.steps.get(ask.step_id)
        said = [self._paint(first, "attention")] if step is None else self._line(step, first, "attention")
        return [*said, *rest]

    # -- what agents say -----------------------------------------------------------------------

    def said(self, step_id: str, event: protocol.SessionEvent) -> list[str]:
        """The lines for what a session said; whole lines only, the rest waits for more."""
        step = self._state.steps.get(step_id)
        if step is None or self._verbosity < 2:
            return []
        if isinstance(event, protocol.TextDelta | protocol.ThinkingDelta):
            kind = "" if isinstance(event, protocol.TextDelta) else "~ "
            lines: list[str] = []
            speech = self._speech.get(step_id)
            if speech is None or speech.mark != kind:
                lines = self._flush(step_id)
                speech = self._speech[step_id] = _Speech(kind)
            return lines + [
                line for text in speech.feed(event.text) for line in self._spoken(step, text, kind)
            ]
        lines = self._flush(step_id)
        if isinstance(event, protocol.Notice):
            lines += self._line(step, f"{event.level}: {one_line(event.text)}", "dim")
        return lines

    def _end_of_speech(self, event: ev.StepEvent) -> list[str]:
        return self._flush(event.step_id) if event.step_id in self._speech else []

    def _flush(self, step_id: str) -> list[str]:
        speech = self._speech.pop(step_id, None)
        if speech is None:
            return []
        step = self._state.steps[step_id]
        return [line for text in speech.finish() for line in self._spoken(step, text, speech.mark)]

    def _spoken(self, step: StepState, text: str, mark: str) -> list[str]:
        return self._line(step, f"| {mark}{text}".rstrip(), "dim")

    # -- heartbeat -----------------------------------------------------------------------------

    def heartbeat(self, now: datetime, last_activity: LastActivity) -> list[str]:
        """A sign of life: what runs, for how long, what has been used."""
        state = self._state
        parts = [f"{state.done:,} of {len(state.order):,} steps done"]
        for status, word in _MOVING_WORDS.items():
            if count := state.counts.get(status):
                parts.append(f"{count:,} {word}")
        if state.usage.tokens is not None:
            parts.append(f"{format_tokens(state.usage.tokens)} tokens")
        if state.usage.cost_usd is not None:
            parts.append(format_money(state.usage.cost_usd))
        lines = [self._paint(f"{format_duration(state.elapsed_seconds(now))}: {', '.join(parts)}", "dim")]
        running = [step for step in state.order if step.status in HOLDS_SLOT]
        for step in running[:_MAX_NAMES]:
            note = step_note(state, step, now, last_activity=last_activity(step.id)).text
            lines += self._line(step, note, "dim")
        return lines

    # -- lines ---------------------------------------------------------------------------------

    def _line(self, step: StepState, text: str, role: Role = "plain") -> list[str]:
        phase = f"{one_line(step.phase)}/" if step.phase else ""
        return [f"{self._paint(f'[{phase}{one_line(step.id)}]', 'dim')} {self._paint(text, role)}"]

    def _strong(self, text: str) -> str:
        return self._paint(text, "strong")


class _Speech:
    """Streamed text of one step, cut into lines."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._cleaner = StreamCleaner()
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        *lines, rest = (self._rest + self._cleaner.feed(text)).split("\n")
        while len(rest) > _MAX_LINE:
            lines.append(rest[:_MAX_LINE])
            rest = rest[_MAX_LINE:]
        self._rest = rest
        return lines

    def finish(self) -> list[str]:
        lines = (self._rest + self._cleaner.finish()).split("\n")
        self._rest = ""
        return [line for line in lines if line]


def _names(ids: list[str]) -> str:
    if not ids:
        return "nothing runs"
    more = f" and {len(ids) - _MAX_NAMES:,} more" if len(ids) > _MAX_NAMES else ""
    return ", ".join(map(one_line, ids[:_MAX_NAMES])) + more


def _answer(event: ev.AskAnswered) -> str:
    by = {"human": "you", "default": "its defaults"}.get(event.by, event.by)
    if event.action != "accept":
        return (
            f"{ {'decline': 'declined', 'cancel': 'dismissed', 'expire': 'expired'}[event.action] } by {by}"
        )
    values = ", ".join(f"{name}={_shown(value)}" for name, value in event.values.items())
    return f"answered by {by}{': ' + values if values else ''}"


def _shown(value: Any) -> str:
    return one_line(value_text(value))
