"""Takes events to the store in order, many at a time.

Whoever needs an event to be durable awaits `sync`. The first to ask writes for all who ask in the same
turn of the loop (group commit); a chain of steps, where nobody else asks, pays no switch to another task.
"""

from __future__ import annotations

import anyio

from piplan_tui.run.events import DURABLE, RuntimeEvent
from piplan_tui.store.protocol import RuntimeStore, StoreError


class Journal:
    """The way of one run's events into its store."""

    def __init__(self, store: RuntimeStore, run_id: str, stored_seq: int = 0) -> None:
        self._store = store
        self._run_id = run_id
        self._pending: list[RuntimeEvent] = []
        self._writing = False
        self._written = anyio.Event()
        self._wanted_seq = stored_seq
        self._stored_seq = stored_seq
        self.durable_seq = stored_seq
        """All events up to this one survive a power loss."""
        self.error: StoreError | None = None

    @property
    def pending(self) -> int:
        """How many events are not in the store yet."""
        return len(self._pending)

    def add(self, event: RuntimeEvent) -> None:
        """Take an event; it is written with the next `sync` or `flush`."""
        self._pending.append(event)
        if isinstance(event, DURABLE):
            self._wanted_seq = event.seq

    async def sync(self, up_to: int = 0) -> None:
        """Return once every event so far that something depends on is durable, and all up to `up_to` are.

        Raises:
            StoreError: the store could not write. The events stay pending; a later call tries again.
        """
        wanted = max(self._wanted_seq, up_to)
        while self.durable_seq < wanted:
            if self._writing:
                await self._written.wait()
                continue
            self._writing = True
            try:
                # let the others that finish in this turn of the loop join the batch
                await anyio.lowlevel.checkpoint()
            except BaseException:
                # whoever asks next writes; nobody may wait for a write that never comes
                self._wrote()
                raise
            await self._write(durable=True)

    async def flush(self) -> None:
        """Make all events visible to readers of the store, without waiting for the disk."""
        if self._pending and not self._writing:
            self._writing = True
            await self._write(durable=False)

    async def _write(self, *, durable: bool) -> None:
        batch, self._pending = self._pending, []
        try:
            # with an empty batch, what was only made visible before is made durable now
            with anyio.CancelScope(shield=True):
                await self._store.append(self._run_id, batch, durable=durable)
            if batch:
                self._stored_seq = batch[-1].seq
            if durable:
                self.durable_seq = self._stored_seq
        except StoreError as error:
            self._pending[:0] = batch
            self.error = error
            raise
        else:
            self.error = None
        finally:
            self._wrote()

    def _wrote(self) -> None:
        self._writing = False
        written, self._written = self._written, anyio.Event()
        written.set()
