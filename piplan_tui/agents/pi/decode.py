"""What Pi writes on its stdout, one JSON object a line, and only as much of it as is needed."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Delta(msgspec.Struct, frozen=True):
    """A piece of the message that is being written (`assistantMessageEvent`)."""

    type: str
    delta: str = ""


class Cost(msgspec.Struct, frozen=True):
    total: float | None = None


class MessageUsage(msgspec.Struct, rename="camel", frozen=True):
    """Tokens and money of one message."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cost: Cost | None = None


class Block(msgspec.Struct, frozen=True):
    """A part of a message's content; only text parts have `text`."""

    type: str = ""
    text: str = ""


class Message(msgspec.Struct, rename="camel", frozen=True):
    role: str = ""
    content: list[Block] | str = ""
    usage: MessageUsage | None = None
    stop_reason: str = ""
    error_message: str = ""
    provider: str = ""
    model: str = ""


class ToolResult(msgspec.Struct, frozen=True):
    content: list[Block] | str = ""


class Dialog(msgspec.Struct, rename="camel", frozen=True):
    """An `extension_ui_request`; `timeout` is in milliseconds."""

    id: str
    method: str
    title: str = ""
    message: str = ""
    options: list[str] = []
    placeholder: str = ""
    prefill: str = ""
    timeout: float | None = None
    notify_type: str = "info"


class Record(msgspec.Struct, rename="camel", frozen=True):
    """One line. Fields that hold whole messages stay undecoded: most of them are never looked at."""

    type: str
    id: str | None = None
    command: str = ""
    success: bool = False
    error: Any = None
    data: msgspec.Raw = msgspec.Raw()
    assistant_message_event: Delta | None = None
    message: msgspec.Raw = msgspec.Raw()
    tool_call_id: str = ""
    tool_name: str = ""
    args: msgspec.Raw = msgspec.Raw()
    partial_result: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    is_error: bool = False
    attempt: int = 0
    max_attempts: int = 0
    delay_ms: float = 0.0
    error_message: str = ""
    will_retry: bool | None = None
    reason: Any = None
    extension_path: str = ""
    dialog: Dialog | None = None


class Model(msgspec.Struct, frozen=True):
    id: str
    provider: str = ""


class State(msgspec.Struct, rename="camel", frozen=True):
    """The data of `get_state`."""

    session_id: str = ""
    session_file: str | None = None
    model: Model | None = None
    is_streaming: bool = False
    is_compacting: bool = False


class Undecodable(msgspec.DecodeError):
    """A line that is not a record of Pi's protocol."""


_record = msgspec.json.Decoder(Record)
_delta = msgspec.json.Decoder(Delta)
_dialog = msgspec.json.Decoder(Dialog)
_message = msgspec.json.Decoder(Message)
_tool_result = msgspec.json.Decoder(ToolResult)
_state = msgspec.json.Decoder(State)
_arguments = msgspec.json.Decoder(dict[str, Any])

_UPDATE = b'{"type":"message_update","assistantMessageEvent":'
_DELTA_TYPES = (b'{"type":"text_delta"', b'{"type":"thinking_delta"', b'{"type":"toolcall_delta"')
_PARTIAL = b',"partial":{'


def decode(line: bytes) -> Record:
    """One record.

    Raises:
        Undecodable: it is not one.
    """
    try:
        if line.startswith(_UPDATE) and line.startswith(_DELTA_TYPES, len(_UPDATE)):
            # 0.72.1 repeats the whole message after each delta; a quote inside a string is escaped, so
            # these bytes can only be the key
            end = line.find(_PARTIAL, len(_UPDATE))
            if end > 0:
                delta = _delta.decode(line[len(_UPDATE) : end] + b"}")
                return Record(type="message_update", assistant_message_event=delta)
        record = _record.decode(line)
        if record.type == "extension_ui_request":
            return msgspec.structs.replace(record, dialog=_dialog.decode(line))
        return record
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(str(error)) from error


def message_of(record: Record) -> Message:
    """What a record says of a message.

    Raises:
        Undecodable: it is not one.
    """
    return _part(_message, record.message) if record.message else Message()


def state_of(record: Record) -> State:
    """What a response says of the session.

    Raises:
        Undecodable: it is not one.
    """
    return _part(_state, record.data) if record.data else State()


def _part(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(str(error)) from error


def arguments_of(record: Record) -> dict[str, Any]:
    try:
        return _part(_arguments, record.args) if record.args else {}
    except Undecodable:
        return {}


def result_text(raw: msgspec.Raw) -> str:
    """The text parts of a tool's (partial) result, joined."""
    try:
        return text_of(_part(_tool_result, raw).content) if raw else ""
    except Undecodable:
        return ""


def text_of(content: list[Block] | str) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.text for block in content if block.type == "text")
