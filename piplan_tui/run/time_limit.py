"""How long a question may wait. What an agent writes into it sets no limit: the plan does, or the asker's protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from piplan_tui.run.asks.read import read_expires

_MAX_SECONDS = 366 * 86_400.0
_MAX_NODES = 20_000

Then = Literal["decline", "cancel", "fail", "defaults"]


class TimeLimit(NamedTuple):
    """After `seconds` a question ends: as the plan says, by `then`; or, with the owner `agent`, because its asker
    does not wait any longer, whatever anybody says."""

    seconds: float
    then: Then
    owner: Literal["runtime", "agent"] = "runtime"


def time_limit(
    request: Any, *, live: bool, step: Mapping[str, Any], plan: Mapping[str, Any]
) -> TimeLimit | None:
    """The limit of a question; `None`: it waits for the user.

    `step` and `plan` are the documents of the plan's author. An `expires` of the step, or else of the plan, holds for
    every question; one that stands deeper in them, in an `inputRequest` say, for a question that repeats it.
    """
    asked = _read(request.get("expires")) if isinstance(request, dict) else None
    if asked is not None and live and asked.owner == "agent":
        return asked
    if asked is not None and (asked.seconds, asked.then) in set(_limits_in(step, plan)):
        return TimeLimit(asked.seconds, asked.then)
    said = _read(step.get("expires")) or _read(plan.get("expires"))
    return said and TimeLimit(said.seconds, said.then)


def _read(raw: Any) -> TimeLimit | None:
    expires = read_expires(raw)
    if expires is None or expires.after_seconds >= _MAX_SECONDS:
        return None
    return TimeLimit(expires.after_seconds, expires.then, expires.owner)


def _limits_in(*documents: Any) -> Iterator[tuple[float, Then]]:
    left = _MAX_NODES
    todo = list(documents)
    while todo and left:
        left -= 1
        value = todo.pop()
        if isinstance(value, Mapping):
            if said := _read(value.get("expires")):
                yield said.seconds, said.then
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
