"""Plans lying about in a folder, for a screen that offers them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

MAX_DEPTH = 3
MAX_ENTRIES = 5_000
MAX_FILE_BYTES = 4 * 1024 * 1024
_SKIPPED = frozenset(
    [
        "node_modules",
        "__pycache__",
        "venv",
        "site-packages",
        "vendor",
        "target",
        "build",
        "dist",
        "bower_components",
    ]
)


@dataclass(frozen=True, slots=True)
class FoundPlan:
    """A file that looks like a plan or a workflow; it may still have problems.

    `title` is as written, `steps` a count, which is not known of a workflow.
    """

    path: Path
    title: str
    steps: int
    is_workflow: bool = False


class _StepHead(msgspec.Struct):
    goal: Any = None


class _PlanHead(msgspec.Struct, rename="camel"):
    title: str
    steps: list[_StepHead]
    execution_mode: Any = None


def find_plans(folder: Path, limit: int = 50) -> list[FoundPlan]:
    """Plans in `folder` and up to three levels below it, the nearest first, then by name.

    Looks at a bounded number of files, follows no links to folders, and skips hidden folders and those of
    package managers. Never raises: what cannot be read is left out.
    """
    found: list[FoundPlan] = []
    for path in files_below(folder, (".json",)):
        if len(found) >= limit:
            break
        if plan := _read(path):
            found.append(plan)
    return found


def files_below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Files with such names in `folder` and up to three levels below it, within the limits of `find_plans`."""
    folders = deque([(str(folder), 0)])
    seen = 0
    while folders:
        here, depth = folders.popleft()
        try:
            with os.scandir(here) as entries:
                listed = []
                for entry in entries:
                    seen += 1
                    if seen > MAX_ENTRIES:
                        break
                    listed.append(entry)
        except (OSError, ValueError):
            continue
        for entry in sorted(listed, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth < MAX_DEPTH and entry.name not in _SKIPPED:
                        folders.append((entry.path, depth + 1))
                elif (
                    entry.name.lower().endswith(suffixes)
                    and entry.is_file()
                    and 0 < entry.stat().st_size <= MAX_FILE_BYTES
                ):
                    yield Path(entry.path)
            except OSError:
                continue


def _read(path: Path) -> FoundPlan | None:
    try:
        source = path.read_bytes()
        if b'"steps"' not in source:
            return None
        head = msgspec.json.decode(source, type=_PlanHead)
    except (OSError, ValueError, RecursionError):
        return None
    is_plan = head.steps and (head.execution_mode is not None or isinstance(head.steps[0].goal, str))
    return FoundPlan(path, head.title, len(head.steps)) if is_plan else None
