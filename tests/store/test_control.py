from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import anyio
import pytest

from piplan_tui.store import control
from piplan_tui.store.control import (
    AnswerRequest,
    CancelRequest,
    ControlReply,
    ControlRequest,
    DeclineRequest,
    EditRequest,
    PauseRequest,
    ResumeRequest,
    RetryRequest,
    SkipRequest,
    SteerRequest,
    reply,
    take_reply,
    take_requests,
    wait_for_reply,
    watch_requests,
    withdraw_request,
    write_request,
)
from piplan_tui.store.protocol import StoreError


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "control").mkdir()
    return tmp_path


def _all_kinds() -> list[ControlRequest]:
    return [
        AnswerRequest(ask_id="a", values={"x": [1, None, "ü"]}, action_id="go", other=["y"], note="n"),
        DeclineRequest(ask_id="a", note="no"),
        CancelRequest(),
        CancelRequest(step_id="s", reason="wrong"),
        PauseRequest(reason="lunch"),
        ResumeRequest(),
        RetryRequest(step_ids=["a", "b"], goal="better"),
        SkipRequest(step_id="s"),
        EditRequest(step_id="s", goal="Look at all of it.\nThen write."),
        SteerRequest(step_id="s", message="look at\u2028that"),
    ]


def test_requests_are_taken_once_and_in_order_of_asking(run_dir: Path) -> None:
    requests = _all_kinds()
    for request in requests:
        write_request(run_dir, request)
    assert take_requests(run_dir) == requests
    assert take_requests(run_dir) == []


def test_a_request_says_who_asked_and_when(run_dir: Path) -> None:
    write_request(run_dir, PauseRequest())
    (path,) = (run_dir / "control").iterdir()
    document = json.loads(path.read_text())
    assert document["type"] == "pause"
    assert document["fromPid"] == os.getpid()
    assert document["at"].endswith("Z")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_asker_learns_what_came_of_it(run_dir: Path) -> None:
    identity = write_request(run_dir, SkipRequest(step_id="s"))
    assert take_reply(run_dir, identity) is None
    (request,) = take_requests(run_dir)
    answer = ControlReply(id=request.id, accepted=False, message="step s is completed")
    reply(run_dir, answer)
    assert take_reply(run_dir, identity) == answer
    assert list((run_dir / "control").iterdir()) == []


def test_what_an_owner_took_and_did_not_reply_to_is_given_to_the_next(run_dir: Path) -> None:
    done, open_, new = PauseRequest(), AnswerRequest(ask_id="a"), ResumeRequest()
    for request in (done, open_):
        write_request(run_dir, request)
    take_requests(run_dir)
    reply(run_dir, ControlReply(id=done.id, accepted=True))
    write_request(run_dir, new)
    assert take_requests(run_dir, left_over=True) == [open_, new]


def test_a_request_can_be_withdrawn_until_it_is_taken(run_dir: Path) -> None:
    first, second = PauseRequest(), ResumeRequest()
    for request in (first, second):
        write_request(run_dir, request)
    assert withdraw_request(run_dir, first.id)
    assert take_requests(run_dir) == [second]
    assert not withdraw_request(run_dir, second.id)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b'{"type":"explode","id":"bad"}', "explode"),
        (b'{"type":"skip","id":"bad"}', "stepId"),
        (b'{"type":"pause","id":"other"}', "name of its file"),
        (b'{"type":"pause","id":"bad","reason":"' + b"x" * control.MAX_REQUEST_BYTES + b'"}', "longer than"),
        (b'{"type":"answer","id":"bad","askId":"a","values":{"x":' + b"[" * 100_000, "recursion"),
    ],
    ids=["cut", "not-utf8", "unknown-type", "missing-field", "other-id", "too-long", "too-deep"],
)
def test_a_malformed_request_is_set_aside_refused_and_stops_nothing(
    run_dir: Path, content: bytes, reason: str
) -> None:
    (run_dir / "control" / "bad.json").write_bytes(content)
    good = PauseRequest()
    write_request(run_dir, good)
    assert take_requests(run_dir) == [good]
    assert (run_dir / "control" / "bad.malformed").read_bytes() == content
    answer = take_reply(run_dir, "bad")
    assert answer is not None
    assert not answer.accepted
    assert reason.lower() in answer.message.lower()


