"""An app with nothing but a form, which notes what the form says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.message import Message

from piplan_tui.resources import styles_dir
from piplan_tui.run.asks import read_request
from piplan_tui.tui.widgets.ask_form import AskForm
from piplan_tui.tui.widgets.ask_messages import Declined, DraftChanged, Postponed, Submitted


class FormApp(App[None]):
    AUTO_FOCUS = None
    CSS_PATH: ClassVar = [styles_dir() / "ask_form.tcss"]
    CSS = "Input, TextArea { & > .input--cursor, & > .text-area--cursor { text-style: reverse; } }"

    def __init__(
        self, request: object, draft: dict[str, Any] | None = None, workspace: Path | None = None
    ) -> None:
        super().__init__()
        self.form = AskForm(read_request(request), draft=draft, asker="outline asks", workspace=workspace)
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.form

    def on_mount(self) -> None:
        self.form.focus()

    @on(Submitted)
    @on(Declined)
    @on(Postponed)
    @on(DraftChanged)
    def note(self, message: Message) -> None:
        self.said.append(message)

    @property
    def submitted(self) -> Submitted | None:
        """What was sent, if anything was; at most once."""
        sent = [message for message in self.said if isinstance(message, Submitted)]
        assert len(sent) <= 1
        return sent[0] if sent else None

    @property
    def draft(self) -> dict[str, Any] | None:
        """The last draft."""
        drafts = [message for message in self.said if isinstance(message, DraftChanged)]
        return drafts[-1].values if drafts else None

    def error(self, name: str) -> str:
        """What the form says is wrong with a field."""
        return self.form._editors[name].error


AUDIENCE = {
    "name": "audience",
    "type": "choice",
    "label": "Audience",
    "allowOther": True,
    "options": [
        {
            "value": "seed",
            "label": "Seed investors",
            "description": "short, story first",
            "recommended": True,
        },
        {"value": "enterprise", "label": "Enterprise buyers", "description": "ROI, security, references"},
    ],
}
FORM = {
    "title": "Audience",
    "message": "Which audience should the deck target?",
    "reason": "The outline changes a lot with this answer.",
    "fields": [
        AUDIENCE,
        {"name": "slides", "type": "integer", "label": "Slides", "minimum": 1, "maximum": 20, "default": 5},
        {
            "name": "include",
            "type": "multichoice",
            "label": "Must include",
            "required": False,
            "minItems": 0,
            "options": [{"value": "pricing"}, {"value": "roadmap"}, {"value": "team"}],
        },
        {
            "name": "brand",
            "type": "path",
            "label": "Brand file",
            "required": False,
            "path": {"select": "file", "mustExist": True, "glob": "**/*.pdf"},
        },
        {"name": "notes", "type": "multiline", "label": "Notes", "required": False, "maxLength": 2000},
    ],
    "context": [{"type": "file", "path": "brief.md", "line": 12}],
}
SINGLE = {"message": "Which audience should the deck target?", "fields": [AUDIENCE]}
REVIEW = {
    "kind": "review",
    "title": "Merge step/outline",
    "message": "Merge 3 files into main?",
    "context": [{"type": "diff", "text": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"}],
    "fields": [{"name": "why", "type": "multiline", "label": "What to change", "required": False}],
    "actions": [
        {"id": "merge", "label": "Merge", "key": "m", "result": "accept", "needs": []},
        {"id": "redo", "label": "Send back", "key": "b", "result": "accept", "needs": ["why"]},
        {"id": "no", "label": "Discard", "key": "d", "result": "decline", "needs": []},
    ],
}
SECRET = {
    "message": "The deploy step needs a registry token.",
    "fields": [
        {
            "name": "token",
            "type": "secret",
            "label": "Registry token",
            "pattern": "^npm_[A-Za-z0-9]{4}$",
            "patternHint": "starts with npm_",
            "secret": {"env": "NPM_TOKEN", "remember": "run"},
        },
        {"name": "dry", "type": "boolean", "label": "Dry run first", "default": True},
    ],
}
