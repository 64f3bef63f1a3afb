"""A chat-completions server on loopback that says what a script tells it to.

The real Pi talks to it as to any provider, and runs its real tools. In a test:

    with ModelServer([Rule("brief", [Turn(text="{...}")])]) as server:
        environment = pi_environment(tmp_path, server)

By hand, with rules from a JSON file (or the default rules):

    python -m tests.support.model_server --port 8199 --script rules.json --pi-config /tmp/pi

A request is answered by the first rule whose pattern is found in the last user message. Which of the rule's
turns answers it is the number of messages that the assistant already said since that user message, so a
repeated run with the same server starts from the first turn again; the last turn repeats. Named groups of
the pattern stand in texts and tool arguments as `$name`.
"""

from __future__ import annotations

import argparse
import json
import re
import string
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio.to_thread

MODEL = "scripted-1"
PROVIDER = "scripted"


@dataclass
class Tool:
    """A tool call; string values of `arguments` may hold `$name`."""

    name: str
    arguments: dict[str, Any]


@dataclass
class Turn:
    """One answer of the model.

    `errors` are HTTP statuses that are answered first, one a request. `gate` holds the answer back after its
    first chunk until the test releases that gate; `hang` never ends it unless the gate is released; `drop`
    closes the connection in the middle. `delay` is a pause in seconds before each chunk, for trials by hand.
    """

    text: str | list[str] = ""
    thinking: str = ""
    tools: list[Tool] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    usage: dict[str, int] | None = field(default_factory=lambda: {"input": 100, "output": 20})
    stop: str = ""
    gate: str = ""
    drop: bool = False
    delay: float = 0.0


@dataclass
class Rule:
    """Turns for prompts in which `pattern` (a regular expression, `.` matches newlines) is found."""

    pattern: str
    turns: list[Turn]


@dataclass(frozen=True)
class Request:
    """What one request said: `prompt` is the text of its last user message."""

    prompt: str
    body: dict[str, Any]
    authorization: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages


