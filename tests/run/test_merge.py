"""What a merge needs before it is begun; what it does to files is in test_merge_review and test_worktrees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from piplan_tui.run.merge import _take_room


@pytest.mark.parametrize("has_call", [True, False], ids=["fallocate", "written"])
def test_room_is_really_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_call: bool) -> None:
    if not has_call:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif not hasattr(os, "posix_fallocate"):
        pytest.skip("this system has no posix_fallocate")
    path = tmp_path / "room"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        _take_room(fd, 3 << 20)
        os.fsync(fd)
    finally:
        os.close(fd)
    found = path.stat()
    assert found.st_size == 3 << 20
    assert found.st_blocks * 512 >= 3 << 20
