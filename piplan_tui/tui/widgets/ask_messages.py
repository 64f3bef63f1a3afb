"""What a form tells its host; a handler for `Submitted` is called `on_ask_form_submitted`."""

from __future__ import annotations

from typing import Any, Literal

from textual.message import Message


class Submitted(Message, namespace="ask_form"):
    """The user answers. `action_id` is the action of a review that was chosen, or empty."""

    def __init__(
        self,
        values: dict[str, Any],
        action: Literal["accept", "decline", "cancel"],
        action_id: str = "",
        note: str = "",
    ) -> None:
        super().__init__()
        self.values = values
        self.action = action
        self.action_id = action_id
        self.note = note


class Declined(Message, namespace="ask_form"):
    """The user refuses; `note` is why, if they said so."""

    def __init__(self, note: str = "") -> None:
        super().__init__()
        self.note = note


class Postponed(Message, namespace="ask_form"):
    """The user wants to answer later."""


class DraftChanged(Message, namespace="ask_form"):
    """What the user has typed so far, without secrets."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__()
        self.values = values
