"""Both stores keep the contract, and the suite notices one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.conformance import CHECKS, RuntimeStoreConformance, check_store
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import Owner, RunInfo, RuntimeStore


class TestMemoryRuntimeStore(RuntimeStoreConformance):
    def make_store(self) -> RuntimeStore:
        return MemoryRuntimeStore()


class TestFileRuntimeStore(RuntimeStoreConformance):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.place = tmp_path

    def make_store(self) -> RuntimeStore:
        return FileRuntimeStore(self.place)


class _DropsNonDurable(MemoryRuntimeStore):
    async def append(self, run_id: str, events: Sequence[RuntimeEvent], *, durable: bool) -> None:
        if durable:
            await super().append(run_id, events, durable=durable)


class _NeverOwned(MemoryRuntimeStore):
    async def owner(self, run_id: str) -> Owner | None:
        await super().owner(run_id)
        return None


class _Unordered(MemoryRuntimeStore):
    async def list_runs(self) -> list[RunInfo]:
        return list(reversed(await super().list_runs()))


class _SharesDrafts(MemoryRuntimeStore):
    async def save_draft(self, run_id: str, ask_id: str, draft: dict[str, object] | None) -> None:
        await super().save_draft(run_id, ask_id[:100].lower(), draft)

    async def load_draft(self, run_id: str, ask_id: str) -> dict[str, object] | None:
        return await super().load_draft(run_id, ask_id[:100].lower())


@pytest.mark.parametrize(
    ("store", "noticed"),
    [
        (_DropsNonDurable, "order_is_kept_over_batches"),
        (_NeverOwned, "only_one_owns_a_run"),
        (_Unordered, "list_is_ordered"),
        (_SharesDrafts, "drafts_are_kept"),
    ],
)
def test_a_store_that_breaks_the_contract_is_noticed(store: type[MemoryRuntimeStore], noticed: str) -> None:
    problems = anyio.run(check_store, store)
    assert noticed in [problem.split(":")[0] for problem in problems]


def test_a_store_that_keeps_it_has_no_problems() -> None:
    assert anyio.run(check_store, MemoryRuntimeStore) == []


def test_every_check_is_a_test_method() -> None:
    assert all(callable(getattr(RuntimeStoreConformance, f"test_{check.__name__}")) for check in CHECKS)
