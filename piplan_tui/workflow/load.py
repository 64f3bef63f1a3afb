"""Reading a workflow: its script byte for byte, what it says of itself, and every problem with its place."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from piplan_tui.plan.names import folder_name_problem
from piplan_tui.plan.problem import PlanInvalid, Problem, errors
from piplan_tui.workflow.check import MAX_BYTES, read_python
from piplan_tui.workflow.host import ScriptMistake

Language = Literal["python", "javascript"]
LANGUAGES: dict[str, Language] = {".py": "python", ".js": "javascript", ".mjs": "javascript"}


@dataclass(frozen=True, slots=True)
class LoadedWorkflow:
    """A script as it was read. It can run when none of its problems is an error.

    `phases` are objects with a `title` and perhaps a `detail`: those of `meta`, then those that the script
    names in texts. `file` is as the user wrote it. `folder` is where workflows that it calls are looked for.
    """

    kind: Language
    name: str
    source: bytes
    file: str
    description: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    phases: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    folder: Path | None = None

    @property
    def source_name(self) -> str:
        """What the script is called where the run is stored."""
        return "workflow.py" if self.kind == "python" else "workflow.js"

    @property
    def source_hash(self) -> str:
        return hashlib.sha256(self.source).hexdigest()

    @property
    def plan_id(self) -> str:
        """The name as one of a folder."""
        words = re.findall(r"[^\W_]+", self.name.lower())
        stem = "-".join(words)[:60].strip("-")
        return stem if stem and not folder_name_problem(stem) else "workflow"

    def require(self) -> LoadedWorkflow:
        """Itself, if it can run.

        Raises:
            PlanInvalid: it has errors.
        """
        if errors(self.problems):
            raise PlanInvalid(self.problems)
        return self


def is_workflow(path: Path) -> bool:
    """Whether a file's name says that it is a workflow's script."""
    return path.suffix.lower() in LANGUAGES


def load_workflow(path: Path) -> LoadedWorkflow:
    """Read and check a script. What keeps it from being read is a problem too; nothing is raised."""
    kind = LANGUAGES.get(path.suffix.lower(), "python")
    try:
        with open(path, "rb") as stream:
            source = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return _unreadable(kind, path, f"the file cannot be read: {why}")
    if len(source) > MAX_BYTES:
        return _unreadable(
            kind, path, f"the file is larger than {MAX_BYTES // 2**20} MiB, too large for a script"
        )
    return read_workflow(source, str(path), kind, folder=path.absolute().parent)


def _unreadable(kind: Language, path: Path, message: str) -> LoadedWorkflow:
    return LoadedWorkflow(kind, path.stem, b"", str(path), problems=[Problem(str(path), 0, 0, message)])


def read_workflow(source: bytes, file: str, kind: Language, *, folder: Path | None = None) -> LoadedWorkflow:
    """Check a script's source; `file` is what its problems call it."""
    if kind == "javascript":
        return _read_javascript(source, file, folder)
    script = read_python(source, file)
    problems = list(script.problems)
    phases = _phases(script.meta, script.phases, problems, file)
    return LoadedWorkflow(
        "python",
        _text(script.meta, "name") or Path(file).stem,
        source,
        file,
        description=_text(script.meta, "description") or script.description,
        meta=script.meta,
        phases=phases,
        problems=problems,
        folder=folder,
    )


def _read_javascript(source: bytes, file: str, folder: Path | None) -> LoadedWorkflow:
    name = Path(file).stem
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        problem = Problem(file, line, 1, "this line is not UTF-8; save the file as UTF-8")
        return LoadedWorkflow("javascript", name, source, file, problems=[problem], folder=folder)
    # imported here: the engine is a large library that Python workflows do without
    from piplan_tui.workflow.javascript import check_javascript, javascript_meta, static_phases

    problems = check_javascript(text, file)
    readable = not errors(problems)
    meta = javascript_meta(text, file) if readable else {}
    named = static_phases(text) if readable else []
    return LoadedWorkflow(
        "javascript",
        _text(meta, "name") or name,
        source,
        file,
        description=_text(meta, "description"),
        meta=meta,
        phases=_phases(meta, named, problems, file),
        problems=problems,
        folder=folder,
    )


def _text(meta: dict[str, Any], key: str) -> str:
    value = meta.get(key)
    return value if isinstance(value, str) else ""


def _phases(
    meta: dict[str, Any], named: list[str], problems: list[Problem], file: str
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    listed = meta.get("phases", [])
    for phase in listed if isinstance(listed, list | tuple) else [listed]:
        if isinstance(phase, str):
            phase = {"title": phase}
        if isinstance(phase, dict) and isinstance(phase.get("title"), str):
            found.setdefault(phase["title"], phase)
        else:
            problems.append(
                Problem(file, 0, 0, "each of the phases in meta must be a text or have a title", "warning")
            )
    for title in named:
        found.setdefault(title, {"title": title})
    return list(found.values())


def find_workflow(
    name: str, folders: list[Path], suffixes: tuple[str, ...] = tuple(LANGUAGES)
) -> LoadedWorkflow:
    """The workflow of that name (with or without suffix) in the first folder that has one, ready to run.

    Only files with one of the `suffixes` count.

    Raises:
        ScriptMistake: there is none, or it has errors.
    """
    for folder in folders:
        for candidate in [folder / name, *(folder / f"{name}{suffix}" for suffix in suffixes)]:
            if candidate.suffix.lower() in suffixes and candidate.is_file():
                loaded = load_workflow(candidate)
                if found := errors(loaded.problems):
                    raise ScriptMistake(f"the workflow {name!r} cannot run: {found[0]}")
                return loaded
    looked = ", ".join(map(str, folders)) or "nowhere"
    files = " and ".join(f"{name}{suffix}" for suffix in suffixes)
    raise ScriptMistake(f"there is no workflow {name!r}; looked for {files} in {looked}")
