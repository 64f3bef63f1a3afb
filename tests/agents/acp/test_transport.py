"""Lines of an agent as messages, whatever it writes."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import pytest

from piplan_tui.agents.acp.transport import Call, ChildTransport
from piplan_tui.agents.process import start_child, terminate_tree

LINES = rb"""
Welcome to the agent\x1b[31m!
{"jsonrpc": "2.0", "id": 1, "result": {"separator": "\u2028"}}
{"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s", "update": {"n": 1}}}
{"jsonrpc": "2.0", "method": "session/update", "params": [1]}
{"jsonrpc": "2.0", "method": "session/update", "params": {"update": "none"}}
{"jsonrpc": "2.0", "id": "a", "method": "fs/read_text_file", "params": {"path": "/x"}}
{"jsonrpc": "2.0", "id": [1], "result": 1}
{"jsonrpc": "2.0", "id": 2, "error": "plain"}
{"jsonrpc": "2.0", "id": 3, "method": 7}
[1, 2]
"\xff"
"""


@pytest.mark.anyio
async def test_what_is_no_message_is_told_apart(tmp_path: Any) -> None:
    (tmp_path / "lines").write_bytes(LINES.replace(rb"\x1b", b"\x1b").replace(rb"\xff", b"\xff"))
    program = "import sys; sys.stdout.buffer.write(open('lines', 'rb').read())"
    child = await start_child([sys.executable, "-c", program], cwd=tmp_path, env={})
    updates: list[Any] = []
    garbage: list[str] = []

    async def on_update(params: dict[str, Any]) -> None:
        updates.append(params["update"])

    transport = ChildTransport(child, on_update, garbage.append)
    messages = []
    with anyio.fail_after(20):
        while message := await transport.receive():
            messages.append(message)
        await child.wait(10)
        # the process is gone, so an answer is dropped and a request is refused
        await transport.send({"id": "a", "result": {}})
        with pytest.raises(ConnectionError):
            await transport.send({"id": 4, "method": "session/prompt"})
    assert updates == [{"n": 1}]
    assert messages[0]["result"] == {"separator": "\u2028"}
    assert messages[1]["params"] == Call("a", {"path": "/x"})
    assert messages[2] == {"id": 2, "error": {"code": -32603, "message": "plain"}}
    assert len(messages) == 3
    assert garbage[0] == "Welcome to the agent!"
    assert [line[:30] for line in garbage[1:]] == [
        '{"jsonrpc": "2.0", "id": [1], ', '{"jsonrpc": "2.0", "id": 3, "m', "[1, 2]", '"\ufffd"'
    ]  # fmt: skip
    await terminate_tree(child)
    await child.release()
