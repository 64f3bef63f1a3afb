"""How another process steers a run: one small file per request, renamed into the run's `control` folder.

    asker   control/<id>.json         written whole, then renamed into place
    owner   control/<id>.taken        when it has read it
    owner   control/<id>.reply.json   what came of it; then the request is removed
    asker   removes the reply once read

Ids begin with the time, so their order is the order of asking. A request whose owner died between taking
it and replying is found again by the next owner. Nothing here needs the lock; the functions block briefly,
except where they are coroutines. Values of secret fields never go into a request.
"""

from __future__ import annotations

import itertools
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from watchfiles import Change, awatch

from piplan_tui.run.events import AnswerAction
from piplan_tui.store.disk import Disk, doing
from piplan_tui.store.names import is_safe_name
from piplan_tui.store.protocol import StoreError

MAX_REQUEST_BYTES = 4 << 20
"""A longer request is refused unread."""

_REPLY_KEPT_SECONDS = 24 * 3600.0
_LOOK_AGAIN_MS = 100
"""How often the folder is looked at without being told: some file systems (network shares) announce no
changes, and watching can be given up only at these moments."""

_disk = Disk()
_count = itertools.count()


def new_request_id() -> str:
    """An id that sorts after all earlier ones of this machine (while its clock runs forward)."""
    return f"{time.time_ns():020d}-{next(_count) % 10**6:06d}-{os.getpid()}-{secrets.token_hex(3)}"


class _Request(msgspec.Struct, tag_field="type", rename="camel", omit_defaults=True, kw_only=True):
    """What all requests have. `from_pid` is the asking process."""

    id: str = msgspec.field(default_factory=new_request_id)
    at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    from_pid: int = msgspec.field(default_factory=os.getpid)


class AnswerRequest(_Request, tag="answer", kw_only=True):
    """Answer an open question. The fields are those of `AskAnswered`."""

    ask_id: str
    action: AnswerAction = "accept"
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    action_id: str = ""
    other: list[str] = msgspec.field(default_factory=list)
    note: str = ""
    surface: str = "cli"


class DeclineRequest(_Request, tag="decline", kw_only=True):
    """Refuse to answer an open question."""

    ask_id: str
    note: str = ""
    surface: str = "cli"


class CancelRequest(_Request, tag="cancel", kw_only=True):
    """Cancel a step, or the run when `step_id` is empty."""

    step_id: str = ""
    reason: str = ""


class PauseRequest(_Request, tag="pause", kw_only=True):
    """Start no more steps."""

    reason: str = ""


class ResumeRequest(_Request, tag="resume", kw_only=True):
    """Go on after a pause."""


class RetryRequest(_Request, tag="retry", kw_only=True):
    """Try steps again; all failed ones when `step_ids` is empty. What is set replaces the plan's.

    With `with_downstream`, every step that needs one of them and has ended is tried again too.
    """

    step_ids: list[str] = msgspec.field(default_factory=list)
    goal: str | None = None
    agent: str | None = None
    model: str | None = None
    with_downstream: bool = False


class SkipRequest(_Request, tag="skip", kw_only=True):
    """Go on without a step."""

    step_id: str


class EditRequest(_Request, tag="edit", kw_only=True):
    """Give a step that has not been tried another goal."""

    step_id: str
    goal: str


class SteerRequest(_Request, tag="steer", kw_only=True):
    """Tell the session of a running step something."""

    step_id: str
    message: str


ControlRequest = (
    AnswerRequest
    | DeclineRequest
    | CancelRequest
    | PauseRequest
    | ResumeRequest
    | RetryRequest
    | SkipRequest
    | SteerRequest
    | EditRequest
)