def test_what_is_no_request_is_left_alone(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = run_dir / "control"
    (folder / ".half.tmp").write_bytes(b"{")
    (folder / "notes.txt").write_bytes(b"")
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")
    outside = tmp_path_factory.mktemp("outside") / "secret.json"
    outside.write_text('{"type":"pause","id":"link"}')
    (folder / "link.json").symlink_to(outside)
    assert take_requests(run_dir) == []
    assert (folder / ".half.tmp").exists()
    assert outside.exists()


def test_an_id_that_leads_elsewhere_is_refused(run_dir: Path) -> None:
    with pytest.raises(StoreError, match="cannot be the id"):
        write_request(run_dir, PauseRequest(id="../evil"))


def test_a_control_folder_that_is_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "control").symlink_to(tmp_path / "elsewhere")
    for work in (lambda: take_requests(tmp_path), lambda: write_request(tmp_path, PauseRequest())):
        with pytest.raises(StoreError, match="is not a folder"):
            work()


@pytest.mark.anyio
async def test_watching_gives_waiting_and_new_requests_at_once(run_dir: Path) -> None:
    waiting = PauseRequest()
    write_request(run_dir, waiting)
    watch = cast("AsyncGenerator[ControlRequest]", watch_requests(run_dir))
    with anyio.fail_after(20):
        assert await anext(watch) == waiting
        for n in range(5):
            request = SteerRequest(step_id="s", message=str(n))
            write_request(run_dir, request)
            assert await anext(watch) == request
    await watch.aclose()


@pytest.mark.anyio
async def test_another_process_asks_and_gets_its_reply(run_dir: Path) -> None:
    asker = """
import anyio, sys
from pathlib import Path
from piplan_tui.store.control import CancelRequest, wait_for_reply, write_request
async def main(run):
    found = await wait_for_reply(run, write_request(run, CancelRequest(reason="stop")), timeout=30)
    print(found.accepted, found.message)
anyio.run(main, Path(sys.argv[1]))
"""
    process = await anyio.open_process([sys.executable, "-c", asker, str(run_dir)], stderr=None)
    watch = cast("AsyncGenerator[ControlRequest]", watch_requests(run_dir))
    with anyio.fail_after(40):
        request = await anext(watch)
        assert isinstance(request, CancelRequest)
        assert request.from_pid == process.pid
        reply(run_dir, ControlReply(id=request.id, accepted=True, message="cancelled"))
        assert process.stdout is not None
        out = b"".join([chunk async for chunk in process.stdout])
        await process.wait()
    await watch.aclose()
    assert out == b"True cancelled\n"


@pytest.mark.anyio
async def test_waiting_for_a_reply_ends(run_dir: Path) -> None:
    assert await wait_for_reply(run_dir, "nobody", timeout=0.01) is None


@pytest.mark.anyio
async def test_replies_that_nobody_picked_up_are_dropped_after_a_day(run_dir: Path) -> None:
    for name, age in (("old", 2), ("young", 0.5)):
        reply(run_dir, ControlReply(id=name, accepted=True))
        at = time.time() - age * 24 * 3600
        os.utime(run_dir / "control" / f"{name}.reply.json", (at, at))
    write_request(run_dir, PauseRequest())
    watch = cast("AsyncGenerator[ControlRequest]", watch_requests(run_dir))
    await anext(watch)
    await watch.aclose()
    assert take_reply(run_dir, "old") is None
    assert take_reply(run_dir, "young") is not None
