"""What a line is made of: foreign text, cleaned, in pieces that have a role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from piplan_tui.clean import clean_text
from piplan_tui.run.state import StepStatus

Role = Literal["plain", "dim", "strong", "accent", "running", "attention", "failed", "done"]
"""What a piece of text is, for whoever colours it. Never the only sign of a state."""
MAX_NAMES = 3
_PREVIEW = 300


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line."""

    text: str
    role: Role = "plain"


STATUS_ROLES: dict[StepStatus, Role] = {
    "pending": "dim",
    "queued": "dim",
    "running": "running",
    "waiting_user": "attention",
    "paused": "dim",
    "retrying": "attention",
    "completed": "done",
    "reused": "done",
    "failed": "failed",
    "blocked": "dim",
    "skipped": "dim",
    "cancelled": "dim",
}


def one_line(text: str) -> str:
    """Foreign text for a row: cleaned, on one line, without blanks around it, of bounded length."""
    return clean_text(text[:_PREVIEW], keep_newlines=False).strip()


def as_sentence(text: str) -> str:
    """With a capital at its beginning, unless it begins with an id: that one is typed as it is."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    names_something = text[len(first) :].lstrip().startswith(_AFTER_A_NAME) and first not in _NO_NAMES
    is_id = names_something or not first.rstrip(",;:.").isalpha()
    return text if is_id else text[:1].upper() + text[1:]


_AFTER_A_NAME = ("is ", "has ", "runs ", "does ", "goes ", "ended ")
_NO_NAMES = ("there", "it", "nothing", "nobody")


def first_line(text: str) -> str:
    """The first line of a foreign text that says anything, for a row."""
    return one_line(text.lstrip().partition("\n")[0])


def names(ids: Iterable[str], limit: int = MAX_NAMES) -> str:
    """Ids for a row: `alpha, beta, gamma + 4 more`."""
    known = list(ids)
    text = ", ".join(one_line(name) for name in known[:limit])
    return f"{text} + {len(known) - limit:,} more" if len(known) > limit else text
