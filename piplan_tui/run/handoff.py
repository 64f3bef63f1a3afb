"""What a completed step leaves for its dependents, in the layout of pi-plan-runtime:
`<workspace>/.pi-plan-runtime/handoff/<planId>/<stepId>/` with `result.json` and `raw_output.txt`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import anyio
import msgspec

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.clean import printable
from piplan_tui.run.model import HandoffDescriptor, HandoffFile, StepExecutionInput, StepResult
from piplan_tui.run.room import NoRoom, what_helps
from piplan_tui.store.disk import Disk

HANDOFF_ROOT = Path(".pi-plan-runtime") / "handoff"
_RESULT = "result.json"


class _Written(msgspec.Struct, rename="camel"):
    """Who wrote a `result.json`."""

    run_id: str = ""


class HandoffError(Exception):
    """Handoff files could not be written, or are not those that a step builds on. `str()` is one sentence with the
    path."""


def _refused(error: OSError, what: str) -> HandoffError | NoRoom:
    if helps := what_helps(error):
        return NoRoom(f"{what}: {helps}")
    return HandoffError(f"{what}: {error.strerror or error}")


async def write_handoff(
    given: StepExecutionInput, result: StepResult, raw_output: str, *, disk: Disk | None = None
) -> HandoffDescriptor:
    """Write both files and see them onto the disk before returning.

    Raises:
        NoRoom: there is no room for them now.
        HandoffError: the folder cannot be written to, or is a link that leads out of the workspace.
    """
    return await anyio.to_thread.run_sync(_write_handoff, given, result, raw_output, disk or Disk())


def _write_handoff(
    given: StepExecutionInput, result: StepResult, raw_output: str, disk: Disk
) -> HandoffDescriptor:
    workspace = Path(given.workspace)
    plan_id, step_id = str(given.plan["id"]), str(given.step["id"])
    relative = HANDOFF_ROOT / plan_id / step_id
    folder = workspace / relative
    document = {
        **result.document,
        "status": result.status,
        "summary": result.summary,
        "planId": plan_id,
        "stepId": step_id,
        "runId": given.run_id,
        "attempt": given.attempt,
    }
    contents = {
        _RESULT: msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n",
        "raw_output.txt": raw_output.encode("utf-8", "replace"),
    }
    try:
        created = _make_folder(disk, workspace, relative)
        for name, data in contents.items():
            _replace_file(disk, folder / name, data)
        for path in (folder, *created):
            _sync_folder(disk, path)
    except OSError as error:
        raise _refused(error, f"the handoff files of step {step_id} cannot be written to {folder}") from error
    return HandoffDescriptor(
        plan_id=plan_id,
        step_id=step_id,
        attempt=given.attempt,
        directory=relative.as_posix(),
        files=tuple(
            HandoffFile(name, (relative / name).as_posix(), len(data), hashlib.sha256(data).hexdigest())
            for name, data in contents.items()
        ),
        summary=result.summary,
    )


def prepare_workspace(given: StepExecutionInput, home: str) -> None:
    """See that the folder of a step is there, and bring what it builds on into it from the run's workspace. Blocks.

    Raises:
        AgentFailure: it is not there.
        NoRoom: there is no room for the files now.
        HandoffError: the files are gone or another run's, or could not be copied.
    """
    workspace = Path(given.workspace)
    step_id = str(given.step["id"])
    if not workspace.is_dir():
        raise AgentFailure(
            "unusable",
            f"the workspace {workspace} of step {step_id} is not a folder; make it, or change its rule",
        )
    for handoff in given.dependencies:
        _require_own(given.run_id, handoff, Path(home))
    if workspace.resolve() == Path(home).resolve():
        return
    disk = Disk()
    for handoff in given.dependencies:
        try:
            _make_folder(disk, workspace, Path(handoff.directory))
            for file in handoff.files:
                _replace_file(disk, workspace / file.path, (Path(home) / file.path).read_bytes())
        except OSError as error:
            raise _refused(
                error, f"the handoff files of step {handoff.step_id} cannot be copied to {workspace}"
            ) from error


def _require_own(run_id: str, handoff: HandoffDescriptor, home: Path) -> None:
    """See that a handoff is still there and of this run. What people changed in it since is theirs to change."""
    again = f"try {handoff.step_id} again too"
    for file in handoff.files:
        path = home / file.path
        try:
            # the raw output may be long, and is no other's while the result is this run's
            data = path.read_bytes() if file.name == _RESULT else None
            path.stat()
        except OSError as error:
            raise HandoffError(
                f"the handoff file {path} of step {handoff.step_id} cannot be read "
                f"({error.strerror or error}); {again}"
            ) from error
        if data is None or hashlib.sha256(data).hexdigest() == file.sha256:
            continue
        try:
            writer = msgspec.json.decode(data, type=_Written).run_id
        except msgspec.DecodeError:
            continue
        if writer not in ("", run_id):
            raise HandoffError(
                f"the handoff of step {handoff.step_id} in {home / handoff.directory} was replaced by run "
                f"{printable(writer)} of the same plan; {again}, and give each run a workspace of its own"
            )


def _make_folder(disk: Disk, workspace: Path, relative: Path) -> list[Path]:
    """Create the folder one level at a time, refusing links; returns the folders that got a new entry."""
    changed = []
    current = workspace
    for part in relative.parts:
        parent, current = current, current / part
        try:
            disk.make_folder(current)
            # others may read what steps leave, as far as they may enter the workspace
            os.chmod(current, 0o755)
            changed.append(parent)
        except FileExistsError:
            if current.is_symlink() or not current.is_dir():
                raise OSError(None, f"{current} is not a folder of its own") from None
    return changed


def _replace_file(disk: Disk, path: Path, data: bytes) -> None:
    disk.replace(path, data, mode=0o644)


def _sync_folder(disk: Disk, path: Path) -> None:
    disk.sync_folder(path)
