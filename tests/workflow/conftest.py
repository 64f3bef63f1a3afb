from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.store.memory import MemoryRuntimeStore
from tests.workflow.scripts import WorkflowBench


@pytest.fixture
def bench(tmp_path: Path) -> WorkflowBench:
    return WorkflowBench(tmp_path, MemoryRuntimeStore())
