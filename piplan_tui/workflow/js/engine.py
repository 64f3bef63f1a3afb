"""One script in one QuickJS context: started, pumped, answered, drained. All calls from one thread.

The engine cannot call Python: while a time limit is set the binding does not allow it, and so nothing of the program is
reachable from the script. Requests are taken out (`drain`), answers put in (`settle`), both as JSON text.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import quickjs  # type: ignore[import-untyped]  # the package has no type information

from piplan_tui.workflow.js.compile import FIRST_LINE, CompiledScript

STACK_OF_THREAD = 16 << 20
_STACK = 12 << 20
_SPARE_MEMORY = 16 << 20  # so that what the script said can still be read when it has used all of its own
_LONE_SURROGATE = re.compile(r"(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_PLACE = re.compile(r"<input>:(\d+):(\d+)")


@dataclass(frozen=True, slots=True)
class JsLimits:
    """What a script may use.

    `cpu_seconds` is the processor time between two answers of the program; awaiting an agent costs none.
    `ask_first` is the number of items from which a fan-out is started only after the program has agreed to it.
    """

    cpu_seconds: float = 10.0
    memory_bytes: int = 256 << 20
    message_characters: int = 16_000_000
    ask_first: int = 1_000


@dataclass(slots=True)
class Meter:
    """When the engine began what it is at, by `time.monotonic()`; `None` while it is idle. For other threads to read,
    which must not hold the engine itself."""

    busy_since: float | None = None


class EngineStopped(Exception):
    """The engine cannot go on with this script.

    `place` is in the compiled text, (0, 0) when it is not known; `site` is the await that the script is at instead.
    """

    def __init__(self, message: str, place: tuple[int, int] = (0, 0), site: int | None = None) -> None:
        super().__init__(message)
        self.place = place
        self.site = site


@lru_cache(maxsize=4)
def _shipped(name: str) -> str:
    return files("piplan_tui.workflow.js").joinpath(name).read_text(encoding="utf-8")


class Engine:
    """A context with the primitives in it and a script that has not started."""

    def __init__(self, script: CompiledScript, args: Any, limits: JsLimits, meter: Meter) -> None:
        self._limits = limits
        self._used = 0.0
        self._meter = meter
        self._context = quickjs.Context()
        self._context.set_memory_limit(limits.memory_bytes)
        self._context.set_max_stack_size(_STACK)
        settings = {
            "firstLine": FIRST_LINE,
            "maxMessage": limits.message_characters,
            "askFirst": limits.ask_first,
            "args": None if args is None else json.dumps(args),
        }
        web = self._context.eval(_shipped("web.js"))(self._context.eval(_shipped("url.js")))
        world = self._context.eval(_shipped("world.js"))
        core = self._context.eval(_shipped("core.js"))
        self._context.set("__wf_control", core(web, world, json.dumps(settings)))
        control = {
            name: self._context.eval(f"__wf_control.{name}")
            for name in ("start", "settle", "budget", "fireTimer", "drain", "waitsAt", "lastAwait")
        }
        self._context.eval("delete globalThis.__wf_control")
        self._control: dict[str, Callable[..., Any]] = control
        self._script = script

    def start(self, budget: tuple[float | None, float]) -> None:
        """Run the script up to its first `await`."""
        self._control["budget"](json.dumps(budget))
        make = self._limited(self._context.eval, self._script.code)
        self._limited(self._control["start"], make)

    def pump(self, stop: Callable[[], bool], slice_seconds: float) -> bool:
        """Run what is ready, for about `slice_seconds`. True when there is more."""
        until = time.perf_counter() + slice_seconds
        while self._limited(self._context.execute_pending_job):
            if self._used > self._limits.cpu_seconds:
                # no single job was too long, but together they got nowhere
                raise EngineStopped(self._too_long(), site=self._control["lastAwait"]())
            if stop() or time.perf_counter() > until:
                return True
        return False

    def settle(self, answer: str) -> None:
        """Answer a request. The script has its whole processor time again."""
        self._used = 0.0
        self._limited(self._control["settle"], answer)

    def fire_timer(self) -> bool:
        """Fire the timer that is due next; False when there is none."""
        return bool(self._limited(self._control["fireTimer"]))

    def drain(self) -> list[dict[str, Any]]:
        """What the script asked for and said since the last time, in order: `{"m": message, "id"?: number}`."""
        self._context.set_memory_limit(self._limits.memory_bytes + _SPARE_MEMORY)
        try:
            text = self._limited(self._control["drain"])
        finally:
            self._context.set_memory_limit(self._limits.memory_bytes)
        if not text:
            return []
        # half of a surrogate pair is a string in JavaScript, but no text
        found: list[dict[str, Any]] = json.loads(_LONE_SURROGATE.sub(r"\1\\ufffd", text))
        return found

    def waits_at(self) -> int | None:
        """The site of the newest await that has not gone on; `None` when there is none."""
        site: int | None = self._limited(self._control["waitsAt"])
        return site

    def _limited(self, call: Callable[..., Any], *given: Any) -> Any:
        # the binding counts the processor time of the whole process, but only while it runs the script
        self._context.set_time_limit(max(0.01, self._limits.cpu_seconds - self._used))
        before = time.thread_time()
        self._meter.busy_since = time.monotonic()
        try:
            return call(*given)
        except quickjs.JSException as error:
            raise self._stopped(str(error)) from None
        finally:
            self._meter.busy_since = None
            self._used += time.thread_time() - before

    def _too_long(self) -> str:
        return (
            f"the script ran for {self._limits.cpu_seconds:g} s of processor time without waiting for an agent: "
            "is there an endless loop near here?"
        )

    def _stopped(self, said: str) -> EngineStopped:
        places = ((int(line), int(column)) for line, column in _PLACE.findall(said))
        place = next((place for place in places if place[0] >= FIRST_LINE), (0, 0))
        if said.startswith("InternalError: interrupted"):
            return EngineStopped(self._too_long(), place)
        if said.startswith(("null", "InternalError: out of memory", "(Failed obtaining")):
            return EngineStopped(memory_message(self._limits), place)
        return EngineStopped(said.partition("\n")[0], place)


def memory_message(limits: JsLimits) -> str:
    """The sentence for a script that used up its memory."""
    return f"the script used more than {limits.memory_bytes >> 20} MB of memory"