class ControlReply(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What the owner did with request `id`; `message` is one sentence, the reason when it was refused.

    `queued`: what an agent is to be told waits for the end of its turn.
    """

    id: str
    accepted: bool
    message: str = ""
    queued: bool = False
    at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))


_decoder: msgspec.json.Decoder[ControlRequest] = msgspec.json.Decoder(ControlRequest)


def write_request(run_dir: Path, request: ControlRequest) -> str:
    """Ask the owner of the run for something. Returns the request's id, for `wait_for_reply`.

    Raises:
        StoreError: the id cannot be a file name, or the folder cannot be written to.
    """
    if not is_safe_name(request.id):
        raise StoreError(f"{request.id[:80]!r} cannot be the id of a request")
    path = _folder(run_dir) / f"{request.id}.json"
    with doing("write", path):
        _disk.replace(path, msgspec.json.encode(request))
        _disk.sync_folder(path.parent)
    return request.id


def take_requests(run_dir: Path, *, left_over: bool = False) -> list[ControlRequest]:
    """For the owner: the requests that wait, in order of asking; each is given out once.

    With `left_over`, those come first that an owner took and did not reply to: ask for them once, after
    becoming the owner. A request that cannot be read is set aside as `<id>.malformed` and refused.

    Raises:
        StoreError: the folder cannot be read or written to.
    """
    folder = _folder(run_dir)
    requests: list[ControlRequest] = []
    with doing("read", folder):
        for name in sorted(os.listdir(folder)):
            identity, _, suffix = name.rpartition(".")
            if not is_safe_name(identity) or identity.endswith(".reply"):
                continue
            if suffix != "json" and not (left_over and suffix == "taken"):
                continue
            path = folder / name
            try:
                request = _read(path, identity)
            except FileNotFoundError:
                continue
            except (ValueError, RecursionError, OSError) as error:
                _refuse(path, identity, str(error))
                continue
            if suffix == "json":
                _disk.rename(path, folder / f"{identity}.taken")
            requests.append(request)
    return requests


def reply(run_dir: Path, answer: ControlReply) -> None:
    """For the owner: tell the asker, and forget the request.

    Raises:
        StoreError: the folder cannot be written to.
    """
    folder = _folder(run_dir)
    path = folder / f"{answer.id}.reply.json"
    with doing("write", path):
        _disk.replace(path, msgspec.json.encode(answer))
        for suffix in ("taken", "json"):
            with suppress(FileNotFoundError):
                _disk.unlink(folder / f"{answer.id}.{suffix}")


def take_reply(run_dir: Path, request_id: str) -> ControlReply | None:
    """For the asker: the reply, which is removed, or `None` while there is none."""
    path = _folder(run_dir) / f"{request_id}.reply.json"
    with doing("read", path):
        try:
            found = msgspec.json.decode(_disk.read(path), type=ControlReply)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise StoreError(
                f"{path} is not a reply ({error}); look at the run to see what happened"
            ) from error
        with suppress(FileNotFoundError):
            _disk.unlink(path)
    return found


def withdraw_request(run_dir: Path, request_id: str) -> bool:
    """For the asker: take a request back. `False` when the owner has taken it already."""
    path = _folder(run_dir) / f"{request_id}.json"
    with doing("remove", path):
        try:
            _disk.unlink(path)
        except FileNotFoundError:
            return False
    return True


async def watch_requests(run_dir: Path) -> AsyncIterator[ControlRequest]:
    """For the owner: every request as it comes, first those that were waiting. Ends only by cancellation.

    Raises:
        StoreError: the folder cannot be read or written to.
    """
    folder = await anyio.to_thread.run_sync(_folder, run_dir)
    await anyio.to_thread.run_sync(_drop_old_replies, folder)
    for request in await anyio.to_thread.run_sync(lambda: take_requests(run_dir, left_over=True)):
        yield request
    async for _ in _changes(folder):
        for request in await anyio.to_thread.run_sync(take_requests, run_dir):
            yield request


async def wait_for_reply(run_dir: Path, request_id: str, *, timeout: float) -> ControlReply | None:  # noqa: ASYNC109 - "no reply" is an answer
    """For the asker: the reply, or `None` after `timeout` seconds (the request then still stands)."""
    folder = await anyio.to_thread.run_sync(_folder, run_dir)
    with anyio.move_on_after(timeout):
        if found := await anyio.to_thread.run_sync(take_reply, run_dir, request_id):
            return found
        async for _ in _changes(folder):
            if found := await anyio.to_thread.run_sync(take_reply, run_dir, request_id):
                return found
    return None


def _changes(folder: Path) -> AsyncIterator[set[tuple[Change, str]]]:
    return awatch(
        folder,
        watch_filter=lambda _change, path: path.endswith(".json"),
        debounce=50,
        step=10,
        rust_timeout=_LOOK_AGAIN_MS,
        yield_on_timeout=True,
        recursive=False,
    )


def _folder(run_dir: Path) -> Path:
    folder = run_dir / "control"
    if folder.is_symlink() or not folder.is_dir():
        raise StoreError(f"{folder} is not a folder; is {run_dir} a run?")
    return folder


def _read(path: Path, identity: str) -> ControlRequest:
    fd = _disk.open_read(path)
    with os.fdopen(fd, "rb") as file:
        data = file.read(MAX_REQUEST_BYTES + 1)
    if len(data) > MAX_REQUEST_BYTES:
        raise ValueError(f"it is longer than {MAX_REQUEST_BYTES} bytes")
    request = _decoder.decode(data)
    if request.id != identity:
        raise ValueError("its id is not the name of its file")
    return request


def _refuse(path: Path, identity: str, reason: str) -> None:
    _disk.rename(path, path.with_name(f"{identity}.malformed"))
    answer = ControlReply(id=identity, accepted=False, message=f"the request cannot be read: {reason}")
    _disk.replace(path.with_name(f"{identity}.reply.json"), msgspec.json.encode(answer))


def _drop_old_replies(folder: Path) -> None:
    """Remove what askers that went away did not pick up."""
    before = time.time() - _REPLY_KEPT_SECONDS
    for path in folder.glob("*.reply.json"):
        with suppress(OSError):
            if path.lstat().st_mtime < before:
                path.unlink()
