"""What a session said, as events of the run: only what recovery and the tree need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from piplan_tui.agents import protocol as said
from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run import events as ev


def fact_of(event: SessionEvent, step_id: str, attempt: int, workspace: Path) -> ev.StepEvent | None:
    """The event of the run; `None` for what is only text. Questions and usage depend on more than this."""
    where: dict[str, Any] = {"step_id": step_id, "attempt": attempt}
    match event:
        case said.ToolStarted():
            writes = [path for path in (_shown(workspace, one) for one in event.writes) if path]
            return ev.SessionToolStarted(
                **where, call_id=event.call_id, tool=event.tool, target=event.target, writes=writes
            )
        case said.ToolEnded():
            return ev.SessionToolEnded(**where, call_id=event.call_id, ok=event.ok)
        case said.PlanReported():
            entries = [ev.PlanEntry(text=entry.text, status=entry.status) for entry in event.entries]
            return ev.SessionPlanned(**where, entries=entries)
        case said.Retrying():
            return ev.SessionRetrying(
                **where,
                retry=event.attempt,
                max_retries=event.max_attempts,
                delay_seconds=event.delay_seconds,
                error=event.error,
            )
        case said.Recovered():
            return ev.SessionRecovered(**where, ok=event.ok)
    return None


def _shown(workspace: Path, path: str) -> str:
    """A file as it is called from the workspace, which makes files of different worktrees comparable."""
    if not path or "\0" in path:
        return ""
    whole = os.path.normpath(workspace / path)
    inside = os.path.relpath(whole, workspace)
    return whole if inside.startswith("..") else inside
