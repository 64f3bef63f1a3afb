"""What a Python workflow is written with: `async def main(wf: Workflow)`.

Each `wf.agent(…)` is a step of the run. The script holds the loops, branches and the data between the calls;
it is run again from its beginning when a run is resumed, and finished calls give their results at once. So
everything that decides what is asked must be the same in every run: take the time from `wf.now()`, chance from
`wf.random`, and what changes from `wf.args`.
"""

from __future__ import annotations

import inspect
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack, overload

import anyio
from pydantic import TypeAdapter, ValidationError

from piplan_tui.plan.spelling import Spelling
from piplan_tui.workflow.calls_made import CallsMade
from piplan_tui.workflow.host import (
    ScriptMistake,
    WorkflowHost,
    WorkflowStop,
    current_path,
    structural_path,
)

T = TypeVar("T")
BROKEN_SCRIPT: tuple[type[Exception], ...] = (
    WorkflowStop,
    ScriptMistake,
    NameError,
    ImportError,
    SyntaxError,
)
"""Errors that `parallel` and `pipeline` never turn into `None`: the script must end, or is wrong."""


class CallOptions(TypedDict, total=False):
    """How an agent is to be called; everything may be left out.

    `label` names the step, `phase` puts it under a phase other than the current one. `effort` is the agent's
    thinking level. `agent_type` names an agent definition of the workspace (`.claude/agents/NAME.md`).
    `tools` are the only ones that the agent may use. `retries` is how often a failed call is tried again
    (0 to 10, default 1). With the isolation `worktree` the agent works in a git worktree of its own.
    """

    label: str
    phase: str
    model: str
    effort: str
    agent_type: str
    tools: Sequence[str]
    retries: int
    isolation: Literal["worktree"]


class Budget:
    """The run's limit: output tokens, else all tokens, else US dollars, whichever is limited first in this order."""

    def __init__(self, host: WorkflowHost) -> None:
        self._host = host

    @property
    def total(self) -> float | None:
        """The limit; `None` when the run has none."""
        return self._host.budget_total()

    def spent(self) -> float:
        """What is used up, in the limit's unit; output tokens when there is no limit."""
        return self._host.budget_spent()

    def remaining(self) -> float:
        """What is left; infinite without a limit."""
        total = self.total
        return math.inf if total is None else max(0.0, total - self.spent())


