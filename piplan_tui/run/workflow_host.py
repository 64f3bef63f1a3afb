"""The run as a script sees it. One `RunHost` for each time that a script is run, nested ones included."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from pydantic_core import to_jsonable_python

from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.call import read_call
from piplan_tui.workflow.host import ScriptMistake, WorkflowHost

if TYPE_CHECKING:
    from piplan_tui.run.call import AgentCall
    from piplan_tui.run.state import RunState


class Driver(Protocol):
    """What carries out what a script asks for."""

    @property
    def state(self) -> RunState: ...

    @property
    def max_items(self) -> int: ...

    @property
    def nested(self) -> Callable[[str], Awaitable[Callable[[WorkflowHost], Awaitable[Any]]]]: ...

    def say(self, event: ev.RuntimeEvent) -> None: ...

    async def agree(self, items: int, calls: int, place: str) -> None: ...

    async def result_of(self, call: AgentCall, place: str, check: AnswerCheck | None) -> Any: ...


MAX_LOG = 4_000


def _digest(args: Any) -> str:
    data = msgspec.json.encode(to_jsonable_python(args, fallback=str), order="sorted")
    return hashlib.sha256(data).hexdigest()[:12]


def _unwrapping(check: AnswerCheck) -> AnswerCheck:
    return lambda value: check(value["value"])


class RunHost:
    """A `WorkflowHost` over a workflow driver."""

    def __init__(
        self,
        driver: Driver,
        args: Any,
        *,
        nested: str = "",
        path: str = "",
        seen: Counter[str] | None = None,
    ) -> None:
        self._driver = driver
        self._args = args
        self._nested = nested
        self._path = path
        self._phase = nested
        # shared with nested workflows: equal calls are counted over the whole run of the script
        self._seen: Counter[str] = Counter() if seen is None else seen

    @property
    def args(self) -> Any:
        return self._args

    async def agent(self, prompt: str, options: dict[str, Any]) -> Any:
        options = dict(options)
        check = options.pop("check", None)
        if self._nested:
            options["path"] = "/".join(part for part in (self._path, options.get("path")) if part)
            if options.get("phase"):
                options["phase"] = self._phase_title(str(options["phase"]))
        call = read_call(prompt, options, phase=self._phase)
        if check is not None and call.wrapped:
            check = _unwrapping(check)
        same = f"{call.key}\n{call.place}"
        number = self._seen[same]
        self._seen[same] += 1
        return await self._driver.result_of(call, f"{call.place}\n{number}", check)

    def phase(self, title: str) -> None:
        if not isinstance(title, str) or not title.strip():
            raise ScriptMistake(f"phase() needs a title, a text that is not empty; it got {title!r:.60}")
        self._phase = self._phase_title(title)
        if self._phase != self._driver.state.phase:
            self._driver.say(ev.PhaseStarted(title=self._phase))

    def _phase_title(self, title: str) -> str:
        return f"{self._nested} › {title}" if self._nested else title

    def log(self, message: str) -> None:
        text = message if isinstance(message, str) else repr(message)
        self._driver.say(ev.Logged(message=text[:MAX_LOG]))

    def budget_total(self) -> float | None:
        state = self._driver.state
        limits = (state.budget_output_tokens, state.budget_tokens, state.budget_usd)
        return next((limit for limit in limits if limit is not None), None)

    def budget_spent(self) -> float:
        state = self._driver.state
        if state.budget_output_tokens is not None:
            return state.usage.output or 0
        if state.budget_tokens is not None:
            return state.usage.tokens or 0
        if state.budget_usd is not None:
            return state.usage.cost_usd or 0.0
        return state.usage.output or 0

    async def workflow(self, name: str, args: Any) -> Any:
        if self._nested:
            raise ScriptMistake(
                f"workflow({name!r}) was called in the nested workflow {self._nested!r}; workflows nest one level deep"
            )
        if not isinstance(name, str) or not name.strip():
            raise ScriptMistake(f"workflow() needs the name of a workflow; it got {name!r:.60}")
        script = await self._driver.nested(name)
        same = f"workflow:{name}:{_digest(args)}"
        number = self._seen[same]
        self._seen[same] += 1
        place = f"{same}:{number}"
        host = RunHost(self._driver, args, nested=name, path=place, seen=self._seen)
        return await script(host)

    def check_items(self, count: int) -> None:
        limit = self._driver.max_items
        if count > limit:
            raise ScriptMistake(
                f"{count:,} items in one parallel or pipeline call are more than a run may have ({limit:,}); "
                "split them into several calls, or raise --max-items"
            )

    async def fan_out(self, count: int, *, calls_each: int, place: str) -> None:
        self.check_items(count)
        await self._driver.agree(count, count * max(1, calls_each), f"{self._path}{place}*{count}")
