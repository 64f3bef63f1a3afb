"""What tool calls hold, as text: content blocks, diffs, terminals, and the one argument worth a row."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acp.schema import (
    AudioContentBlock,
    ContentToolCallContent,
    EmbeddedResourceContentBlock,
    FileEditToolCallContent,
    ImageContentBlock,
    ResourceContentBlock,
    TerminalToolCallContent,
    TextContentBlock,
    TextResourceContents,
    ToolCall,
    ToolCallUpdate,
)

from piplan_tui.agents.tool_target import target as target_of_arguments

Block = (
    TextContentBlock
    | ImageContentBlock
    | AudioContentBlock
    | ResourceContentBlock
    | EmbeddedResourceContentBlock
)
ToolContent = ContentToolCallContent | FileEditToolCallContent | TerminalToolCallContent

_MAX_DIFF_LINES = 2_000
_MAX_TARGET = 200
_TOOL_NAME = re.compile(r"[A-Za-z][\w.-]{0,39}")


def block_text(block: Block) -> str:
    """A content block as text; what is no text is named in brackets."""
    match block:
        case TextContentBlock():
            return block.text
        case ImageContentBlock():
            return f"[image {block.mime_type}]"
        case AudioContentBlock():
            return f"[audio {block.mime_type}]"
        case ResourceContentBlock():
            return f"[{block.name} {block.uri}]"
        case EmbeddedResourceContentBlock(resource=TextResourceContents() as resource):
            return resource.text
        case _:
            return f"[{block.resource.uri}]"


def tool_text(content: Sequence[ToolContent], terminal_text: Callable[[str], str]) -> str:
    """The output of a tool call; `terminal_text` gives what a terminal has written so far."""
    parts: list[str] = []
    for item in content:
        if isinstance(item, ContentToolCallContent):
            parts.append(block_text(item.content))
        elif isinstance(item, FileEditToolCallContent):
            parts.append(diff_text(item.path, item.old_text, item.new_text))
        else:
            parts.append(terminal_text(item.terminal_id))
    parts = [part for part in parts if part]
    return parts[0] if len(parts) == 1 else "\n".join(part.rstrip("\n") for part in parts)


def raw_output_text(raw: Any) -> str:
    """The text in what a tool returned, for agents that give no content with it."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, dict):
        for key in ("output", "formatted_output", "stdout", "error", "message"):
            if isinstance(raw.get(key), str) and raw[key]:
                return str(raw[key])
    return ""


def diff_text(path: str, old: str | None, new: str) -> str:
    """A unified diff; of files that are too long to compare quickly only how their length changed."""
    before = (old or "").splitlines()
    after = new.splitlines()
    header = [f"--- {path if old is not None else '/dev/null'}", f"+++ {path}"]
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    end = 0
    while end < min(len(before), len(after)) - same and before[-1 - end] == after[-1 - end]:
        end += 1
    # the comparison is quadratic, so it only sees what differs, with three lines of context
    first = max(0, same - 3)
    last = max(0, end - 3)
    before, after = before[first : len(before) - last], after[first : len(after) - last]
    if len(before) + len(after) > _MAX_DIFF_LINES:
        return "\n".join(
            [*header, f"@@ line {same + 1}: {len(before)} lines became {len(after)}; too many to compare @@"]
        )
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return "\n".join([*header, *(_shifted(line, first) for line in lines)])


def _shifted(line: str, by: int) -> str:
    """A line of the diff of the middle of a file, numbered as in the whole file."""
    if not by or not line.startswith("@@ "):
        return line
    return re.sub(r"([-+])(\d+)", lambda found: f"{found[1]}{int(found[2]) + by}", line)


def tool_name(call: ToolCall | ToolCallUpdate) -> str:
    """A short name: the agent's own name of the tool where it gives one, else the kind of the call."""
    for meta in (call.field_meta or {}).values():
        if isinstance(meta, dict) and isinstance(name := meta.get("toolName"), str) and name:
            return name
    if call.title and _TOOL_NAME.fullmatch(call.title):
        return call.title
    return call.kind if call.kind and call.kind != "other" else "tool"


def tool_target(call: ToolCall | ToolCallUpdate, workspace: Path) -> str:
    """What a call is about: its command, its first file (from the workspace), another argument, its title."""
    arguments = call.raw_input if isinstance(call.raw_input, dict) else {}
    command = arguments.get("command")
    if isinstance(command, list):
        command = " ".join(str(word) for word in command)
    if isinstance(command, str) and command.strip():
        return target_of_arguments({"command": command})
    if call.kind != "execute" and call.locations:
        path = Path(call.locations[0].path)
        shown = path.relative_to(workspace) if path.is_relative_to(workspace) else path
        return target_of_arguments({"path": str(shown)})
    title = call.title or ""
    return target_of_arguments(arguments) or target_of_arguments(
        {"name": "" if _TOOL_NAME.fullmatch(title) else title}
    )
