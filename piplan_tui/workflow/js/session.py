"""A running script on the event loop: its requests become calls of the host, the host's results its answers."""

from __future__ import annotations

import difflib
from typing import Any, NoReturn

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from piplan_tui.plan.problem import Problem, quoted
from piplan_tui.workflow.host import CALL_OPTIONS, ScriptMistake, WorkflowHost
from piplan_tui.workflow.js.compile import CompiledScript
from piplan_tui.workflow.js.failure import ScriptFailed
from piplan_tui.workflow.js.limits import JsLimits, memory_message, time_message
from piplan_tui.workflow.js.process import Batch, Budget, Ended, engine_process

_MAX_MESSAGE = 2_000
_AT_ONCE = 50
_WATCH_SECONDS = 0.5


class _End(Exception):
    """The script has returned `value`."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Session:
    """One run of one script for one host."""

    def __init__(self, script: CompiledScript, *, name: str, host: WorkflowHost, limits: JsLimits) -> None:
        self._script = script
        self._name = name
        self._host = host
        self._limits = limits
        self._outcome: BaseException | None = None
        self._ignored: set[str] = set()  # options that were said not to exist
        self._running: dict[int, str] = {}  # requests without an answer, and how to speak of them

    async def run(self) -> Any:
        """What the script returns, as JSON.

        Raises:
            ScriptFailed: it threw, broke a limit, or can never end.
            WorkflowStop: the host said so.
        """
        async with engine_process(self._script, self._host.args, self._limits, self._budget()) as engine:
            self._engine = engine
            async with anyio.create_task_group() as tasks:
                self._scope = tasks.cancel_scope
                tasks.start_soon(self._watch)
                async for batch in engine.batches():
                    await self._take(batch, tasks)
                    if self._outcome is not None:
                        tasks.cancel_scope.cancel()
                        break
        if isinstance(self._outcome, _End):
            return self._outcome.value
        assert self._outcome is not None
        raise self._outcome

    async def _watch(self) -> None:
        # the engine looks at its limit in loops and calls of the script, but not inside its built-in functions
        patience = 1.5 * self._limits.cpu_seconds + 1
        while self._engine.busy_seconds() < patience:  # noqa: ASYNC110  # a stuck engine says nothing
            await anyio.sleep(_WATCH_SECONDS)
        said = f"the script has been inside one built-in function for {patience:g} s of processor time"
        self._outcome = self._outcome or ScriptFailed(Problem(self._name, 0, 0, said))
        self._scope.cancel()

    def _budget(self) -> Budget:
        return self._host.budget_total(), self._host.budget_spent()

    async def _take(self, batch: Batch, tasks: TaskGroup) -> None:
        try:
            for number, envelope in enumerate(batch.messages, 1):
                self._handle(envelope["m"], envelope.get("id"), tasks)
                if number % _AT_ONCE == 0:  # a large fan-out does not keep the loop
                    await anyio.lowlevel.checkpoint()
            if batch.end is not None:
                self._broken(batch.end)
        except Exception as outcome:
            # messages of the engine are as hostile as its script
            self._outcome = self._outcome or outcome

    def _handle(self, message: dict[str, Any], request: int | None, tasks: TaskGroup) -> None:
        match message["t"]:
            case "agent":
                said = message["options"].get("label") or message["prompt"]
                assert request is not None
                self._running[request] = f"agent {quoted(str(said), 40)}{self._at(message['at'])}"
                tasks.start_soon(self._agent, request, message)
            case "workflow":
                assert request is not None
                self._running[request] = f"workflow {quoted(message['name'], 40)}{self._at(message['at'])}"
                tasks.start_soon(self._workflow, request, message)
            case "items":
                assert request is not None
                self._running[request] = f"a fan-out{self._at(message['at'])}"
                tasks.start_soon(self._fan_out, request, message)
            case "phase":
                self._host.phase(message["title"])
            case "log":
                self._host.log(message["message"])
            case "swallowed":
                self._host.log(f"{message['message'][:_MAX_MESSAGE]}{self._at(message['at'])}")
            case "done":
                self._done(message)
            case "failed":
                self._thrown(message["error"])
            case "unhandled":
                line, column = self._script.sites[message["site"]]
                said = _said(message["error"], self._limits)
                self._fail(f"nothing awaits this call, and it failed: {said}", line, column)
            case other:
                raise AssertionError(other)

    async def _agent(self, request: int, message: dict[str, Any]) -> None:
        options = {
            name: value for name, value in message["options"].items() if self._is_option(name, message)
        }
        await self._answer(request, self._host.agent(message["prompt"], options))

    def _is_option(self, name: str, message: dict[str, Any]) -> bool:
        """Whether a call may have it. Scripts that were written for others have more, which mean nothing here."""
        known = name in CALL_OPTIONS or name == "path"
        if not known and name not in self._ignored:
            self._ignored.add(name)
            near = difflib.get_close_matches(name, CALL_OPTIONS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self._host.log(
                f"agent() has no option {quoted(name, 40)}, which is ignored{hint}{self._at(message['at'])}"
            )
        return known

    async def _workflow(self, request: int, message: dict[str, Any]) -> None:
        await self._answer(request, self._host.workflow(message["name"], message.get("args")))

    async def _answer(self, request: int, work: Any) -> None:
        try:
            try:
                value = await work
            except ScriptMistake as error:
                self._settle(request, error=str(error))
            else:
                self._settle(request, value=value)
        except Exception as outcome:
            # nothing of the script goes on after this, so that none of it can swallow what ended it
            self._outcome = self._outcome or outcome
            self._scope.cancel()

    def _settle(self, request: int, *, value: Any = None, error: str | None = None) -> None:
        self._engine.answer(request, self._budget(), value=value, error=error)
        self._running.pop(request, None)

    async def _fan_out(self, request: int, message: dict[str, Any]) -> None:
        place = f"{message['path']}@{message['at']}"
        await self._answer(
            request, self._host.fan_out(message["count"], calls_each=message["callsEach"], place=place)
        )

    def _done(self, message: dict[str, Any]) -> NoReturn:
        if message["loose"]:
            line, column = self._script.sites[message["loose"][0]]
            self._fail(
                "the script ended while this call was still running: write `await` before it", line, column
            )
        for what in self._running.values():
            self._host.log(f"the script ended without waiting for {what}, which is stopped")
        raise _End(message["value"])

    def _thrown(self, error: dict[str, str]) -> NoReturn:
        self._fail(_said(error, self._limits), *self._place(error["at"]))

    def _broken(self, end: Ended) -> NoReturn:
        place = self._script.sites[end.site] if end.site is not None else self._script.place(*end.place)
        said = {
            "stuck": "the script waits for something that never happens",
            "time": time_message(self._limits),
            "memory": memory_message(self._limits),
        }
        self._fail(said.get(end.why, end.why), *place)

    def _fail(self, message: str, line: int, column: int) -> NoReturn:
        raise ScriptFailed(Problem(self._name, line, column, message[:_MAX_MESSAGE]))

    def _place(self, at: str) -> tuple[int, int]:
        line, _, column = at.partition(":")
        return self._script.place(int(line), int(column)) if column else (0, 0)

    def _at(self, at: str) -> str:
        line, column = self._place(at)
        return f" ({self._name}:{line}:{column})" if line else ""


def _said(error: dict[str, str], limits: JsLimits) -> str:
    name, message = error["name"], error["message"]
    if message == "out of memory" and name == "InternalError":
        return memory_message(limits)
    if message == "Maximum call stack size exceeded":
        return "the script calls itself too deeply (maximum call stack size exceeded)"
    if name == "thrown":
        out = "" if message != "null" else f" (or {memory_message(limits)})"
        return f"the script threw {message}{out}"
    return f"{name}: {message}" if name and message else name or message
