"""Child processes that can always be found again and ended with everything that they started.

Each child leads its own session and carries two marks in its environment, which its descendants inherit, also those
that leave the session. On Linux a warden stands between: it keeps every descendant findable, whatever that does to its
environment, and ends them all when this process dies; see `piplan_tui.agents.warden`.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.abc
import psutil
from anyio import to_thread

from piplan_tui.agents.guarded import GuardedStart, is_warden

RUN_MARK = "PIPLAN_RUN_ID"
RUN_TOKEN = "PIPLAN_RUN_TOKEN"
STEP_MARK = "PIPLAN_STEP_ID"
ATTEMPT_MARK = "PIPLAN_ATTEMPT"
CHILD_MARK = "PIPLAN_CHILD_ID"

_STDERR_LINES = 40
_STDERR_LINE_BYTES = 2_000
_CHUNK = 65_536
_ON_LINUX = platform.system() == "Linux"


class ChildProcess:
    """A running program with pipes to its three streams.

    Run `drain_stderr` in a task for as long as the child lives: a program blocks when nobody reads its stderr.
    """

    def __init__(self, process: anyio.abc.Process, marks: Mapping[str, str], start: GuardedStart) -> None:
        self._process = process
        self._start = start
        self.marks = dict(marks)
        self.pid = start.pid or process.pid
        try:
            self.started = psutil.Process(self.pid).create_time()
        except psutil.Error:
            self.started = 0.0
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)

    @property
    def top_pid(self) -> int:
        """The process that all others of this child descend from: its warden, where there is one."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, minus the number of a signal that killed it, or None while it runs."""
        code = self._start.returncode
        return code if code is not None or self._start.is_listening else self._process.returncode

    @property
    def stderr_tail(self) -> str:
        """The last lines of its stderr."""
        return "\n".join(self._stderr)

    @property
    def exec_error(self) -> str:
        """Why the program itself could not be executed, when that came out only after the start."""
        if error := self._start.exec_error:
            return error
        if self.returncode in (126, 127) and self._stderr and self._stderr[-1].startswith("setpriv: failed"):
            return self._stderr[-1].rpartition(": ")[2]
        return ""

    async def send(self, data: bytes) -> None:
        """Write to its stdin, waiting while its pipe is full.

        Raises:
            BrokenPipeError: it closed its stdin or is gone.
        """
        assert self._process.stdin is not None
        try:
            await self._process.stdin.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise BrokenPipeError(str(error)) from error

    async def close_stdin(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, anyio.BrokenResourceError):
            await self._process.stdin.aclose()

    async def receive(self) -> bytes:
        """More of its stdout; empty at the end."""
        assert self._process.stdout is not None
        try:
            return await self._process.stdout.receive(_CHUNK)
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            return b""

    async def drain_stderr(self, on_line: Callable[[str], None] | None = None) -> None:
        """Read stderr to its end, keeping the last lines; `on_line` gets each line, cut to 2,000 bytes."""
        assert self._process.stderr is not None
        rest = b""
        while True:
            try:
                chunk = await self._process.stderr.receive(_CHUNK)
            except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
                break
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[:_STDERR_LINE_BYTES]
            for line in lines:
                self._keep(line, on_line)
        if rest:
            self._keep(rest, on_line)

    def _keep(self, line: bytes, on_line: Callable[[str], None] | None) -> None:
        text = line[:_STDERR_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if text:
            self._stderr.append(text)
            if on_line:
                on_line(text)

    async def wait(self, seconds: float) -> int | None:
        """The exit code, or None when it still runs after `seconds`."""
        with anyio.move_on_after(seconds):
            # the loop's own wait may also wait for pipes that a grandchild holds open
            while self.returncode is None:  # noqa: ASYNC110 - there is no event for the exit alone
                await anyio.sleep(0.01)
        return self.returncode

    async def release(self) -> None:
        """Give back the pipes of a process that ended. Nothing else may be reading its stdout."""
        with anyio.move_on_after(0.5, shield=True):
            while await self.receive():
                pass
        # in any case: what is left open would be closed by the collector, when there may be no loop any more
        with anyio.move_on_after(1.0, shield=True):
            await self._process.aclose()
        self._start.close()


async def start_child(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> ChildProcess:
    """Start a program without a shell.

    `env` is its whole environment; a mark that names this one child is added.

    Raises:
        OSError: it cannot be started.
    """
    marks = {CHILD_MARK: uuid.uuid4().hex}
    start = await GuardedStart.prepare(command)
    try:
        process = await anyio.open_process(
            start.command,
            cwd=cwd,
            env={**env, **marks},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=start.pass_fds,
        )
        with anyio.CancelScope(shield=True):
            await start.started()
    except BaseException:
        start.close()
        raise
    return ChildProcess(process, marks, start)


def describe_exit(returncode: int | None) -> str:
    """How a process ended, in words: `exit code 3`, `killed by SIGKILL`."""
    if returncode is None:
        return "still running"
    if returncode < 0:
        try:
            return f"killed by {signal.Signals(-returncode).name}"
        except ValueError:
            return f"killed by signal {-returncode}"
    return f"exit code {returncode}"


async def terminate_tree(child: ChildProcess, grace_seconds: float = 2.0) -> int:
    """End a child with everything that it started; return how many processes are left (0 unless not allowed).

    SIGTERM, then after at most `grace_seconds` SIGKILL, then a check, repeated while there is something new.
    Descendants that left the process group, or that outlived their parent, are found by their mark.
    """
    with anyio.CancelScope(shield=True):
        await child.close_stdin()
        left = await _end(lambda: _members(child.top_pid, child.marks), grace_seconds)
        await child.wait(1.0)
    return left


class SweepReport(NamedTuple):
    """How many leftover processes were ended, and how many could not be."""

    ended: int
    left: int


async def sweep(value: str, *, mark: str = RUN_MARK, grace_seconds: float = 2.0) -> SweepReport:
    """End every process in whose environment `mark` is `value`: what an earlier owner of a run left behind.

    A run's id is unique in its store only; `RUN_TOKEN` tells runs of several stores on a machine apart.

    Call it only while holding the run's lock: a live owner's processes carry the same mark.
    """
    seen: set[int] = set()

    def find() -> list[psutil.Process]:
        found = _members(None, {mark: value})
        seen.update(process.pid for process in found if not is_warden(process))
        return found

    with anyio.CancelScope(shield=True):
        left = await _end(find, grace_seconds)
    return SweepReport(ended=max(0, len(seen) - left), left=left)


async def _end(find: Callable[[], list[psutil.Process]], grace_seconds: float) -> int:
    members = await to_thread.run_sync(find)
    await to_thread.run_sync(_signal_all, members, signal.SIGTERM)
    await _until_gone(members, grace_seconds)
    looks = 0
    for _ in range(8):  # a member may have started another while it was being ended
        rest = await to_thread.run_sync(find)
        members = [process for process in {*members, *rest} if _alive(process)]
        looks = 0 if members else looks + 1
        if looks == 2:  # one look may miss what was just being started by what just ended
            return 0
        # a warden goes by itself once nothing is left, and what is left can only be found through it
        wards = await to_thread.run_sync(lambda now: [p for p in now if not is_warden(p)], members)
        await to_thread.run_sync(_signal_all, wards or members, signal.SIGKILL)
        await _until_gone(members, 1.0)
    return sum(_alive(process) for process in members)


async def _until_gone(processes: Sequence[psutil.Process], seconds: float) -> None:
    pause = 0.005
    with anyio.move_on_after(seconds):
        while any(_alive(process) for process in processes):
            await anyio.sleep(pause)
            pause = min(pause * 1.5, 0.05)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error, OSError):
            process.send_signal(number)
            if number is signal.SIGTERM:
                process.send_signal(signal.SIGCONT)  # a stopped process cannot act on SIGTERM


def _members(root: int | None, marks: Mapping[str, str]) -> list[psutil.Process]:
    """Living processes of root's session, its descendants, and all that carry one of the marks."""
    protected = {os.getpid(), *_ancestors()}
    found: dict[int, psutil.Process] = {}
    needles = [f"{name}={value}".encode() for name, value in marks.items()]
    if root is not None:
        with suppress(psutil.Error):
            top = psutil.Process(root)
            for process in (top, *top.children(recursive=True)):
                found[process.pid] = process
    for pid in psutil.pids():
        if pid not in found and (_carries(pid, needles) or (root is not None and _session(pid) == root)):
            with suppress(psutil.Error):
                found[pid] = psutil.Process(pid)
    return [process for pid, process in found.items() if pid not in protected and _alive(process)]


def _ancestors() -> list[int]:
    # a run may be started by a step of another run, and then carries that run's marks itself
    try:
        return [parent.pid for parent in psutil.Process().parents()]
    except psutil.Error:
        return []


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _carries(pid: int, needles: Sequence[bytes]) -> bool:
    try:
        if _ON_LINUX:
            variables = set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
        else:
            variables = {f"{name}={value}".encode() for name, value in psutil.Process(pid).environ().items()}
    except (psutil.Error, OSError):
        return False
    return any(needle in variables for needle in needles)
