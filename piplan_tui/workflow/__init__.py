"""Workflows: a plan as code. A script's `agent()` calls are steps of the same kind of run that a plan makes."""
