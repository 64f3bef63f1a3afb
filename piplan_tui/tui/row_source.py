"""What the rows of one run say, with what is worth keeping between two drawings of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from rich.cells import cell_len

from piplan_tui.run.state import PhaseState, RunState, StepState, StepStatus
from piplan_tui.tui.outline import Row
from piplan_tui.tui.row_layout import Columns, phase_line, step_line, work_line
from piplan_tui.tui.row_list import RowList
from piplan_tui.tui.step_places import StepPlaces
from piplan_tui.views.formatting import SPINNER, agent_label
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.phase_row import (
    phase_cells,
    phase_dependencies,
    phase_ended_at,
    phase_in_progress,
    phase_started_at,
)
from piplan_tui.views.row_cells import RowCells
from piplan_tui.views.spoken import calm, phase_sentence, step_sentence
from piplan_tui.views.step_row import step_cells
from piplan_tui.views.step_work import work_row


class RowSource:
    """Gives the cells of a row. Times of phases are worked out once for many rows."""

    def __init__(
        self,
        state: RunState,
        now: Callable[[], datetime],
        last_activity: Callable[[str], datetime | None],
        places: StepPlaces,
    ) -> None:
        self.state = state
        self._now = now
        self._last_activity = last_activity
        self._places = places
        self._phase_spans: dict[str, tuple[datetime | None, datetime | None]] = {}
        self._measured = 0
        self._longest_name = 0
        self._phase_waits: dict[str, tuple[str, ...]] = {}
        self._looked_at: dict[str, dict[StepStatus, int]] = {}
        self._agent_of: dict[int, str] = {}
        """The label in the row of each step that has one, by the step's place in the run."""
        self._agents: dict[str, int] = {}
        """How many rows have each label, in the order in which these came."""
        for step in state.order:
            self.note(step)

    def note(self, step: StepState) -> None:
        """Something happened to a step: it may have another agent now."""
        attempt = step.attempt
        label = agent_label(attempt.agent, attempt.model) if attempt is not None else ""
        known = self._agent_of.get(step.index, "")
        if label == known:
            return
        # which model it is, a session may say only once it is there
        if known and (left := self._agents[known] - 1):
            self._agents[known] = left
        elif known:
            del self._agents[known]
        self._agent_of[step.index] = label
        if label:
            self._agents[label] = self._agents.get(label, 0) + 1

    @property
    def longest_agent(self) -> int:
        """Cells of the longest agent and model in a row; 0 before the first. O(agents)."""
        return max(map(cell_len, self._agents), default=0)

    @property
    def agents(self) -> list[str]:
        """The agents and models in the rows, each once."""
        return list(self._agents)

    @property
    def longest_name(self) -> int:
        """Cells of the longest step id."""
        self._measure()
        return self._longest_name

    def _measure(self) -> None:
        order = self.state.order
        if self._measured == len(order):
            return
        # a plan never grows; the steps that a workflow's run gets need none, so no phase waits for another
        if not self._measured:
            self._phase_waits = phase_dependencies(self.state)
        new = (cell_len(one_line(step.id)) for step in order[self._measured :])
        self._longest_name = max(self._longest_name, *new) if order else 8
        self._measured = len(order)

    def running(self) -> list[StepState]:
        """The steps that run, at the cost of these."""
        return self._places.with_status("running")

    def line(
        self, row: Row, rows: RowList, columns: Columns, *, frame: int, cursor: bool, detail: int
    ) -> list[Span]:
        """The row laid out, with its spinner at a frame."""
        if row.step is not None and row.work:
            return work_line(work_row(row.step, row.work, self._now()), columns, cursor=cursor)
        cells = self.cells(row, with_title=detail > 1)
        if row.step is not None and (hidden_by := rows.hidden_by(row.step)):
            # it stays only because the cursor is on it
            was = f"no longer {hidden_by} · "
            short = cells.short_note and was + cells.short_note
            cells = replace(cells, note=was + cells.note, short_note=short, note_role="dim")
        glyph = SPINNER[frame % len(SPINNER)] if cells.status == "running" else cells.glyph
        if row.step is None:
            folded = rows.is_folded(row.phase)
            return phase_line(cells, columns, glyph=glyph, cursor=cursor, folded=folded)
        return step_line(cells, columns, glyph=glyph, cursor=cursor)

    def cells(self, row: Row, *, with_title: bool = False) -> RowCells:
        """What the row says now; `with_title` puts the title of a step behind its note."""
        now = self._now()
        if row.step is None:
            self._measure()
            waits = self._phase_waits.get(row.phase.title, ())
            elapsed = self._phase_elapsed(row.phase, now)
            return phase_cells(self.state, row.phase, waits_for=waits, elapsed_seconds=elapsed)
        step = row.step
        position = self._places.queue_position(step) if step.status == "queued" else 0
        activity = self._last_activity(step.id) if step.status == "running" else None
        cells = step_cells(self.state, step, now, queue_position=position, last_activity=activity)
        title = one_line(step.title)
        if not with_title or title in (cells.note, cells.name):
            return cells
        return replace(cells, note=f"{cells.note} · {title}" if cells.note else title)

    def sentence(self, row: Row, *, folded: bool = False) -> str:
        """What the row says in words."""
        step = row.step
        if step is None:
            self._measure()
            waits = self._phase_waits.get(row.phase.title, ())
            return phase_sentence(self.state, row.phase, waits_for=waits, folded=folded)
        if row.work:
            inside = work_row(step, row.work, self._now())
            said = (
                "".join(span.text for span in inside.spans).strip() if inside else "nothing goes on any more"
            )
            return f"inside step {one_line(step.id)}, {said}"
        position = self._places.queue_position(step) if step.status == "queued" else 0
        activity = self._last_activity(step.id) if step.status == "running" else None
        now = calm(self._now())
        return step_sentence(self.state, step, now, queue_position=position, last_activity=activity)

    def _phase_elapsed(self, phase: PhaseState, now: datetime) -> float | None:
        started, ended = self._phase_spans.get(phase.title, (None, None))
        if started is None and self._looked_at.get(phase.title) != phase.counts:
            self._looked_at[phase.title] = dict(
                phase.counts
            )  # nothing of it starts without a change of these
            started = phase_started_at(phase)
        if started is None:
            return None
        if phase_in_progress(phase):
            ended = None
        elif ended is None:
            ended = phase_ended_at(phase)
        self._phase_spans[phase.title] = (started, ended)
        return ((ended or now) - started).total_seconds()
