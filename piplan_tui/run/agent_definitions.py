"""The agent definitions that the calls of one run name, each read once."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.run import events as ev
from piplan_tui.workflow.agent_types import AgentType, find_agent_type


class AgentDefinitions:
    """Finds them in the workspace or with the user; `say` is told of those that are not there."""

    def __init__(self, workspace: Path, say: ev.OnEvent) -> None:
        self._workspace = workspace
        self._say = say
        self._known: dict[str, AgentType | None] = {}
        self._reading = anyio.Lock()

    async def named(self, name: str) -> AgentType | None:
        """The definition of that name; `None` when there is none, which is said once."""
        # one after the other, so that calls become steps in the order of the script
        async with self._reading:
            if name not in self._known:
                found = await anyio.to_thread.run_sync(find_agent_type, name, self._workspace)
                if found is None:
                    self._say(
                        ev.Logged(
                            message=f"there is no agent definition {name[:60]!r} (.claude/agents/NAME.md); "
                            "its calls run without one"
                        )
                    )
                self._known[name] = found
            return self._known[name]
