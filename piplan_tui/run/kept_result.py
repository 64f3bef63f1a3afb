"""The result of a session that is over while the step is not: its files have no room, or its merge is to be reviewed.

It is kept beside the step's transcripts, so that whoever takes the run up after its owner's death does not repeat the
session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from piplan_tui.run.model import StepJob, StepResult
from piplan_tui.store.disk import Disk

_NAME = re.compile(r"result-(\d+)\.json")


class KeptResult(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a session came to, and its last message.

    `of` tells what it was given; `base` is the commit that its worktree began with.
    """

    of: str
    result: StepResult
    raw: str
    base: str = ""


def keep_result(job: StepJob, result: StepResult, raw: str, base: str = "") -> None:
    """See it onto the disk. Does nothing for a run that keeps no files. Blocks.

    Raises:
        OSError
    """
    if not job.session_dir:
        return
    folder, disk = Path(job.session_dir).parent, Disk()
    raw = raw.encode("utf-8", "replace").decode()
    kept = KeptResult(of=_given(job), result=result, raw=raw, base=base)
    disk.make_folders(folder)
    disk.replace(folder / f"result-{job.given.attempt}.json", msgspec.json.encode(kept))
    disk.sync_folder(folder)


def kept_result(job: StepJob) -> KeptResult | None:
    """What a session of this step came to that had been given the same, when the step only goes on. Blocks."""
    if job.reason == "start":
        return None
    for path in sorted(_files(job), key=_number, reverse=True):
        try:
            kept = msgspec.json.decode(Disk().read(path), type=KeptResult)
        except (OSError, msgspec.DecodeError):
            continue
        if kept.of == _given(job):
            return kept
    return None


def forget_results(job: StepJob) -> None:
    """A session begins, and its result will be another. Blocks.

    Raises:
        OSError
    """
    for path in _files(job):
        Disk().unlink(path)
        Disk().sync_folder(path.parent)


def _files(job: StepJob) -> Iterator[Path]:
    if job.session_dir:
        folder = Path(job.session_dir).parent
        yield from (path for path in folder.glob("result-*.json") if _NAME.fullmatch(path.name))


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found is not None else 0


def _given(job: StepJob) -> str:
    """What tells one errand from another, whichever attempt it is and whatever was asked meanwhile."""
    same = msgspec.structs.replace(
        job.given, attempt=0, workspace=job.home or job.given.workspace, user_input=()
    )
    return hashlib.sha256(msgspec.json.encode(same, order="deterministic")).hexdigest()
