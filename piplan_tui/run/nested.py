"""The workflows that a script calls by name, kept with the run so that a resume runs the same ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread

from piplan_tui.run import events as ev
from piplan_tui.run.state import RunState
from piplan_tui.workflow.host import WorkflowHost
from piplan_tui.workflow.load import LoadedWorkflow, read_workflow

Script = Callable[[WorkflowHost], Awaitable[Any]]
"""Runs the script to its end and gives what it returned; raises `ScriptFailed` with the place of a mistake."""
FindScript = Callable[[str], Awaitable[LoadedWorkflow]]
"""Finds another workflow by name; raises `ScriptMistake` when there is none, or it has mistakes."""
MakeScript = Callable[[LoadedWorkflow], Script]
"""Makes a script that has been read runnable."""


class NestedScripts:
    """Each workflow as it was when the script first called it."""

    def __init__(self, state: RunState, say: ev.OnEvent, find: FindScript, make: MakeScript) -> None:
        self._state = state
        self._say = say
        self._find = find
        self._make = make
        self._known: dict[str, Script] = {}

    async def called(self, name: str) -> Script:
        """The script of that name, kept with the run from now on.

        Raises:
            ScriptMistake: there is none of that name, or it has mistakes.
        """
        known = self._known.get(name)
        if known is None:
            loaded = await self._load(name)
            if name not in self._state.nested:
                source = loaded.source.decode("utf-8", "surrogateescape")
                self._say(ev.WorkflowNested(name=name, language=loaded.kind, file=loaded.file, source=source))
            known = self._known[name] = self._make(loaded)
        return known

    async def rehearsed(self, name: str) -> Script:
        """The same, without anything being kept."""
        return self._known.get(name) or self._make(await self._load(name))

    async def _load(self, name: str) -> LoadedWorkflow:
        stored = self._state.nested.get(name)
        if stored is None:
            return await self._find(name)
        source = stored.source.encode("utf-8", "surrogateescape")
        return await anyio.to_thread.run_sync(read_workflow, source, stored.file, stored.language)
