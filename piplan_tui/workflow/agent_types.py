"""Agent definitions that a call may name: Markdown files with a system prompt, as other tools keep them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from piplan_tui.plan.names import folder_name_problem

_FOLDERS = (".pi/agents", ".claude/agents")
_MAX_BYTES = 256 * 1024
# in the definitions of Claude Code, and as Pi and most others name them
_TOOL_NAMES = {
    "Read": "read",
    "Grep": "grep",
    "Glob": "find",
    "LS": "ls",
    "Bash": "bash",
    "Edit": "edit",
    "Write": "write",
}


class AgentType(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition adds to a call. `tools` are `None` when it names none."""

    system_prompt: str = ""
    model: str = ""
    tools: tuple[str, ...] | None = None


def find_agent_type(name: str, workspace: Path) -> AgentType | None:
    """The definition `NAME.md` of the workspace or the user; `None` when there is none that can be read."""
    if folder_name_problem(name):
        return None
    for root in (workspace, Path.home()):
        for folder in _FOLDERS:
            try:
                with open(root / folder / f"{name}.md", "rb") as file:
                    text = file.read(_MAX_BYTES).decode("utf-8", "replace")
            except OSError:
                continue
            return read_agent_type(text)
    return None


def read_agent_type(text: str) -> AgentType:
    """A definition's text: `key: value` lines between two `---`, then the system prompt."""
    fields: dict[str, str] = {}
    lines = text.lstrip("\ufeff").splitlines()
    body = lines
    if lines and lines[0].strip() == "---":
        end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
        if end is not None:
            body = lines[end + 1 :]
            for line in lines[1:end]:
                key, colon, value = line.partition(":")
                if colon and not line[0].isspace():
                    fields[key.strip()] = value.strip().strip("\"'")
    tools = [tool.strip().strip("\"'") for tool in fields.get("tools", "").strip("[]").split(",")]
    named = tuple(_TOOL_NAMES.get(tool, tool) for tool in tools if tool)
    model = fields.get("model", "")
    return AgentType(
        system_prompt="\n".join(body).strip(),
        model="" if model == "inherit" else model,
        tools=named or None,
    )
