"""Show the request in a JSON file as a form: `python -m piplan_tui.tui.widgets.ask_form_demo ask.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult

from piplan_tui.clean import clean_text
from piplan_tui.resources import styles_dir
from piplan_tui.run.asks import read_request
from piplan_tui.tui.widgets.ask_form import AskForm
from piplan_tui.tui.widgets.ask_messages import Declined, Submitted


class FormDemo(App[str]):
    """Ends with what the form said."""

    AUTO_FOCUS = None
    CSS_PATH: ClassVar = [styles_dir() / "ask_form.tcss"]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield AskForm(read_request(json.loads(self._text)), asker="demo asks", workspace=Path.cwd())

    def on_mount(self) -> None:
        self.query_one(AskForm).focus()

    def on_ask_form_submitted(self, message: Submitted) -> None:
        self.exit(f"{message.action} {message.action_id} {json.dumps(message.values)}")

    def on_ask_form_declined(self, message: Declined) -> None:
        self.exit(f"declined {message.note}")

    def on_ask_form_postponed(self) -> None:
        self.exit("later")


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else '{"message": "What now?"}'
    print(clean_text(FormDemo(text).run() or ""))
