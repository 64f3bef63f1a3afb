"""Keeps the program in order when its terminal is gone: an SSH connection that broke, a window that was closed."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from io import TextIOWrapper

    from textual.driver import Driver


class LastingFile:
    """The terminal as a file that takes everything, also when nobody is there to read it any more.

    Textual writes from a thread that ends at the first error; once its queue is full, the next write would
    hold the event loop for ever, and with it the run.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        if not self._gone:
            try:
                return self._file.write(text)
            except (OSError, ValueError):  # ValueError: the file was closed
                self._gone = True
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._gone = True


def lasting_driver() -> type[Driver] | None:
    """Textual's driver for this system, over a `LastingFile`; `None` where Textual's own choice stands."""
    if os.name != "posix" or os.environ.get("TEXTUAL_DRIVER"):
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class LastingDriver(LinuxDriver):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            if self._file is not None:
                # it is used as a text file only: write, flush and fileno
                self._file = cast("TextIOWrapper", LastingFile(self._file))

        def start_application_mode(self) -> None:
            # a hang-up comes with SIGCONT, at which Textual would begin anew on a terminal that is gone
            if self._writer_thread is None or os.isatty(self.fileno):
                super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual leaves it untyped

    return LastingDriver
