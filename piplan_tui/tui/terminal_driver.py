"""Keeps the program going when its terminal does not read any more, or is gone: an SSH connection that stands
still or broke, a window that was closed."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from piplan_tui.tui.terminal_writer import TerminalWriter

if TYPE_CHECKING:
    from textual.driver import Driver

_LAST_WORDS_SECONDS = 1.0
"""How long leaving waits for a terminal to take what gives it back to the shell."""


def terminal_is_gone() -> bool:
    """Whether what stdin is connected to has hung up. A terminal that does not control this process sends no
    SIGHUP when it goes."""
    file = sys.__stdin__
    if file is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(file.fileno(), 0)
    return any(mask & (select.POLLHUP | select.POLLERR) for _, mask in poll.poll(0))


def lasting_driver(on_started: Callable[[TerminalWriter], Callable[[], None]]) -> type[Driver] | None:
    """Textual's driver for this system, over a `TerminalWriter`; `None` where Textual's own choice stands.

    `on_started` is called whenever the terminal was taken, which leaves its screen empty, and gives what is to be
    called when it has caught up.
    """
    if os.name != "posix" or os.environ.get("TEXTUAL_DRIVER"):
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class LastingDriver(LinuxDriver):
        # Textual writes from a thread whose full queue, or end, would hold the event loop for ever, and with it
        # the run; its thread is started all the same, and gets nothing to write

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            file = sys.__stderr__
            self._caught_up: Callable[[], None] = lambda: None
            self._terminal = TerminalWriter(
                file.fileno() if file is not None else 2, lambda: self._caught_up()
            )

        def write(self, data: str) -> None:
            self._terminal.write(data)

        def close(self) -> None:
            super().close()
            self._terminal.drain(_LAST_WORDS_SECONDS)

        def start_application_mode(self) -> None:
            # a hang-up comes with SIGCONT, at which Textual would begin anew on a terminal that is gone
            if self._writer_thread is None or os.isatty(self.fileno):
                self._caught_up = on_started(self._terminal)
                super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual leaves it untyped

    return LastingDriver
