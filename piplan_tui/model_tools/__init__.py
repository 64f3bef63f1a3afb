"""Runs that a model starts by itself: the tools `run_workflow` and `run_plan`, over MCP and in Pi."""
