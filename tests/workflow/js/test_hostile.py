"""What a script may try, and what becomes of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.workflow.javascript import ScriptFailed
from tests.workflow.js.hosts import FakeHost, run

pytestmark = pytest.mark.anyio

MODULE = "export const meta = { name: 'm' }\n"  # modules are strict


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("\n\nconst f = () => { while (true); }\nf()", "3:"),
        ("const spin = async () => { await null; return spin() }\nawait spin()", "1:28"),
        ("for (;;)\n  await null", "2:3"),
        ("await agent('x')\nawait Promise.resolve().then(() => { for (;;); })", "2:"),
        ("throw { get message() { for (;;); } }", ""),
        ("return { toJSON() { for (;;); } }", ""),
        ("await agent('x', { get label() { for (;;); } })", ""),
        ("for (;;) await new Promise((r) => setTimeout(r, 1))", ""),
        ("'x'.repeat(30).match(/^(x+x+)+y/)", ""),
        ("try { for (;;); } catch { } finally { for (;;); }", ""),
    ],
)
async def test_endless_loops_are_stopped(source: str, place: str) -> None:
    with pytest.raises(ScriptFailed) as failed:
        await run(source, cpu_seconds=0.2)
    assert "ran for 0.2 s of processor time without waiting" in str(failed.value)
    assert str(failed.value).startswith(f"flow.js:{place}" if place else "flow.js")


async def test_a_built_in_function_that_does_not_come_back() -> None:
    # the engine does not look at its limit inside it
    with pytest.raises(ScriptFailed, match=r"inside one built-in function for 1\.15 s"):
        await run("return Array.prototype.reverse.call({ length: 3e8 })", cpu_seconds=0.1)


async def test_a_loop_that_waits_for_agents_is_not_endless() -> None:
    source = (
        "let n = 0\n"
        "for (let i = 0; i < 300; i++) { for (let k = 0; k < 20000; k++) n++; await agent('x') }\n"
        "return n"
    )
    assert await run(source, cpu_seconds=0.5) == 6_000_000


@pytest.mark.parametrize(
    "source",
    [
        "const all = []; for (;;) all.push(new Array(1000).fill(all.length))",
        "const all = []; for (;;) { all.push('x'.repeat(100000) + all.length); await null }",
        "return await parallel([() => { const all = []; for (;;) all.push(new Uint8Array(1 << 20)) }])",
    ],
)
async def test_memory_bombs_end_the_script(source: str) -> None:
    with pytest.raises(ScriptFailed, match="more than 32 MB of memory"):
        await run(source, memory_bytes=32 << 20, cpu_seconds=20)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("const f = () => f() + 1\nreturn f()", "calls itself too deeply"),
        ("const f = () => f() + 1\nreturn await parallel([f])", "calls itself too deeply"),
        ("let d = 0; let a = []; for (let i = 0; i < 100000; i++) a = [a]; return a", "nested too deeply"),
        ("let s = 'x'; for (;;) s += s", "string too long"),
        ("await agent('x'.repeat(2000))", "agent() is too large"),
        ("const a = {}; a.self = a; return a", "refers to itself"),
        ("return [1n]", "a bigint, which is no JSON"),
        ("return { f() {} }", "a function, which is no JSON"),
        ("return { s: Symbol('s') }", "a symbol, which is no JSON"),
        ("return [agent('x')]", "has a promise in it"),
        ("throw 'text'", "the script threw text"),
        ("throw undefined", "the script threw undefined"),
        ("throw { a: 1 }", 'the script threw {"a":1}'),
        ("throw new Proxy({}, { get() { throw 1 } })", "the script threw"),
        ("throw { toString() { for (;;); } }", "the script threw {}"),
        ("throw Object.create(null)", "the script threw {}"),
        (
            "class Own extends Error { constructor(m) { super(m); this.name = 'Own' } }\nthrow new Own('m')",
            "Own: m",
        ),
        ("return Promise.reject(new RangeError('later'))", "RangeError: later"),
    ],
)
async def test_failures_are_one_sentence(source: str, said: str) -> None:
    with pytest.raises(ScriptFailed) as failed:
        await run(source, message_characters=1_000)
    assert said in str(failed.value)
    assert "\n" not in str(failed.value)
    assert "<input>" not in str(failed.value)


@pytest.mark.parametrize(
    "source",
    [
        "return (() => {}).constructor('return globalThis')()",
        "return agent.constructor.constructor('return process')()",
        "return (async () => {}).constructor('return 1')()",
        "return (function* () {}).constructor('return 1')()",
        "return Object.getPrototypeOf(async function* () {}).constructor('return 1')()",
        "return Reflect.construct(Reflect.get(Object, 'constructor'), ['return 1'])()",
        "return globalThis['ev' + 'al']('1')",
        "return class extends Object.getPrototypeOf(agent).constructor {}('return 1')",
    ],
)
async def test_no_code_from_text(source: str) -> None:
    with pytest.raises(ScriptFailed, match=r"cannot make code from text|class constructors must be invoked"):
        await run(source)


async def test_nothing_of_the_machine_is_there() -> None:
    source = (
        "return ['process', 'require', 'module', 'fetch', 'Deno', 'Bun', 'std', 'os', 'WebAssembly', 'Worker', 'print',"
        " 'scriptArgs', 'performance', 'Atomics', 'SharedArrayBuffer', 'WeakRef', '__wf_control', 'gc']"
        ".filter((name) => name !== 'require' && name in globalThis)"
    )
    assert await run(source) == []


@pytest.mark.parametrize(
    "change",
    [
        "globalThis[name('agent')] = 1",
        "Reflect.getPrototypeOf([])[name('map')] = () => 'mine'",
        "Object.defineProperty(budget, 'spent', { value: () => -1 })",
        "const b = budget; b.total = 1e9",
        "const p = Promise.prototype; p.then = () => 1",
        "delete Reflect.getPrototypeOf(new Map()).get",
        "const o = Object.prototype; o.toJSON = () => 'mine'",
        "Object.setPrototypeOf(agent, null)",
        "const j = JSON; j.stringify = () => '{}'",
        "const c = console; c.log = 1",
        "const e = Error; e.prepareStackTrace = () => 1",
        "const u = URL; u.prototype.x = 1",
    ],
)
async def test_built_in_things_cannot_be_changed(change: str) -> None:
    source = f"{MODULE}const name = (text) => text\n{change}"
    with pytest.raises(ScriptFailed) as failed:
        await run(source)
    assert failed.value.problem.line == 3
    # in a script that is not strict some changes are passed over without a word; none of them takes effect
    rest = "return await parallel([() => agent('x')].map((f) => f))"
    loose = f"const name = (text) => text\ntry {{ {change} }} catch {{ }}\n{rest}"
    assert await run(loose) == ["<x>"]


async def test_writing_to_a_primitive_is_a_clear_error_in_every_script() -> None:
    with pytest.raises(
        ScriptFailed, match=r"flow.js:1:\d+: `agent` belongs to the workflow and cannot be changed"
    ):
        await run("const g = globalThis; g.agent = 1")
    with pytest.raises(PlanInvalid, match="`log` is a global of the workflow"):
        await run("log = 1")


async def test_ordinary_inheritance_still_works() -> None:
    source = (
        MODULE + "class Shape { toString() { return 'shape' } }\n"
        "const o = {}; o.toString = () => 'own'; o.constructor = 1; o.hasOwnProperty = 2\n"
        "function Old() { } Old.prototype.toString = () => 'old'; Old.prototype.valueOf = () => 1\n"
        "const e = new Error('m'); e.name = 'Named'; e.message = 'changed'\n"
        "return [`${new Shape()}`, `${o}`, `${new Old()}`, String(e), o.constructor, Object.keys(o)]"
    )
    assert await run(source) == [
        "shape",
        "own",
        "old",
        "Named: changed",
        1,
        ["toString", "constructor", "hasOwnProperty"],
    ]


@pytest.mark.parametrize(
    "source",
    [
        "const D = Date; return D.now()",
        "const D = Date; return new D()",
        "const D = Date; return D()",
        "return Reflect.construct(Date, [])",
        "return new Date(...[])",
        "return new (class extends Date {})()",
        "const m = Math; return m.random()",
        "return Math['ran' + 'dom']()",
        "return new Date(0).constructor.now()",
        "return await parallel([() => { const { now } = [Date][0]; return now() }])",
        "const c = crypto; return c.randomUUID()",
    ],
)
async def test_clock_and_chance_are_refused_while_running(source: str) -> None:
    with pytest.raises(ScriptFailed, match="another value in each run"):
        await run(source)


async def test_dates_with_a_value_work() -> None:
    source = (
        "const d = new Date('2024-02-29T12:00:00Z')\n"
        "return [d.toISOString(), d instanceof Date, new Date(0).getTime(), Date.UTC(2020, 0), Date.parse('2020')]"
    )
    assert await run(source) == ["2024-02-29T12:00:00.000Z", True, 0, 1577836800000, 1577836800000]


async def test_getters_on_options_are_read_once() -> None:
    host = FakeHost()
    await run("let n = 0; await agent('x', { get label() { return 'l' + n++ } })", host)
    assert host.options[0]["label"] == "l0"


async def test_scripts_leave_nothing_behind() -> None:
    before = sys.getallocatedblocks()
    for _ in range(30):
        await run("return await agent('x')")
    assert sys.getallocatedblocks() - before < 20_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
async def test_the_engine_has_a_process_with_nothing_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret")
    seen: list[str] = []

    def answer(prompt: str, _: dict[str, Any]) -> str:
        (engine,) = (c for c in psutil.Process().children() if "engine.py" in " ".join(c.cmdline()))
        folder = Path(f"/proc/{engine.pid}")
        seen.append(folder.joinpath("environ").read_text())
        seen.append(folder.joinpath("limits").read_text())
        return prompt

    await run("return await agent('x')", FakeHost(answer))
    environment, limits = seen
    assert "sk-secret" not in environment
    for name in ("Max processes", "Max open files", "Max file size", "Max core file size"):
        (line,) = (line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[:2] == ["0", "0"]
