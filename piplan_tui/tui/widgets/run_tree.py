"""The tree of a run, on the line API: only visible rows are ever rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive

from piplan_tui.run.state import PhaseState, RunState, StepState
from piplan_tui.tui.actions import bindings_for
from piplan_tui.tui.at_once import draw_at_once
from piplan_tui.tui.follow import followed
from piplan_tui.tui.key_order import let_keys_go
from piplan_tui.tui.outline import Filter, Outline, Row
from piplan_tui.tui.row_list import RowList
from piplan_tui.tui.row_source import RowSource
from piplan_tui.tui.step_places import StepPlaces
from piplan_tui.tui.widgets.growth import grow
from piplan_tui.tui.widgets.tree_lines import TreeLines


class RunTree(TreeLines, can_focus=True):
    """Phases and steps with their columns, a cursor, and folding.

    `touch` says what changed; nothing is drawn until `flush`, which redraws touched rows that are visible.
    `follow` keeps the cursor on what runs; any move of the cursor by the user ends it.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("tree")

    follow: reactive[bool] = reactive(True, repaint=False)

    @dataclass
    class Moved(Message):
        """Another row is under the cursor."""

        row: Row | None

    @dataclass
    class Opened(Message):
        """Enter or a double click on a step."""

        row: Row

    def __init__(
        self,
        state: RunState,
        *,
        now: Callable[[], datetime],
        last_activity: Callable[[str], datetime | None] = lambda step_id: None,
        enter_folds: bool = True,
    ) -> None:
        super().__init__()
        self._enter_folds = enter_folds
        self._now = now
        self._last_activity = last_activity
        self._touched: set[str] = set()
        self._all_touched = False
        self._left_alone: tuple[str, str] | None = None
        """What the cursor would follow, but for the user having gone to the last row since."""
        self._set_state(state)

    # -- what is shown -----------------------------------------------------------------------------

    def _set_state(self, state: RunState) -> None:
        earlier = getattr(self, "outline", None)
        self.state = state
        self.outline = Outline(state)
        if earlier is not None:
            self.outline.folded = earlier.folded
            self.outline.filter = earlier.filter
            self.outline.fold_finished = earlier.fold_finished
            self.outline.unfolded = earlier.unfolded
        self._places = StepPlaces(state)
        self._source = RowSource(state, self._now, self._last_activity, self._places)
        self.rows = RowList(self.outline, self._places)

    def show(self, state: RunState) -> None:
        """Another state, such as an edited plan. The cursor stays on its row, or near it."""
        key = self.selected.key if self.selected else None
        self._set_state(state)
        self._rebuild(key)

    @property
    def selected_step(self) -> StepState | None:
        return self.selected.step if self.selected else None

    def queue_position(self, step: StepState) -> int:
        """Where a queued step stands in the queue, from 1; 0 when it is not queued."""
        return self._places.queue_position(step)

    def on_mount(self) -> None:
        self._rebuild(None)

    def on_resize(self) -> None:
        self.virtual_size = Size(self._width, len(self.rows))
        self._keep_cursor_visible()
        self.refresh()

    def _rebuild(self, key: tuple[str, str] | None) -> None:
        """Recompute the rows; the row named `key` keeps the cursor and its place on the screen."""
        before = self.cursor - self.scroll_offset.y
        self.outline.pinned = key
        rows, here = self.rows, self.selected
        self.rows = RowList(self.outline, self._places)
        found = self.rows.index_of(key) if key is not None else None
        if here is not None and here.work and here.key == key:
            found = self.rows.index_near(here, self.cursor - (rows.index_of(key) or 0))
        if found is None and key is not None:
            found = self.rows.index_of((key[0], ""))
        moved = found is not None and found != self.cursor
        self.cursor = max(0, min(found if found is not None else self.cursor, len(self.rows) - 1))
        if self._width:
            grow(self, Size(self._width, len(self.rows)))
            if moved:
                self.scroll_to(y=max(0, self.cursor - before), animate=False, force=True, immediate=True)
            self._keep_cursor_visible()
        self._refresh_changed()
        if self.selected is None or self.selected.key != key:
            self.post_message(self.Moved(self.selected))

    # -- changes -----------------------------------------------------------------------------------

    def touch(self, step_id: str | None, *, structure: bool = False) -> None:
        """A step changed; with `structure` (or without an id) its state, so that any row may look different."""
        if step_id is None or structure:
            self._all_touched = True
        if step_id is not None:
            self._touched.add(step_id)

    def flush(self) -> None:
        """Draw what was touched since the last call."""
        touched, everything = self._touched, self._all_touched
        if not touched and not everything:
            return
        self._touched, self._all_touched = set(), False
        steps = [step for step_id in touched if (step := self.state.steps.get(step_id)) is not None]
        for step in steps:
            self._source.note(step)
        if everything or self.rows.has_other_work(touched):
            for step in steps:
                self._places.note(step)
            self._refresh_structure()
            return
        self._refresh_changed()

    def _refresh_structure(self) -> None:
        self.outline.fold_ended()
        wanted = followed(self.state, self._places, self.selected_step) if self.follow else None
        if wanted is not None and not self.outline.lets_through(self.state.steps[wanted[1]]):
            wanted = None
        if self._left_alone is not None and wanted == self._left_alone:
            wanted = None
        elif wanted is not None:
            self._left_alone = None
        key = wanted or (self.selected.key if self.selected else None)
        if not self.follow and key is not None:
            self.outline.hold_phases_above(key, self._is_open)
        self._rebuild(key)

    def _is_open(self, phase: PhaseState) -> bool:
        return bool(phase.steps) and self.rows.index_of((phase.title, phase.steps[0].id)) is not None

    # -- the cursor --------------------------------------------------------------------------------

    def move_to(self, index: int, *, by_user: bool = True) -> None:
        """Put the cursor on a row. A move by the user ends follow."""
        if not self.rows:
            return
        index = max(0, min(index, len(self.rows) - 1))
        if by_user:
            self.follow = False
        if index == self.cursor:
            self._keep_cursor_visible()
            return
        before = self.selected
        old, self.cursor = self.cursor, index
        key = self.rows[index].key
        released = bool(self.outline.held) and key[0] not in self.outline.held
        if released:
            self.outline.held.clear()
        if released or before is None or self.outline.changes_on_leaving(before, self.rows[index]):
            self._rebuild(key)
        else:
            self.outline.pinned = key
            self.refresh_row(old)
            self.refresh_row(index)
            self._keep_cursor_visible()
        if by_user:
            draw_at_once(self)
        self.post_message(self.Moved(self.selected))

    def _keep_cursor_visible(self) -> None:
        height = self.size.height
        if not height:
            return
        top = self.scroll_offset.y
        above = self._lines_above_cursor
        if self.cursor < top + above:
            self.scroll_to(y=max(0, self.cursor - above), animate=False, force=True, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True, immediate=True)

    def select_step(self, step_id: str, *, by_user: bool = True) -> bool:
        """Put the cursor on a step, unfolding its phase and dropping a filter that hides it."""
        step = self.state.steps.get(step_id)
        if step is None:
            return False
        key = (step.phase, step.id)
        before = self.selected.key if self.selected else None
        if not self.outline.lets_through(step):
            self.outline.filter = "all"
            self._rebuild(key)
        if self.rows.index_of(key) is None:
            if self.outline.is_folded(self.state.phases[step.phase]):
                self.outline.folded[step.phase] = False
            self.outline.pinned = key
            self._rebuild(key)
        index = self.rows.index_of(key)
        if index is None:
            return False
        was_there = index == self.cursor
        self.move_to(index, by_user=by_user)
        if was_there and before != key:  # unfolding its phase has put the cursor there already
            self.post_message(self.Moved(self.selected))
        return True

    def set_filter(self, wanted: Filter) -> None:
        """Show only steps in these states. From a row that is not one of them the cursor goes to the next that is."""
        here = self.selected
        self.outline.filter = wanted
        if wanted == "all":
            self._rebuild(here.key if here else None)
        elif here is None or here.step is None or not self.outline.lets_through(here.step):
            self._rebuild(None)
            self.cursor = self.rows.index_after(here) if self.rows else 0
            self._rebuild(self.selected.key if self.selected else None)
        else:
            self._rebuild(here.key)

    def set_detail(self, detail: int) -> None:
        """Have every row say more or less."""
        self.detail = detail
        self.refresh()

    def set_fold_finished(self, on: bool) -> None:
        self.outline.fold_finished = on
        self.outline.folded.clear()
        self._rebuild(self.selected.key if self.selected else None)

    def action_fold(self) -> None:
        """Fold the step of the cursor if it is unfolded, else its phase; on a folded one, do nothing."""
        row = self.selected
        if row is not None and row.step is not None and self.outline.fold_step(row.step):
            self._rebuild(row.key)
        elif row is not None and not self.outline.flat:
            self.follow = False
            self.outline.folded[row.phase.title] = True
            self._rebuild((row.phase.title, ""))

    def action_unfold(self) -> None:
        """Unfold the phase or the running step under the cursor; when it is open, go to the first row in it."""
        row = self.selected
        if row is None or row.work:
            return
        if row.step is not None:
            if self.outline.unfold_step(row.step):
                self._rebuild(row.key)
                below = self.cursor + 1 + len(self.outline.work_of(row.step)) - self.size.height
                if below > self.scroll_offset.y:
                    self.scroll_to(y=min(below, self.cursor), animate=False, force=True, immediate=True)
            elif self.outline.work_of(row.step):
                self.move_to(self.cursor + 1)
            return
        self.follow = False
        if self.rows.is_folded(row.phase):
            self.outline.folded[row.phase.title] = False
            self._rebuild(row.key)
        else:
            self.move_to(self.cursor + 1)

    def restore_follow(self) -> None:
        """Follow again, and go to what runs now."""
        self.follow = True
        self._left_alone = None
        key = followed(self.state, self._places, self.selected_step)
        index = self.rows.index_of(key) if key is not None else None
        self.move_to(len(self.rows) - 1 if index is None else index, by_user=False)

    # -- keys and mouse ----------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        self.move_to(self.cursor + rows)

    def action_page(self, pages: float) -> None:
        self.move_to(self.cursor + round(pages * max(1, self.size.height - 1)))

    def action_first(self) -> None:
        self.move_to(0)

    def action_open(self) -> None:
        row = self.selected
        if row is not None and (row.step is not None or not self._enter_folds):
            self.post_message(self.Opened(row))
            return
        if row is not None:
            self._toggle(row)
        let_keys_go(self.app)

    def action_last(self) -> None:
        """To the last row, and from there to what starts or asks next."""
        self.move_to(len(self.rows) - 1)
        self.follow = self.state.status != "pending"
        self._left_alone = followed(self.state, self._places, None)

    def _toggle(self, row: Row) -> None:
        if self.rows.is_folded(row.phase):
            self.action_unfold()
        else:
            self.action_fold()

    def on_click(self, event: events.Click) -> None:
        index = self._index_at(event.y)
        if not 0 <= index < len(self.rows):
            return
        row = self.rows[index]
        self.move_to(index)
        if row.step is None and (event.x <= 2 or event.chain == 2):
            self._toggle(row)
        elif row.step is not None and event.chain == 2:
            self.post_message(self.Opened(row))
