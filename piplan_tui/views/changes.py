"""Files that steps changed, and what became of them, in words."""

from __future__ import annotations

from collections.abc import Sequence

from piplan_tui.clean import clean_text
from piplan_tui.run.model import Changes
from piplan_tui.run.state import HOLDS_SLOT, RunState, StepState
from piplan_tui.views.formatting import counted

_MAX_NAMES = 3


def changes_line(changes: Changes) -> str:
    """`changed 3 files in its worktree; merged into the workspace`."""
    count = len(changes.files)
    files = f"changed {counted(count, 'file')} in its worktree"
    match changes.merged:
        case "merged":
            return f"{files}; merged into the workspace"
        case "kept":
            return _clean(f"{files}; kept on branch {changes.branch} in {changes.worktree}")
    return _clean(f"{files}; not merged yet, on branch {changes.branch}")


def overlap_line(path: str, others: Sequence[str]) -> str:
    """`notes.md is being changed by build and docs too`."""
    names = list(others[:_MAX_NAMES])
    more = f" and {len(others) - _MAX_NAMES:,} more" if len(others) > _MAX_NAMES else ""
    return _clean(f"{path} is being changed by {' and '.join(names)}{more} too")


def overlap_warning(state: RunState, step: StepState) -> str:
    """A file that a running step shares now with another one that runs; empty when there is none."""
    if step.status not in HOLDS_SLOT:
        return ""
    for path, others in step.overlaps.items():
        if live := [other for other in others if state.steps[other].status in HOLDS_SLOT]:
            return overlap_line(path, live)
    return ""


def _clean(text: str) -> str:
    return clean_text(text, keep_newlines=False)
