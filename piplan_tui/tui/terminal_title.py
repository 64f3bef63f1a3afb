"""The title of the terminal window, so that a run in another tab can say that it needs somebody."""

from __future__ import annotations

from piplan_tui.run.state import RunState
from piplan_tui.views.formatting import RUN_WORDS
from piplan_tui.views.line import one_line

SAVE_TITLE = "\x1b[22;2t"
RESTORE_TITLE = "\x1b[23;2t"


def title_for(state: RunState) -> str:
    """`? 2 · deck-plan` while questions are open, else `3/14 · deck-plan` or how it ended."""
    name = one_line(state.plan_id) or "piplan"
    if state.asks:
        return f"? {len(state.asks)} · {name}"
    if state.ended or state.status in ("paused", "interrupted", "pending"):
        return f"{RUN_WORDS[state.status].lower()} · {name}"
    return f"{state.done}/{len(state.order)} · {name}"


def set_title_sequence(title: str) -> str:
    """What the terminal is sent. The line filter does not see this, so the title is cleaned here."""
    return f"\x1b]2;{one_line(title)}\x07"
