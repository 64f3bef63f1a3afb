"""What every test shares."""

from __future__ import annotations

import os
import sys
import time

import pytest
from hypothesis import settings

# The tests start the program hundreds of times; without kept bytecode each start compiles the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# times of day on the screen are local ones, and its pictures are the same everywhere
os.environ["TZ"] = "UTC"
time.tzset()

# how long an example takes says nothing on a machine that does other things too
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: the tests spend a third of their time waiting for other processes."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) + 1


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
