"""The rows of the tree as a sequence that is never spelled out: it costs what its phases cost, not its steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from piplan_tui.run.state import PhaseState, RunState
from piplan_tui.tui.outline import Outline, Row
from piplan_tui.tui.step_places import StepPlaces


@dataclass(slots=True)
class _Block:
    """The rows of one phase: its own, if `header` is 1, and its steps, all of them without `places`."""

    phase: PhaseState
    header: int
    places: list[int] | None

    def __len__(self) -> int:
        return self.header + len(self.phase.steps if self.places is None else self.places)

    def row(self, offset: int) -> Row:
        if offset < self.header:
            return Row(self.phase)
        offset -= self.header
        return Row(self.phase, self.phase.steps[offset if self.places is None else self.places[offset]])

    def find(self, place: int) -> int | None:
        if self.places is None:
            return self.header + place
        found = bisect_left(self.places, place)
        return self.header + found if self.places[found : found + 1] == [place] else None


class RowList(Sequence[Row]):
    """What `Outline.rows` gives, as it was when this was made."""

    def __init__(self, outline: Outline, places: StepPlaces) -> None:
        self._state: RunState = outline.state
        self._places = places
        self._blocks: list[_Block] = []
        self._starts: list[int] = []
        self._of_phase: dict[str, int] = {}
        self._size = 0
        places.take_in()
        flat = outline.flat
        for phase in self._state.phases.values():
            block = _block(outline, places, phase, flat)
            if block is None or not len(block):
                continue
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
        return _Block(phase, header, list(shown))
    if not wanted:
        return _Block(phase, header, None)
    shown = list(places.in_phase(phase.title, outline.filter))
    pinned_step = outline.state.steps.get(pinned[1]) if pinned is not None else None
    if pinned_step is not None:
        place = places.place(pinned_step)
        if place not in shown[(at := bisect_left(shown, place)) : at + 1]:
            shown.insert(at, place)
    return _Block(phase, header, shown)
