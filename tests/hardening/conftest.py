from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.store.memory import MemoryRuntimeStore
from tests.run.conftest import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, MemoryRuntimeStore())
