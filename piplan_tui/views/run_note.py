"""What the run as a whole has to say where it stands: one line, and what would help."""

from __future__ import annotations

import json

from piplan_tui.clean import clean_text
from piplan_tui.run.state import RunState
from piplan_tui.views.formatting import counted
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.next_commands import failed_by_script
from piplan_tui.views.why import Why


def run_note(state: RunState) -> Why:
    """What a workflow's script returned or failed of, and how to go on at a spent budget; empty otherwise."""
    if state.workflow is not None and state.status == "completed":
        if state.result is None:
            return Why(())
        text = state.result if isinstance(state.result, str) else json.dumps(state.result, ensure_ascii=False)
        first, *rest = clean_text(text).strip().splitlines() or [""]
        more = f" … {counted(len(rest), 'more line')}" if rest else ""
        spans = (Span("returned ", "strong"), Span(one_line(first)), Span(more, "dim"))
        return Why(spans, (("run.result", "all of it"),))
    if failed_by_script(state):
        return Why(
            (Span("the script failed: ", "failed"), Span(one_line(state.reason))),
            (("run.result", "how to go on"),),
        )
    if state.status == "paused" and state.paused_by == "budget" and not state.asks:
        return Why(
            (Span(f"stays paused: {one_line(state.reason)}", "attention"),),
            (("run.pause", "asks for a higher limit again"),),
        )
    return Why(())
