"""An agent without a model: plays a believable step, so that a plan can be watched with nothing installed.

It reads and changes nothing, and says so. See `demo_script` for what a plan can make it play.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from types import TracebackType
from typing import Any

import anyio

from piplan_tui.agents.demo_answer import made_up
from piplan_tui.agents.demo_script import DemoTool, Scene, scene
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskReply,
    OnEvent,
    Recovered,
    Retrying,
    SessionEvent,
    SessionRequest,
    Steered,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    Turn,
    UsageReported,
)
from piplan_tui.run.model import SessionRef, Usage

OPENING = "This is a scripted demonstration: no model is at work, and nothing is read or changed.\n\n"
# of a step that asks, the part that comes before the question
_BEFORE_ASK = 0.4
_ASKED = "-asked"
_ARGUMENT = {"bash": "command", "grep": "pattern", "find": "pattern"}
_ANSWER = re.compile(r"The user answered:\s*```json\n(.*?)\n```", re.DOTALL)
_NO_ANSWER = re.compile(r"The user (?:declined to|did not) answer")
Sleep = Callable[[float], Awaitable[None]]


class DemoAgent(AbstractAsyncContextManager["DemoAgent"]):
    """Plays scripted steps. `pace` stretches their time: 1 as written, 0 without any waiting; a request may have
    another one.

    Raises:
        ValueError: `pace` is negative.
    """

    name = "demo"
    continues_sessions = True

    def __init__(self, *, pace: float = 1.0, sleep: Sleep = anyio.sleep) -> None:
        if not pace >= 0:
            raise ValueError("pace must not be negative")
        self._pace = pace
        self._sleep = sleep

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def open(self, request: SessionRequest) -> DemoSession:
        """Begin, or go on with, a conversation.

        Raises:
            AgentFailure: the step's `demo` field is not a script.
        """
        try:
            played = scene(request.step or {"id": request.step_id})
        except ValueError as error:
            raise AgentFailure(
                "unusable", f'the "demo" field of step "{request.step_id}" is not understood: {error}'
            ) from error
        pace = self._pace if request.demo_pace is None else max(0.0, request.demo_pace)

        async def wait(seconds: float) -> None:
            await self._sleep(max(0.0, seconds) * pace)

        return DemoSession(request, played, wait)


class DemoSession:
    """One conversation with the demo agent. What it must remember stands in its session id."""

    def __init__(self, request: SessionRequest, played: Scene, wait: Sleep) -> None:
        self._scene = played
        self._step = request.step
        self._attempt = request.attempt
        self._wait = wait
        if request.resume and request.resume.session_id:
            self._id = request.resume.session_id
        else:
            where = f"{request.run_id}\0{request.step_id}".encode("utf-8", "replace")
            self._id = f"demo-{sha256(where).hexdigest()[:12]}-{request.attempt}"
        self._turns = 0
        self._spent = 0.0
        self._last = ""
        self._remarks: list[str] = []

    @property
    def ref(self) -> SessionRef:
        return SessionRef(agent="demo", session_id=self._id, model="demo")

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        """Play one turn: up to the question, if the step has one that is not answered yet, or to the end."""
        self._turns += 1
        answers = _answers(text)
        asked = self._id.endswith(_ASKED)
        if asked and not answers and "You were interrupted" not in text:
            answers = [" ".join(text.split())[:200]]
        if self._last and not answers:
            # asked for its result again, it has nothing to add
            on_event(TextDelta(self._last))
            return Turn(text=self._last)
        self._id = self._id.removesuffix(_ASKED)
        asks = self._scene.script.ask is not None
        if asks and not answers:
            turn = await self._play(0.0, _BEFORE_ASK, [], on_event)
            self._id += _ASKED
            return turn
        return await self._play(_BEFORE_ASK if asks and asked else 0.0, 1.0, answers, on_event)

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        """It asks by ending its turn only, so there is never a question that this could answer."""

    async def steer(self, text: str) -> Steered:
        """Take up a remark with the next piece of text."""
        self._remarks.append(" ".join(text.split())[:200])
        return "now"

    async def close(self) -> None:
        """Nothing to give back."""

    async def _play(self, begin: float, end: float, answers: list[str], on_event: OnEvent) -> Turn:
        """Play the part of the scene from `begin` to `end`, as fractions of its time, tools and tokens."""
        scene = self._scene
        closing = self._closing(asks=end < 1.0, answers=answers)
        count = len(scene.tools)
        tools = scene.tools[round(count * begin) : round(count * end)]
        parts = list(self._parts(tools, closing, begin, answers))
        retry = scene.script.retry
        if retry and end == 1.0:
            ended = (at for at, (_, event) in enumerate(parts, start=1) if isinstance(event, ToolEnded))
            at = next(ended, len(parts) // 2)
            parts[at:at] = [
                (0.0, Retrying(retry.attempt, retry.max_attempts, retry.delay_seconds, retry.error)),
                (retry.delay_seconds, Recovered(ok=True)),
            ]
        fixed = sum(seconds for seconds, _ in parts if seconds is not None)
        open_parts = sum(seconds is None for seconds, _ in parts)
        share = max(0.0, scene.seconds * (end - begin) - fixed) / max(1, open_parts)
        start = self._spent
        for number, (seconds, event) in enumerate(parts, start=1):
            await self._wait(share if seconds is None else seconds)
            on_event(event)
            if isinstance(event, ToolEnded | Recovered) or number == len(parts):
                self._spent = start + (end - begin) * number / len(parts)
                on_event(UsageReported(self._usage()))
            while self._remarks:
                on_event(TextDelta(f"Noted: {self._remarks.pop(0)}\n"))
        self._last = "" if end < 1.0 else closing
        return Turn(text=closing)

    def _parts(
        self, tools: tuple[DemoTool, ...], closing: str, begin: float, answers: list[str]
    ) -> Iterator[tuple[float | None, SessionEvent]]:
        """Events, each with the seconds before it; `None` is an equal share of what is left."""
        yield 0.0, TextDelta(OPENING)
        for answer in answers:
            yield 0.0, TextDelta(f"The answer is: {answer}\n\n")
        if not begin:
            for chunk in _chunks(self._scene.thinking):
                yield None, ThinkingDelta(chunk)
        for number, tool in enumerate(tools, start=1):
            yield from _tool_call(f"demo-{self._turns}-{number}", tool)
        for chunk in _chunks(closing):
            yield None, TextDelta(chunk)

    def _closing(self, *, asks: bool, answers: list[str]) -> str:
        script = self._scene.script
        if asks:
            result: dict[str, Any] = {
                "status": "waiting_user",
                "summary": str((script.ask or {}).get("message", "")),
                "inputRequest": script.ask,
            }
            return _fenced("I cannot go on without an answer.", result)
        if (failure := script.failure(self._attempt)) is not None:
            return _fenced(f"I could not finish: {failure}", {"status": "failed", "summary": failure})
        if (answer := self._answer_to_call()) is not None:
            return answer
        text = self._scene.text
        summary = text.strip().split("\n", 1)[0]
        if answers:
            told = "; ".join(answers)
            text = f"{text}\n\nAs you answered: {told}"
            summary = f"{summary} (answered: {told})"
        return _fenced(text, {"status": "completed", "summary": summary, **script.result})

    def _answer_to_call(self) -> str | None:
        """The answer to a workflow's agent call; `None` when this is a step of a plan."""
        call = self._step.get("call")
        if not isinstance(call, dict) or "key" not in call:
            return None
        schema = call.get("schema")
        if not isinstance(schema, dict):
            return self._scene.text
        seed = f"{self._step.get('goal', '')}\0{call.get('place', '')}"
        return _fenced(self._scene.text, made_up(schema, seed))

    def _usage(self) -> Usage:
        tokens = round(self._scene.tokens * self._spent)
        output = tokens // 6
        cached = tokens // 2
        return Usage(
            input=tokens - output - cached,
            output=output,
            cache_read=cached,
            cost_usd=round(self._scene.cost_usd * self._spent, 6),
        )


