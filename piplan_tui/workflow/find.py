"""Workflows lying about in a folder, for a screen that offers them."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from piplan_tui.plan.find import FoundPlan, files_below
from piplan_tui.workflow.load import LANGUAGES

MAX_SCRIPTS = 1_000
_HEAD_BYTES = 256 * 1024
_PYTHON_MAIN = re.compile(r"^async\s+def\s+main\s*\(\s*(\w+)", re.MULTILINE)
_CALLS = r"\b{}\s*\.\s*(?:agent|parallel|pipeline|phase)\s*\("
_DOCSTRING = re.compile(r'\A(?:\s*#[^\n]*\n|\s)*[rR]?("""|\'\'\')\s*(.+?)(?:\n|\1)', re.DOTALL)
_META = re.compile(r"^export\s+const\s+meta\s*=", re.MULTILINE)
_SAID = re.compile(r"\b(?:title|description|name)\s*:\s*([\"'`])(.+?)\1")
_CLAUDE = Path(".claude", "workflows")


def find_workflows(folder: Path, limit: int = 50) -> list[FoundPlan]:
    """Scripts in `folder`, up to three levels below it and in `.claude/workflows`, the nearest first.

    A script is known by what stands at its beginning; it is not run, and may still have problems. Looks at a
    bounded number of files. Never raises: what cannot be read is left out.
    """
    found: list[FoundPlan] = []
    suffixes = tuple(LANGUAGES)
    for start in (folder, folder / _CLAUDE):
        for path in islice(files_below(start, suffixes), MAX_SCRIPTS):
            if len(found) >= limit:
                return found
            if (title := _title(path)) is not None:
                found.append(FoundPlan(path, title, 0, is_workflow=True))
    return found


def _title(path: Path) -> str | None:
    """What a workflow calls itself, empty when it does not say; `None` for a file that is none."""
    try:
        with path.open("rb") as file:
            text = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    if LANGUAGES[path.suffix.lower()] == "python":
        main = _PYTHON_MAIN.search(text)
        if main is None or not re.search(_CALLS.format(re.escape(main[1])), text):
            return None
        said = _DOCSTRING.match(text)
        return said[2].strip() if said else ""
    meta = _META.search(text)
    if meta is None:
        return None
    named = _SAID.search(text, meta.end(), meta.end() + 2_000)
    return named[2] if named else ""
