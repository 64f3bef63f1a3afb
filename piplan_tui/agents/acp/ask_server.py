"""An MCP server with one tool, `ask_user`, that an agent starts for its session: `python ask_server.py TOOL SOCKET`.

It hands each call to the program that drives the agent, over that program's socket, and waits for the answer. It
needs nothing but Python's own library, because every session starts one. TOOL is the file that describes the tool.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import Any

_PROGRESS_SECONDS = 5.0
"""How often a client is told that the tool still works, which keeps its own time limit from running out."""
_VERSION = "2025-06-18"


class AskServer:
    """Speaks MCP on stdin and stdout, a JSON object a line."""

    def __init__(self, tool: dict[str, Any], socket_path: str) -> None:
        self._tool = tool
        self._socket_path = socket_path
        self._writing = threading.Lock()
        self._calls: dict[Any, socket.socket] = {}

    def serve(self) -> None:
        for line in sys.stdin.buffer:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and isinstance(message.get("method"), str):
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        given = message.get("params")
        params: dict[str, Any] = given if isinstance(given, dict) else {}
        match message["method"]:
            case "initialize":
                wanted = params.get("protocolVersion")
                about = {
                    "protocolVersion": wanted if isinstance(wanted, str) else _VERSION,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "piplan-tui", "version": "1"},
                }
                self._answer(message, about)
            case "ping":
                self._answer(message, {})
            case "tools/list":
                tool = {
                    "name": self._tool["name"],
                    "title": self._tool["title"],
                    "description": self._tool["description"],
                    "inputSchema": self._tool["parameters"],
                }
                self._answer(message, {"tools": [tool]})
            case "tools/call" if params.get("name") == self._tool["name"]:
                threading.Thread(target=self._call, args=(message, params), daemon=True).start()
            case "notifications/cancelled":
                call = self._calls.pop(params.get("requestId"), None)
                if call is not None:
                    call.shutdown(socket.SHUT_RDWR)
            case method if "id" in message:
                error = {"code": -32601, "message": f"{method} is not there"}
                self._send({"jsonrpc": "2.0", "id": message["id"], "error": error})

    def _call(self, message: dict[str, Any], params: dict[str, Any]) -> None:
        meta = params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        try:
            reply = self._ask(message.get("id"), params.get("arguments") or {}, token)
        except (OSError, ValueError) as error:
            self._tell(message, f"The user cannot be asked: {error}", failed=True)
            return
        if reply is not None:
            self._tell(message, self._said(reply))

    def _ask(self, call_id: Any, arguments: dict[str, Any], token: Any) -> dict[str, Any] | None:
        """The reply; `None` when the client does not want it any more."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._socket_path)
            self._calls[call_id] = connection
            connection.sendall(json.dumps(arguments).encode() + b"\n")
            connection.settimeout(_PROGRESS_SECONDS)
            received, told = b"", 0
            while not received.endswith(b"\n"):
                try:
                    chunk = connection.recv(65_536)
                except TimeoutError:
                    told += 1
                    self._progress(token, told)
                    continue
                if not chunk:
                    break
                received += chunk
        if self._calls.pop(call_id, None) is None:
            return None
        return dict(json.loads(received)) if received else {"action": "cancel"}

    def _said(self, reply: dict[str, Any]) -> str:
        told: dict[str, str] = self._tool["told"]
        if reply.get("action") == "accept":
            return f"{told['accept']}\n{json.dumps(reply.get('values') or {}, ensure_ascii=False, indent=2)}"
        return told["decline" if reply.get("action") == "decline" else "cancel"]

    def _progress(self, token: Any, count: int) -> None:
        if token is not None:
            params = {"progressToken": token, "progress": count, "message": "waiting for the user"}
            self._send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def _tell(self, message: dict[str, Any], text: str, *, failed: bool = False) -> None:
        self._answer(message, {"content": [{"type": "text", "text": text}], "isError": failed})

    def _answer(self, message: dict[str, Any], result: dict[str, Any]) -> None:
        self._send({"jsonrpc": "2.0", "id": message.get("id"), "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        with self._writing:
            sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as described:
        tool_file = json.load(described)
    AskServer(tool_file, sys.argv[2]).serve()
