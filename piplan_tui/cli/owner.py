"""Runs that go on without a terminal, each in a process of its own: starting one, and what it does.

The process leads its own session, reads nothing, writes to `<run dir>/owner.log`, and takes over a run that
was made (or let go of) before: so whatever keeps a run from being made is told where it was asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread

from piplan_tui.clean import printable
from piplan_tui.cli.context import Context, make_context
from piplan_tui.cli.dispatch import FAILED, tell
from piplan_tui.cli.driving import Drive
from piplan_tui.cli.output import prepare_streams, put, say
from piplan_tui.cli.parser import UsageError, parse
from piplan_tui.cli.runtime import make_runtime
from piplan_tui.config.screen_tables import notify_of
from piplan_tui.config.settings import OnAsk

LOG = "owner.log"
_STARTED = b"started"
_MAX_TOLD = 4_000


@dataclass(frozen=True)
class Started:
    """How the start of an owner went: `problem` is what it said before it gave up, with its exit code."""

    pid: int
    code: int = 0
    problem: str = ""


def require_files(context: Context) -> None:
    """Refuse to leave a run alone that only this process could see.

    Raises:
        UsageError
    """
    if context.files is None:
        raise UsageError("A run that goes on by itself must be kept in files; leave out --store memory.")


async def detach(context: Context, run_id: str, on_ask: OnAsk | None = None) -> int:
    """Have a run that nobody owns go on in a process of its own, and say how to reach it."""
    started = await start_owner(context, run_id, on_ask or "wait")
    if started.problem or started.code:
        say(started.problem or f"piplan-tui: the process of run {run_id} ended before the run had started")
        say(f"to go on with it: piplan-tui resume {run_id}")
        return started.code or FAILED
    say(
        [
            f"run {run_id} goes on in process {started.pid}",
            f"    watch and steer it   piplan-tui attach {run_id}",
            f"    stop it              piplan-tui cancel {run_id}",
        ]
    )
    put(run_id)
    return 0


async def start_owner(context: Context, run_id: str, on_ask: OnAsk) -> Started:
    """Start the process and wait until it has taken the run over and begun, or has given up.

    Raises:
        UsageError: the run is not kept in files, or the process cannot be started.
    """
    require_files(context)
    run_dir = context.run_dir(run_id)
    assert run_dir is not None
    return await anyio.to_thread.run_sync(_start, run_dir, _words(context, run_id, on_ask))


def _words(context: Context, run_id: str, on_ask: OnAsk) -> list[str]:
    assert context.files is not None
    words = ["resume", run_id, "--store", str(context.files.root), "--on-ask", on_ask]
    if context.settings.pi_command:
        words += ["--pi-command", context.settings.pi_command]
    if (config := context.given("config")) is not None:
        words += ["--config", str(Path(config).expanduser().absolute())]
    return words


def _start(run_dir: Path, words: Sequence[str]) -> Started:
    log_path = run_dir / LOG
    reading, writing = os.pipe()
    try:
        try:
            log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(f"{printable(str(log_path))} cannot be written: {error.strerror}.") from None
        try:
            before = os.fstat(log).st_size
            # -P: the folder that it works in must not be where its modules come from
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(writing), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                pass_fds=(writing,),
            )
        finally:
            os.close(log)
            os.close(writing)
        if os.read(reading, len(_STARTED)) == _STARTED:
            # it is not waited for: it outlives this process
            process.returncode = 0
            return Started(process.pid)
        code = process.wait()
    finally:
        os.close(reading)
    with open(log_path, "rb") as file:
        file.seek(before)
        said = file.read()[-_MAX_TOLD:].decode("utf-8", "replace").strip()
    return Started(process.pid, code=code if 0 < code < 5 else FAILED, problem=said)


# -- in the process of its own ---------------------------------------------------------------------


def main(argv: Sequence[str]) -> int:
    """`FD resume RUN …`: own the run until it has ended; `FD` is told when it has started."""
    prepare_streams()
    with open(int(argv[0]), "wb", buffering=0) as ready:
        os.set_inheritable(ready.fileno(), False)
        try:
            args = parse(argv[1:])
            return anyio.run(_own, make_context(args), args.run, ready)
        except BaseException as error:
            # the log is read to whoever started this process
            return tell(error)


async def _own(context: Context, run_id: str, ready: IO[bytes]) -> int:
    def started() -> None:
        with suppress(OSError):  # whoever wanted to know has gone
            ready.write(_STARTED)
        ready.close()

    async with make_runtime(context) as runtime:
        run = await runtime.open_run(run_id)
        drive = Drive(
            run,
            ui="plain",
            on_ask=context.settings.on_ask,
            run_dir=context.run_dir(run_id),
            log_path=context.log_path(run_id),
            hang_up_ends=False,
            on_started=started,
            notify=notify_of(context.settings.notify),
        )
        async with drive:
            return await drive.see_through()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
