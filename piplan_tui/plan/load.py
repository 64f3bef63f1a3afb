"""Reading a plan file: every problem at once, each with its place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from piplan_tui.plan import json_text
from piplan_tui.plan.fields import json_type, outline, read_spec
from piplan_tui.plan.json_mistakes import diagnose
from piplan_tui.plan.problem import Problem, errors, quoted
from piplan_tui.plan.rules import Finding, findings
from piplan_tui.plan.spec import PlanSpec

MAX_BYTES = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_OTHER_ENCODINGS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A plan as it was read: `spec` is `None` when one of the problems is an error.

    `source` is what the file held, byte for byte; `problems` are in the order of their places.
    """

    spec: PlanSpec | None
    source: bytes
    problems: list[Problem] = field(default_factory=list)


def load_plan(path: Path) -> LoadedPlan:
    """Read and check a plan file. What keeps it from being read is a problem too; nothing is raised."""
    try:
        with open(path, "rb") as file:
            source = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return LoadedPlan(None, b"", [Problem(str(path), 0, 0, _unreadable(error))])
    return load_plan_text(source, str(path))


def load_plan_text(text: bytes, file: str) -> LoadedPlan:
    """Check a plan file's content; `file` is what its problems call it."""
    if len(text) > MAX_BYTES:
        size = f"larger than {MAX_BYTES // 2**20} MiB"
        return LoadedPlan(None, b"", [Problem(file, 0, 0, f"the file is {size}, too large for a plan")])
    reader = _Reader(file)
    spec = reader.read(text)
    problems = sorted(reader.problems, key=lambda problem: (problem.line, problem.column))
    return LoadedPlan(None if errors(problems) else spec, text, problems)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.places = json_text.Places("")

    def read(self, source: bytes) -> PlanSpec | None:
        text = self._decode(source)
        if text is None:
            return None
        self.places = json_text.Places(text)
        if not text.strip(" \t\r\n"):
            self._add(0, 'the file is empty; a plan is a JSON object with "id", "title" and "steps"')
            return None
        if (at := json_text.too_deep(text)) is not None:
            self._add(at, f"values are nested more than {json_text.MAX_DEPTH} levels deep here")
            return None
        parsed = self._parse(text)
        if parsed is None:
            return None
        document = parsed[0]
        if not isinstance(document, dict):
            self._add_findings([Finding((), f"a plan must be a JSON object, not {json_type(document)}")])
            return None
        spec, found = read_spec(document)
        self._add_findings(found)
        self._add_findings(findings(outline(document)))
        return spec

    def _decode(self, source: bytes) -> str | None:
        for mark, encoding in _OTHER_ENCODINGS.items():
            if source.startswith(mark):
                self._add(0, f"the file is {encoding}; a plan must be UTF-8")
                return None
        if source.startswith(_BOM):
            self._add(0, "the file begins with a byte order mark; save it as UTF-8 without one (no BOM)")
            source = source[len(_BOM) :]
        try:
            return source.decode()
        except UnicodeDecodeError as error:
            before = source[: error.start].decode()
            line = before.count("\n") + 1
            column = len(before) - (before.rfind("\n") + 1) + 1
            byte = source[error.start]
            self._add_at(line, column, f"byte 0x{byte:02X} is not UTF-8; save the file as UTF-8")
            return source.decode(errors="replace")

    def _parse(self, text: str) -> tuple[Any] | None:
        meant = text
        try:
            document, doubled = json_text.parse_strict(text)
        except json_text.NotStrictJson:
            diagnosis = diagnose(text)
            for mistake in diagnosis.mistakes:
                self._add(mistake.offset, mistake.message)
            if diagnosis.repaired is None:
                return None
            meant = diagnosis.repaired
            self.places = json_text.Places(text, meant)
            document, doubled = json_text.parse_strict(meant)
        if doubled:
            for name, at, first in json_text.doubled_keys(meant):
                self._add(at, f"the key {quoted(name)} is in this object twice, {self._place(first)} first")
        return (document,)

    def _add_findings(self, found: Iterable[Finding]) -> None:
        for finding in found:
            message = finding.message
            if finding.first is not None:
                message = f"{message} (the first is {self._place(self.places.offset(finding.first))})"
            line, column = self.places.line_column(self.places.offset(finding.path, key=finding.at_key))
            self.problems.append(Problem(self.file, line, column, message, finding.severity))

    def _add(self, offset: int, message: str) -> None:
        self._add_at(*self.places.line_column(offset), message)

    def _add_at(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.file, line, column, message))

    def _place(self, offset: int) -> str:
        line, column = self.places.line_column(offset)
        return f"at {line}:{column}"


def _unreadable(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return "this is a folder, not a plan file"
        case PermissionError():
            return "this file cannot be read: permission denied"
        case OSError() if error.errno is not None:
            return f"this file cannot be read: {os.strerror(error.errno).lower()}"
    return "this is not the name of a file"
