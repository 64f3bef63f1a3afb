"""What a session lets its client choose: model, mode, effort."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from acp.schema import NewSessionResponse, SessionConfigOptionSelect, SessionConfigSelectGroup

from piplan_tui.agents.failures import in_sentence

_SHOWN = 8
_CATEGORIES = {"model": "model", "mode": "mode", "effort": "thought_level"}

Change = tuple[str, dict[str, Any]]


class SessionSettings:
    """The choices that an agent offers, from its answer to session/new, load or resume.

    There are two ways in the protocol: configuration options, and, in older agents, fields of their own for
    models and modes.
    """

    def __init__(self, session_id: str, answer: dict[str, Any]) -> None:
        self._session_id = session_id
        self._options: list[SessionConfigOptionSelect] = []
        read = NewSessionResponse.model_validate({**answer, "sessionId": session_id})
        self.configured(read)
        self._modes = read.modes
        models = answer.get("models")
        self._models: dict[str, Any] = models if isinstance(models, dict) else {}

    def configured(self, answer: Any) -> None:
        """Take the options of an answer or update that has `config_options`."""
        options = answer.config_options or []
        self._options = [option for option in options if isinstance(option, SessionConfigOptionSelect)]

    @property
    def model(self) -> str:
        """The model that is used now; empty when the agent does not say."""
        if option := self._option("model"):
            return str(option.current_value)
        current = self._models.get("currentModelId")
        return current if isinstance(current, str) else ""

    def offered(self, what: str) -> list[str]:
        """The values of `model`, `mode` or `effort`; none when it cannot be chosen."""
        if option := self._option(what):
            return [value for value, _ in _values(option)]
        if what == "model":
            listed = self._models.get("availableModels")
            items = listed if isinstance(listed, list) else []
            found = [item.get("modelId") for item in items if isinstance(item, dict)]
            return [value for value in found if isinstance(value, str)]
        if what == "mode" and self._modes:
            return [mode.id for mode in self._modes.available_modes]
        return []

    def change(self, what: str, *wanted: str) -> Change | None:
        """The request that chooses the first of `wanted` that is offered, by its value or its name.

        What stands after the last slash of a value is enough where no other value ends like it.
        None when none is; a request with an empty method when it is chosen already.
        """
        option = self._option(what)
        names = dict(_values(option)) if option else {value: value for value in self.offered(what)}
        if what == "mode" and not option and self._modes:
            names = {mode.id: mode.name for mode in self._modes.available_modes}
        value = next(
            (v for want in wanted for v, name in names.items() if want and want in (v, name)),
            None,
        )
        if value is None:
            ends = [v for v in names if wanted[0] and v.rpartition("/")[2] == wanted[0]]
            if len(ends) != 1:
                return None
            value = ends[0]
        session = {"sessionId": self._session_id}
        if option:
            if option.current_value == value:
                return "", {}
            return "session/set_config_option", {**session, "configId": option.id, "value": value}
        if what == "model":
            return "session/set_model", {**session, "modelId": value}
        return "session/set_mode", {**session, "modeId": value}

    def chosen(self, what: str, change: Change) -> None:
        """Remember a model that was set the older way, whose answer does not repeat it."""
        if change[0] == "session/set_model":
            self._models = {**self._models, "currentModelId": change[1]["modelId"]}

    def _option(self, what: str) -> SessionConfigOptionSelect | None:
        category = _CATEGORIES[what]
        return next((o for o in self._options if category in (o.category, o.id)), None)


def some_of(values: list[str], like: str = "") -> str:
    """A few of many values, for a sentence: those first that are most like the one that was wanted."""
    if len(values) > _SHOWN:
        values = get_close_matches(like, values, n=len(values), cutoff=0.0)
    shown = ", ".join(in_sentence(value) for value in values[:_SHOWN])
    return f"{shown} and {len(values) - _SHOWN} more" if len(values) > _SHOWN else shown


def _values(option: SessionConfigOptionSelect) -> Iterable[tuple[str, str]]:
    for item in option.options:
        if isinstance(item, SessionConfigSelectGroup):
            yield from ((value.value, value.name) for value in item.options)
        else:
            yield item.value, item.name
