"""How a script that was allowed to start comes to its end."""

from __future__ import annotations

from piplan_tui.plan.problem import Problem


class ScriptFailed(Exception):
    """A script threw, broke a limit, or can never end. `problem` says what and where, in one sentence."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))
