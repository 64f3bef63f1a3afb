"""What the key bar offers: keys that do something now, where the focus is, with what they do now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from textual.screen import Screen
from textual.widgets import Input, TextArea

from piplan_tui.run.state import TERMINAL
from piplan_tui.tui.actions import BY_ID, Action
from piplan_tui.tui.key_names import is_text, key_name
from piplan_tui.tui.refusals import ActionContext, has_failed, resumes

LiveKeys = Mapping[str, list[str]]
"""By the id of a binding, the keys that reach it from where the focus is."""

_MOVES = {
    "transcript.down": "scroll",
    "text.down": "scroll",
    "timeline.down": "move",
    "timeline.open": "open",
}
_ALSO = {"transcript.search": "find", "transcript.unfold": "unfold"}
"""Bindings of widgets that are worth a place, and what they do: before and after what is done to the run."""
_PAIRS = {
    "tree.down": "tree.up",
    "transcript.down": "transcript.up",
    "text.down": "text.up",
    "timeline.down": "timeline.up",
}
"""Keys that are shown as one."""
KEPT = frozenset({"ask.later", "detail.back", "log.back", "timeline.back", "app.help", "app.quit"})
"""Ways out and to all keys: whatever else has no room, these have."""
_LEAVES_A_FIELD_TOO = "ctrl+c"
_PASSED_ON = frozenset({"transcript.next_match", "transcript.previous_match", "tree.open"})
"""Of these keys the screen makes something of its own: a start of the plan, a search in all of the log."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A key as it is shown, what it does, and the key itself."""

    id: str
    key: str
    label: str
    pressed: str


def live_keys(screen: Screen[Any]) -> LiveKeys:
    """Which keys do what where the focus is: a field takes letters, and a widget's own keys go before a screen's."""
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    typing = isinstance(screen.focused, Input | TextArea)
    for _, bindings in screen._modal_binding_chain:
        for key, (binding, *_rest) in bindings.key_to_bindings.items():
            if key in taken or (typing and is_text(key) and not binding.priority):
                continue
            if binding.id not in _PASSED_ON:
                taken.add(key)
            if binding.id:
                found.setdefault(binding.id, []).append(key)
    return found


def offers(
    actions: Iterable[Action], context: ActionContext, live: LiveKeys, labels: Mapping[str, str]
) -> list[Offer]:
    """What can be done now, what is about the selected row first. `labels` replaces labels; an empty one hides."""
    wanted = dict(_MOVES)
    given = [action for action in actions if action.offered(context) and not action.refusal(context)]
    for action in sorted(given, key=lambda action: _rank(action, context)):
        if action.where == "app":
            wanted |= _ALSO
        wanted[action.id] = _label(action, context)
    wanted |= labels
    if "app.quit" in wanted and "app.quit" not in live:
        live = {**live, "app.quit": live.get("app.interrupt") or [_LEAVES_A_FIELD_TOO]}
    return [_offer(name, label, live) for name, label in wanted.items() if label and name in live]


def _offer(name: str, label: str, live: LiveKeys) -> Offer:
    first = _first(name, live)
    shown = key_name(first)
    if (other := _PAIRS.get(name, "")) in live:
        shown = f"{shown}/{key_name(_first(other, live))}"
    return Offer(name, shown, label, first)


def _first(name: str, live: LiveKeys) -> str:
    """The key to show: the first of the command's own, and of a widget's a letter rather than an arrow."""
    action = BY_ID.get(name)
    own = action.keys.split(",") if action is not None else []
    keys = live[name]
    return next((key for key in own if key in keys), None) or next(filter(is_text, keys), keys[0])


def _rank(action: Action, context: ActionContext) -> int:
    if action.where in ("tree", "timeline"):
        return 0
    step, state = context.step, context.state
    helps = {
        "run.answer": bool(step and step.asks),
        "run.retry": has_failed(context),
        "run.next_failure": bool(state and state.ended),
        "run.pause": resumes(context),
        "run.next_match": context.searched,
        "log.next_match": context.searched,
    }
    return 1 if helps.get(action.id) else 3 if action.where == "app" else 2


def _label(action: Action, context: ActionContext) -> str:
    if action.id == "run.pause" and resumes(context):
        return "resume"
    if action.id == "run.stop" and (context.step is None or context.step.status in TERMINAL):
        return "stop run"
    if action.id == "tree.open" and context.state is not None and context.step is None:
        return "fold"
    return action.bar
