"""What a script may use, and what is said when it uses more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JsLimits:
    """What a script may use.

    `cpu_seconds` is the processor time between two answers of the program; awaiting an agent costs none.
    `ask_first` is the number of likely calls from which a fan-out is started only after the program has agreed to it.
    """

    cpu_seconds: float = 10.0
    memory_bytes: int = 256 << 20
    message_characters: int = 16_000_000
    ask_first: int = 2


def memory_message(limits: JsLimits) -> str:
    """The sentence for a script that used up its memory."""
    return f"the script used more than {limits.memory_bytes >> 20} MB of memory"


def time_message(limits: JsLimits) -> str:
    """The sentence for a script that computes without end."""
    return (
        f"the script ran for {limits.cpu_seconds:g} s of processor time without waiting for an agent: "
        "is there an endless loop near here?"
    )