class Gate:
    """`reached` when the server stands at it, passed after `release`."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def release(self) -> None:
        self.released.set()

    async def wait_reached(self, seconds: float = 30.0) -> None:
        if not await anyio.to_thread.run_sync(self.reached.wait, seconds):
            raise TimeoutError("no request came to this gate")


DEFAULT_RULES = [
    Rule(
        r"(?:step[ _-]?id|stepId|step)\W{0,4}(?P<step>[A-Za-z0-9][A-Za-z0-9._-]*)",
        [
            Turn(
                text="Let me look. ",
                thinking="The step is $step.",
                tools=[Tool("bash", {"command": "printf 'notes of $step\\n' > $step.md; cat $step.md"})],
            ),
            Turn(
                text='Here is the result.\n```json\n{"status": "completed", "summary": "Wrote $step.md"}\n```\n',
                usage={"input": 220, "output": 41},
            ),
        ],
    ),
    Rule("", [Turn(text='{"status": "completed", "summary": "Done"}')]),
]


class ModelServer:
    """The server, in threads of this process, on a free port of loopback. Use it as a context manager.

    `requests` grows with every request, in order of arrival. `rules` may be changed at any time, and so may
    `refuses`: an HTTP status with which every request is answered.
    """

    def __init__(self, rules: Sequence[Rule] = (), *, port: int = 0) -> None:
        self.rules: list[Rule] = [*rules, *DEFAULT_RULES]
        self.requests: list[Request] = []
        self.refuses: int | None = None
        self._gates: dict[str, Gate] = {}
        self._refused: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        handler = type("Handler", (_Handler,), {"model": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="model-server", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def gate(self, name: str) -> Gate:
        with self._lock:
            return self._gates.setdefault(name, Gate())

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        for gate in self._gates.values():
            gate.release()
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> ModelServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def choose(self, request: Request) -> tuple[Turn, dict[str, str], int | None]:
        """The turn that answers, the words for `$name`, and an HTTP status when it is an error instead."""
        with self._lock:
            self.requests.append(request)
            for rule in self.rules:
                found = re.search(rule.pattern, request.prompt, re.DOTALL)
                if not found:
                    continue
                said = _assistants_since_last_user(request.messages)
                index = min(said, len(rule.turns) - 1)
                turn = rule.turns[index]
                words = {name: text for name, text in found.groupdict().items() if text is not None}
                if self.refuses is not None:
                    return turn, words, self.refuses
                key = f"{id(rule)}/{index}/{request.prompt}"
                if self._refused[key] < len(turn.errors):
                    self._refused[key] += 1
                    return turn, words, turn.errors[self._refused[key] - 1]
                return turn, words, None
        raise LookupError(request.prompt)


class _Handler(BaseHTTPRequestHandler):
    model: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        request = Request(_last_user_text(body), body, self.headers.get("authorization", ""))
        turn, words, status = self.model.choose(request)
        self.close_connection = True
        try:
            if status is not None:
                self._refuse(status)
            else:
                self._stream(turn, words)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up, as it does on abort

    def _refuse(self, status: int) -> None:
        kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
        texts = {401: "invalid api key", 429: "rate limited", 529: "overloaded"}
        error = {"message": texts.get(status, "internal error"), "type": kinds.get(status, "server_error")}
        data = json.dumps({"error": error}).encode()
        self.send_response_only(status, "scripted")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("retry-after-ms", "5")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, turn: Turn, words: Mapping[str, str]) -> None:
        self.send_response_only(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        self.end_headers()
        for number, chunk in enumerate(_chunks(turn, words)):
            if turn.delay:
                self.model._closing.wait(turn.delay)
            if turn.drop and number:
                return
            self._write_chunk(f"data: {json.dumps(chunk)}\n\n")
            if turn.gate and not number:
                gate = self.model.gate(turn.gate)
                gate.reached.set()
                gate.released.wait()
                if self.model._closing.is_set():
                    return
        self._write_chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _write_chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


def _chunks(turn: Turn, words: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]
        }  # fmt: skip

    if turn.thinking:
        yield chunk({"role": "assistant", "reasoning_content": _filled(turn.thinking, words)})
    texts = [turn.text] if isinstance(turn.text, str) else turn.text
    for text in texts:
        if text:
            yield chunk({"role": "assistant", "content": _filled(text, words)})
    for index, tool in enumerate(turn.tools):
        function = {"name": tool.name, "arguments": json.dumps(_filled(tool.arguments, words))}
        call = {"index": index, "id": f"call_{time.monotonic_ns()}", "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
    last = chunk({}, turn.stop or ("tool_calls" if turn.tools else "stop"))
    if turn.usage is not None:
        cached = turn.usage.get("cached", 0)
        last["usage"] = {
            "prompt_tokens": turn.usage.get("input", 0) + cached,
            "completion_tokens": turn.usage.get("output", 0),
            "total_tokens": sum(turn.usage.values()),
            "prompt_tokens_details": {"cached_tokens": cached},
        }
    yield last


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return string.Template(value).safe_substitute(words)
    if isinstance(value, dict):
        return {name: _filled(part, words) for name, part in value.items()}
    return value


def _assistants_since_last_user(messages: list[dict[str, Any]]) -> int:
    count = 0
    for message in reversed(messages):
        if message.get("role") == "user":
            break
        count += message.get("role") == "assistant"
    return count


def _last_user_text(body: dict[str, Any]) -> str:
    for message in reversed(body.get("messages", [])):
        if message.get("role") == "user":
            content = message.get("content", "")
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


def pi_environment(folder: Path, server: ModelServer, *, retry_delay_ms: int = 20) -> dict[str, str]:
    """Write a Pi configuration that knows only this server into `folder`/pi; return the environment for it.

    `retry_delay_ms` is how long Pi waits before the first automatic retry (it doubles each time).
    """
    root = folder / "pi"
    root.mkdir(parents=True, exist_ok=True)
    provider = {
        "baseUrl": server.url,
        "api": "openai-completions",
        "apiKey": "x",
        "compat": {"supportsDeveloperRole": False, "supportsReasoningEffort": False},
        "models": [{"id": MODEL, "cost": {"input": 1, "output": 2, "cacheRead": 0.1, "cacheWrite": 0}}],
    }
    (root / "models.json").write_text(json.dumps({"providers": {PROVIDER: provider}}))
    (root / "settings.json").write_text(json.dumps({"retry": {"baseDelayMs": retry_delay_ms}}))
    return {"PI_CODING_AGENT_DIR": str(root), "PI_OFFLINE": "1"}


def rules_from(document: list[dict[str, Any]]) -> list[Rule]:
    """Rules from JSON: `[{"pattern": …, "turns": [{"text": …, "tools": [{"name": …, "arguments": …}]}]}]`."""
    return [
        Rule(
            entry["pattern"],
            [
                Turn(**{**turn, "tools": [Tool(**tool) for tool in turn.get("tools", [])]})
                for turn in entry["turns"]
            ],
        )
        for entry in document
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted chat-completions server on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path, help="a JSON file of rules; the default rules come after them")
    parser.add_argument("--pi-config", type=Path, help="write a Pi configuration for this server here")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each chunk")
    options = parser.parse_args()
    rules = rules_from(json.loads(options.script.read_text())) if options.script else []
    server = ModelServer(rules, port=options.port)
    for rule in server.rules:
        for turn in rule.turns:
            turn.delay = turn.delay or options.delay
    if options.pi_config:
        for name, value in pi_environment(options.pi_config, server, retry_delay_ms=1000).items():
            print(f"export {name}={value}")
    print(server.url, file=sys.stderr, flush=True)
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
