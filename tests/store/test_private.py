"""Answers that hold a secret go from process to process through a socket that only their user reaches."""

from __future__ import annotations

import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from piplan_tui.store import private
from piplan_tui.store.control import AnswerRequest, ControlReply
from piplan_tui.store.protocol import StoreError

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def owner(run_dir: Path) -> AsyncIterator[list[AnswerRequest]]:
    taken: list[AnswerRequest] = []

    async def carry_out(request: AnswerRequest) -> ControlReply:
        taken.append(request)
        return ControlReply(id=request.id, accepted=True, message="taken")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(private.serve_private, run_dir, carry_out)
        while not private.socket_path(run_dir).exists():
            await anyio.lowlevel.checkpoint()
        yield taken
        tasks.cancel_scope.cancel()


async def refuse(request: AnswerRequest) -> ControlReply:
    raise AssertionError(request)


@pytest.fixture
def runtime_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture(params=["short", "long"])
def run_dir(request: pytest.FixtureRequest, runtime_dir: Path) -> Path:
    folder = runtime_dir / ("r" if request.param == "short" else "r" * 120)
    folder.mkdir(mode=0o700)
    assert (private.socket_path(folder).parent == folder) == (request.param == "short")
    return folder


async def test_an_answer_and_what_came_of_it(run_dir: Path) -> None:
    request = AnswerRequest(ask_id="q", values={"key": "hunter2"})
    assert await private.send_private(run_dir, request, 1) is None
    async with owner(run_dir) as taken:
        reply = await private.send_private(run_dir, request, 5)
        assert reply is not None
        assert (reply.id, reply.accepted, reply.message) == (request.id, True, "taken")
        assert taken == [request]
        path = private.socket_path(run_dir)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not private.socket_path(run_dir).exists()
    assert await private.send_private(run_dir, request, 1) is None


async def test_the_socket_of_a_killed_owner_is_replaced(run_dir: Path) -> None:
    path = private.socket_path(run_dir)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    inode = path.stat().st_ino
    request = AnswerRequest(ask_id="q")
    assert await private.send_private(run_dir, request, 1) is None
    async with owner(run_dir) as taken:
        while path.stat().st_ino == inode:
            await anyio.lowlevel.checkpoint()
        assert await private.send_private(run_dir, request, 5) is not None
        assert taken


@pytest.mark.parametrize(
    "said",
    [b"{}\n", b'{"type":"cancel"}\n', b"[" * 9999 + b"\n", b"", b"no end"],
    ids=["empty", "another request", "deep", "nothing", "no end"],
)
async def test_what_is_no_answer_is_refused_and_the_owner_goes_on(run_dir: Path, said: bytes) -> None:
    async with owner(run_dir) as taken:
        async with await anyio.connect_unix(private.socket_path(run_dir)) as stream:
            await stream.send(said) if said else None
            await stream.send_eof()
            assert b"cannot be read" in await stream.receive()
        assert not taken
        assert await private.send_private(run_dir, AnswerRequest(ask_id="q"), 5) is not None


async def test_a_folder_that_others_can_enter_is_not_used(runtime_dir: Path) -> None:
    run_dir = runtime_dir / ("r" * 120)
    run_dir.mkdir()
    private.socket_path(run_dir).parent.mkdir(mode=0o755)
    private.socket_path(run_dir).parent.chmod(0o755)
    with pytest.raises(StoreError, match="not a folder of this user alone"):
        await private.serve_private(run_dir, refuse)
    assert list(private.socket_path(run_dir).parent.iterdir()) == []
