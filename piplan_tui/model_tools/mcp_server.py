"""The MCP server: `run_workflow` and `run_plan` for any program that speaks MCP over stdio."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from piplan_tui import __version__
from piplan_tui.config.settings import OnAsk
from piplan_tui.model_tools.description import model_tools
from piplan_tui.model_tools.elicitation import elicitation_message, elicitation_schema
from piplan_tui.model_tools.request import BadToolCall, PlanCall, WorkflowCall, read_call
from piplan_tui.model_tools.tool_run import Ask, Reply, ToolRun
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.run.asks import InputRequest
from piplan_tui.run.fan_out import ASK_AGENTS
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.protocol import StoreError

_INSTRUCTIONS = (
    "Runs are kept: piplan-tui runs lists them, piplan-tui attach RUN watches one live in another terminal."
)
_STOPPED = 3
"""The exit code after a signal."""
Context = ServerRequestContext[Any, Any]


@dataclass
class ToolServer:
    """The two tools on a runtime that is open. `run_dir` finds the folder of a run, where it has one."""

    runtime: PlanRuntime
    options: RunOptions
    languages: Sequence[str]
    on_ask: OnAsk = "fail"
    run_dir: Callable[[str], Path | None] = lambda run_id: None
    _runs: dict[str, Run] = field(default_factory=dict)

    def server(self) -> Server[Any]:
        """What the SDK serves."""
        return Server(
            "piplan-tui",
            version=__version__,
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def stop(self, reason: str) -> None:
        """Cancel every run of every call, and let go of them."""
        for run in list(self._runs.values()):
            await run.cancel(reason=reason)
            await run.leave()

    async def _list(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    title=tool.title,
                    description=tool.description,
                    input_schema=tool.parameters,
                )
                for tool in model_tools(self.languages)
            ]
        )

    async def _call(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            can_ask = _ask(context) is not None
            run = await self._make_run(params.name, params.arguments or {}, can_ask=can_ask)
        except (BadToolCall, PlanInvalid, StoreError) as error:
            return _result(str(error), None, failed=True)
        self._runs[run.id] = run
        try:
            text, document, failed = await ToolRun(
                run,
                on_ask=self.on_ask,
                run_dir=self.run_dir(run.id),
                tell=_Progress(context),
                ask=_ask(context),
                can_ask=lambda request: elicitation_schema(request) is not None,
            ).see_through()
        finally:
            del self._runs[run.id]
        return _result(text, document, failed=failed)

    async def _make_run(self, name: str, arguments: dict[str, Any], *, can_ask: bool) -> Run:
        folder = self.options.workspace
        call = await anyio.to_thread.run_sync(
            lambda: read_call(name, arguments, languages=self.languages, folder=folder)
        )
        match call:
            case WorkflowCall():
                options = self.options
                if options.ask_agents is None and can_ask:
                    options = replace(options, ask_agents=ASK_AGENTS)
                return await self.runtime.create_workflow_run(call.loaded, options=options, args=call.args)
            case PlanCall():
                return await self.runtime.create_run(call.plan, options=self.options)


def _result(text: str, document: dict[str, Any] | None, *, failed: bool) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content=document, is_error=failed
    )


class _Progress:
    """Reports lines to the client that asked for progress; each is one further, as MCP wants it."""

    def __init__(self, context: Context) -> None:
        self._session = context.session
        self._sent = 0

    async def __call__(self, line: str) -> None:
        self._sent += 1
        await self._session.report_progress(self._sent, message=line)


def _ask(context: Context) -> Ask | None:
    """How this client's user can be asked; `None` when that is not possible."""
    session = context.session
    capabilities = session.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    # a client that names neither kind is from before there were two, and shows forms
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return None
    if not session.can_send_request:
        return None

    async def put(request: InputRequest, wrong: str) -> Reply:
        schema = elicitation_schema(request)
        assert schema is not None
        message = elicitation_message(request)
        try:
            answered = await session.elicit_form(
                f"{wrong}\n\n{message}" if wrong else message, schema, context.request_id
            )
        except MCPError:
            return Reply("cancel")
        return Reply(answered.action, answered.content or {})

    return put


@asynccontextmanager
async def _stopped_by_signals(tools: ToolServer) -> AsyncIterator[None]:
    async def obey() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
            async for number in received:
                with anyio.CancelScope(shield=True), suppress(StoreError):
                    await tools.stop(number.name)
                # a thread of the SDK may stand in a read of stdin that nothing but the client ends
                os._exit(_STOPPED)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(obey)
        yield
        tasks.cancel_scope.cancel()


async def serve_stdio(tools: ToolServer) -> None:
    """Serve one client on stdin and stdout until it goes; what still runs then is cancelled in order."""
    server = tools.server()
    async with _stopped_by_signals(tools), stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
