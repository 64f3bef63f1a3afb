"""A host that stands in for the run: it answers agent calls by a function and notes all that it was asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

from piplan_tui.workflow.host import ScriptMistake
from piplan_tui.workflow.javascript import JsLimits, run_javascript

NAME = "flow.js"


class FakeHost:
    def __init__(self, answer: Callable[[str, dict[str, Any]], Any] | None = None, args: Any = None) -> None:
        self.args = args
        self.prompts: list[str] = []
        self.options: list[dict[str, Any]] = []
        self.phases: list[str] = []
        self.logs: list[str] = []
        self.children: list[tuple[str, Any]] = []
        self.cancelled: list[str] = []
        self.running = 0
        self.most_at_once = 0
        self.total: float | None = None
        self.spent = 0.0
        self.max_items = 4096
        self.fan_outs: list[tuple[int, int, str]] = []
        self._answer = answer or (lambda prompt, _: f"<{prompt}>")

    async def agent(self, prompt: str, options: dict[str, Any]) -> Any:
        self.prompts.append(prompt)
        self.options.append(options)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await anyio.lowlevel.checkpoint()
            answer = self._answer(prompt, options)
            return await answer if inspect.isawaitable(answer) else answer
        except anyio.get_cancelled_exc_class():
            self.cancelled.append(prompt)
            raise
        finally:
            self.running -= 1
            self.spent += 10

    def phase(self, title: str) -> None:
        self.phases.append(title)

    def log(self, message: str) -> None:
        self.logs.append(message)

    def budget_total(self) -> float | None:
        return self.total

    def budget_spent(self) -> float:
        return self.spent

    async def workflow(self, name: str, args: Any) -> Any:
        if name == "missing":
            raise ScriptMistake('there is no workflow "missing"')
        self.children.append((name, args))
        return {"from": name}

    def check_items(self, count: int) -> None:
        if count > self.max_items:
            raise ScriptMistake(f"{count} items are more than the {self.max_items} that one call may have")

    async def fan_out(self, count: int, *, calls_each: int, place: str) -> None:
        self.check_items(count)
        self.fan_outs.append((count, calls_each, place))

    def paths(self) -> dict[str, str]:
        """The path of each call, by its prompt."""
        return {prompt: options["path"] for prompt, options in zip(self.prompts, self.options, strict=True)}


async def run(source: str, host: FakeHost | None = None, **limits: Any) -> Any:
    return await run_javascript(
        source, name=NAME, host=host or FakeHost(), limits=JsLimits(**limits) if limits else None
    )
