"""What a script engine asks of the run: the one way by which a workflow, in whatever language, gets work done.

The Python primitives and the JavaScript engine are both built on `WorkflowHost`, so that a call is the same
step of the run, with the same reuse, budget and caps, whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

CALL_OPTIONS = (
    "label",
    "phase",
    "schema",
    "model",
    "effort",
    "agentType",
    "tools",
    "retries",
    "isolation",
)
"""The options of `agent()`, as a script names them."""


class WorkflowHost(Protocol):
    """One running script's door to its run. All calls come from the loop that the run lives on."""

    @property
    def args(self) -> Any:
        """What the run was started with: JSON, or `None`."""

    async def agent(self, prompt: str, options: dict[str, Any]) -> Any:
        """Run one agent call as a step of the run and give its result, from an earlier run where that fits.

        `options` has the names of a script: `label`, `phase`, `schema` (JSON Schema), `model`, `effort`,
        `agentType`, `tools`, `retries`, `isolation`; and `path`, the place of the call in the script's
        structure (such as `pipeline:0/item:3/stage:1`), which must be the same in every run of the script.
        Names that are not known are an error.

        Returns:
            The text of the agent's last message, the validated object when there is a schema, or `None` when
            the call failed after its retries, or the user stopped or skipped it.

        Raises:
            WorkflowStop: the script must end now; never to be swallowed.
            ScriptMistake: the call itself is wrong (an empty prompt, a schema that is none).
        """

    def phase(self, title: str) -> None:
        """Calls that name no phase belong to this one from here on."""

    def log(self, message: str) -> None:
        """Say a line to the user."""

    def budget_total(self) -> float | None:
        """The run's limit, in its unit; `None` without one."""

    def budget_spent(self) -> float:
        """What the run has used so far, in the same unit (output tokens when there is no limit)."""

    async def workflow(self, name: str, args: Any) -> Any:
        """Run another workflow as a part of this run and give what it returns. One level deep only.

        Raises:
            WorkflowStop: as `agent`.
            ScriptMistake: it is not found, has mistakes, or this is already a nested one.
        """

    def check_items(self, count: int) -> None:
        """Refuse a fan-out that is larger than a run may have.

        Raises:
            ScriptMistake: more than the limit of items in one `parallel` or `pipeline` call.
        """

    async def fan_out(self, count: int, *, calls_each: int, place: str) -> None:
        """Return when a fan-out over `count` items may begin; a large one is shown to the user, who may be asked.

        `calls_each` is how many calls an item is likely to make. `place` is where the fan-out stands in the
        script, the same in every run of it.

        Raises:
            ScriptMistake: as `check_items`.
            WorkflowStop: as `agent`.
        """


class WorkflowStop(Exception):
    """The script must end now: cancelled, left, or a limit of the run was reached.

    Not an answer that a script may go on from: `parallel` and `pipeline` pass it on instead of giving `None`.
    """


class AgentLimitReached(WorkflowStop):
    """The run has made as many agent calls as it may."""


class ScriptMistake(Exception):
    """The script asks for something that cannot be. `str()` is one sentence that says what would be right."""


class ScriptFailed(Exception):
    """The script ended with an error. `str()` is one sentence that begins with the place, `file:line`."""


_path: ContextVar[tuple[str, ...]] = ContextVar("workflow_path", default=())


@contextmanager
def structural_path(*parts: str) -> Iterator[None]:
    """Calls made inside are at this place of the script's structure, below where this one is."""
    token = _path.set((*_path.get(), *parts))
    try:
        yield
    finally:
        _path.reset(token)


def current_path() -> str:
    """The place in the script's structure where this task is, as `options["path"]` wants it."""
    return "/".join(_path.get())