def _tool_call(call_id: str, tool: DemoTool) -> Iterator[tuple[float | None, SessionEvent]]:
    lines = tool.output.splitlines(keepends=True)
    # what a tool says comes in at most four pieces, as each repeats all before it
    cuts = sorted({len(lines) * quarter // 4 for quarter in range(1, 5)} - {0})
    each = None if tool.seconds is None else tool.seconds / (len(cuts) + 1)
    arguments = {_ARGUMENT.get(tool.tool, "path"): tool.target} if tool.target else {}
    yield None, ToolStarted(call_id, tool.tool, tool.target, arguments)
    for cut in cuts:
        yield each, ToolOutput(call_id, "".join(lines[:cut]))
    yield each, ToolEnded(call_id, tool.ok, tool.output)


def _chunks(text: str) -> Iterator[str]:
    words = re.findall(r"\s*\S+\s*", text)
    for start in range(0, len(words), 4):
        yield "".join(words[start : start + 4])


def _fenced(text: str, result: dict[str, Any]) -> str:
    return f"{text}\n\n```json\n{json.dumps(result, ensure_ascii=False, indent=2)}\n```\n"


def _answers(prompt: str) -> list[str]:
    """What the user answered, in words, for each answer that the prompt passes on."""
    found = []
    for match in _ANSWER.finditer(prompt):
        try:
            values = json.loads(match.group(1))
        except ValueError:
            continue
        if isinstance(values, dict):
            said = ", ".join(f"{name} = {_told(value)}" for name, value in values.items())
            found.append(said or "nothing in particular")
    if not found and _NO_ANSWER.search(prompt):
        found.append("none, so I go on without it")
    return found


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(_told, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
