"""Run multi-step agent plans: the names that a host application imports.

They are loaded when they are first used, so that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from piplan_tui.agents.pi import create_default_pi_session_factory, create_pi_session_event_bridge
    from piplan_tui.plan.problem import PlanInvalid
    from piplan_tui.plan.spec import PlanSpec, PlanStepSpec
    from piplan_tui.run.events import RuntimeEvent
    from piplan_tui.run.factory import create_pi_plan_runtime
    from piplan_tui.run.inbox import AnswerInvalid
    from piplan_tui.run.model import HandoffDescriptor, PiPlanCancelResult, StepExecutionInput, StepResult
    from piplan_tui.run.options import RunChanges, RunOptions
    from piplan_tui.run.refused import ControlRefused
    from piplan_tui.run.run import Run
    from piplan_tui.run.runtime import PlanRuntime
    from piplan_tui.run.sink import EventSink
    from piplan_tui.run.state import RunState
    from piplan_tui.store.file import FileRuntimeStore
    from piplan_tui.store.memory import MemoryRuntimeStore
    from piplan_tui.store.protocol import RuntimeStore

__version__ = "0.1.0"

_HOMES = {
    "AnswerInvalid": "run.inbox",
    "ControlRefused": "run.refused",
    "EventSink": "run.sink",
    "FileRuntimeStore": "store.file",
    "HandoffDescriptor": "run.model",
    "MemoryRuntimeStore": "store.memory",
    "PiPlanCancelResult": "run.model",
    "PlanInvalid": "plan.problem",
    "PlanRuntime": "run.runtime",
    "PlanSpec": "plan.spec",
    "PlanStepSpec": "plan.spec",
    "Run": "run.run",
    "RunChanges": "run.options",
    "RunOptions": "run.options",
    "RunState": "run.state",
    "RuntimeEvent": "run.events",
    "RuntimeStore": "store.protocol",
    "StepExecutionInput": "run.model",
    "StepResult": "run.model",
    "create_default_pi_session_factory": "agents.pi",
    "create_pi_plan_runtime": "run.factory",
    "create_pi_session_event_bridge": "agents.pi",
}

__all__ = [
    "AnswerInvalid",
    "ControlRefused",
    "EventSink",
    "FileRuntimeStore",
    "HandoffDescriptor",
    "MemoryRuntimeStore",
    "PiPlanCancelResult",
    "PlanInvalid",
    "PlanRuntime",
    "PlanSpec",
    "PlanStepSpec",
    "Run",
    "RunChanges",
    "RunOptions",
    "RunState",
    "RuntimeEvent",
    "RuntimeStore",
    "StepExecutionInput",
    "StepResult",
    "create_default_pi_session_factory",
    "create_pi_plan_runtime",
    "create_pi_session_event_bridge",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
