"""Where the style sheets are: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def stylesheet(name: str) -> Path:
    """The path of one style sheet (`transcript_view.tcss`)."""
    installed = _PACKAGE / "_data" / "styles" / name
    return installed if installed.exists() else _PACKAGE.parent / "styles" / name
