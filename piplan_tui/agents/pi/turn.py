"""Follow one turn of Pi: its records as session events, and when the turn is over.

The versions differ in how a turn ends. 0.87 says `agent_settled`. 0.72 says `agent_end`, after which it may
still retry or compact; whether it does is known after one `get_state`, because it writes what follows before
it reads the next command.
"""

from __future__ import annotations

from typing import Literal

from piplan_tui.agents.pi.decode import (
    Dialog,
    MessageUsage,
    Record,
    arguments_of,
    message_of,
    result_text,
    state_of,
    text_of,
)
from piplan_tui.agents.pi.dialogs import input_request, is_question
from piplan_tui.agents.protocol import (
    AskRaised,
    AskWithdrawn,
    Notice,
    Recovered,
    Retrying,
    SessionEvent,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    UsageReported,
)
from piplan_tui.agents.tool_target import target
from piplan_tui.run.model import Usage

_WRITERS = ("write", "edit")
_LEVELS: dict[str, Literal["info", "warning", "error"]] = {"warning": "warning", "error": "error"}


class TurnReader:
    """What the records of one turn say. `usage` is what the session used before it."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()
        self.text = ""
        self.stop_reason = ""
        self.error = ""
        self.model = ""
        self.started = False
        self.over = False
        self.perhaps_over = False
        self.tools: dict[str, str] = {}
        self.dialogs: dict[str, Dialog] = {}
        self.quiet_seconds = 0.0
        self._settles = False
        self._compacting = False

    @property
    def waits_for_others(self) -> bool:
        """Whether silence is to be expected: a tool runs, or the user is asked."""
        return bool(self.tools or self.dialogs)

    def feed(self, record: Record) -> list[SessionEvent]:
        """The events of one record.

        Raises:
            msgspec.DecodeError: a message in it does not have the shape of one.
        """
        match record.type:
            case "message_update":
                return _delta_events(record)
            case "message_end":
                return self._message(record)
            case "tool_execution_start":
                self.tools[record.tool_call_id] = record.tool_name
                arguments = arguments_of(record)
                written = arguments.get("path") if record.tool_name in _WRITERS else None
                writes = (written,) if isinstance(written, str) else ()
                return [
                    ToolStarted(record.tool_call_id, record.tool_name, target(arguments), arguments, writes)
                ]
            case "tool_execution_update":
                text = result_text(record.partial_result)
                return [ToolOutput(record.tool_call_id, text)] if text else []
            case "tool_execution_end":
                self.tools.pop(record.tool_call_id, None)
                ended = ToolEnded(record.tool_call_id, not record.is_error, result_text(record.result))
                return (
                    [*self._withdraw_all("the tool that asked has ended"), ended]
                    if not self.tools
                    else [ended]
                )
            case "agent_start":
                self.started = True
                self.perhaps_over = False
            case "agent_end":
                self._settles = self._settles or record.will_retry is not None
                self.perhaps_over = not self._settles
                self.tools.clear()
                return self._withdraw_all("the turn has ended")
            case "agent_settled":
                self.over = True
            case "auto_retry_start":
                self.perhaps_over = False
                return [
                    Retrying(
                        record.attempt, record.max_attempts, record.delay_ms / 1000, record.error_message
                    )
                ]
            case "auto_retry_end":
                if not record.success:
                    self.perhaps_over = not self._settles
                return [Recovered(record.success)]
            case "compaction_start":
                self._compacting = True
                return [Notice("pi is compacting the conversation")]
            case "compaction_end":
                self._compacting = False
                self.perhaps_over = not self._settles and not record.will_retry
                if record.error_message:
                    return [Notice(record.error_message, "warning")]
            case "extension_ui_request" if record.dialog is not None:
                return self._dialog(record.dialog)
            case "extension_error":
                where = record.extension_path or "an extension"
                return [Notice(f"{where}: {record.error}", "error")]
        return []

    def state_answered(self, record: Record) -> bool:
        """Take the answer to a `get_state` that was sent while `perhaps_over`; True when the turn is over."""
        state = state_of(record)
        if self.perhaps_over and not state.is_streaming and not state.is_compacting and not self._compacting:
            self.over = True
        return self.over

    def withdraw(self, ask_id: str, reason: str, *, expired: bool = False) -> list[SessionEvent]:
        return [AskWithdrawn(ask_id, reason, expired)] if self.dialogs.pop(ask_id, None) else []

    def _withdraw_all(self, reason: str) -> list[SessionEvent]:
        return [event for ask_id in list(self.dialogs) for event in self.withdraw(ask_id, reason)]

    def _dialog(self, dialog: Dialog) -> list[SessionEvent]:
        if is_question(dialog):
            self.dialogs[dialog.id] = dialog
            return [AskRaised(dialog.id, input_request(dialog))]
        if dialog.method == "notify" and dialog.message:
            return [Notice(dialog.message, _LEVELS.get(dialog.notify_type, "info"))]
        return []

    def _message(self, record: Record) -> list[SessionEvent]:
        message = message_of(record)
        if message.role != "assistant":
            return []
        self.text = text_of(message.content)
        self.stop_reason = message.stop_reason
        self.error = message.error_message if message.stop_reason == "error" else ""
        self.model = f"{message.provider}/{message.model}" if message.provider else message.model
        used = _usage(message.usage)
        if used is None:
            return []
        self.usage = self.usage.plus(used)
        return [UsageReported(self.usage)]


def _delta_events(record: Record) -> list[SessionEvent]:
    delta = record.assistant_message_event
    if delta is None or not delta.delta:
        return []
    if delta.type == "text_delta":
        return [TextDelta(delta.delta)]
    if delta.type == "thinking_delta":
        return [ThinkingDelta(delta.delta)]
    return []


def _usage(usage: MessageUsage | None) -> Usage | None:
    # Pi writes zeros when its provider reported nothing
    if usage is None or not any((usage.input, usage.output, usage.cache_read, usage.cache_write)):
        return None
    return Usage(
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        cost_usd=usage.cost.total if usage.cost else None,
    )
