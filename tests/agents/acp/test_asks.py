"""Permissions and elicitations of an agent: raised, answered, withdrawn."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from piplan_tui.agents.acp import asks
from piplan_tui.agents.acp.session import AcpSession
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    AskWithdrawn,
    SessionRequest,
    ToolStarted,
    Turn,
)
from piplan_tui.run.asks import check_values, read_request
from piplan_tui.run.time_limit import TimeLimit, time_limit
from tests.agents.acp.conftest import MakeAcp
from tests.support.pi_sessions import Events

ACCEPT = {"action": "accept"}


async def answered(session: AcpSession, prompt: str, reply: AskReply) -> tuple[dict[str, Any], Any]:
    """The request that a prompt raises, and what the agent got for an answer."""
    events = Events()
    turns: list[Turn] = []

    async def run() -> None:
        turns.append(await session.prompt(prompt, events))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        ask: AskRaised = await events.wait_for(AskRaised)
        await session.answer(ask.ask_id, reply)
    with pytest.raises(AgentFailure, match="does not wait for this answer any more"):
        await session.answer(ask.ask_id, reply)
    assert events.of(AskWithdrawn) == []
    return ask.request, json.loads(turns[0].text)


@pytest.mark.anyio
async def test_permissions(make_acp: MakeAcp, session_request: SessionRequest, workspace: Path) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        reply = AskReply(action="accept", values={"decision": "always"})
        request, outcome = await answered(session, "permission rm -r build", reply)
        assert outcome == {"outcome": "selected", "optionId": "always"}
        call = request["toolCall"]
        assert (call["kind"], call["title"]) == ("execute", "run rm -r build"), "with what was said before"
        form = read_request(request)
        assert form.kind == "permission"
        assert form.message == "Allow run rm -r build?"
        [field] = form.fields
        assert (field.name, [option.value for option in field.options]) == (
            asks.DECISION,
            ["yes", "always", "no"],
        )
        assert [option.key for option in field.options] == ["y", "Y", "n"]
        assert (form.context[0].type, form.context[0].text) == ("command", "rm -r build")

        for reply, expected in (
            (AskReply(action="decline"), {"outcome": "selected", "optionId": "no"}),
            (AskReply(action="cancel"), {"outcome": "cancelled"}),
            (AskReply(action="accept", values={"decision": "whatever"}), {"outcome": "cancelled"}),
        ):
            assert (await answered(session, "permission rm", reply))[1] == expected

        events = Events()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.prompt, "permission rm", events)
            await events.wait_for(AskRaised)
            # the call stands on the row before the user is asked about it
            assert [type(event) for event in events] == [ToolStarted, AskRaised]
            (workspace / "outcome").unlink()
            tasks.cancel_scope.cancel()
        assert (workspace / "outcome").read_text() == "cancelled"


@pytest.mark.anyio
async def test_a_user_who_denies_everything(
    make_acp: MakeAcp, session_request: SessionRequest, workspace: Path
) -> None:
    (workspace / "a.txt").write_text("one\ntwo\n")
    async with make_acp() as agent:
        session = await agent.open(msgspec.structs.replace(session_request, permissions="deny"))
        turn = await session.prompt(f"write {workspace}/a.txt x", Events())
        assert turn.text == "refused -32602: fs/write_text_file is denied by the user's policy"
        assert (await session.prompt(f"read {workspace}/a.txt", Events())).text == "two\n"
    assert (workspace / "a.txt").read_text() == "one\ntwo\n"


@pytest.mark.anyio
async def test_elicitations(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        values = {"branch name": "main", "count": 2, "level": None}
        request, answer = await answered(session, "form", AskReply(action="accept", values=values))
        assert answer == {"action": "accept", "content": {"branch name": "main", "count": 2}}
        form = read_request(request)
        assert form.message == "Which branch?"
        assert [(field.name, field.type, field.required) for field in form.fields] == [
            ("branch name", "text", True),
            ("count", "integer", False),
            ("level", "choice", False),
        ]
        assert check_values(form, {"branch name": "main", "count": 2}).values["count"] == 2
        assert (await answered(session, "form", AskReply(action="decline")))[1] == {"action": "decline"}
        assert (await answered(session, "form", AskReply(action="cancel")))[1] == {"action": "cancel"}

        request, answer = await answered(session, "url one", AskReply(action="accept"))
        assert answer == ACCEPT
        form = read_request(request)
        assert (form.kind, form.url, form.message) == ("url", "https://example.com/login", "Log in there")
        assert (await answered(session, "url two", AskReply(action="decline")))[1] == {"action": "decline"}


@pytest.mark.anyio
@pytest.mark.parametrize("owner", ["runtime", "agent"])
async def test_an_elicitation_cannot_set_a_time_limit(
    make_acp: MakeAcp, session_request: SessionRequest, owner: str
) -> None:
    limit = {"afterSeconds": 0.01, "then": "defaults", "owner": owner}
    async with make_acp() as agent:
        session = await agent.open(session_request)
        reply = AskReply(action="decline")
        request, answer = await answered(session, f"limited {json.dumps(limit)}", reply)
        assert request["requestedSchema"]["properties"]["sure"]["default"] is True
        assert time_limit(request, live=True, step={}, plan={}) is None
        assert answer == {"action": "decline"}
        tool = asks.tool_request({"message": "Delete it?", "expires": limit})
        assert time_limit(tool, live=True, step={}, plan={}) is None
        plans = {"afterSeconds": 60, "then": "decline"}
        assert time_limit(request, live=True, step={"expires": plans}, plan={}) == TimeLimit(60, "decline")


@pytest.mark.anyio
async def test_an_agent_that_dies_while_it_asks(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        events = Events()
        failures: list[AgentFailure] = []

        async def run() -> None:
            with pytest.raises(AgentFailure) as failure:
                await session.prompt("permission rm", events)
            failures.append(failure.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            ask: AskRaised = await events.wait_for(AskRaised)
            assert session.ref.pid
            os.kill(session.ref.pid, signal.SIGKILL)
        assert "in the middle of its turn (killed by SIGKILL)" in failures[0].message
        assert events.of(AskWithdrawn) == [AskWithdrawn(ask.ask_id, "the turn has ended")]
        with pytest.raises(AgentFailure, match="does not wait for this answer any more"):
            await session.answer(ask.ask_id, AskReply(action="decline"))


@pytest.mark.anyio
async def test_an_address_that_was_visited_is_not_asked_for_any_more(
    make_acp: MakeAcp, session_request: SessionRequest
) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        events = Events()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.prompt, "finished three", events)
            await events.wait_for(AskRaised, 2)
            url, permission = sorted(events.of(AskRaised), key=lambda ask: "options" in ask.request)
            await session.answer(permission.ask_id, AskReply(action="cancel"))
        assert events.of(AskWithdrawn) == [AskWithdrawn(url.ask_id, "it was done at the address")]
        assert events.text.endswith('{"action": "accept"}')


def test_the_names_of_fields_are_the_agents_own() -> None:
    schema = {"type": "object", "properties": {"a\u202eb": {"type": "string"}, "ab": {"type": "string"}}}
    params = {"sessionId": "s", "message": "Which?", "mode": "form", "requestedSchema": schema}
    request = asks.input_request(asks.ELICITATION, params)
    assert "sessionId" not in request
    shown = [field.name for field in read_request(request).fields]
    reply = AskReply(action="accept", values=dict.fromkeys(shown, "x"))
    assert asks.answer_of(asks.ELICITATION, request, reply)["content"] == {"a\u202eb": "x", "ab": "x"}


def test_a_permission_shows_what_would_change() -> None:
    diff = {"type": "diff", "path": "/w/a.txt", "oldText": "a\n", "newText": "b\n"}
    text = {"type": "content", "content": {"type": "text", "text": "Because."}}
    call = {"toolCallId": "1", "title": "Edit a.txt", "content": [diff, text, "odd"]}
    request = asks.input_request(asks.PERMISSION, {"toolCall": call, "options": []})
    assert [(block["type"], block["text"]) for block in request["context"]] == [
        ("diff", "--- /w/a.txt\n+++ /w/a.txt\n@@ -1 +1 @@\n-a\n+b"),
        ("markdown", "Because."),
    ]


def test_to_decline_is_not_to_refuse_for_good() -> None:
    options = [{"optionId": "never", "kind": "reject_always"}, {"optionId": "ok", "kind": "allow_once"}]
    request = {"options": options, "toolCall": {}}
    assert asks.answer_of(asks.PERMISSION, request, AskReply(action="decline")) == asks.cancelled(
        asks.PERMISSION
    )
