"""Where events live: what a run asks of its store.

A third party can write one (a database, an object store) and check it with
`piplan_tui.store.conformance`. All methods are coroutines; the run calls `append` one at a time per run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from piplan_tui.run.events import RuntimeEvent


class RunInfo(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A line in the list of runs. A cache of the events, rewritten when the run's state changes.

    `status` is what the owner last wrote; whether the owner still lives is `RuntimeStore.owner`'s answer.
    `counts` maps step states to numbers; `cost_usd` and `tokens` are `None` while no agent reported any.
    """

    run_id: str
    plan_id: str
    title: str
    status: str
    created_at: datetime
    updated_at: datetime
    source: str = ""
    workspace: str = ""
    agent: str = ""
    model: str = ""
    steps: int = 0
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    open_asks: int = 0
    tokens: int | None = None
    cost_usd: float | None = None
    elapsed_seconds: float = 0.0

    def elapsed_at(self, now: datetime, *, owned: bool) -> float:
        """`elapsed_seconds` brought up to `now`, when the run goes on in a live process or waits for the user."""
        goes_on = self.status == "waiting_user" or (owned and self.status == "running")
        return self.elapsed_seconds + (max(0.0, (now - self.updated_at).total_seconds()) if goes_on else 0.0)

    def current_status(self, *, owned: bool) -> str:
        """The run's state as it is now: one that no live process owns does not run, whatever was written last."""
        return "interrupted" if self.status == "running" and not owned else self.status


class Owner(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The process that may write to a run. `started` (epoch seconds) and `boot_id` expose a reused pid."""

    pid: int
    host: str
    started: float
    boot_id: str = ""


class StoreError(Exception):
    """The store could not do it. `str()` is one sentence for the user, with the path and what would help."""


class RunExists(StoreError):
    """There is a run of this id already."""


class RunNotFound(StoreError):
    """There is no such run."""


class RunOwned(StoreError):
    """Another live process owns the run."""


class RunCorrupt(StoreError):
    """The stored events cannot be read from `position` on (file:line); what stands before is readable."""


class RuntimeStore(Protocol):
    """Keeps runs. One instance may serve many runs at once."""

    async def create_run(self, info: RunInfo, source: bytes, source_name: str) -> None:
        """Make a new run and take ownership of it. `source` is the plan or script, byte for byte.

        Raises:
            StoreError: the run exists, or the place cannot be written to.
        """

    async def open_run(self, run_id: str) -> list[RuntimeEvent]:
        """Take ownership of an existing run and return its events, repaired after a crash.

        A torn tail is set aside and cut; events that were acknowledged are all there.

        Raises:
            RunNotFound, RunOwned, RunCorrupt, StoreError
        """

    async def close_run(self, run_id: str) -> None:
        """Give ownership back. Does nothing when it is not held."""

    async def append(self, run_id: str, events: Sequence[RuntimeEvent], *, durable: bool) -> None:
        """Add events, in order. With `durable`, they and all before survive a power loss once this returns.

        Without it they may be written a moment later, but are visible to readers soon. An empty batch with
        `durable` makes what was appended before durable.

        Raises:
            StoreError: nothing of this batch is kept; the run must stop until it can write again.
        """

    def read(self, run_id: str, *, after: int = 0) -> AsyncIterator[RuntimeEvent]:
        """The stored events with `seq` greater than `after`; needs no ownership, leaves out a torn last one.

        Raises:
            RunNotFound, RunCorrupt
        """

    async def write_info(self, info: RunInfo) -> None:
        """Replace the run's line in the list, atomically."""

    async def list_runs(self) -> list[RunInfo]:
        """All runs, the most recently updated first. A run that cannot be read is left out of the list."""

    async def owner(self, run_id: str) -> Owner | None:
        """The live owner of the run; `None` when nobody owns it or its owner is gone."""

    async def delete_run(self, run_id: str) -> None:
        """Remove a run and all its files.

        Raises:
            RunNotFound, RunOwned
        """

    async def source(self, run_id: str) -> tuple[str, bytes]:
        """The name and the bytes of the plan or script that was run."""

    def attempts_dir(self, run_id: str) -> Path | None:
        """Where transcripts and agents' session files are kept; `None` when nothing is on disk."""

    async def save_draft(self, run_id: str, ask_id: str, draft: dict[str, Any] | None) -> None:
        """Keep a half-written answer (never a secret field's value); `None` removes it."""

    async def load_draft(self, run_id: str, ask_id: str) -> dict[str, Any] | None: ...