class Workflow:
    """The run, as its script sees it."""

    def __init__(
        self, host: WorkflowHost, *, clock: datetime, seed: str, calls: CallsMade | None = None
    ) -> None:
        self._host = host
        self._calls = CallsMade("") if calls is None else calls
        self._clock = clock
        self._branches: Counter[str] = Counter()
        self.budget = Budget(host)
        """The run's limit and what is used of it."""
        self.random = random.Random(seed)
        """Chance that falls the same way in every run of this script with these arguments."""

    @property
    def args(self) -> Any:
        """What the run was started with: JSON, or `None`."""
        return self._host.args

    def now(self) -> datetime:
        """The time, UTC, at which the run was made: the same however often the script runs again."""
        return self._clock

    # -- calls ---------------------------------------------------------------------------------

    @overload
    async def agent(
        self, prompt: str, *, schema: None = None, **options: Unpack[CallOptions]
    ) -> str | None: ...

    @overload
    async def agent(self, prompt: str, *, schema: type[T], **options: Unpack[CallOptions]) -> T | None: ...

    @overload
    async def agent(self, prompt: str, *, schema: dict[str, Any], **options: Unpack[CallOptions]) -> Any: ...

    def agent(
        self, prompt: str, *, schema: Any = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Any]:
        """Ask one agent, and wait for its answer.

        Returns:
            The text of its last message. With `schema` (a pydantic model, another type such as `list[str]`,
            or a JSON Schema as a dict) an object of it: the agent is told what is wrong and asked again until
            its answer fits. `None` when the call failed after its retries, or the user stopped or skipped it.

        Raises:
            ScriptMistake: the prompt is empty, or an option or the schema is none.
        """
        return self._calls.made("agent", self._agent(prompt, schema, options))

    async def _agent(self, prompt: str, schema: Any, options: CallOptions) -> Any:
        given: dict[str, Any] = {_CAMEL.get(name, name): value for name, value in options.items()}
        adapter: TypeAdapter[Any] | None = None
        if isinstance(schema, dict):
            given["schema"] = schema
        elif schema is not None:
            adapter = _adapter(schema)
            given["schema"] = adapter.json_schema()
            given["check"] = lambda value: _misfit(adapter, value)
        given["path"] = current_path()
        value = await self._host.agent(prompt, given)
        if value is None or adapter is None:
            return value
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            # a result of an earlier run, whose type has changed since in a way that its schema does not show
            self.log(f"an answer does not fit its type any more: {_sentences(error)}")
            return None

    @overload
    async def parallel(self, thunks: Iterable[Callable[..., Awaitable[T]]]) -> list[T | None]: ...

    @overload
    async def parallel(self, thunks: Iterable[Awaitable[T]]) -> list[T | None]: ...

    def parallel(self, thunks: Iterable[Any]) -> Coroutine[Any, Any, list[Any]]:
        """Run all at once and wait for all: `await wf.parallel([lambda: wf.agent("a"), …])`.

        Results are in the order of the thunks. One that raises gives `None`, and the error is logged. A lambda
        in a loop must bind what changes: `lambda item=item: …`.

        Raises:
            ScriptMistake: too many, or one is neither a function nor awaitable.
        """
        return self._calls.made("parallel", self._parallel(thunks))

    async def _parallel(self, thunks: Iterable[Any]) -> list[Any]:
        jobs = list(thunks)
        results: list[Any] = [None] * len(jobs)
        branch = self._branch("parallel")

        async def one(index: int) -> None:
            job = jobs[index]
            with structural_path(branch, f"item:{index}"):
                found = job() if callable(job) else job
                results[index] = await found if inspect.isawaitable(found) else found

        try:
            self._host.check_items(len(jobs))
            for index, job in enumerate(jobs):
                if not callable(job) and not inspect.isawaitable(job):
                    raise ScriptMistake(
                        f"parallel() needs functions such as lambda: wf.agent(…); item {index + 1} is {job!r:.60}"
                    )
            await self._host.fan_out(len(jobs), calls_each=1, place=f"{current_path()}/{branch}")
            await self._all("parallel", one, len(jobs))
        finally:
            for job in jobs:
                if inspect.iscoroutine(job):
                    job.close()
        return results

    def pipeline(self, items: Iterable[Any], *stages: Callable[..., Any]) -> Coroutine[Any, Any, list[Any]]:
        """Send every item through the stages on its own: a fast item does not wait for a slow one.

        A stage is called with what the stage before gave, the item and its index, or as many of these as it
        takes; the first gets the item itself. An item whose stage raises leaves the pipeline, and its result is
        `None`. A stage that gives `None` (a call that failed, say) does not end it: the next one gets `None`.

        Raises:
            ScriptMistake: too many items, or a stage is no function.
        """
        return self._calls.made("pipeline", self._pipeline(items, stages))

    async def _pipeline(self, items: Iterable[Any], stages: Sequence[Callable[..., Any]]) -> list[Any]:
        given = list(items)
        self._host.check_items(len(given))
        calls = [_stage(stage, number) for number, stage in enumerate(stages, start=1)]
        results: list[Any] = [None] * len(given)
        branch = self._branch("pipeline")
        await self._host.fan_out(len(given), calls_each=len(calls), place=f"{current_path()}/{branch}")

        async def one(index: int) -> None:
            previous: Any = given[index]
            for number, call in enumerate(calls):
                with structural_path(branch, f"item:{index}", f"stage:{number}"):
                    previous = call(previous, given[index], index)
                    if inspect.isawaitable(previous):
                        previous = await previous
            results[index] = previous

        await self._all("pipeline", one, len(given))
        return results

    def workflow(self, name: str, args: Any = None) -> Coroutine[Any, Any, Any]:
        """Run another workflow as a part of this one and give what it returns. One level deep.

        `name` is found next to this script (`NAME.py`, `NAME.js`) or in `.claude/workflows`.
        """
        return self._calls.made("workflow", self._host.workflow(name, args))

    # -- telling -------------------------------------------------------------------------------

    def phase(self, title: str) -> None:
        """From here on, calls that name no phase belong to this one."""
        self._host.phase(title)

    def log(self, message: str) -> None:
        """Say a line to whoever watches the run."""
        self._host.log(message)

    # -- inside --------------------------------------------------------------------------------

    def _branch(self, kind: str) -> str:
        here = f"{current_path()}/{kind}"
        number = self._branches[here]
        self._branches[here] += 1
        return f"{kind}:{number}"

    async def _all(self, what: str, one: Callable[[int], Awaitable[None]], count: int) -> None:
        fatal: list[Exception] = []

        async def guarded(index: int) -> None:
            try:
                await one(index)
            except Exception as error:
                # an item's own code may raise anything; the others go on
                cause = leaf(error)
                if isinstance(cause, BROKEN_SCRIPT):
                    fatal.append(cause)
                    tasks.cancel_scope.cancel()
                else:
                    self.log(f"{what}: item {index + 1} gave nothing: {type(cause).__name__}: {cause}")
            except anyio.get_cancelled_exc_class():
                if is_being_cancelled():
                    raise
                self.log(f"{what}: item {index + 1} gave nothing: a task that it waited for was cancelled")

        async with anyio.create_task_group() as tasks:
            for index in range(count):
                tasks.start_soon(guarded, index)
        if fatal:
            raise fatal[0]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            raise ScriptMistake(unknown_attribute(name))


