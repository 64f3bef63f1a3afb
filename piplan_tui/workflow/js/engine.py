"""The program that a script runs in: one script in one QuickJS context, in a process of its own.

Started by path, so that it loads nothing but the engine: it must not import from the package. The process may
write no file and start no process, and is killed when the run lets go of the script, whatever the script is at.
A line of JSON each way: first `Setup`, then answers (`{"id", "value" | "error", "budget"}`) come in on stdin;
`{"messages": […]}`, `{"idle": answers taken}` and, once, `{"end": …}` go out on stdout.

The engine cannot call Python: while a time limit is set the binding does not allow it. Requests are taken out
(`drain`), answers put in (`settle`), both as JSON text.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

import quickjs  # type: ignore[import-untyped]  # the package has no type information

_STACK_OF_THREAD = 16 << 20
_STACK = 12 << 20
_SPARE_MEMORY = 16 << 20  # so that what the script said can still be read when it has used all of its own
_MEMORY_OF_PROCESS = 1 << 30  # addresses, not pages: a last line for when the engine's own limit fails
_SLICE_SECONDS = 0.02  # how long a busy script may keep its requests to itself
_LONE_SURROGATE = re.compile(r"(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_PLACE = re.compile(r"<input>:(\d+):(\d+)")
_PR_SET_PDEATHSIG = 1
_CHUNK = 1 << 16


class Setup(TypedDict):
    """The first line: the compiled script and what it may use. `args` is JSON text, or `None` without any."""

    code: str
    args: str | None
    budget: list[float | None]
    firstLine: int
    cpuSeconds: float
    memoryBytes: int
    maxMessage: int
    askFirst: int


class _Stopped(Exception):
    """The engine cannot go on with this script.

    `why` is `time`, `memory` or a text. `place` is in the compiled text, (0, 0) when it is not known; `site` is
    the await that the script is at instead.
    """

    def __init__(self, why: str, place: tuple[int, int] = (0, 0), site: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.place = place
        self.site = site


def _shipped(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


class _Engine:
    """A context with the primitives in it and a script that has not started. All calls from one thread."""

    def __init__(self, setup: Setup) -> None:
        self._cpu_seconds = setup["cpuSeconds"]
        self._memory = setup["memoryBytes"]
        self._first_line = setup["firstLine"]
        self._used = 0.0
        self._context = quickjs.Context()
        self._context.set_memory_limit(self._memory)
        self._context.set_max_stack_size(_STACK)
        settings = {key: setup[key] for key in ("firstLine", "maxMessage", "askFirst", "args")}
        web = self._context.eval(_shipped("web.js"))(self._context.eval(_shipped("url.js")))
        world = self._context.eval(_shipped("world.js"))
        core = self._context.eval(_shipped("core.js"))
        self._context.set("__wf_control", core(web, world, json.dumps(settings)))
        names = ("start", "settle", "budget", "fireTimer", "drain", "waitsAt", "lastAwait")
        self._control: dict[str, Callable[..., Any]] = {
            name: self._context.eval(f"__wf_control.{name}") for name in names
        }
        self._context.eval("delete globalThis.__wf_control")

    def start(self, code: str, budget: list[float | None]) -> None:
        """Run the script up to its first `await`."""
        self._control["budget"](json.dumps(budget))
        make = self._limited(self._context.eval, code)
        self._limited(self._control["start"], make)

    def pump(self) -> bool:
        """Run what is ready, for about a slice of time. True when there is more."""
        until = time.perf_counter() + _SLICE_SECONDS
        while self._limited(self._context.execute_pending_job):
            if self._used > self._cpu_seconds:
                # no single job was too long, but together they got nowhere
                raise _Stopped("time", site=self._control["lastAwait"]())
            if time.perf_counter() > until:
                return True
        return False

    def settle(self, answer: str) -> None:
        """Answer a request. The script has its whole processor time again."""
        self._used = 0.0
        self._limited(self._control["settle"], answer)

    def fire_timer(self) -> bool:
        """Fire the timer that is due next; False when there is none."""
        return bool(self._limited(self._control["fireTimer"]))

    def drain(self) -> str:
        """What the script asked for and said since the last time, as JSON: `[{"m": message, "id"?: number}]`."""
        self._context.set_memory_limit(self._memory + _SPARE_MEMORY)
        try:
            text: str = self._limited(self._control["drain"])
        finally:
            self._context.set_memory_limit(self._memory)
        # half of a surrogate pair is a string in JavaScript, but no text
        return _LONE_SURROGATE.sub(r"\1\\ufffd", text)

    def waits_at(self) -> int | None:
        """The site of the newest await that has not gone on; `None` when there is none."""
        site: int | None = self._limited(self._control["waitsAt"])
        return site

    def _limited(self, call: Callable[..., Any], *given: Any) -> Any:
        self._context.set_time_limit(max(0.01, self._cpu_seconds - self._used))
        before = time.thread_time()
        try:
            return call(*given)
        except quickjs.JSException as error:
            raise self._stopped(str(error)) from None
        finally:
            self._used += time.thread_time() - before

    def _stopped(self, said: str) -> _Stopped:
        places = ((int(line), int(column)) for line, column in _PLACE.findall(said))
        place = next((place for place in places if place[0] >= self._first_line), (0, 0))
        if said.startswith("InternalError: interrupted"):
            return _Stopped("time", place)
        if said.startswith(("null", "InternalError: out of memory", "(Failed obtaining")):
            return _Stopped("memory", place)
        return _Stopped(said.partition("\n")[0], place)


class _Lines:
    """The program at the other end of stdin and stdout."""

    def __init__(self) -> None:
        self._buffer = b""
        self._taken = 0

    def put(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", "replace") + b"\n")
        while data:
            data = data[os.write(1, data) :]

    def first(self) -> str:
        return self._line()

    def next(self) -> str:
        """The next answer; says that it is waited for. Empty when nobody is there any more."""
        if b"\n" not in self._buffer:
            self.put(json.dumps({"idle": self._taken}))
        self._taken += 1
        return self._line()

    def _line(self) -> str:
        parts = [self._buffer]
        while b"\n" not in parts[-1]:
            chunk = os.read(0, _CHUNK)
            if not chunk:
                return ""
            parts.append(chunk)
        line, _, self._buffer = b"".join(parts).partition(b"\n")
        return line.decode()


class _Script:
    """A script's life, from its setup to its end."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._open = 0  # requests without an answer

    def live(self) -> None:
        setup: Setup = json.loads(self._lines.first())
        engine = _Engine(setup)
        _confine(setup["memoryBytes"])
        try:
            engine.start(setup["code"], setup["budget"])
            self._run(engine)
        except _Stopped as stopped:
            with suppress(_Stopped):  # what it said before it broke is not lost
                self._flush(engine)
            self._end(why=stopped.why, place=stopped.place, site=stopped.site)

    def _run(self, engine: _Engine) -> None:
        while True:
            more = engine.pump()
            if self._flush(engine):
                return
            if more:
                continue
            if self._open == 0:
                if engine.fire_timer():
                    continue
                self._end(why="stuck", site=engine.waits_at())
                return
            answer = self._lines.next()
            if not answer:
                return
            self._open -= 1
            engine.settle(answer)

    def _flush(self, engine: _Engine) -> bool:
        """Hand over what the script said. True when that was its end."""
        text = engine.drain()
        if not text:
            return False
        messages = json.loads(text)
        self._open += sum("id" in message for message in messages)
        self._lines.put(f'{{"messages":{text}}}')
        return any(message["m"]["t"] in {"done", "failed", "unhandled"} for message in messages)

    def _end(self, **how: Any) -> None:
        self._lines.put(json.dumps({"end": how}))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _confine(memory: int) -> None:
    """Take from this process what no script needs, for the case that one breaks out of the engine."""
    if sys.platform == "win32":
        return
    import resource

    wanted = {"CORE": 0, "FSIZE": 0, "NOFILE": 0, "NPROC": 0, "AS": memory + _MEMORY_OF_PROCESS}
    for name, most in wanted.items():
        with suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def main() -> None:
    """Run the script that stdin brings."""
    _die_with_parent()
    lines = _Lines()
    failed: list[BaseException] = []

    def live() -> None:
        try:
            script.live()
        except BaseException as error:  # said by the parent, which has no stderr of this process
            failed.append(error)

    script = _Script(lines)
    threading.stack_size(_STACK_OF_THREAD)
    # the engine's depth is measured against this thread's stack
    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    thread.join()
    if failed:
        with suppress(OSError):
            lines.put(json.dumps({"end": {"why": f"internal error: {failed[0]!r}"}}))
    os._exit(0)


if __name__ == "__main__":
    main()
