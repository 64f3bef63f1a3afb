"""How long a test may look. The normal suite takes a sample; PIPLAN_HARD=1 takes all of it."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

HARD = os.environ.get("PIPLAN_HARD") == "1"


def sized(sample: T, everything: T) -> T:
    return everything if HARD else sample
