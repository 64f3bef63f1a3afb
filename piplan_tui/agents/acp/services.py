"""What an agent may have done for it: files of the workspace, and terminals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acp.exceptions import RequestError
from acp.schema import (
    CreateTerminalRequest,
    ReadTextFileRequest,
    ReleaseTerminalRequest,
    WriteTextFileRequest,
)
from anyio import to_thread

from piplan_tui.agents.acp.files import FileRefused, inside, read_text, write_text
from piplan_tui.agents.acp.terminals import Terminal, Terminals

_INVALID = -32602
_NOT_FOUND = -32002


async def serve(
    method: str, params: dict[str, Any], workspace: Path, terminals: Terminals
) -> dict[str, Any] | None:
    """The answer to a request about files or terminals; None when it is about something else.

    Raises:
        RequestError: it cannot be done.
        pydantic.ValidationError: its parameters are not those of its method.
    """
    try:
        match method:
            case "fs/read_text_file":
                read = ReadTextFileRequest.model_validate(params)
                text = await to_thread.run_sync(read_text, workspace, read.path, read.line, read.limit)
                return {"content": text}
            case "fs/write_text_file":
                write = WriteTextFileRequest.model_validate(params)
                await to_thread.run_sync(write_text, workspace, write.path, write.content)
                return {}
            case "terminal/create":
                return await _create(CreateTerminalRequest.model_validate(params), workspace, terminals)
    except FileNotFoundError as error:
        raise RequestError(_NOT_FOUND, f"there is no file {params.get('path')}") from error
    except FileRefused as error:
        raise RequestError(_INVALID, str(error)) from error
    if not method.startswith("terminal/"):
        return None
    terminal_id = ReleaseTerminalRequest.model_validate(params).terminal_id
    terminal = terminals.get(terminal_id)
    if terminal is None:
        raise RequestError(_NOT_FOUND, f"there is no terminal {terminal_id}")
    match method:
        case "terminal/output":
            ended = {"exitStatus": _status(terminal)} if terminal.exited.is_set() else {}
            return {"output": terminal.output, "truncated": terminal.truncated, **ended}
        case "terminal/wait_for_exit":
            await terminal.exited.wait()
            return _status(terminal)
        case "terminal/kill":
            await terminals.kill(terminal_id)
            return {}
        case "terminal/release":
            await terminals.release(terminal_id)
            return {}
    return None


async def _create(request: CreateTerminalRequest, workspace: Path, terminals: Terminals) -> dict[str, Any]:
    cwd = inside(workspace, request.cwd) if request.cwd else workspace
    environment = {variable.name: variable.value for variable in request.env or []}
    try:
        terminal_id = await terminals.create(
            request.command, request.args or [], cwd, environment, request.output_byte_limit
        )
    except (OSError, ValueError) as error:
        raise RequestError(_INVALID, f"{request.command} could not be started: {error}") from error
    return {"terminalId": terminal_id}


def _status(terminal: Terminal) -> dict[str, Any]:
    return {"exitCode": terminal.exit_code, "signal": terminal.exit_signal}
