"""What stands in rows and columns elsewhere, as sentences: the list to begin with, the timeline, keys, signs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

from piplan_tui.plan.find import FoundPlan
from piplan_tui.run.state import SATISFIED
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.critical_path import CriticalPath
from piplan_tui.views.formatting import GLYPHS, STATUS_WORDS, counted, run_state_word
from piplan_tui.views.home_rows import needs_you, run_state
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.spoken import calm, said_duration, said_money, sentence
from piplan_tui.views.timeline import Bar

_SEPARATOR = " · "
_SIGNS = {GLYPHS[status]: word for status, word in STATUS_WORDS.items() if not GLYPHS[status].isascii()}
_KEYS = {"↓": "Down arrow", "↑": "Up arrow", "←": "Left arrow", "→": "Right arrow", "?": "question mark"} | {
    "/": "slash",
    ":": "colon",
    "+": "plus",
    "-": "minus",
    "[": "left bracket",
    "]": "right bracket",
}


def in_words(spans: Iterable[Span]) -> list[Span]:
    """The spans with our own signs, which stand at their beginnings, as words; what agents say stays as it is."""
    return [Span(_worded(span.text), span.role) for span in spans]


def _worded(text: str) -> str:
    if text.startswith(_SEPARATOR):
        return f", {text[len(_SEPARATOR) :]}"
    start = len(text) - len(text.lstrip("\n"))
    if text.startswith(f"{GLYPHS['waiting_user']} ", start):
        return f"{text[:start]}{STATUS_WORDS['waiting_user']}, {text[start + 2 :]}"
    sign, rest = text.lstrip("\n")[:1], text.lstrip("\n")[1:]
    if sign in _SIGNS and (not rest or rest.startswith(" ")):
        return f"{text[: len(text) - len(rest) - 1]}{_SIGNS[sign]}{rest and ','}{rest}"
    return text


def facts_in_words(facts: Iterable[Span]) -> list[Span]:
    """The same for spans that hold nothing but our own words."""
    return [Span(span.text.replace(_SEPARATOR, ", "), span.role) for span in facts]


def home_run_sentence(info: RunInfo, live: AbstractSet[str], now: datetime) -> str:
    """A run in the list to begin with."""
    done, failed = sum(info.counts.get(each, 0) for each in SATISFIED), info.counts.get("failed", 0)
    age = (calm(now) - info.updated_at).total_seconds()
    return sentence(
        f"run {one_line(info.title) or one_line(info.plan_id)}",
        f"{counted(info.open_asks, 'question')} for you"
        if needs_you(info)
        else run_state_word(run_state(info, live)),
        f"{done:,} of {info.steps:,} done",
        f"{failed:,} failed" if failed else "",
        said_money(info.cost_usd) if info.cost_usd is not None else "",
        "just now" if age < 10 else f"{said_duration(age)} ago",
        f"id {one_line(info.run_id)[:8]}",
    )


def home_plan_sentence(plan: FoundPlan, folder: Path) -> str:
    """A plan or workflow in that list."""
    path = plan.path.relative_to(folder) if plan.path.is_relative_to(folder) else Path(plan.path.name)
    what = "workflow" if plan.is_workflow else "plan"
    steps = "" if plan.is_workflow else counted(plan.steps, "step")
    return sentence(
        f"{what} {one_line(plan.title) or one_line(path.name)}", steps, f"file {one_line(str(path))}"
    )


def bar_sentence(bar: Bar) -> str:
    """A row of the timeline. Times are rounded to seconds."""
    word = STATUS_WORDS[bar.status]
    worked = sum(end - start for start, end in bar.working)
    waited = sum(end - start for start, end in bar.waiting)
    failures = len(bar.failures)
    return sentence(
        bar.name,
        word,
        f"began after {said_duration(bar.started)}" if bar.started is not None else "",
        f"worked {said_duration(worked)}" if worked else "",
        f"waited for you {said_duration(waited)}" if waited else "",
        f"failed {counted(failures, 'time')}" if failures else "",
    )


def critical_path_sentence(path: CriticalPath) -> str:
    """The chain of steps that decides how long the run takes, and where its time went."""
    if not path.steps:
        return "Critical path: nothing has run yet"
    names = ", then ".join(one_line(step.id) for step in path.steps)
    times = sentence(
        f"worked {said_duration(path.worked)}",
        f"waited for you {said_duration(path.waited)}" if path.waited >= 1 else "",
        f"about {said_duration(path.left)} left" if path.left is not None else "",
    )
    return f"Critical path: {names}. It {times}"


def key_sentence(keys: str, title: str, tooltip: str) -> str:
    """`Down: j or Down arrow. Next row`."""
    said = " or ".join(said_key(key) for key in keys.split(" "))
    return f"{title}: {said}" + (f". {tooltip}" if tooltip else "")


def said_key(key: str) -> str:
    """A key by its name, capitals told apart: `Down arrow`, `capital G`, `slash`."""
    if len(key) == 1 and key.isupper():
        return f"capital {key}"
    return _KEYS.get(key, key)


def tabs_sentence(names: Sequence[str], tab: int, *, needs_you: bool = False) -> str:
    """Which tab is open, and the keys of the others."""
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
    asks = "; a question is in Input" if needs_you else ""
    return f"{names[tab - 1]} is open{asks}. Keys: {listed}"
