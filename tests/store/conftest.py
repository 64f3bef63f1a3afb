from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.events import Logged, RuntimeEvent
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunInfo

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def log_event() -> Callable[..., RuntimeEvent]:
    """Event number `seq` of a run, with a text that is not only ASCII."""

    def make(seq: int, message: str = "") -> RuntimeEvent:
        return Logged(seq=seq, at=AT, run_id="r", message=message or f"Zeile {seq} äöü€😀")

    return make


@pytest.fixture(scope="session")
def run_info() -> Callable[..., RunInfo]:
    def make(run_id: str = "r") -> RunInfo:
        return RunInfo(
            run_id=run_id,
            plan_id="p",
            title="t",
            status="running",
            created_at=AT,
            updated_at=AT,
            workspace="/w",
        )

    return make


@pytest.fixture
def make_run(
    tmp_path: Path, log_event: Callable[..., RuntimeEvent], run_info: Callable[..., RunInfo]
) -> Callable[..., Path]:
    """A run whose owner is gone without closing it; the answer is its `events.jsonl`.

    Each argument is a durable batch of so many events; a negative one is not durable.
    """

    def make(*batches: int, close: bool = False) -> Path:
        async def write() -> Path:
            store = FileRuntimeStore(tmp_path)
            await store.create_run(run_info(), b"{}", "plan.json")
            seq = 0
            for size in batches:
                events = [log_event(seq + n) for n in range(1, abs(size) + 1)]
                await store.append("r", events, durable=size > 0)
                seq += abs(size)
            path = store.run_dir("r") / "events.jsonl"
            before = (path.parent / "lock").read_bytes() if not close else b""
            content = path.read_bytes()
            await store.close_run("r")
            if not close:  # as if the process had been killed
                (path.parent / "lock").write_bytes(before)
                path.write_bytes(content)
            return path

        return anyio.run(write)

    return make


@pytest.fixture
def read_all(tmp_path: Path) -> Callable[[], list[int]]:
    """The numbers of the events that a reader of the run sees."""

    def read() -> list[int]:
        async def main() -> list[int]:
            return [event.seq async for event in FileRuntimeStore(tmp_path).read("r")]

        return anyio.run(main)

    return read


@pytest.fixture
def reopen(tmp_path: Path) -> Callable[[], list[RuntimeEvent]]:
    """Open the run as a new process would, close it, and give back its events."""

    def open_and_close() -> list[RuntimeEvent]:
        async def main() -> list[RuntimeEvent]:
            store = FileRuntimeStore(tmp_path)
            events = await store.open_run("r")
            await store.close_run("r")
            return events

        return anyio.run(main)

    return open_and_close
