"""An open question with its form: who asks, how long it has waited, and the draft that is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import FieldError, read_request
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.key_order import LONGEST_HOLD, keys_held
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.widgets.ask_form import AskForm
from piplan_tui.tui.widgets.ask_messages import Declined, DraftChanged, Postponed, Submitted
from piplan_tui.tui.widgets.ask_place import FormPlace
from piplan_tui.views.decisions import applies_to
from piplan_tui.views.formatting import format_clock, format_duration
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.questions import ask_order

_DRAFT_PAUSE = 0.4
"""Seconds without typing after which a draft is stored."""
_TITLE_ROWS = 2
_TIGHT = 8
"""Rows below which none is spent on a line above the title."""
_THEN = {
    "decline": "declined",
    "cancel": "cancelled",
    "fail": "the step fails",
    "defaults": "answered with the defaults",
}
"""What comes of a question that nobody answers in time."""


class AskPanel(Vertical):
    """Loads the draft, shows the form, and passes on what the user decided. It answers nothing itself."""

    @dataclass
    class Answered(Message):
        """The user decided; `panel` shows the errors if the answer does not fit."""

        panel: AskPanel
        ask_id: str
        values: Mapping[str, Any]
        action: Literal["accept", "decline", "cancel"]
        action_id: str = ""
        note: str = ""

    @dataclass
    class Later(Message):
        """The question is put off; the draft is kept."""

        ask_id: str

    def __init__(
        self, run: Run | StoredRun, ask: AskState, places: MutableMapping[str, FormPlace] | None = None
    ) -> None:
        super().__init__()
        self.ask = ask
        self._places = {} if places is None else places
        self.shown = asyncio.Event()
        """Set once the form is there."""
        self._urgent = read_request(ask.request).urgency == "high"
        self._run = run
        self._draft: dict[str, Any] | None = None
        self._draft_changed = False
        self._problem = ""
        """Why the draft could not be stored or read, when that was said."""
        self._place_left = False
        self._timer: Timer | None = None
        self._focus_wanted = False
        self._until_focus = ExitStack()
        """What ends once the form has the focus, or is known not to get it."""
        self._rows: int | None = None
        self.form: AskForm | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="ask-title", markup=False)

    async def on_mount(self) -> None:
        try:
            await self._show_form()
        finally:
            self.shown.set()
            if self.form is None:
                self._until_focus.close()

    async def _show_form(self) -> None:
        self.tick()
        draft = await self._load_draft()
        self._draft = dict(draft) if draft else None
        if not self.is_attached:
            return  # another row was selected while the draft was read
        try:
            request = self._run.request(self.ask.id)
        except ControlRefused:
            return  # answered elsewhere while the draft was read; the screen removes this panel
        workspace = Path(self._run.state.workspace)
        place = self._places.pop(self.ask.id, None)
        form = AskForm(request, draft=draft, workspace=workspace, place=place)
        form.outside_hint = self._outside_hint
        await self.mount(form)
        self.form = form  # not before it is all there: it is given the focus from now on
        self._lay_out()
        if self._focus_wanted:
            self.focus_form()

    def on_resize(self) -> None:
        self.tick()

    def limit_rows(self, rows: int) -> None:
        """Be no higher than this; what does not fit scrolls."""
        if rows != self._rows:
            self._rows = rows
            self._lay_out()

    def _lay_out(self) -> None:
        if self._rows is None or self.form is None:
            return
        tight = self._rows < _TIGHT
        self.set_class(tight, "-tight")
        self.styles.max_height = self._rows
        self.form.limit_rows(self._rows - (1 if tight else _TITLE_ROWS))

    def tick(self) -> None:
        """Bring the title line up to date."""
        asks = ask_order(self._run.state)
        place = next((n for n, ask in enumerate(asks, 1) if ask.id == self.ask.id), 0)
        waited = format_duration((self._run.now() - self.ask.opened_at).total_seconds())
        of = f"{place} of {len(asks)} · " if len(asks) > 1 else ""
        also = applies_to(self._run.state, self.ask)
        spans = [
            Span("? ", "attention"),
            Span(of),
            Span(one_line(self.ask.asker), "strong"),
            Span(" asks · ", "dim"),
            *([Span("urgent", "attention"), Span(" · ", "dim")] if self._urgent else ()),
        ]
        after = [Span(f" · {also}", "attention")] if also else []
        room = self.size.width - 2 - sum(cell_len(span.text) for span in (*spans, *after))
        times = self._times(waited)
        fitting = (text for text in times if not self.size or cell_len(text) <= room)
        spans += [Span(next(fitting, times[-1]), "dim"), *after]
        if self.form is not None:
            self.form.outside_hint = self._outside_hint
        # the clock may tick between being created and being composed, when there is no title yet
        for title in self.query("#ask-title").results(Static):
            title.update(to_content(spans))

    @property
    def _outside_hint(self) -> Content:
        keymap = keymap_of(self.app)
        keys = [f"{first_key('run.answer', keymap)} answer"]
        if len(ask_order(self._run.state)) > 1:
            keys.append(f"{first_key('run.next_ask', keymap)} next")
        if self._rows is not None:  # it opened by itself, under the tree
            keys.append(f"{first_key('detail.back', keymap)} later")
        return to_content([Span(" · ".join(keys), "dim")])

    def _times(self, waited: str) -> list[str]:
        """How long it has waited and will, at length, and then shorter; the end of a limit is said last of all."""
        limit = self.ask.limit
        if limit is None:
            return [f"waiting {waited} · never times out", f"waiting {waited}"]
        left = limit.seconds - max(0.0, (self._run.now() - self.ask.opened_at).total_seconds())
        then = _THEN[limit.then] if limit.owner == "runtime" else "the agent goes on without you"
        clock = format_clock(max(0.0, left))
        ends = f"{then} in {clock}" if left > 0 else f"{then} now"
        return [f"waiting {waited} · {ends}", ends, f"{clock} left"]

    def focus_form(self) -> None:
        """Put the focus on the first field, as soon as there is one."""
        if self.form is not None:
            self.form.focus()
        elif not self.shown.is_set() and not self._focus_wanted:
            self._focus_wanted = True
            self._until_focus.enter_context(keys_held(self.app))  # they are for the form
            self.set_timer(LONGEST_HOLD, self._until_focus.close)

    @on(events.DescendantFocus)
    def _has_focus(self) -> None:
        self._until_focus.close()

    def show_errors(self, errors: list[FieldError]) -> None:
        if self.form is not None:
            self.form.show_errors(errors)

    # -- the form ----------------------------------------------------------------------------------

    def on_ask_form_submitted(self, message: Submitted) -> None:
        message.stop()
        self._forget_draft_timer()
        self.post_message(
            self.Answered(self, self.ask.id, message.values, message.action, message.action_id, message.note)
        )

    def on_ask_form_declined(self, message: Declined) -> None:
        message.stop()
        self._forget_draft_timer()
        self.post_message(self.Answered(self, self.ask.id, {}, "decline", note=message.note))

    async def on_ask_form_postponed(self, message: Postponed) -> None:
        message.stop()
        if not await self.keep_draft():
            self.leave_place()
        self.post_message(self.Later(self.ask.id))

    def on_ask_form_draft_changed(self, message: DraftChanged) -> None:
        message.stop()
        self._draft = dict(message.values)
        self._draft_changed = True
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_DRAFT_PAUSE, self.keep_draft)

    def _forget_draft_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def leave_place(self) -> None:
        """Note where the user is, for another panel of the same question."""
        if self.form is not None and self.shown.is_set():
            self._places[self.ask.id] = self.form.place
            self._place_left = True

    @property
    def draft(self) -> Mapping[str, Any]:
        """What the user filled in, without secrets; empty when they changed nothing."""
        return self._draft or {}

    async def keep_draft(self) -> bool:
        """Store what was typed, now. False when it cannot be stored, which is said once."""
        if not self._draft_changed or self.ask.id not in self._run.state.asks:
            return True
        self._draft_changed = False
        try:
            await self._run.save_draft(self.ask.id, self._draft)
        except StoreError as problem:
            self._draft_changed = True
            self._say(str(problem))
            return False
        self._problem = ""
        return True

    async def _load_draft(self) -> Mapping[str, Any] | None:
        try:
            return await self._run.load_draft(self.ask.id)
        except StoreError as problem:
            self._say(str(problem))
            return None

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self.notify(f"What is typed here is not kept on disk: {problem}", severity="error", markup=False)

    async def on_unmount(self) -> None:
        self._until_focus.close()
        if not await self.keep_draft() and not self._place_left:
            self.leave_place()
