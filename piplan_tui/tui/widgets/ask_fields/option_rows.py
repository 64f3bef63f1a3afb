"""Options to pick from, as one widget: rows with a cursor, or one line when they are few and short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.charset import cursor_sign
from piplan_tui.tui.widgets.soft_wrap import soft_wrap

_DIGITS = "123456789"
_GAP = 3
_PAGE = 8


@dataclass(frozen=True)
class OptionRow:
    """One option as it is shown; clean text."""

    label: str
    description: str = ""
    recommended: bool = False
    key: str = ""

    @cached_property
    def text(self) -> str:
        """What is looked at for a word."""
        return f"{self.label} {self.description}".casefold()


class OptionRows(Widget, can_focus=True):
    """Pick one (`multiple` false) or any number of `options`; `chosen` are their indexes.

    A digit picks, Space picks what the cursor is on. Enter picks too when only one can be chosen, and
    says that the user is done here.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="ask.option_up"),
        Binding("down,j", "move(1)", "Down", show=False, id="ask.option_down"),
        Binding("left,h", "move_inline(-1)", "Left", show=False, id="ask.option_left"),
        Binding("right,l", "move_inline(1)", "Right", show=False, id="ask.option_right"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="ask.option_page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="ask.option_page_up"),
        Binding("home,g", "end(0)", "First", show=False, id="ask.option_first"),
        Binding("end,G", "end(-1)", "Last", show=False, id="ask.option_last"),
        Binding("slash", "find", "Find one", show=False, id="ask.option_find"),
        Binding("space", "pick", "Pick", show=False, id="ask.option_pick"),
        Binding("enter", "enter", "Done", show=False, id="ask.option_enter"),
    ]

    cursor: reactive[int] = reactive(0)
    chosen: reactive[frozenset[int]] = reactive(frozenset())
    finding: reactive[bool] = reactive(False)
    """Whether keys that are pressed elsewhere move the cursor."""

    class Picked(Message):
        """The user changed what is chosen; `index` is the option that was touched, `by_key` whether by its own
        number or letter."""

        def __init__(self, rows: OptionRows, index: int, by_key: bool) -> None:
            super().__init__()
            self.rows = rows
            self.index = index
            self.by_key = by_key

        @property
        def control(self) -> OptionRows:
            return self.rows

    class Moved(Message):
        """The cursor is on another option."""

    class Finding(Message):
        """The user wants to type a part of the option that is looked for."""

    class Entered(Message):
        """The user pressed Enter: done with these options. `index` is the option under the cursor."""

        def __init__(self, rows: OptionRows, index: int) -> None:
            super().__init__()
            self.rows = rows
            self.index = index

        @property
        def control(self) -> OptionRows:
            return self.rows

    def __init__(
        self,
        options: Sequence[OptionRow],
        *,
        multiple: bool = False,
        chosen: Iterable[int] = (),
        may_be_inline: bool = False,
        can_find: bool = False,
    ) -> None:
        super().__init__()
        self._can_find = can_find
        self.moved = False
        """Whether the cursor was ever moved."""
        self._options = options
        self._multiple = multiple
        self._may_be_inline = may_be_inline and not any(option.description for option in options)
        self._shown = list(range(len(options)))
        """Indexes of the options that fit what is looked for."""
        self._places: dict[int, tuple[int, int, int, int]] = {}
        """Of each option that is shown: first row, number of rows, first column, number of columns."""
        initial = frozenset(chosen)
        recommended = (index for index, option in enumerate(options) if option.recommended)
        self.set_reactive(OptionRows.chosen, initial)
        self.set_reactive(OptionRows.cursor, min(initial) if initial else next(recommended, 0))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._arrange(width))

    def render(self) -> Content:
        return Content("\n").join(self._arrange(self.size.width))

    def watch_cursor(self) -> None:
        self.moved = True
        self.show_cursor()
        self.post_message(self.Moved())

    @property
    def count(self) -> int:
        """How many options are shown."""
        return len(self._shown)

    @property
    def shows_numbers(self) -> bool:
        """Whether the options that are shown have their numbers before them."""
        return not self._inline(self.size.width)

    def look_for(self, words: str, *, always: int | None = None) -> None:
        """Show the options only that hold all `words`, in any case, and the one with the index `always`; the cursor
        goes to the first that is found."""
        wanted = words.casefold().split()
        self._shown = [
            index
            for index, option in enumerate(self._options)
            if index == always or all(word in option.text for word in wanted)
        ]
        if self._shown and (wanted or self.cursor not in self._shown):
            self.cursor = self._shown[0]
        self._places = {}
        self.refresh(layout=True)

    def pick(self, index: int, *, by_key: bool = False) -> None:
        """Choose the option, or take it back where several can be chosen."""
        self.cursor = index
        one = frozenset((index,))
        self.chosen = self.chosen ^ one if self._multiple else one
        self.post_message(self.Picked(self, index, by_key))

    def action_move(self, by: int) -> None:
        if self._shown:
            place = self._shown.index(self.cursor) + by
            self.cursor = self._shown[max(0, min(len(self._shown) - 1, place))]

    def action_move_inline(self, by: int) -> None:
        if self._inline(self.size.width):
            self.action_move(by)

    def action_page(self, by: int) -> None:
        self.action_move(by * _PAGE)

    def action_end(self, place: int) -> None:
        if self._shown:
            self.cursor = self._shown[place]

    def action_find(self) -> None:
        if not self._can_find:
            raise SkipAction  # the key may mean something to what is around
        self.post_message(self.Finding())

    def action_pick(self) -> None:
        if self.cursor in self._shown:
            self.pick(self.cursor)

    def action_enter(self) -> None:
        if self.cursor not in self._shown:
            return
        if not self._multiple:
            self.pick(self.cursor)
        self.post_message(self.Entered(self, self.cursor))

    def on_key(self, event: events.Key) -> None:
        character = event.character or ""
        index = next((i for i in self._shown if character and self._options[i].key == character), -1)
        place = _DIGITS.index(character) if character and character in _DIGITS else -1
        if index < 0 and 0 <= place < len(self._shown):
            index = self._shown[place]
        if index >= 0:
            event.stop()
            event.prevent_default()
            self.pick(index, by_key=True)

    def on_click(self, event: events.Click) -> None:
        for index, (top, rows, left, columns) in self._places.items():
            if top <= event.y < top + rows and left <= event.x < left + columns:
                self.pick(index)
                return

    @property
    def cursor_rows(self) -> tuple[int, int]:
        """The first row of the option under the cursor, and how many it has."""
        if not self._places:
            self._arrange(self.size.width)
        return self._places.get(self.cursor, (0, 1))[:2]

    def show_cursor(self) -> None:
        """Scroll the form so that the option under the cursor can be seen."""
        if not self._places or not self._shows_cursor:
            return
        for ancestor in self.ancestors:
            if isinstance(ancestor, VerticalScroll):
                top, rows = self.cursor_rows
                y = self.region.y - ancestor.content_region.y + round(ancestor.scroll_y) + top
                ancestor.scroll_to_region(Region(0, y, 1, rows), animate=False)
                return

    # Drawing

    @property
    def _shows_cursor(self) -> bool:
        return self.has_focus or self.finding

    def _mark(self, index: int) -> str:
        if self._multiple:
            return "[x]" if index in self.chosen else "[ ]"
        return "(•)" if index in self.chosen else "( )"

    def _cursor_mark(self, index: int) -> str:
        return cursor_sign(self.app) if index == self.cursor and self._shows_cursor else " "

    def _label_style(self, index: int) -> str:
        return "bold $text-accent" if index == self.cursor and self._shows_cursor else ""

    def _inline(self, width: int) -> bool:
        needed = sum(cell_len(option.label) + 6 for option in self._options)
        return self._may_be_inline and needed <= width

    def _arrange(self, width: int) -> list[Content]:
        self._places = {}
        if self._inline(width):
            return [self._one_line()]
        lines: list[Content] = []
        for place, index in enumerate(self._shown):
            rows = self._option_lines(index, _DIGITS[place] if place < len(_DIGITS) else " ", width)
            self._places[index] = (len(lines), len(rows), 0, width)
            lines.extend(rows)
        return lines or [Content.styled("  no option holds that", "$foreground-muted")]

    def _one_line(self) -> Content:
        parts: list[tuple[str, str]] = []
        left = 0
        for index, option in enumerate(self._options):
            text = f"{self._cursor_mark(index)}{self._mark(index)} {option.label}"
            parts += [(text, self._label_style(index)), ("  ", "")]
            self._places[index] = (0, 1, left, cell_len(text))
            left += cell_len(text) + 2
        return Content.assemble(*parts)

    def _option_lines(self, index: int, number: str, width: int) -> list[Content]:
        option = self._options[index]
        before = f"{self._cursor_mark(index)} {option.key or number} {self._mark(index)} "
        indent = len(before)
        style = self._label_style(index)
        slices = soft_wrap(option.label, width - indent)
        labels = [option.label[start:end] for start, end in slices]
        lines = [
            Content.assemble((before if row == 0 else " " * indent, style), (label, style))
            for row, label in enumerate(labels)
        ]
        tag = "(recommended)" if option.recommended else ""
        for text in (option.description, tag):
            self._put_beside(lines, text, width, indent)
        return lines

    def _put_beside(self, lines: list[Content], text: str, width: int, indent: int) -> None:
        """Put `text` behind the last line where it fits, below it otherwise."""
        if not text:
            return
        muted = "$foreground-muted"
        if lines[-1].cell_length + _GAP + cell_len(text) <= width:
            lines[-1] = lines[-1] + Content.assemble(" " * _GAP, (text, muted))
            return
        for start, end in soft_wrap(text, width - indent):
            lines.append(Content.assemble(" " * indent, (text[start:end], muted)))
