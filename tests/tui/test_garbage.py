"""When Python looks for garbage while the interface is there."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from piplan_tui.tui.garbage import CollectorAtRest


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collector() -> Iterator[CollectorAtRest]:
    collector = CollectorAtRest()
    collector.begin()
    yield collector
    collector.end()


def test_python_collects_as_before_afterwards() -> None:
    before = gc.get_threshold()
    collector = CollectorAtRest()
    collector.begin()
    assert gc.get_threshold()[0] > before[0]
    collector.end()
    assert gc.get_threshold() == before
    collector.end()
    assert gc.get_threshold() == before, "however often it ends"


@pytest.mark.parametrize(
    ("rested", "older", "collects"), [(60.0, 5, True), (0.1, 5, False), (60.0, 0, False)]
)
def test_all_is_looked_at_only_when_nobody_presses_keys(
    collector: CollectorAtRest, monkeypatch: pytest.MonkeyPatch, rested: float, older: int, collects: bool
) -> None:
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, older))
    gc.collect()
    circle = ref(Circle())
    assert circle() is not None
    collector.look(rested)
    assert (circle() is None) is collects
