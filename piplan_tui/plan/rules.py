"""What holds between the parts of a plan: ids, folder names, dependencies.

The rules see only ids and dependencies, so that a plan with mistakes elsewhere is still checked against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from piplan_tui.plan.graph import PlanGraph
from piplan_tui.plan.json_text import Path
from piplan_tui.plan.names import folder_key, folder_name_problem
from piplan_tui.plan.problem import Problem, Severity, quoted
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.plan.spelling import Spelling

# steps of a cycle that a message names; in a longer one it leaves out the middle
_LONGEST_CHAIN = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a path into the plan document; `at_key` means the key there, not its value.

    `first` is the path of another place that the message is about.
    """

    path: Path
    message: str
    severity: Severity = "error"
    at_key: bool = False
    first: Path | None = None


@dataclass(frozen=True, slots=True)
class StepOutline:
    """What the rules need of a step: `depends_on` has the position of each entry that is a text."""

    index: int
    id: str | None
    depends_on: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class PlanOutline:
    id: str | None
    steps: Sequence[StepOutline]

    @classmethod
    def of(cls, spec: PlanSpec) -> PlanOutline:
        return cls(
            spec.id,
            [
                StepOutline(index, step.id, list(enumerate(step.depends_on)))
                for index, step in enumerate(spec.steps)
            ],
        )


def check_spec(spec: PlanSpec) -> list[Problem]:
    """The problems of a plan that never was a file; their `file`, `line` and `column` are empty."""
    return [
        Problem("", 0, 0, finding.message, finding.severity) for finding in findings(PlanOutline.of(spec))
    ]


def findings(plan: PlanOutline) -> Iterator[Finding]:
    """Everything that breaks a rule."""
    if plan.id and (why := folder_name_problem(plan.id)):
        yield Finding(("id",), f"the plan's id {quoted(plan.id)} {why}; it must be usable as a folder name")
    first_with: dict[str, int] = {}
    folders: dict[str, StepOutline] = {}
    for step in plan.steps:
        if not step.id:
            continue
        path: Path = ("steps", step.index, "id")
        if step.id in first_with:
            other = first_with[step.id]
            yield Finding(
                path,
                f"steps {other + 1} and {step.index + 1} have the same id {quoted(step.id)}",
                first=("steps", other, "id"),
            )
            continue
        first_with[step.id] = step.index
        if why := folder_name_problem(step.id):
            yield Finding(path, f"the step id {quoted(step.id)} {why}; it must be usable as a folder name")
        elif twin := folders.get(folder_key(step.id)):
            yield Finding(
                path,
                f"the step ids {quoted(twin.id or '')} and {quoted(step.id)} are one folder name "
                "where upper and lower case are the same",
                first=("steps", twin.index, "id"),
            )
        else:
            folders[folder_key(step.id)] = step
    yield from _dependencies(plan, first_with)


def _dependencies(plan: PlanOutline, first_with: dict[str, int]) -> Iterator[Finding]:
    position = {step.index: number for number, step in enumerate(plan.steps)}
    spelling = Spelling(first_with)
    needs: list[list[int]] = []
    places: list[dict[int, int]] = []
    for step in plan.steps:
        name = step_name(step.id, step.index)
        wanted: dict[int, int] = {}
        for place, dependency in step.depends_on:
            path: Path = ("steps", step.index, "dependsOn", place)
            if dependency == step.id:
                yield Finding(path, f"{name} depends on itself")
            elif (target := first_with.get(dependency)) is None:
                near = spelling.nearest(dependency)
                hint = f"; did you mean {quoted(near)}?" if near and near != step.id else ""
                yield Finding(
                    path, f"{name} depends on {quoted(dependency)}, which is no step of this plan{hint}"
                )
            elif position[target] in wanted:
                yield Finding(path, f"{name} names {quoted(dependency)} twice in its dependsOn", "warning")
            else:
                wanted[position[target]] = place
        needs.append(list(wanted))
        places.append(wanted)
    graph = PlanGraph.from_edges([step.id or "" for step in plan.steps], needs)
    for cycle in graph.cycles():
        names = [quoted(graph.ids[number])[1:-1] for number in (*cycle, cycle[0])]
        if len(names) > _LONGEST_CHAIN:
            half = _LONGEST_CHAIN // 2
            names[half:-half] = [f"… {len(names) - 2 * half} more …"]
        chain = " → ".join(names)
        start, needed = cycle[0], cycle[1 % len(cycle)]
        yield Finding(
            ("steps", plan.steps[start].index, "dependsOn", places[start][needed]),
            f"these steps wait for each other: {chain}",
        )


def step_name(step_id: object, index: int) -> str:
    """How a message names a step: by its id, or by its number when it has none."""
    return f"step {quoted(step_id)}" if isinstance(step_id, str) and step_id else f"step {index + 1}"
