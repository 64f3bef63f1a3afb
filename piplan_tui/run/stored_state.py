"""The state of a stored run. Events that can be read may still say what cannot be: they were damaged or forged."""

from __future__ import annotations

from collections.abc import Iterable

from piplan_tui.run import events as ev
from piplan_tui.run.reduce import reduce
from piplan_tui.run.state import RunState
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunCorrupt, RuntimeStore


async def stored_state(store: RuntimeStore, run_id: str) -> RunState:
    """The state of a run as it is stored.

    Raises:
        RunNotFound, RunCorrupt
    """
    return await fold_stored(store, run_id, [event async for event in store.read(run_id)])


async def fold_stored(store: RuntimeStore, run_id: str, events: Iterable[ev.RuntimeEvent]) -> RunState:
    """The state after these events of a run in this store.

    Raises:
        RunCorrupt: one of them cannot have happened after those before it.
    """
    state = RunState()
    for event in events:
        try:
            reduce(state, event)
        except Exception as error:
            raise await _corrupt(store, run_id, event, error) from error
    return state


async def take_stored(store: RuntimeStore, state: RunState, event: ev.RuntimeEvent) -> None:
    """Apply one more event that was read from this store.

    Raises:
        RunCorrupt: it cannot have happened now.
    """
    try:
        reduce(state, event)
    except Exception as error:
        raise await _corrupt(store, state.run_id, event, error) from error


async def _corrupt(store: RuntimeStore, run_id: str, event: ev.RuntimeEvent, error: Exception) -> RunCorrupt:
    place = f"run {run_id}, event {event.seq}"
    if isinstance(store, FileRuntimeStore):
        place = await store.place_of(run_id, event.seq)
    why = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return RunCorrupt(
        f"{place}: this {event.type} cannot have happened here ({why}); put the events back from a copy, "
        "or delete the run"
    )
