"""Nothing that a child started outlives its owner or its end, whatever it does to get away."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import psutil
import pytest

from piplan_tui.agents.process import ChildProcess, start_child, terminate_tree

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="wardens are Linux's"),
]

GETS_AWAY = {
    "ignores TERM": "trap '' TERM; {note} sleep 301; sleep 302",
    "floods stdout": "{note}; exec yes",
    "never reads stdin": "{note}; exec sleep 301",
    "closes stdout and lives on": "{note} & exec >&- 2>&-; exec sleep 301",
    "grandchild in its own session": "setsid sh -c '{note}; sleep 301' & wait",
    "orphan in its own session": "setsid -f sh -c 'trap \"\" TERM HUP; {note}; sleep 301'; sleep 301",
    "without its environment": "env -i sh -c '{note}; sleep 301' & wait",
    "orphan in its own session without its environment": "env -i setsid -f sh -c '{note}; sleep 301'; sleep 301",
    "orphan of an orphan, one that goes on forking": (
        "env -i setsid -f sh -c 'setsid -f sh -c \"{note}; while :; do sleep 0.01; done\"'; sleep 301"
    ),
    "outlives what started it": "env -i setsid -f sh -c '{note}; sleep 301'",
    "stopped": "{note}; kill -STOP $$; sleep 301",
}


class Place:
    """Where the processes of one case work, by which they are known without any mark."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pipe = folder / "pipe"
        os.mkfifo(self.pipe)

    def script(self, how: str) -> str:
        # all of them stay in this folder, and say in the pipe that they have come so far
        return GETS_AWAY[how].format(note=f"echo up > {self.pipe}")

    async def until_up(self) -> None:
        with anyio.fail_after(10):
            await anyio.to_thread.run_sync(self.pipe.read_bytes, abandon_on_cancel=True)

    def alive(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.folder):
                    found.append(" ".join(process.cmdline()))
        return found

    async def until_empty(self) -> None:
        with anyio.move_on_after(10):
            while self.alive():  # noqa: ASYNC110 - the end of a stranger gives no event
                await anyio.sleep(0.02)
        assert self.alive() == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(tmp_path):
                process.kill()


async def start(place: Place, how: str) -> ChildProcess:
    command = ["sh", "-c", place.script(how)]
    child = await start_child(command, cwd=place.folder, env=dict(os.environ))
    await place.until_up()
    return child


@pytest.mark.parametrize("how", GETS_AWAY)
async def test_what_is_ended_is_gone_at_once(place: Place, how: str) -> None:
    child = await start(place, how)
    assert place.alive()
    assert await terminate_tree(child, 0.1) == 0
    assert place.alive() == []
    await child.release()


OWNER = """
import anyio, os, pathlib, sys
from piplan_tui.agents.process import start_child
async def main():
    child = await start_child(["sh", "-c", sys.argv[1]], cwd=pathlib.Path(sys.argv[2]), env=dict(os.environ))
    print(child.pid, flush=True)
    await anyio.sleep(300)
anyio.run(main)
"""


async def _owner_ends(place: Place, how: str, elsewhere: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-P", "-c", OWNER, place.script(how), str(place.folder)]
    async with await anyio.open_process(command, cwd=elsewhere, stderr=subprocess.DEVNULL) as owner:
        await place.until_up()
        assert place.alive()
        owner.send_signal(number)
        await owner.wait()
        await place.until_empty()


@pytest.mark.parametrize("how", GETS_AWAY)
async def test_what_a_killed_owner_started_goes_by_itself(
    place: Place, how: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await _owner_ends(place, how, tmp_path_factory.mktemp("owner"), signal.SIGKILL)


@pytest.mark.parametrize("how", GETS_AWAY)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_what_a_terminated_or_hung_up_owner_started_goes_by_itself(
    place: Place, how: str, number: signal.Signals, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await _owner_ends(place, how, tmp_path_factory.mktemp("owner"), number)


# what closing the terminal does: all of its session hears of it, not the owner only
@pytest.mark.parametrize("how", GETS_AWAY)
async def test_what_an_owner_started_goes_with_its_terminal(
    place: Place, how: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("owner")
    command = [sys.executable, "-P", "-c", OWNER, place.script(how), str(place.folder)]
    terminal, end = pty.openpty()
    owner = await anyio.open_process(
        ["setsid", "-c", *command], cwd=elsewhere, stdin=end, stdout=end, stderr=end
    )
    os.close(end)
    async with owner:
        try:
            await place.until_up()
            assert place.alive()
        finally:
            os.close(terminal)
        with anyio.fail_after(10):
            assert await owner.wait() == -signal.SIGHUP
        await place.until_empty()


async def test_a_warden_tells_how_its_program_ended(tmp_path: Path) -> None:
    for script, code in (
        ("exit 7", 7),
        ("kill -SEGV $$", -signal.SIGSEGV),
        ("setsid -f sleep 301; exit 3", 3),
    ):
        child = await start_child(["sh", "-c", script], cwd=tmp_path, env=dict(os.environ))
        assert await child.wait(10) == code
        assert await terminate_tree(child, 0.1) == 0
        await child.release()
        assert child.returncode == code


async def test_a_program_that_cannot_be_executed_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("#!/no/such/interpreter\n")
    (tmp_path / "bad").chmod(0o755)
    child = await start_child([str(tmp_path / "bad")], cwd=tmp_path, env=dict(os.environ))
    assert await child.wait(10) == 127
    assert child.exec_error == os.strerror(2)
    await terminate_tree(child)
    await child.release()


async def test_a_killed_warden_takes_its_program_with_it(place: Place) -> None:
    child = await start(place, "never reads stdin")
    assert child.pid != child.top_pid
    os.kill(child.top_pid, signal.SIGKILL)
    await place.until_empty()
    assert await child.wait(5) is not None
    assert await terminate_tree(child) == 0
    await child.release()


async def test_no_descriptor_is_left(tmp_path: Path) -> None:
    process = psutil.Process()
    counts = []
    for _ in range(3):
        child = await start_child(["true"], cwd=tmp_path, env=dict(os.environ))
        await child.wait(10)
        await terminate_tree(child, 0.1)
        await child.release()
        counts.append(process.num_fds())
    assert len(set(counts)) == 1
