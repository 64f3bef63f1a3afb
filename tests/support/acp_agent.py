"""A small agent over ACP, as a program: what it does is what the prompt says.

    python -m tests.support.acp_agent [--flag …]

A prompt is a list of lines, each a word and its argument, carried out in order: `say TEXT`, `permission`,
`form`, `url ID`, `finish ID`, `die`, `hang`, `wait`, `garbage`, `stop REASON`, `fail CODE MESSAGE`,
`ask JSON`, `read PATH`, `write PATH TEXT`, `run COMMAND`, `history`, and others below.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    AuthMethodAgent,
    Cost,
    ElicitationFormSessionMode,
    ElicitationSchema,
    ElicitationUrlSessionMode,
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    SessionMode,
    SessionModeState,
    ToolCallLocation,
    ToolCallUpdate,
    Usage,
    UsageUpdate,
)

OPTIONS = [
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="always", name="Always", kind="allow_always"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]
SCHEMA = {
    "type": "object",
    "properties": {
        "branch name": {"type": "string", "title": "Branch"},
        "count": {"type": "integer", "minimum": 1},
        "level": {"type": "string", "enum": ["low", "high"]},
    },
    "required": ["branch name"],
}


class Scripted(acp.Agent):
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.client: acp.Client
        self.sessions: dict[str, list[str]] = {}
        self.cancelled = asyncio.Event()
        self.usage: Usage | None = None
        self.servers: list[Any] = []

    def on_connect(self, conn: acp.Client) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        if self.options.mute:
            await asyncio.Event().wait()
        return InitializeResponse(
            protocol_version=self.options.version,
            agent_capabilities=AgentCapabilities(load_session=bool(self.options.store)),
            auth_methods=[
                AuthMethodAgent(id="own", name="Own", description="run own-agent login"),
            ],
        )

    async def new_session(
        self, cwd: str, mcp_servers: list[Any] | None = None, **_: Any
    ) -> NewSessionResponse:
        self.servers = mcp_servers or []
        if self.options.locked:
            raise acp.RequestError.auth_required()
        session_id = uuid.uuid4().hex
        self.sessions[session_id] = []
        modes = SessionModeState(
            current_mode_id="ask",
            available_modes=[SessionMode(id="ask", name="Ask"), SessionMode(id="do", name="Do")],
        )
        return NewSessionResponse(session_id=session_id, modes=modes if self.options.modes else None)

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> LoadSessionResponse:
        file = Path(self.options.store) / f"{session_id}.json"
        if not file.is_file():
            raise acp.RequestError.resource_not_found(session_id)
        self.sessions[session_id] = json.loads(file.read_text())
        for text in self.sessions[session_id]:
            await self.client.session_update(session_id, acp.update_agent_message_text(f"replayed {text}"))
        cost = UsageUpdate(
            session_update="usage_update", used=1, size=2, cost=Cost(amount=5.0, currency="USD")
        )
        await self.client.session_update(session_id, cost)
        return LoadSessionResponse()

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> None:
        await self.client.session_update(
            session_id,
            acp.schema.CurrentModeUpdate(session_update="current_mode_update", current_mode_id=mode_id),
        )
        self.sessions[session_id].append(f"mode {mode_id}")

    async def cancel(self, session_id: str, **_: Any) -> None:
        self.cancelled.set()

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        self.cancelled.clear()
        self.usage = None
        text = "\n".join(block.text for block in prompt)
        self.sessions[session_id].append(text)
        if self.options.store:
            (Path(self.options.store) / f"{session_id}.json").write_text(
                json.dumps(self.sessions[session_id])
            )
        stop: Any = "end_turn"
        for line in text.splitlines():
            word, _space, argument = line.partition(" ")
            act = getattr(self, f"do_{word}", None)
            if act:
                stop = await act(session_id, argument) or stop
        return PromptResponse(stop_reason=stop, usage=self.usage)

    async def tell(self, session_id: str, value: object) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        await self.client.session_update(session_id, acp.update_agent_message_text(text))

    async def do_say(self, session_id: str, text: str) -> None:
        await self.tell(session_id, text)

    async def do_think(self, session_id: str, text: str) -> None:
        await self.client.session_update(session_id, acp.update_agent_thought_text(text))

    async def do_history(self, session_id: str, _: str) -> None:
        await self.tell(session_id, self.sessions[session_id])

    async def do_environment(self, session_id: str, name: str) -> None:
        await self.tell(session_id, os.environ.get(name, ""))

    async def do_plan(self, session_id: str, _: str) -> None:
        entries = [acp.plan_entry("look", status="completed"), acp.plan_entry("fix", status="in_progress")]
        await self.client.session_update(session_id, acp.update_plan(entries))

    async def do_usage(self, session_id: str, text: str) -> None:
        total, into, out, thought, cost = text.split()
        self.usage = Usage(
            total_tokens=int(total),
            input_tokens=int(into),
            output_tokens=int(out),
            thought_tokens=int(thought),
        )
        amount, currency = cost[:-3], cost[-3:]
        update = UsageUpdate(
            session_update="usage_update", used=1, size=2, cost=Cost(amount=float(amount), currency=currency)
        )
        await self.client.session_update(session_id, update)

    async def do_edit(self, session_id: str, path: str) -> None:
        where = [ToolCallLocation(path=path)]
        call = acp.start_tool_call(
            "e1", f"Edit {path}", kind="edit", locations=where, raw_input={"path": path}
        )
        await self.client.session_update(session_id, call)
        diff = acp.tool_diff_content(path, "one\n2\nthree\n", "one\ntwo\nthree\n")
        update = acp.update_tool_call("e1", status="completed", content=[diff])
        await self.client.session_update(session_id, update)

    async def do_permission(self, session_id: str, command: str) -> None:
        call = acp.start_tool_call("p1", "execute it", kind="execute", status="pending", raw_input={})
        await self.client.session_update(session_id, call)
        answer = await self.client.request_permission(
            session_id=session_id,
            tool_call=ToolCallUpdate(
                tool_call_id="p1", title=f"run {command}", raw_input={"command": command}
            ),
            options=OPTIONS,
        )
        note("outcome", answer.outcome.outcome)
        await self.tell(
            session_id, answer.model_dump(mode="json", by_alias=True, exclude_none=True)["outcome"]
        )

    async def do_form(self, session_id: str, _: str) -> None:
        mode = ElicitationFormSessionMode(
            session_id=session_id, requested_schema=ElicitationSchema.model_validate(SCHEMA)
        )
        answer = await self.client.create_elicitation(message="Which branch?", mode=mode)
        await self.tell(session_id, answer.model_dump(mode="json", by_alias=True, exclude_none=True))

    async def do_limited(self, session_id: str, limit: str) -> None:
        """An elicitation whose parameters have `expires` and all else that could be taken for a time limit."""
        params = {
            "sessionId": session_id,
            "mode": "form",
            "message": "Delete it?",
            "method": "confirm",
            "timeout": 10,
            "requestedSchema": {
                "type": "object",
                "properties": {"sure": {"type": "boolean", "default": True}},
            },
            "expires": json.loads(limit),
        }
        await self.tell(session_id, await self.client._conn.send_request("elicitation/create", params))

    async def do_url(self, session_id: str, name: str) -> None:
        url: Any = "https://example.com/login"
        mode = ElicitationUrlSessionMode(session_id=session_id, elicitation_id=name, url=url)
        answer = await self.client.create_elicitation(message="Log in there", mode=mode)
        await self.tell(session_id, answer.model_dump(mode="json", by_alias=True, exclude_none=True))

    async def do_finished(self, session_id: str, name: str) -> None:
        """Ask to open an address, and say that it was done there before the user answers."""
        asking = asyncio.create_task(self.do_url(session_id, name))
        await self.do_permission(session_id, "go on")
        await self.client.complete_elicitation(name)
        await asking

    async def do_ask(self, session_id: str, arguments: str) -> None:
        """Call the tool `ask_user` of the session's MCP server; with `seconds` give up after them."""
        # twice as slow to load as the rest of this agent
        from mcp import ClientSession, StdioServerParameters
        from mcp.client.stdio import stdio_client
        from mcp.shared.exceptions import MCPError

        given = json.loads(arguments)
        seconds = given.pop("seconds", 60.0)
        about = StdioServerParameters(command=self.servers[0].command, args=self.servers[0].args)
        async with stdio_client(about) as streams, ClientSession(*streams) as server:
            await server.initialize()
            [tool] = (await server.list_tools()).tools
            note("tool", tool.model_dump_json())
            try:
                told = await server.call_tool("ask_user", given, read_timeout_seconds=seconds)
            except MCPError as error:
                await self.tell(session_id, f"gave up: {error}")
            else:
                await self.tell(session_id, told.content[0].text)

    async def do_read(self, session_id: str, path: str) -> None:
        try:
            answer = await self.client.read_text_file(session_id=session_id, path=path, line=2, limit=1)
            await self.tell(session_id, answer.content)
        except acp.RequestError as error:
            await self.tell(session_id, f"refused {error.code}: {error}")

    async def do_write(self, session_id: str, text: str) -> None:
        path, _, content = text.partition(" ")
        try:
            await self.client.write_text_file(session_id=session_id, path=path, content=content)
            await self.tell(session_id, "written")
        except acp.RequestError as error:
            await self.tell(session_id, f"refused {error.code}: {error}")

    async def do_run(self, session_id: str, command: str) -> None:
        terminal = await self.client.create_terminal(session_id=session_id, command=command)
        call = acp.start_tool_call(
            "t1",
            "run",
            kind="execute",
            status="in_progress",
            raw_input={"command": command},
            content=[acp.tool_terminal_ref(terminal.terminal_id)],
        )
        await self.client.session_update(session_id, call)
        ended = await self.client.wait_for_terminal_exit(session_id, terminal.terminal_id)
        shown = await self.client.terminal_output(session_id, terminal.terminal_id)
        await self.client.release_terminal(session_id, terminal.terminal_id)
        await self.client.session_update(session_id, acp.update_tool_call("t1", status="completed"))
        await self.tell(session_id, [ended.exit_code, ended.signal, shown.output])

    async def do_leave(self, session_id: str, command: str) -> None:
        """Start a command in a terminal and do not wait for it."""
        await self.client.create_terminal(session_id=session_id, command=command)

    async def do_garbage(self, session_id: str, text: str) -> None:
        os.write(1, text.encode() + b"\n")

    async def do_die(self, session_id: str, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
        os._exit(3)

    async def do_mute(self, session_id: str, _: str) -> None:
        os.close(1)
        await asyncio.Event().wait()

    async def do_hang(self, session_id: str, _: str) -> None:
        await asyncio.Event().wait()

    async def do_wait(self, session_id: str, _: str) -> str:
        await self.tell(session_id, "waiting")
        await self.cancelled.wait()
        return "cancelled"

    async def do_stop(self, session_id: str, reason: str) -> str:
        return reason

    async def do_fail(self, session_id: str, text: str) -> None:
        code, _, message = text.partition(" ")
        raise acp.RequestError(int(code), message)


def note(name: str, text: str) -> None:
    """Leave a file in the workspace, for what a test cannot be told otherwise."""
    Path(name).write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", default="")
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--mute", action="store_true")
    parser.add_argument("--locked", action="store_true")
    parser.add_argument("--modes", action="store_true")
    asyncio.run(acp.run_agent(Scripted(parser.parse_args()), use_unstable_protocol=True))


if __name__ == "__main__":
    main()
