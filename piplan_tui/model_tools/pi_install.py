"""Puts our extension into Pi's folder of extensions, and takes it out again, without losing what others wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from piplan_tui import __version__
from piplan_tui.model_tools.description import model_tools
from piplan_tui.store.disk import Disk

NAME = "piplan-tui.ts"
CONFIG_VARIABLE = "PI_CODING_AGENT_DIR"
_MARK = "// piplan-tui "
_TEMPLATE = Path(__file__).with_name("pi_extension.ts")


class NotOurs(Exception):
    """The file there was changed, or is not ours. `str()` is one sentence with its path."""


def extension_path(environment: Mapping[str, str]) -> Path:
    """Where Pi looks for an extension of ours."""
    named = environment.get(CONFIG_VARIABLE, "")
    root = Path(named).expanduser() if named else Path.home() / ".pi" / "agent"
    return root / "extensions" / NAME


def extension_text(command: Sequence[str]) -> str:
    """The extension; `command` starts piplan-tui. Its first line tells whether the rest is as we wrote it."""
    tools = [tool._asdict() for tool in model_tools(("javascript", "python"))]
    body = _TEMPLATE.read_text("utf-8")
    for name, value in (("__COMMAND__", list(command)), ("__TOOLS__", tools)):
        body = body.replace(name, json.dumps(value), 1)
    return f"{_MARK}{__version__} {_digest(body)}\n{body}"


def install(path: Path, text: str, *, force: bool = False) -> bool:
    """Write the extension; false when it is there already, the same.

    Raises:
        NotOurs: another text is there that we did not write, and it is not to be overwritten by `force`.
        OSError: the folder cannot be written to.
    """
    there = _read(path)
    if there == text:
        return False
    if there is not None and not force:
        _require_unchanged(path, there)
    path.parent.mkdir(parents=True, exist_ok=True)
    Disk().replace(path, text.encode(), mode=0o644)
    return True


def uninstall(path: Path, *, force: bool = False) -> bool:
    """Remove the extension; false when there is none.

    Raises:
        NotOurs: it was changed since it was written, and is not to be removed by `force`.
        OSError: it cannot be removed.
    """
    there = _read(path)
    if there is None:
        return False
    if not force:
        _require_unchanged(path, there)
    path.unlink()
    return True


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _require_unchanged(path: Path, text: str) -> None:
    first, _, body = text.partition("\n")
    if not (first.startswith(_MARK) and first.rpartition(" ")[2] == _digest(body)):
        raise NotOurs(f"{path} was changed since it was installed; look at it, then use --force.")


def _digest(body: str) -> str:
    return f"sha256:{hashlib.sha256(body.encode()).hexdigest()}"
