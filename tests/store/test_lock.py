"""One owner at a time, among processes too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
import pytest

from piplan_tui.store import lock as lock_module
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.lock import look_at_lock, take_lock, this_process
from piplan_tui.store.protocol import RunNotFound, RunOwned

OWNER = """
import sys
from pathlib import Path
from piplan_tui.store.lock import take_lock
from piplan_tui.store.protocol import RunOwned
sys.stdin.readline()
try:
    lock = take_lock(Path(sys.argv[1]))
except RunOwned as error:
    print("lost", error, flush=True)
else:
    print("won", flush=True)
sys.stdin.readline()
"""


def _start(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_of_processes_that_race_exactly_one_wins_and_the_others_can_name_it(path: Path) -> None:
    processes = [_start(path) for _ in range(6)]
    try:
        for process in processes:
            _tell(process)
        answers = [_hear(process) for process in processes]
        winners = [process for process, answer in zip(processes, answers, strict=True) if answer == "won\n"]
        assert len(winners) == 1, answers
        owner = look_at_lock(path)[0]
        assert owner is not None
        assert owner.pid == winners[0].pid
        losers = [answer for answer in answers if answer != "won\n"]
        assert all(f"belongs to process {owner.pid};" in answer for answer in losers)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert look_at_lock(path)[0] is None


def test_the_lock_of_a_killed_owner_is_taken_over(path: Path) -> None:
    process = _start(path)
    _tell(process)
    assert _hear(process) == "won\n"
    with pytest.raises(RunOwned, match=f"process {process.pid};"):
        take_lock(path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert look_at_lock(path)[0] is None
    lock = take_lock(path)
    assert look_at_lock(path)[0] == this_process()
    lock.release()
    assert look_at_lock(path)[0] is None


def test_a_reused_pid_is_not_the_owner(path: Path) -> None:
    me = this_process()
    for other in (
        msgspec.structs.replace(me, started=me.started - 1000),
        msgspec.structs.replace(me, boot_id="another boot"),
        msgspec.structs.replace(me, pid=2**31 - 1),
    ):
        path.write_bytes(msgspec.json.encode({"owner": other, "synced": 7}))
        assert look_at_lock(path) == (None, 7)
        take_lock(path).release()


def test_a_live_owner_is_seen_although_its_record_looks_wrong(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = take_lock(path)
    monkeypatch.setattr(lock_module, "_alive", lambda _owner: False)  # such as after a jump of the clock
    monkeypatch.setattr(lock_module, "_PATIENCE_SECONDS", 0.02)
    assert look_at_lock(path)[0] is not None
    with pytest.raises(RunOwned):
        take_lock(path)
    lock.release()
    assert look_at_lock(path)[0] is None


def test_a_child_that_inherited_the_lock_does_not_keep_it_after_release(path: Path) -> None:
    lock = take_lock(path)
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    try:
        lock.release()
        take_lock(path).release()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("content", [b"", b"\0" * 512, b"{", b'{"owner":{"pid":-1}}', b"[]"])
def test_a_lock_file_of_any_content_locks(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert look_at_lock(path) == (None, 0)
    lock = take_lock(path)
    with pytest.raises(RunOwned):
        take_lock(path)
    lock.release()


def test_a_lock_whose_run_was_deleted_meanwhile_is_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lock_module._try

    def delete_first(fd: int, kind: int) -> bool:
        path.unlink()
        return real(fd, kind)

    monkeypatch.setattr(lock_module, "_try", delete_first)
    with pytest.raises(RunNotFound, match="was deleted"):
        take_lock(path)


def test_looking_at_a_lock_never_makes_or_takes_one(path: Path) -> None:
    assert look_at_lock(path) == (None, 0)
    assert not path.exists()


def test_the_store_names_the_live_owner(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    lock_path = make_run(1, close=True).parent / "lock"
    process = _start(lock_path)
    _tell(process)
    assert _hear(process) == "won\n"

    async def main() -> None:
        store = FileRuntimeStore(tmp_path)
        owner = await store.owner("r")
        assert owner is not None
        assert owner.pid == process.pid
        for work in (store.open_run, store.delete_run):
            with pytest.raises(RunOwned, match=f"run r belongs to process {process.pid};.*attach r"):
                await work("r")
        assert [event.seq async for event in store.read("r")] == [1]

    try:
        anyio.run(main)
    finally:
        process.kill()
        process.communicate()