BUDGET = ("total", "spent", "remaining")
PRIMITIVES = ("agent", "parallel", "pipeline", "phase", "log", "args", "budget", "workflow", "now", "random")
_CAMEL = {"agent_type": "agentType"}


def unknown_attribute(name: str) -> str:
    """What to say about `wf.name`, which does not exist."""
    meant = Spelling(PRIMITIVES).nearest(name)
    hint = f"did you mean wf.{meant}?" if meant else f"it has {', '.join(PRIMITIVES)}"
    return f"wf has no {name}; {hint}"


def leaf(error: BaseException) -> BaseException:
    """The error inside of groups of errors: one that ends the script if there is one, otherwise the first."""
    while isinstance(error, BaseExceptionGroup):
        error = next((e for e in error.exceptions if isinstance(leaf(e), BROKEN_SCRIPT)), error.exceptions[0])
    return error


def is_being_cancelled() -> bool:
    """Whether this task is really to end. Otherwise a `CancelledError` came from a task that it waited for."""
    return anyio.current_effective_deadline() == -math.inf


def _adapter(schema: Any) -> TypeAdapter[Any]:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(schema)
        adapter.json_schema()
    except Exception as error:
        # pydantic raises many kinds for what is no type
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ScriptMistake(f"agent() got a schema that is no type an answer can have: {why}") from error
    return adapter


def _misfit(adapter: TypeAdapter[Any], value: Any) -> str | None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return _sentences(error)
    return None


def _sentences(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:5]
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the value'}: {each['msg']}" for each in found)


def _stage(stage: Callable[..., Any], number: int) -> Callable[[Any, Any, int], Any]:
    if not callable(stage):
        raise ScriptMistake(f"pipeline() needs functions as stages; stage {number} is {stage!r:.60}")
    try:
        parameters = list(inspect.signature(stage).parameters.values())
    except (TypeError, ValueError):
        return stage
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return stage
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # parameters with a default are what a lambda in a loop binds; they are not to be filled
    wanted = sum(1 for p in parameters if p.kind in positional and p.default is p.empty)
    if wanted > 3:
        raise ScriptMistake(
            f"stage {number} of pipeline() takes {wanted} arguments; a stage gets the previous result, "
            "the item and its index"
        )
    return lambda previous, item, index: stage(*(previous, item, index)[:wanted])
