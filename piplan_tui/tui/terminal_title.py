"""The title of the terminal window, so that a run in another tab can say that it needs somebody."""

from __future__ import annotations

from collections.abc import Iterable

from piplan_tui.run.state import RunState
from piplan_tui.views.formatting import RUN_WORDS, format_progress
from piplan_tui.views.line import one_line

SAVE_TITLE = "\x1b[22;2t"
RESTORE_TITLE = "\x1b[23;2t"


def title_for(state: RunState, *, elsewhere: int = 0) -> str:
    """`? 2 · deck-plan` while questions are open, else `3/14 · deck-plan` or how it ended.

    `elsewhere` is how many questions other runs of this process have: `? 1 elsewhere · deck-plan`.
    """
    name = one_line(state.plan_id) or "piplan"
    if state.asks:
        more = f" + {elsewhere}" if elsewhere else ""
        return f"? {len(state.asks):,}{more} · {name}"
    if elsewhere:
        return f"? {elsewhere} elsewhere · {name}"
    if state.ended or state.status in ("paused", "interrupted", "pending"):
        return f"{RUN_WORDS[state.status].lower()} · {name}"
    return f"{format_progress(state.done, len(state.order))} · {name}"


def title_for_all(states: Iterable[RunState]) -> str:
    """The title while no run is shown: `? 2 · piplan`, or how many go on."""
    known = list(states)
    asks = sum(len(state.asks) for state in known)
    if asks:
        return f"? {asks} · piplan"
    return f"{len(known)} going on · piplan" if known else "piplan"


def set_title_sequence(title: str) -> str:
    """What the terminal is sent. The line filter does not see this, so the title is cleaned here."""
    return f"\x1b]2;{one_line(title)}\x07"
