"""How a path that is being typed may go on, within the folder it must be in."""

from __future__ import annotations

import os
from pathlib import Path

from piplan_tui.clean import clean_text
from piplan_tui.run.asks.patterns import glob_matches
from piplan_tui.run.asks.request import PathRule

MAX_FOUND = 200
_MOST_ENTRIES = 20_000
"""Of one folder; a larger one is not read to its end."""


def complete_path(workspace: Path, rule: PathRule, typed: str) -> list[str]:
    """Paths that begin with `typed` and may be chosen, folders with a slash at their end, in order.

    Nothing outside of `workspace` (or `rule.base` in it) is looked at or told. Blocks: for a thread.
    """
    folder_typed, _, beginning = typed.rpartition("/")
    if "/" in typed and not folder_typed:
        return []
    try:
        root = (workspace / rule.base).resolve()
        folder = (root / folder_typed).resolve()
        if not root.is_relative_to(workspace.resolve()) or not folder.is_relative_to(root):
            return []
        found = []
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= _MOST_ENTRIES:
                    break
                name = entry.name
                if not name.startswith(beginning) or (name.startswith(".") and not beginning):
                    continue
                if clean_text(name, keep_newlines=False) != name:
                    continue  # it could not be shown as it is
                is_folder = _is_folder(entry, root)
                if is_folder is None or not _may_be(rule, folder.relative_to(root) / name, is_folder):
                    continue
                found.append(f"{folder_typed}/{name}" if folder_typed else name)
                if is_folder:
                    found[-1] += "/"
    except (OSError, ValueError, RuntimeError):
        return []
    return sorted(found, key=lambda path: (not path.endswith("/"), path))[:MAX_FOUND]


def _is_folder(entry: os.DirEntry[str], root: Path) -> bool | None:
    """`None` for what leads out of the folder, or nowhere."""
    try:
        if entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root):
            return None
        return entry.is_dir()
    except (OSError, RuntimeError):
        return None


def _may_be(rule: PathRule, inside: Path, is_folder: bool) -> bool:
    if is_folder:
        return True  # what is wanted may be in it
    return rule.select != "dir" and (not rule.glob or glob_matches(rule.glob, inside.as_posix()))


def common_part(found: list[str]) -> str:
    """What all of them begin with."""
    if not found:
        return ""
    low, high = min(found), max(found)
    same = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:same]
