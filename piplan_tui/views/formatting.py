"""How durations, tokens, money and states are written, everywhere the same."""

from __future__ import annotations

import re

from piplan_tui.run.state import RunStatus, StepStatus
from piplan_tui.views.line import one_line

GLYPHS: dict[StepStatus, str] = {
    "pending": "◌",
    "queued": "⧗",
    "running": "⠹",
    "waiting_user": "?",
    "paused": "=",
    "retrying": "↻",
    "completed": "✓",
    "reused": "↺",
    "failed": "✗",
    "blocked": "⊝",
    "skipped": "-",
    "cancelled": "⊘",
}
"""One cell wide in every terminal. A running step's is one frame of `SPINNER`."""
ASCII_GLYPHS: dict[StepStatus, str] = {
    "pending": ".",
    "queued": "o",
    "running": ">",
    "waiting_user": "?",
    "paused": "=",
    "retrying": "~",
    "completed": "+",
    "reused": "*",
    "failed": "x",
    "blocked": "#",
    "skipped": "-",
    "cancelled": "/",
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

STATUS_WORDS: dict[StepStatus, str] = {
    "pending": "pending",
    "queued": "queued",
    "running": "running",
    "waiting_user": "needs you",
    "paused": "paused",
    "retrying": "retrying",
    "completed": "completed",
    "reused": "reused",
    "failed": "failed",
    "blocked": "blocked",
    "skipped": "skipped",
    "cancelled": "cancelled",
}
RUN_WORDS: dict[RunStatus, str] = {
    "pending": "NOT STARTED",
    "running": "RUNNING",
    "waiting_user": "NEEDS YOU",
    "paused": "PAUSED",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "interrupted": "INTERRUPTED",
}

_KNOWN_RUN_WORDS: dict[str, str] = dict(RUN_WORDS.items())


def run_state_word(status: str) -> str:
    """A run's state as it is stored, in small letters; a newer version may have some that this one does not know."""
    return _KNOWN_RUN_WORDS.get(status, status).lower()


def format_clock(seconds: float) -> str:
    """`0:38`, `12:41`, `1:02:03`, `3d 04:10`: for columns, always whole seconds."""
    total = max(0, int(seconds))
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        days, hour = divmod(hours, 24)
        return f"{days}d {hour:02}:{minute:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def format_duration(seconds: float) -> str:
    """`40s`, `3m10s`, `1h02m`, `2d3h`: for sentences."""
    total = max(0, int(seconds))
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d{hour}h"
    if hours:
        return f"{hours}h{minute:02}m"
    return f"{minutes}m{second:02}s" if minutes else f"{second}s"


def short_duration(seconds: float) -> str:
    """One unit: `40s`, `3m`, `2h`, `5d`."""
    total = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if total >= size:
            return f"{total // size}{unit}"
    return f"{total}s"


def format_tokens(tokens: int | None) -> str:
    """`812`, `8.1k`, `33.0k`, `330k`, `1.2M`; `?` when no agent reported any (unknown is not zero)."""
    if tokens is None:
        return "?"
    if tokens < 1_000:
        return str(tokens)
    value, units = tokens / 1_000, ["k", "M", "B"]
    while value >= 999.5 and len(units) > 1:
        value /= 1_000
        del units[0]
    return f"{value:.1f}{units[0]}" if value < 99.95 else f"{value:.0f}{units[0]}"


def format_count(number: int) -> str:
    """`812`, `1,204`, `12.3k`: for columns, exact as long as there is room; everywhere else `12,345`."""
    return f"{number:,}" if number < 10_000 else format_tokens(number)


def format_progress(done: int, total: int) -> str:
    """`4/10`, `9,500/10,000`."""
    return f"{done:,}/{total:,}"


def format_money(usd: float | None) -> str:
    """`$0.46`, `$12.30`, `$1,204`; four digits below a cent; `?` when no agent reported any."""
    if usd is None:
        return "?"
    if usd == 0 or usd >= 0.01:
        return f"${usd:,.2f}" if usd < 1_000 else f"${usd:,.0f}"
    return f"${usd:.4f}"


def format_size(size: int) -> str:
    """Bytes as `812 B`, `3.4 kB`, `12 MB` (powers of 1000)."""
    if size < 1_000:
        return f"{size} B"
    value, units = size / 1_000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1_000
        del units[0]
    return f"{value:.1f} {units[0]}" if value < 10 else f"{value:.0f} {units[0]}"


def counted(number: int, what: str) -> str:
    """`1 step`, `2 steps`, `10,000 steps`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


_DATE_SUFFIX = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


def agent_label(agent: str, model: str) -> str:
    """`pi sonnet-4-5` from `pi` and `anthropic/claude-sonnet-4-5-20250929`."""
    kind, _, rest = agent.partition(":")
    short_agent = (rest if kind == "acp" and rest else kind).split("/")[-1]
    short_model = _DATE_SUFFIX.sub("", model.rstrip("/").split("/")[-1]).removeprefix("claude-")
    return one_line(short_agent if short_model in ("", short_agent) else f"{short_agent} {short_model}")
