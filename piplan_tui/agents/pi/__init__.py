"""The Pi coding agent, driven over `pi --mode rpc`."""

from piplan_tui.agents.pi.agent import (
    PiAgent,
    create_default_pi_session_factory,
    create_pi_session_event_bridge,
    pi_command,
)
from piplan_tui.agents.pi.pool import PiLimits

__all__ = [
    "PiAgent",
    "PiLimits",
    "create_default_pi_session_factory",
    "create_pi_session_event_bridge",
    "pi_command",
]
