"""What has been typed into a form so far: its draft, its answer, what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from piplan_tui.run.asks import (
    CheckedAnswer,
    FieldError,
    InputRequest,
    check_action,
    check_values,
    visible_fields,
)


class AskValues:
    """Values as the inputs give them, by field name; absent where there is nothing.

    Begins with the defaults of `request` and the `draft` over them. Relative paths start from `workspace`.
    """

    def __init__(
        self, request: InputRequest, draft: Mapping[str, Any] | None = None, workspace: Path | None = None
    ) -> None:
        self._request = request
        self._workspace = workspace
        self._values: dict[str, Any] = {
            field.name: field.default for field in request.fields if field.has_default
        }
        for name, value in (draft or {}).items():
            if (field := request.field(name)) is not None and field.type not in ("secret", "info"):
                self._values[name] = value
        self._has_conditions = any(field.show_if is not None for field in request.fields)

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def put(self, name: str, value: Any) -> None:
        """Note what an input holds; None for nothing."""
        if value is None:
            self._values.pop(name, None)
        else:
            self._values[name] = value

    def held(self) -> dict[str, Any]:
        """Everything, secrets too."""
        return dict(self._values)

    def take(self, held: Mapping[str, Any]) -> None:
        """Go on with what was `held` by another form of the same question."""
        self._values = dict(held)

    def draft(self) -> dict[str, Any]:
        """Everything but secrets."""
        secret = {field.name for field in self._request.fields if field.type == "secret"}
        return {name: value for name, value in self._values.items() if name not in secret}

    def shown(self) -> set[str]:
        """The names of the fields whose conditions hold."""
        if not self._has_conditions:
            return {field.name for field in self._request.fields}
        return {field.name for field in visible_fields(self._request, self._answer())}

    def problems(self) -> dict[str, str]:
        """What is wrong, by field name."""
        checked = check_values(self._request, self._answer(), workspace=self._workspace)
        return {} if isinstance(checked, CheckedAnswer) else {error.name: error.message for error in checked}

    def submission(self, action_id: str = "") -> dict[str, Any] | list[FieldError]:
        """The values to send, in the types of their fields and with secrets as they were typed; or all that is
        wrong with them. With `action_id`, those that this action needs."""
        answer = self._answer()
        if action_id:
            checked = check_action(self._request, action_id, answer, workspace=self._workspace)
        else:
            checked = check_values(self._request, answer, workspace=self._workspace)
        if not isinstance(checked, CheckedAnswer):
            return checked
        shown = set() if action_id else self.shown()
        values = {name: value for name, value in answer.items() if name in shown}
        for name, value in checked.values.items():
            field = self._request.field(name)
            values[name] = answer.get(name) if field is not None and field.type == "secret" else value
        return values

    def _answer(self) -> dict[str, Any]:
        """None stands where the user emptied a field that had a default: absent, it would get it back."""
        return {
            field.name: self._values.get(field.name)
            for field in self._request.fields
            if field.type != "info" and (field.name in self._values or field.has_default)
        }
