"""The runs that this process owns, whichever of them is on the screen."""

from __future__ import annotations

from piplan_tui.run.run import Run


class OwnRuns:
    """In the order in which they came."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def add(self, run: Run) -> None:
        self._runs[run.id] = run

    def forget(self, run: Run) -> None:
        self._runs.pop(run.id, None)

    def get(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    @property
    def all(self) -> list[Run]:
        return list(self._runs.values())

    @property
    def going_on(self) -> list[Run]:
        """Those that have not ended."""
        return [run for run in self._runs.values() if not run.state.ended]

    def asks_besides(self, run_id: str) -> int:
        """How many questions are open in the others."""
        return sum(len(run.state.asks) for run in self._runs.values() if run.id != run_id)
