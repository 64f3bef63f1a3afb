"""Workflows: a plan as code. A script's `agent()` calls are steps of the same kind of run that a plan makes.

A script is a file with `async def main(wf: Workflow)`; see `Workflow` for what it can do, `patterns` for ways of
working that are ready to use.
"""

from piplan_tui.workflow.primitives import Budget, CallOptions, Workflow

__all__ = ["Budget", "CallOptions", "Workflow"]
