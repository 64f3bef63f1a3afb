"""What to type next, where a run stands."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator

from piplan_tui.run import budget
from piplan_tui.run.state import RunState
from piplan_tui.views.line import one_line

_BUDGETS = {"tokens": "--budget-tokens", "outputTokens": "--budget-output-tokens", "usd": "--budget-usd"}
_DEFAULT_AGENT = "pi"


def next_commands(state: RunState, *, live: bool = False, shown: bool = False) -> list[str]:
    """The commands that come next, the most likely first.

    `live` is whether a process owns the run. With `shown` the user is looking at what `show` prints.
    """
    return [*_commands(state, live=live), *([] if shown else [f"piplan-tui show {_word(state.run_id)}"])]


def _commands(state: RunState, *, live: bool) -> Iterator[str]:
    run = _word(state.run_id)
    if state.asks:
        yield f"piplan-tui asks {run}"
    if live:
        yield f"piplan-tui attach {run}"
    elif state.status in ("failed", "cancelled"):
        again = run_again(state)
        retry = f"piplan-tui retry {run}"
        if not again:
            yield retry
        elif state.counts.get("failed"):
            yield retry
            yield f"{again}  (when you have changed the script)"
        else:
            yield f"{again}  (when you have mended the script)"
            yield f"{retry}  (the script as it was)"
    elif not state.ended:
        yield resume_command(state)


def resume_command(state: RunState) -> str:
    """How to go on with a run that nobody owns; with a higher limit where it stands at one and nothing asks."""
    command = f"piplan-tui resume {_word(state.run_id)}"
    over = budget.spent(state) if state.status == "paused" and state.paused_by == "budget" else None
    if over is None or state.asks:
        return command
    higher = budget.higher_limit(over)
    shown = f"{higher:.2f}" if over.kind == "usd" else f"{math.ceil(higher)}"
    return f"{command} {_BUDGETS[over.kind]} {shown}"


def failed_by_script(state: RunState) -> bool:
    """Whether a workflow failed by what its script did, and not by a step."""
    return state.workflow is not None and state.status == "failed" and not state.counts.get("failed")


def run_again(state: RunState) -> str:
    """How to run the file of a workflow that failed, as it is now, with what is finished; empty for other runs.

    A retry runs the script that the run was started with, whatever its file says since.
    """
    return rerun_command(state) if state.status == "failed" else ""


def rerun_command(state: RunState) -> str:
    """How to run the file of a workflow as it is now, with what is finished; empty for other runs."""
    if state.workflow is None or not state.source:
        return ""
    words = ["piplan-tui", "run", one_line(state.source), "--reuse", one_line(state.run_id)]
    if state.agent and state.agent != _DEFAULT_AGENT:
        words += ["--agent", one_line(state.agent)]
    if state.model:
        words += ["--model", one_line(state.model)]
    return shlex.join(words)


def _word(text: str) -> str:
    return shlex.quote(one_line(text))
