"""Open a session in a process: a new one or an earlier one, with the model, effort and mode that are wanted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from acp.exceptions import RequestError
from acp.schema import SetSessionConfigOptionResponse
from pydantic import ValidationError

from piplan_tui.agents.acp.failures import METHOD_NOT_FOUND, error_text
from piplan_tui.agents.acp.process import AcpProcess
from piplan_tui.agents.acp.session import AcpSession
from piplan_tui.agents.acp.settings import SessionSettings, some_of
from piplan_tui.agents.protocol import AgentFailure, Notice
from piplan_tui.run.model import SessionRef


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a session; what is empty is left to the agent."""

    cwd: Path
    model: str = ""
    provider: str = ""
    effort: str = ""
    mode: str = ""
    tools: tuple[str, ...] | None = None
    resume: SessionRef | None = None
    ask_user: bool = True


async def begin(process: AcpProcess, session: AcpSession, wanted: Wanted, seconds: float) -> None:
    """Make `session` the conversation of `process`.

    Raises:
        AgentFailure: the agent is not logged in, does not have the model, refused, died or did not answer.
    """
    process.client = session.client
    # a model without any tool has none to ask with either
    servers = await session.open_door() if wanted.tools != () and wanted.ask_user else []
    cwd = {"cwd": str(wanted.cwd), "mcpServers": servers}
    answer = await _continue(process, session, wanted.resume, cwd, seconds) if wanted.resume else None
    if answer is None:
        process.session_id = ""
        answer = await _request(process, "session/new", cwd, seconds)
        session_id = answer.get("sessionId")
        if not isinstance(session_id, str) or not session_id:
            raise AgentFailure("protocol", f"{process.name} answered session/new without a session id")
        process.session_id = session_id
    try:
        session.settings = SessionSettings(process.session_id, answer)
    except ValidationError as error:
        raise AgentFailure("protocol", f"{process.name} answered session/new in an unknown form") from error
    await _choose(process, session, wanted, seconds)
    if wanted.tools is not None:
        session.notices.append(
            Notice(f"{process.name} cannot be limited to some tools; it has all of its own", "warning")
        )


async def _continue(
    process: AcpProcess, session: AcpSession, earlier: SessionRef, cwd: dict[str, Any], seconds: float
) -> dict[str, Any] | None:
    """The answer to going on with an earlier conversation, or None when that cannot be."""
    capabilities = process.about.agent_capabilities
    sessions = capabilities.session_capabilities if capabilities else None
    problem = ""
    if not earlier.session_id or earlier.agent != process.name:
        problem = "the earlier one was not kept"
    elif sessions and sessions.resume is not None:
        method = "session/resume"
    elif capabilities and capabilities.load_session:
        method = "session/load"
    else:
        problem = f"{process.name} cannot go on with an earlier one"
    if not problem:
        process.session_id = earlier.session_id
        try:
            params = {**cwd, "sessionId": earlier.session_id}
            answer = await process.request(method, params, seconds)
            session.continued = True
            session.preamble = ""  # it was said already
            return answer
        except RequestError as error:
            if process.wants_login(error):
                raise process.failure_of(error, method) from error
            problem = f"{process.name} did not load the earlier one: {error_text(error)}"
    session.notices.append(Notice(f"a new conversation was started: {problem}", "warning"))
    return None


async def _choose(process: AcpProcess, session: AcpSession, wanted: Wanted, seconds: float) -> None:
    name, settings = process.name, session.settings
    for what, said, values in (
        ("model", "model", (wanted.model, f"{wanted.provider}/{wanted.model}")),
        ("effort", "thinking level", (wanted.effort,)),
        ("mode", "mode", (wanted.mode,)),
    ):
        if not values[0]:
            continue
        change = settings.change(what, *values)
        offered = settings.offered(what)
        if change and change[0]:
            answer = await _request(process, *change, seconds)
            with suppress(ValidationError):
                settings.configured(SetSessionConfigOptionResponse.model_validate(answer))
            settings.chosen(what, change)
        elif change is None and not offered:
            session.notices.append(
                Notice(
                    f"{name} does not let its {said} be chosen; it uses its own, not {values[0]}", "warning"
                )
            )
        elif change is None and what == "effort":
            session.notices.append(
                Notice(f"{name} has no {said} {values[0]}; it has {some_of(offered, values[0])}", "warning")
            )
        elif change is None:
            raise AgentFailure(
                "unusable", f"{name} has no {said} {values[0]}; it has {some_of(offered, values[0])}"
            )


async def _request(
    process: AcpProcess, method: str, params: dict[str, Any], seconds: float
) -> dict[str, Any]:
    try:
        return await process.request(method, params, seconds)
    except RequestError as error:
        if error.code == METHOD_NOT_FOUND:
            raise AgentFailure("protocol", f"{process.name} does not know {method}") from error
        raise process.failure_of(error, method) from error
