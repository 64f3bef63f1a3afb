"""What every command needs: the user's settings, the store, and which run is meant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from piplan_tui.clean import printable
from piplan_tui.cli.parser import UsageError
from piplan_tui.cli.usage import did_you_mean
from piplan_tui.config.settings import ONLY_IN_FILE, Settings, load_settings
from piplan_tui.run.recovery import show_interrupted
from piplan_tui.run.state import RunState
from piplan_tui.run.stored_state import stored_state
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import Owner, RuntimeStore
from piplan_tui.store.select import open_store


@dataclass(frozen=True)
class Context:
    """A command line with the settings behind it. `args` holds only options that were given."""

    args: argparse.Namespace
    settings: Settings
    store: RuntimeStore

    def given(self, name: str) -> Any:
        """An option of the command line itself, or `None`."""
        return getattr(self.args, name, None)

    @property
    def files(self) -> FileRuntimeStore | None:
        """The store when it keeps files; `None` when runs are kept in memory."""
        return self.store if isinstance(self.store, FileRuntimeStore) else None

    def run_dir(self, run_id: str) -> Path | None:
        """The folder of a run; `None` when runs are kept in memory."""
        return self.files.run_dir(run_id) if self.files is not None else None

    def log_path(self, run_id: str) -> Callable[[str, int], Path | None]:
        """Finds the transcript of an attempt, where there is one."""
        folder = self.store.attempts_dir(run_id)

        def find(step_id: str, attempt: int) -> Path | None:
            path = folder / step_id / f"{attempt}.jsonl" if folder is not None else None
            return path if path is not None and path.exists() else None

        return find

    async def find_run(self, word: str) -> str:
        """The id of the run that `word` means: an id, the beginning of one, or `last`.

        Raises:
            UsageError: none or several are meant.
        """
        ids = [info.run_id for info in await self.store.list_runs()]
        if word in ids:
            return word
        if not ids:
            where = "--store memory keeps none" if self.settings.store == "memory" else "none was started yet"
            raise UsageError(f"There is no run {printable(word)}: {where}.")
        if word == "last":
            return ids[0]
        matching = [run_id for run_id in ids if word and run_id.startswith(word)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            shown = ", ".join(matching[:5]) + (", …" if len(matching) > 5 else "")
            raise UsageError(f"{printable(word)} is the beginning of {len(matching)} runs: {shown}.")
        folder = self.run_dir(word) if word.replace("-", "").replace("_", "").isalnum() else None
        if folder is not None and folder.is_dir():
            return word  # it is left out of the list because it cannot be read: let that be said
        hint = did_you_mean(word, ids) or " piplan-tui runs lists them."
        raise UsageError(f"There is no run {printable(word)}.{hint}")

    async def look_at(self, run_id: str) -> tuple[RunState, Owner | None]:
        """The stored state of a run and its live owner. What a dead owner left running is interrupted.

        Raises:
            RunNotFound, RunCorrupt
        """
        owner = await self.store.owner(run_id)
        state = await stored_state(self.store, run_id)
        if owner is None:
            show_interrupted(state)
        return state, owner


def make_context(args: argparse.Namespace) -> Context:
    """Read the settings and open the store.

    Raises:
        SettingsInvalid, StoreError
    """
    flags = {name: value for name, value in vars(args).items() if name in Settings.model_fields}
    for name in ONLY_IN_FILE:
        flags.pop(name, None)  # on a command line these are steps of a run
    if flags.get("ui") == "tui":
        del flags["ui"]
    config = getattr(args, "config", None)
    settings = load_settings(flags, config_file=Path(config).expanduser() if config else None)
    return Context(args, settings, open_store(settings.store or None))


def now() -> datetime:
    return datetime.now(UTC)


def in_terminal() -> bool:
    """Whether the terminal view can be shown: it needs keys and a screen.

    Textual draws on stderr; with stdout somewhere else the user wants lines, not a screen.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and os.environ.get("TERM") != "dumb"
