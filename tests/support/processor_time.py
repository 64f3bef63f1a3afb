"""How much of the processor something takes, whatever the tests before it left in memory."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def takes_less_than(seconds: float) -> Iterator[None]:
    """Fail when the body takes more processor time. The limit is for another order of work, not for a slow machine.

    A look of the garbage collector at what hundreds of tests left takes seconds, and is none of the body's work.
    """
    gc.collect()
    gc.freeze()
    try:
        started = time.process_time()
        yield
        taken = time.process_time() - started
    finally:
        gc.unfreeze()
    assert taken < seconds
