"""The part of a form that scrolls: the question, what to read, a page of fields, the buttons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Offset, Region, Size
from textual.widget import Widget
from textual.widgets import Button, TextArea

from piplan_tui.run.asks import InputRequest
from piplan_tui.tui.widgets.ask_actions import is_single_pick, make_buttons, sends_on_pick
from piplan_tui.tui.widgets.ask_context import ContextView, needs_label, question
from piplan_tui.tui.widgets.ask_fields import FieldEditor, OptionRows, make_editor
from piplan_tui.tui.widgets.ask_page_line import PageLine
from piplan_tui.tui.widgets.ask_pages import Pages
from piplan_tui.tui.widgets.ask_values import AskValues
from piplan_tui.tui.widgets.laid_out import LaidOut
from piplan_tui.tui.widgets.text_scroll import TextScroll

_LOW = 14
"""Rows below which the context is cut down, so that the question and a field are seen."""
_LEAST_BUTTON = 8
_LEAST_CONTEXT = 3
"""Rows of each context block, where the form is not low."""


class AskBody(TextScroll):
    """Shows what has the focus with its label and its note; at first, the question comes before the fields.

    While its text has the focus, a key that is meant for a field goes to the first one: it is answered from there.
    """

    def __init__(
        self, request: InputRequest, values: AskValues, pages: Pages, asker: str, workspace: Path | None
    ) -> None:
        # a review is read before it is answered: there the text has the focus, and its keys scroll
        super().__init__(classes="ask-body", can_focus=bool(request.actions))
        self._request = request
        self._values = values
        self._pages = pages
        self._asker = asker
        self._workspace = workspace
        self._context_unfolded = False
        self._context_wanted = False
        self._opening = False
        self._open_due = False
        """Whether it was to be opened before it was known how high it is."""
        self._start: Widget | None = None
        """What had the focus first, as long as it was not left."""
        self.editors: dict[str, FieldEditor] = {}
        """Those of the page that is shown, by the names of their fields."""

    def compose(self) -> ComposeResult:
        yield LaidOut(question(self._request, self._asker), classes="ask-question")
        for block in self._request.context:
            yield ContextView(block, self._workspace)
        if self._pages.count > 1:
            yield PageLine(self._pages)
        yield from self._make_editors()
        if not is_single_pick(self._request):
            with Horizontal(classes="ask-actions"):
                yield from make_buttons(self._request, pages=self._pages.count)

    def on_mount(self) -> None:
        self._show_page_buttons()

    def on_resize(self) -> None:
        self._arrange_buttons()
        if self._open_due:
            self._open_due = False
            self.call_after_refresh(self._open)
        self.call_after_refresh(self._keep_in_sight)

    def watch_virtual_size(self, virtual_size: Size) -> None:
        # an error, a preview or the lines of a file came in above or below what has the focus
        self._arrange_buttons()
        self.call_after_refresh(self._keep_in_sight, again=False)
        if self._context_wanted:
            self._context_wanted = False
            self.call_after_refresh(self._show_context)

    def _keep_in_sight(self, *, again: bool = True) -> None:
        if not (self._is_at_start and self._begin_with_question()):
            self.show_focused()
        if again:  # what is inside may arrange itself anew at the same event, which needs another round
            self.call_after_refresh(self._keep_in_sight, again=False)

    @property
    def _focused(self) -> Widget | None:
        """What in it has the focus; nothing when it is not shown any more."""
        focused = self.screen.focused if self.is_attached else None
        return focused if focused is not None and self in focused.ancestors else None

    @property
    def focused_editor(self) -> FieldEditor | None:
        return next((editor for editor in self.editors.values() if editor.has_focus_within), None)

    def _make_editors(self) -> Iterable[FieldEditor]:
        self.editors = {}
        for field in self._pages.current:
            editor = make_editor(
                field,
                self._values.get(field.name),
                show_label=needs_label(self._request, field),
                sends_on_pick=sends_on_pick(self._request),
                workspace=self._workspace,
            )
            self.editors[field.name] = editor
            yield editor

    async def show_page(self) -> None:
        """Show the fields of the page that was turned to, in place of the others."""
        async with self.batch():
            await self.query(FieldEditor).remove()
            await self.mount_all(list(self._make_editors()), before=self.query_one(".ask-actions"))
        for line in self.query_children(PageLine):
            line.refresh()
        self._show_page_buttons()

    def _show_page_buttons(self) -> None:
        for button in self.query(".ask-page-on").results(Button):
            button.display = self._pages.index < self._pages.count - 1
        for button in self.query(".ask-page-back").results(Button):
            button.display = self._pages.index > 0
        self._arrange_buttons()

    def _arrange_buttons(self) -> None:
        """One below the other where they have no room beside each other."""
        for row in self.query_children(".ask-actions"):
            shown = [button for button in row.query(Button) if button.display]
            needed = sum(max(_LEAST_BUTTON, len(str(button.label)) + 2) + 2 for button in shown)
            row.set_class(needed > self.scrollable_content_region.width, "-stacked")

    def lay_out_context(self, height: int, *, turn: bool = False) -> None:
        """Give the context its share of `height` rows, or with `turn` all it needs, and back."""
        self._context_unfolded ^= turn
        views = list(self.query_children(ContextView))
        # what one does not need is for the others: the shortest first
        left = 0 if height < _LOW else max(_LEAST_CONTEXT * len(views), height // 2)
        for done, view in enumerate(sorted(views, key=lambda view: view.needed)):
            room = 2 if height < _LOW else min(view.needed, left // (len(views) - done))
            left -= room
            view.lay_out(max(2, room), self._context_unfolded)
        # what was left out can be read by keys, also where all fields are text
        self.can_focus = self.can_focus or any(view.hides for view in views)

    @property
    def context_unfolded(self) -> bool:
        return self._context_unfolded

    def read_context(self) -> None:
        """Put the focus on the text, and its context at the top."""
        self.can_focus = True
        self.focus(scroll_visible=False)
        self._context_wanted = True  # as soon as there is so much of it
        self.call_after_refresh(self._show_context)

    def _show_context(self) -> None:
        for view in [*self.query_children(ContextView)][: self.has_focus]:
            self.scroll_to(y=view.virtual_region.y, animate=False)

    @staticmethod
    def is_low(height: int) -> bool:
        return height < _LOW

    # What is in sight

    def on_key(self, event: events.Key) -> None:
        if self.has_focus and not self._request.actions and self._is_for_a_field(event):
            event.stop()
            event.prevent_default()
            self.focus_first(was_read=True)

    def _is_for_a_field(self, event: events.Key) -> bool:
        """Whether it would pick or look for something there; it does not yet, because nothing of it was seen."""
        picks = {option.key for field in self._pages.current for option in field.options if option.key}
        return event.key in ("enter", "space", "slash") or event.character in {*picks, *"123456789yn"}

    def focus_first(self, *, opening: bool = True, was_read: bool = False) -> None:
        """Put the focus into the first field; on the text of a review; or else on the first button.

        When the form opens and the question is too long to be seen together with that field, it is on the text,
        which can then be scrolled, unless it `was_read`: nobody answers what was not read.
        """
        if self._request.actions and opening:
            self.focus(scroll_visible=False)
            return
        self._opening = opening and not was_read and not self.has_focus_within
        for editor in self.editors.values():
            if editor.display and editor.field.type != "info":
                editor.focus_input()
                return
        for button in self.query(Button):
            button.focus(scroll_visible=False)
            break

    def on_descendant_focus(self) -> None:
        focused = self._focused
        if self._opening:
            self._opening = False
            self._start = focused
            self.call_after_refresh(self._open)
        else:
            if focused is not self._start:
                self._start = None
            self.call_after_refresh(self._keep_in_sight, again=False)

    @property
    def _is_at_start(self) -> bool:
        """Whether the user has done nothing since the form was opened."""
        focused, editor = self._focused, self.focused_editor
        if focused is None or focused is not self._start:
            return False
        return not ((editor and editor.touched) or (isinstance(focused, OptionRows) and focused.moved))

    def _begin_with_question(self) -> bool:
        """Show the question's beginning, if what has the focus can be seen at the same time."""
        focused = self._focused
        if focused is None or self._place_of(focused).bottom > self.scrollable_content_region.height:
            return False
        self.scroll_home(animate=False)
        return True

    def _open(self) -> None:
        if not self.size.height:
            self._open_due = True
        elif not self._is_at_start:  # the user was faster
            self.show_focused()
        elif not self._begin_with_question():
            self._start = None
            self.can_focus = True
            self.focus(scroll_visible=False)
            self.scroll_home(animate=False)

    @on(TextArea.SelectionChanged)
    def _follow_caret(self) -> None:
        self.call_after_refresh(self._keep_in_sight, again=False)

    def show_focused(self) -> None:
        """Scroll as little as needed to see what has the focus, with its label and note where there is room."""
        if (focused := self._focused) is None:
            return
        region = self._place_of(focused)
        if (editor := self.focused_editor) is not None:
            whole = self._region_of(editor)
            if whole.height <= self.scrollable_content_region.height:
                region = whole
        self.scroll_to_region(region, immediate=True)

    def _place_of(self, widget: Widget) -> Region:
        """Where something happens in a widget: the option under the cursor, the line that is typed in."""
        region = self._region_of(widget)
        if isinstance(widget, OptionRows):
            top, rows = widget.cursor_rows
            return Region(0, region.y + top, 1, rows)
        if isinstance(widget, TextArea):
            return Region(0, region.y + widget.cursor_screen_offset.y - widget.region.y, 1, 1)
        return region

    def _region_of(self, widget: Widget) -> Region:
        """Where it is in the whole of the body, whatever is scrolled, even while that is being drawn."""
        child = next(node for node in widget.ancestors_with_self if node.parent is self)
        assert isinstance(child, Widget)
        return widget.region.translate(child.virtual_region.offset - child.region.offset)

    def scroll_to_region(self, region: Region, **options: Any) -> Offset:
        """As little as needed and at once: a scroll in small steps is a repaint for each."""
        return super().scroll_to_region(region, **{**options, "animate": False, "center": False})
