"""Follow one turn of an agent: its session updates as session events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acp.schema import (
    AgentPlanUpdate,
    ContentChunk,
    CurrentModeUpdate,
    FileEditToolCallContent,
    TextContentBlock,
    ToolCall,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)
from pydantic import ValidationError

from piplan_tui.agents.acp.content import (
    block_text,
    raw_output_text,
    tool_name,
    tool_target,
    tool_text,
)
from piplan_tui.agents.protocol import (
    Notice,
    PlanItem,
    PlanReported,
    SessionEvent,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
)

_TELL_SECONDS = 0.2
_MAX_TERMINAL = 1024 * 1024
_MAX_ENTRIES = 200
_MARKS = {"completed": "[x]", "in_progress": "[>]", "pending": "[ ]"}


@dataclass
class _Call:
    """A tool call so far: `known` collects what its updates said."""

    known: ToolCallUpdate
    started: bool = False
    text: str = ""
    told_at: float = 0.0
    terminals: set[str] = field(default_factory=set)


class TurnReader:
    """What the updates of one turn say. `terminal_text` gives what a terminal has written so far."""

    def __init__(self, workspace: Path, terminal_text: Callable[[str], str]) -> None:
        self._workspace = workspace
        self._client_terminal = terminal_text
        self._own_terminals: dict[str, str] = {}
        self._calls: dict[str, _Call] = {}
        self._text: list[str] = []
        self._message_id: str | None = None
        self._new_message = True
        self._plan = ""

    @property
    def text(self) -> str:
        """The agent's last message, whole."""
        return "".join(self._text)

    @property
    def tools_run(self) -> bool:
        return bool(self._calls)

    def feed(self, update: dict[str, Any]) -> list[SessionEvent]:
        """The events of one update; of a kind that is not known there are none."""
        try:
            match update.get("sessionUpdate"):
                case "agent_message_chunk":
                    return self._message(ContentChunk.model_validate(update))
                case "agent_thought_chunk":
                    chunk = ContentChunk.model_validate(update)
                    return [ThinkingDelta(text)] if (text := block_text(chunk.content)) else []
                case "tool_call":
                    return self._tool_started(ToolCallStart.model_validate(update))
                case "tool_call_update":
                    return self._tool_updated(ToolCallProgress.model_validate(update))
                case "plan":
                    return self._planned(AgentPlanUpdate.model_validate(update))
                case "current_mode_update":
                    mode = CurrentModeUpdate.model_validate(update).current_mode_id
                    return [Notice(f"the agent is now in its mode {mode}")]
        except ValidationError as error:
            what = error.errors()[0]
            where = ".".join(str(part) for part in what["loc"])
            kind = update.get("sessionUpdate")
            return [Notice(f"the agent sent a {kind} in an unknown form ({where}: {what['msg']})", "warning")]
        return []

    def known_call(self, call_id: str) -> dict[str, Any]:
        """What the agent has said of a call so far, as the protocol has it."""
        call = self._calls.get(call_id)
        if call is None:
            return {}
        return call.known.model_dump(mode="json", by_alias=True, exclude_none=True)

    def about_to_ask(self, call_id: str) -> list[SessionEvent]:
        """The start of a call that was held back, because the user is asked about it now."""
        call = self._calls.get(call_id)
        return self._start(call_id, call) if call and not call.started else []

    def terminal_changed(self, terminal_id: str) -> list[SessionEvent]:
        """The new output of the calls that show this terminal."""
        return [
            event
            for call_id, call in self._calls.items()
            if terminal_id in call.terminals
            for event in self._output(call_id, call)
        ]

    def finish(self, ok: bool) -> list[SessionEvent]:
        """The ends of calls about whose end the agent said nothing."""
        events: list[SessionEvent] = []
        for call_id, call in self._calls.items():
            if not call.started:
                events += self._start(call_id, call)
            events.append(ToolEnded(call_id, ok, call.text))
        self._calls.clear()
        return events

    def _message(self, chunk: ContentChunk) -> list[SessionEvent]:
        text = block_text(chunk.content)
        if not text:
            return []
        if not isinstance(chunk.content, TextContentBlock):
            text = f"\n{text}\n"
        if self._new_message or (chunk.message_id or None) != self._message_id:
            self._text.clear()
        self._new_message = False
        self._message_id = chunk.message_id
        self._text.append(text)
        return [TextDelta(text)]

    def _tool_started(self, update: ToolCall) -> list[SessionEvent]:
        self._new_message = True
        self._take_terminal_output(update)
        known = ToolCallUpdate.model_validate(update.model_dump(exclude_unset=True))
        if earlier := self._calls.get(update.tool_call_id):
            return self._merge(update.tool_call_id, earlier, known)
        call = self._calls[update.tool_call_id] = _Call(known)
        # a call is often announced before its arguments are written
        arguments = update.raw_input
        if (
            update.status in (None, "pending")
            and isinstance(arguments, dict)
            and not set(arguments) - {"cwd"}
            and not update.content
        ):
            return []
        return self._progress(update.tool_call_id, call)

    def _tool_updated(self, update: ToolCallUpdate) -> list[SessionEvent]:
        self._new_message = True
        self._take_terminal_output(update)
        call = self._calls.get(update.tool_call_id)
        if call is None:
            # what ended may be updated once more
            if update.status in (None, "completed", "failed"):
                return []
            call = self._calls[update.tool_call_id] = _Call(update)
        return self._merge(update.tool_call_id, call, update)

    def _merge(self, call_id: str, call: _Call, update: ToolCallUpdate) -> list[SessionEvent]:
        said = {name: getattr(update, name) for name in update.model_fields_set}
        # the first title of some agents is the tool's name, the later ones are about the call
        said = {name: value for name, value in said.items() if value is not None}
        if not call.started and tool_name(call.known) == call.known.title:
            said.pop("title", None)
        call.known = call.known.model_copy(update=said)
        return self._progress(call_id, call)

    def _progress(self, call_id: str, call: _Call) -> list[SessionEvent]:
        known = call.known
        events = [] if call.started else self._start(call_id, call)
        ended = known.status in ("completed", "failed")
        output = self._output(call_id, call)
        if not ended:
            return [*events, *output]
        del self._calls[call_id]
        text = call.text or raw_output_text(known.raw_output)
        return [*events, ToolEnded(call_id, known.status == "completed", text)]

    def _start(self, call_id: str, call: _Call) -> list[SessionEvent]:
        call.started = True
        known = call.known
        arguments = known.raw_input if isinstance(known.raw_input, dict) else {}
        target = tool_target(known, self._workspace)
        return [ToolStarted(call_id, tool_name(known), target, arguments, _written(known))]

    def _output(self, call_id: str, call: _Call) -> list[SessionEvent]:
        content = call.known.content or []
        call.terminals = {item.terminal_id for item in content if item.type == "terminal"}
        text = tool_text(content, self._terminal_text)
        if not text or text == call.text:
            return []
        call.text = text
        # each event holds the whole text, and the agent's own terminals report every few bytes
        if call.terminals and (now := time.monotonic()) - call.told_at < _TELL_SECONDS:
            return []
        call.told_at = now if call.terminals else 0.0
        return [ToolOutput(call_id, text)]

    def _terminal_text(self, terminal_id: str) -> str:
        return self._own_terminals.get(terminal_id) or self._client_terminal(terminal_id)

    def _take_terminal_output(self, update: ToolCall | ToolCallUpdate) -> None:
        """Some agents run their commands themselves, and tell what they write beside the protocol."""
        output = (update.field_meta or {}).get("terminal_output")
        if not isinstance(output, dict):
            return
        terminal_id, data = output.get("terminal_id"), output.get("data")
        if isinstance(terminal_id, str) and isinstance(data, str):
            text = self._own_terminals.get(terminal_id, "") + data
            self._own_terminals[terminal_id] = text[-_MAX_TERMINAL:]

    def _planned(self, update: AgentPlanUpdate) -> list[SessionEvent]:
        lines = [f"{_MARKS.get(entry.status, '[ ]')} {entry.content}" for entry in update.entries]
        plan = "\n".join(["the agent's plan", *lines])
        if plan == self._plan or not lines:
            return []
        self._plan = plan
        items = tuple(PlanItem(entry.content, entry.status) for entry in update.entries[:_MAX_ENTRIES])
        return [PlanReported(items), Notice(plan)]


def _written(call: ToolCallUpdate) -> tuple[str, ...]:
    if call.kind not in ("edit", "delete", "move"):
        return ()
    shown = [item.path for item in call.content or [] if isinstance(item, FileEditToolCallContent)]
    return tuple(dict.fromkeys([*(place.path for place in call.locations or []), *shown]))
