from __future__ import annotations

import signal
import sys
from typing import Any

import anyio
import psutil
import pytest

from piplan_tui.workflow.host import AgentLimitReached, WorkflowStop
from piplan_tui.workflow.javascript import ScriptFailed
from tests.workflow.js.hosts import FakeHost, run

pytestmark = pytest.mark.anyio


async def test_agents_run_at_the_same_time() -> None:
    here = 0
    all_here = anyio.Event()

    async def answer(prompt: str, _: dict[str, Any]) -> str:
        nonlocal here
        here += 1
        if here == 50:
            all_here.set()
        await all_here.wait()
        return prompt

    host = FakeHost(answer)
    result = await run(
        "return await parallel(Array.from({ length: 50 }, (_, i) => () => agent('n' + i)))", host
    )
    assert result == [f"n{i}" for i in range(50)]
    assert host.most_at_once == 50


async def test_the_loop_goes_on_while_a_script_computes() -> None:
    turns = 0
    done = anyio.Event()

    async def turn() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turn)
        await run("let n = 0; for (let i = 0; i < 2000000; i++) n += i; return n")
        done.set()
    assert turns > 20


async def test_two_scripts_do_not_see_each_other() -> None:
    results: dict[int, Any] = {}

    async def one(number: int) -> None:
        results[number] = await run(f"args.seen = {number}; await agent('x'); return args", FakeHost(args={}))

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(one, number)
    assert results == {number: {"seen": number} for number in range(4)}


@pytest.mark.parametrize("stop", [WorkflowStop("stop"), AgentLimitReached("1,000 agents")])
async def test_the_end_of_the_run_is_never_swallowed(stop: Exception) -> None:
    def answer(prompt: str, _: dict[str, Any]) -> Any:
        if prompt == "b":
            raise stop
        return anyio.sleep_forever()

    host = FakeHost(answer)
    with pytest.raises(type(stop)) as raised:
        await run(
            "try { await parallel([() => agent('a'), () => agent('b').catch(() => 1)]) } catch { }\nawait agent('c')",
            host,
        )
    assert raised.value is stop
    assert host.cancelled == ["a"]
    assert host.prompts == ["a", "b"]


async def test_an_error_of_the_program_is_not_the_script_s() -> None:
    def answer(prompt: str, _: dict[str, Any]) -> Any:
        raise LookupError("bug")

    with pytest.raises(LookupError, match="bug"):
        await run("await parallel([() => agent('x')])", FakeHost(answer))


def engines() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "engine.py" in " ".join(child.cmdline())]


async def test_cancelling_stops_agents_and_the_engine() -> None:
    started = anyio.Event()

    async def answer(prompt: str, _: dict[str, Any]) -> None:
        started.set()
        await anyio.sleep_forever()

    host = FakeHost(answer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, "await agent('x')", host)
        await started.wait()
        assert len(engines()) == 1
        tasks.cancel_scope.cancel()
    assert host.cancelled == ["x"]
    assert engines() == []


@pytest.mark.parametrize(
    "busy", ["for (;;);", "Array.prototype.reverse.call({ length: 3e9 })"], ids=["loop", "built-in"]
)
async def test_cancelling_stops_a_busy_script_at_once(busy: str) -> None:
    host = FakeHost()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, f"await agent('x')\n{busy}", host)
        while not host.prompts or host.running:  # noqa: ASYNC110  # nothing of the script can say that it is busy
            await anyio.sleep(0.01)
        cancelled = anyio.current_time()
        tasks.cancel_scope.cancel()
    assert anyio.current_time() - cancelled < 5.0  # its own limit would come after ten
    assert engines() == []


OWNER = """
import sys
import anyio
from tests.workflow.js.hosts import FakeHost, run
from tests.workflow.js.test_session import engines

async def answer(prompt, options):
    print(engines()[0].pid, flush=True)
    if prompt == "wait":
        await anyio.sleep_forever()

anyio.run(run, sys.argv[1], FakeHost(answer))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the next start finds it")
@pytest.mark.parametrize(
    "script",
    ["await agent('wait')", "await agent('x')\nfor (;;);", "await agent('x')\nawait new Promise(() => {})\n"],
    ids=["waiting", "busy", "at its end"],
)
async def test_the_engine_goes_with_its_owner(script: str) -> None:
    command = [sys.executable, "-c", OWNER, script]
    async with await anyio.open_process(command, stderr=None) as owner:
        assert owner.stdout is not None
        engine = psutil.Process(int(await owner.stdout.receive()))
        owner.kill()
        assert await owner.wait() == -signal.SIGKILL
        with anyio.fail_after(10):
            while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - no child of ours
                await anyio.sleep(0.01)


async def test_an_engine_that_is_killed_is_told() -> None:
    async def answer(prompt: str, _: dict[str, Any]) -> None:
        engines()[0].kill()
        await anyio.sleep_forever()

    with pytest.raises(ScriptFailed, match=r"flow.js: the engine of the script broke off \(exit code -9\)"):
        await run("await agent('x')", FakeHost(answer))


async def test_a_promise_that_is_never_awaited_is_told_with_its_place() -> None:
    host = FakeHost(lambda prompt, _: anyio.sleep_forever())
    with pytest.raises(
        ScriptFailed, match=r"flow.js:2:3: the script ended while this call was still running"
    ):
        await run("log('x')\n  agent('forgotten')\n", host)


async def test_a_call_that_fails_and_nobody_awaits() -> None:
    with pytest.raises(
        ScriptFailed, match=r"flow.js:2:1: nothing awaits this call, and it failed: Error: boo"
    ):
        await run("const work = async () => { throw new Error('boo') }\nwork()\nawait agent('y')")


async def test_what_lost_a_race_is_stopped_and_told() -> None:
    host = FakeHost(lambda prompt, _: anyio.sleep_forever() if prompt == "slow" else prompt)
    assert await run("return await Promise.race([agent('slow'), agent('fast')])", host) == "fast"
    assert host.cancelled == ["slow"]
    assert host.logs == ['the script ended without waiting for agent "slow" (flow.js:1:28), which is stopped']


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("await new Promise(() => {})", "flow.js:1:1"),
        ("const f = async () => {\n  await agent('x')\n  await { then() {} }\n}\nawait f()", "flow.js:3:3"),
        ("return new Promise(() => {})", "flow.js"),
    ],
)
async def test_a_script_that_can_never_go_on(source: str, place: str) -> None:
    with pytest.raises(ScriptFailed) as failed:
        await run(source)
    assert str(failed.value) == f"{place}: the script waits for something that never happens"
