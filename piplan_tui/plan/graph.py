"""The dependency graph of a plan, by the positions of its steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from piplan_tui.plan.spec import PlanStepSpec

Indices = tuple[int, ...]
# dependencies that one search for cycles goes through again and again: some tenths of a second
_MOST_EFFORT = 300_000


@dataclass(frozen=True, slots=True)
class PlanGraph:
    """Who needs whom. Steps are named by their index in the plan.

    `dependencies[i]` are the steps that step `i` needs, in the order of its `dependsOn` and each once;
    `dependents[i]` are the steps that need step `i`, in plan order.
    """

    ids: tuple[str, ...]
    dependencies: tuple[Indices, ...]
    dependents: tuple[Indices, ...]
    index_of: dict[str, int] = field(repr=False)

    @classmethod
    def of(cls, steps: Sequence[PlanStepSpec]) -> PlanGraph:
        """The graph of a checked plan, in O(steps + dependencies).

        Raises:
            KeyError: a step depends on an id that no step has.
        """
        ids = tuple(step.id for step in steps)
        index_of: dict[str, int] = {}
        for index, step_id in enumerate(ids):
            index_of.setdefault(step_id, index)
        needs = [[index_of[wanted] for wanted in step.depends_on] for step in steps]
        return cls.from_edges(ids, needs, index_of)

    @classmethod
    def from_edges(
        cls, ids: Sequence[str], needs: Sequence[Iterable[int]], index_of: dict[str, int] | None = None
    ) -> PlanGraph:
        """A graph from index lists; `needs[i]` are the steps that step `i` builds on."""
        dependencies = tuple(tuple(dict.fromkeys(wanted)) for wanted in needs)
        dependents: list[list[int]] = [[] for _ in ids]
        for index, wanted in enumerate(dependencies):
            for other in wanted:
                dependents[other].append(index)
        if index_of is None:
            index_of = {step_id: index for index, step_id in enumerate(ids)}
        return cls(tuple(ids), dependencies, tuple(map(tuple, dependents)), index_of)

    def __len__(self) -> int:
        return len(self.ids)

    def levels(self) -> list[list[int]]:
        """Steps by the length of their longest chain of dependencies; each level in plan order.

        Raises:
            ValueError: the graph has a cycle.
        """
        missing = [len(wanted) for wanted in self.dependencies]
        level = [index for index, count in enumerate(missing) if not count]
        levels: list[list[int]] = []
        seen = 0
        while level:
            levels.append(level)
            seen += len(level)
            free = []
            for index in level:
                for dependent in self.dependents[index]:
                    missing[dependent] -= 1
                    if not missing[dependent]:
                        free.append(dependent)
            level = sorted(free)
        if seen < len(self):
            raise ValueError("the dependencies form a cycle")
        return levels

    def order(self) -> list[int]:
        """All steps, every one after its dependencies.

        Raises:
            ValueError: the graph has a cycle.
        """
        return [index for level in self.levels() for index in level]

    def critical_path(self, weights: Sequence[float]) -> tuple[float, list[int]]:
        """The heaviest chain of dependencies: its weight, and its steps from the first to the last.

        `weights[i]` is what step `i` still costs (seconds, say), never negative.

        Raises:
            ValueError: the graph has a cycle.
        """
        finish = [0.0] * len(self)
        through: list[int | None] = [None] * len(self)
        for index in self.order():
            wanted = self.dependencies[index]
            if wanted:
                slowest = max(wanted, key=finish.__getitem__)
                through[index] = slowest
                finish[index] = finish[slowest]
            finish[index] += weights[index]
        if not finish:
            return 0.0, []
        last = max(range(len(self)), key=finish.__getitem__)
        path = []
        step: int | None = last
        while step is not None:
            path.append(step)
            step = through[step]
        return finish[last], path[::-1]

    def downstream(self, indices: Iterable[int]) -> list[int]:
        """Every step that builds on one of `indices`, directly or not, in plan order, without them."""
        return _reached(self.dependents, indices)

    def cycles(self, limit: int = 100) -> list[Indices]:
        """Chains of steps that need each other: each step needs the next, and the last needs the first.

        The chains together touch every knot of the graph: without one dependency of each the graph has
        no cycle. A knot may hold more chains than these (there can be exponentially many); each is the
        shortest through its first step. A step that needs itself is a chain of one. At most `limit`; a
        large knot of many chains may give fewer, but at least one.
        """
        found: list[Indices] = [(index,) for index, wanted in enumerate(self.dependencies) if index in wanted]
        edges = {
            index: [other for other in wanted if other != index]
            for index, wanted in enumerate(self.dependencies)
        }
        knots = deque(_knots(edges))
        effort = 0
        while knots and len(found) < limit:
            knot = knots.popleft()
            members = set(knot)
            within = {index: [other for other in edges[index] if other in members] for index in knot}
            chain = _shortest_cycle(within, min(knot))
            found.append(chain)
            effort += sum(map(len, within.values()))
            if effort <= _MOST_EFFORT:
                # cutting its first dependency makes the search find another chain, or none
                edges[chain[0]].remove(chain[1])
                within[chain[0]].remove(chain[1])
                knots.extend(_knots(within))
        return sorted(found[:limit])


def _reached(edges: Sequence[Indices], start: Iterable[int]) -> list[int]:
    begin = set(start)
    seen = set(begin)
    stack = list(begin)
    while stack:
        for other in edges[stack.pop()]:
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return sorted(seen - begin)


def _knots(edges: dict[int, list[int]]) -> list[list[int]]:
    """Strongly connected components of more than one node (Tarjan's algorithm with its own stack)."""
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_nodes: list[int] = []
    is_open: set[int] = set()
    knots = []
    for root in edges:
        if root in number:
            continue
        work = [(root, iter(edges[root]))]
        number[root] = lowest[root] = len(number)
        open_nodes.append(root)
        is_open.add(root)
        while work:
            node, ahead = work[-1]
            for other in ahead:
                if other not in number:
                    number[other] = lowest[other] = len(number)
                    open_nodes.append(other)
                    is_open.add(other)
                    work.append((other, iter(edges[other])))
                    break
                if other in is_open:
                    lowest[node] = min(lowest[node], number[other])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[node])
                if lowest[node] == number[node]:
                    knot = []
                    while True:
                        member = open_nodes.pop()
                        is_open.discard(member)
                        knot.append(member)
                        if member == node:
                            break
                    if len(knot) > 1:
                        knots.append(knot)
    return knots


def _shortest_cycle(edges: dict[int, list[int]], start: int) -> Indices:
    came_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for other in edges[node]:
            if other == start:
                chain = [node]
                while chain[-1] != start:
                    chain.append(came_from[chain[-1]])
                return tuple(reversed(chain))
            if other not in came_from:
                came_from[other] = node
                queue.append(other)
    raise ValueError("not a step of a cycle")
