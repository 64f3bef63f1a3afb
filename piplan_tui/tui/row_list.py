"""The rows of the tree as a sequence that is never spelled out: it costs what its phases cost, not its steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from piplan_tui.run.state import PhaseState, RunState, StepState
from piplan_tui.tui.outline import Outline, Row
from piplan_tui.tui.step_places import StepPlaces


@dataclass(slots=True)
class _Block:
    """The rows of one phase: its own, if `header` is 1, and its steps, all of them without `places`.

    `work` is what shows under steps: the offset of the step's row, were there no such rows, and their names.
    """

    phase: PhaseState
    header: int
    places: list[int] | None
    work: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    folded: bool = False

    def __len__(self) -> int:
        steps = len(self.phase.steps if self.places is None else self.places)
        return self.header + steps + sum(len(names) for _, names in self.work)

    def unfold(self, work: Iterable[tuple[int, tuple[str, ...]]]) -> None:
        """Put rows under the steps at these places, as far as they show."""
        offsets = ((self._offset(place), names) for place, names in work)
        self.work = sorted((offset, names) for offset, names in offsets if offset is not None)

    def row(self, offset: int) -> Row:
        for at, names in self.work:
            if offset <= at:
                break
            if offset <= at + len(names):
                return Row(self.phase, self._row(at).step, names[offset - at - 1])
            offset -= len(names)
        return self._row(offset)

    def find(self, place: int) -> int | None:
        offset = self._offset(place)
        if offset is None:
            return None
        return offset + sum(len(names) for at, names in self.work if at < offset)

    def _row(self, offset: int) -> Row:
        if offset < self.header:
            return Row(self.phase)
        offset -= self.header
        return Row(self.phase, self.phase.steps[offset if self.places is None else self.places[offset]])

    def _offset(self, place: int) -> int | None:
        if self.places is None:
            return self.header + place
        found = bisect_left(self.places, place)
        return self.header + found if self.places[found : found + 1] == [place] else None


class RowList(Sequence[Row]):
    """What `Outline.rows` gives, as it was when this was made."""

    def __init__(self, outline: Outline, places: StepPlaces) -> None:
        self._state: RunState = outline.state
        self._outline = outline
        self._places = places
        self._blocks: list[_Block] = []
        self._starts: list[int] = []
        self._of_phase: dict[str, int] = {}
        self._size = 0
        places.take_in()
        self._work: dict[str, tuple[str, ...]] = {}
        unfolded: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        for step_id in outline.unfolded:
            step = self._state.steps.get(step_id)
            if step is not None and (names := outline.work_of(step)):
                self._work[step_id] = names
                unfolded.setdefault(step.phase, []).append((places.place(step), names))
        flat = outline.flat
        for phase in self._state.phases.values():
            block = _block(outline, places, phase, flat)
            if block is None or not len(block):
                continue
            block.unfold(unfolded.get(phase.title, ()))
            self._of_phase[phase.title] = len(self._blocks)
            self._blocks.append(block)
            self._starts.append(self._size)
            self._size += len(block)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._size))]
        if index < 0:
            index += self._size
        if not 0 <= index < self._size:
            raise IndexError(index)
        block = bisect_right(self._starts, index) - 1
        return self._blocks[block].row(index - self._starts[block])

    def __iter__(self) -> Iterator[Row]:
        return (block.row(offset) for block in self._blocks for offset in range(len(block)))

    def index_of(self, key: tuple[str, str]) -> int | None:
        """Where the row with this key is; `None` when it does not show. O(log steps)."""
        at = self._of_phase.get(key[0])
        if at is None:
            return None
        block = self._blocks[at]
        if not key[1]:
            return self._starts[at] if block.header else None
        step = self._state.steps.get(key[1])
        if step is None or step.phase != key[0]:
            return None
        offset = block.find(self._places.place(step))
        return None if offset is None else self._starts[at] + offset

    def is_folded(self, phase: PhaseState) -> bool:
        """Whether the rows of a phase are left out, as they show now."""
        at = self._of_phase.get(phase.title)
        return at is not None and self._blocks[at].folded

    def hidden_by(self, step: StepState) -> str:
        """The filter that is not for steps in the state of this one; empty when it is."""
        return "" if self._outline.lets_through(step) else self._outline.filter

    def index_after(self, row: Row | None) -> int:
        """Of the rows of steps, the first that is not before this one, else the last. O(rows)."""
        order = {title: place for place, title in enumerate(self._state.phases)}
        step = row.step if row is not None else None
        wanted = (order.get(row.phase.title, 0) if row else 0, self._places.place(step) if step else 0)
        found = 0
        for index, other in enumerate(self):
            if other.step is not None:
                found = index
                if (order[other.phase.title], self._places.place(other.step)) >= wanted:
                    break
        return found

    def index_near(self, row: Row, nth: int) -> int | None:
        """Where a row inside a step is, or what stands in its place (`nth` under the step) when it is over."""
        at = self.index_of(row.key)
        if at is None:
            return None
        names = self._work.get(row.key[1], ())
        return at + (names.index(row.work) + 1 if row.work in names else min(nth, len(names)))

    def has_other_work(self, step_ids: Iterable[str]) -> bool:
        """Whether other rows should show by now under one of these steps."""
        steps = (self._state.steps.get(name) for name in step_ids if name in self._outline.unfolded)
        return any(s is not None and self._outline.work_of(s) != self._work.get(s.id, ()) for s in steps)


def _block(outline: Outline, places: StepPlaces, phase: PhaseState, flat: bool) -> _Block | None:
    wanted = outline.wanted
    pinned = outline.pinned if outline.pinned is not None and outline.pinned[0] == phase.title else None
    if wanted and not any(phase.counts.get(status) for status in wanted) and pinned is None:
        return None
    header = 0 if flat else 1
    if not flat and outline.is_folded(phase):
        shown = places.in_phase(phase.title, "outranks folding")
        if wanted:
            shown = [
                place
                for place in shown
                if phase.steps[place].status in wanted or pinned == (phase.title, phase.steps[place].id)
            ]
        return _Block(phase, header, list(shown), folded=True)
    if not wanted:
        return _Block(phase, header, None)
    shown = list(places.in_phase(phase.title, outline.filter))
    pinned_step = outline.state.steps.get(pinned[1]) if pinned is not None else None
    if pinned_step is not None:
        place = places.place(pinned_step)
        if place not in shown[(at := bisect_left(shown, place)) : at + 1]:
            shown.insert(at, place)
    return _Block(phase, header, shown)
