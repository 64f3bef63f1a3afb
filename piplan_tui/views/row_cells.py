"""The columns of a row of the tree, without widths, colours or keys."""

from __future__ import annotations

from dataclasses import dataclass

from piplan_tui.run.state import StepStatus
from piplan_tui.views.formatting import GLYPHS
from piplan_tui.views.line import Role, Span


@dataclass(frozen=True, slots=True)
class RowCells:
    """The columns of a row. Empty text means that there is nothing to say, never zero.

    Where `note` has no room, `short_note` stands in its place, if there is one. One that is the whole note says
    that the note is to be cut in its middle, as its end tells as much as its beginning.
    """

    status: StepStatus
    name: str
    note: str
    note_role: Role
    progress: tuple[Span, ...] = ()
    agent: str = ""
    tokens: str = ""
    tools: str = ""
    money: str = ""
    elapsed: str = ""
    short_note: str = ""

    @property
    def glyph(self) -> str:
        return GLYPHS[self.status]
