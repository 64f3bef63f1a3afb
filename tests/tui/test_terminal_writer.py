"""Writing never waits for the terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from piplan_tui.tui.terminal_writer import TerminalWriter

SECONDS = 20.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it


def read(fileno: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(fileno, size - len(data))
    return data


def test_everything_comes_in_order(pipe: tuple[int, int]) -> None:
    writer = TerminalWriter(pipe[1], lambda: None)
    for number in range(100):
        writer.write(f"{number},")
    assert writer.drain(SECONDS)
    expected = "".join(f"{number}," for number in range(100)).encode()
    assert read(pipe[0], len(expected)) == expected
    assert not writer.behind


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reader_that_stops_is_noticed_and_waited_for_elsewhere(
    pipe: tuple[int, int], blocking: bool
) -> None:
    os.set_blocking(pipe[1], blocking)
    caught_up = threading.Event()
    writer = TerminalWriter(pipe[1], caught_up.set)
    size = 400_000  # more than a pipe holds
    writer.write("x" * size)
    assert writer.behind
    writer.write("the end")
    assert not caught_up.is_set()
    assert not writer.drain(0.01)
    assert read(pipe[0], size + 7).endswith(b"xthe end")
    assert caught_up.wait(SECONDS)
    assert not writer.behind


def test_a_terminal_that_is_gone_takes_everything(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    writer = TerminalWriter(pipe[1], lambda: None)
    writer.write("x" * 100_000)
    assert writer.drain(SECONDS)
    writer.write("x" * 100_000)
    assert writer.drain(0)
    assert not writer.behind
