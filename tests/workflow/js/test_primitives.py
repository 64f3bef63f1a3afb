from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.workflow.javascript import ScriptFailed
from tests.workflow.js.hosts import FakeHost, run

pytestmark = pytest.mark.anyio


async def test_top_level_await_and_return_give_the_result() -> None:
    assert await run(
        "const a = await agent('hi')\nreturn { a, n: 1, none: undefined, list: [undefined] }"
    ) == {
        "a": "<hi>",
        "n": 1,
        "list": [None],
    }


async def test_a_script_without_return_gives_none() -> None:
    assert await run("await agent('hi')") is None


async def test_options_reach_the_host_as_the_script_wrote_them() -> None:
    host = FakeHost()
    await run(
        "await agent('p', { label: 'l', schema: { type: 'object' }, agentType: 't', tools: ['read'], retries: 2,"
        " model: 'm', effort: 'low', isolation: 'worktree', phase: 'P', nothing: undefined })",
        host,
    )
    assert host.options == [
        {
            "label": "l",
            "schema": {"type": "object"},
            "agentType": "t",
            "tools": ["read"],
            "retries": 2,
            "model": "m",
            "effort": "low",
            "isolation": "worktree",
            "phase": "P",
            "path": "",
        }
    ]


async def test_calls_belong_to_the_phase_that_was_named_before_them() -> None:
    host = FakeHost()
    await run("phase('A'); const a = agent('1'); phase('B'); await Promise.all([a, agent('2')])", host)
    assert host.phases == ["A", "B"]
    assert {p: o["phase"] for p, o in zip(host.prompts, host.options, strict=True)} == {"1": "A", "2": "B"}


async def test_args_are_the_run_s_and_undefined_without_any() -> None:
    assert await run("return args.list.length", FakeHost(args={"list": [1, 2]})) == 2
    assert await run("return typeof args") == "undefined"


async def test_log_and_console_reach_the_host() -> None:
    host = FakeHost()
    await run(
        "log('a', 1, { b: [2n, null] }); console.warn('w'); console.log(undefined, new Error('e'))", host
    )
    assert host.logs == ['a 1 {"b":["2n",null]}', "w", "undefined Error: e"]


async def test_budget_shows_what_the_run_has_used() -> None:
    host = FakeHost()
    host.total = 25
    source = (
        "const a = budget.remaining(); await agent('x')\n"
        "return [budget.total, a, budget.spent(), budget.remaining()]"
    )
    assert await run(source, host) == [25, 25, 10, 15]


async def test_budget_without_a_limit() -> None:
    assert await run("return [budget.total, budget.remaining() === Infinity]") == [None, True]


async def test_parallel_waits_for_all_and_gives_null_for_a_throwing_thunk() -> None:
    host = FakeHost()
    source = (
        "return await parallel([\n"
        "  () => agent('a'),\n"
        "  () => { throw new Error('broke') },\n"
        "  async () => { await agent('b'); throw 'late' },\n"
        "  () => 4,\n"
        "])"
    )
    assert await run(source, host) == ["<a>", None, None, 4]
    assert host.logs == [
        "parallel() item 1 failed and gives null: Error: broke (flow.js:3:21)",
        "parallel() item 2 failed and gives null: late",
    ]


async def test_pipeline_stages_get_previous_item_and_index() -> None:
    source = "return await pipeline(['a', 'b'], (p, i, n) => agent([p, i, n].join()), (p, i, n) => [p, i, n])"
    assert await run(source) == [["<a,a,0>", "a", 0], ["<b,b,1>", "b", 1]]


async def test_pipeline_has_no_barrier_between_stages() -> None:
    order: list[str] = []

    def answer(prompt: str, _: dict[str, Any]) -> str:
        order.append(prompt)
        return prompt

    await run(
        "await pipeline([0, 1], async (_, i) => { for (let k = 0; k <= i * 3; k++) await agent('slow' + i); return i },"
        " (p) => agent('second' + p))",
        FakeHost(answer),
    )
    assert order.index("second0") < len(order) - 1 - order[::-1].index("slow1")


async def test_a_stage_that_throws_drops_its_item_only() -> None:
    host = FakeHost(lambda prompt, _: None if prompt == "1" else {"found": [prompt]})
    source = "return await pipeline([0, 1, 2], (n) => agent(String(n)), (r) => r.found[0])"
    assert await run(source, host) == ["0", None, "2"]
    assert len(host.logs) == 1
    assert host.logs[0].startswith(
        "pipeline() item 1 failed and gives null: TypeError: cannot read property 'found'"
    )


async def test_a_stage_that_returns_nothing_is_told_with_its_place() -> None:
    host = FakeHost()
    await run("phase('x')\nawait pipeline([1, 2], (n) => { n + 1 }, (p) => p)", host)
    assert host.logs == [
        "pipeline() stage 0 returned nothing for item 0, so that the next stage gets undefined: "
        "is a `return` missing? (flow.js:2:7)"
    ]


async def test_empty_fan_outs() -> None:
    assert await run("return [await parallel([]), await pipeline([], (x) => x), await pipeline([1])]") == [
        [],
        [],
        [1],
    ]


async def test_a_name_that_does_not_exist_is_never_swallowed() -> None:
    with pytest.raises(ScriptFailed, match=r"flow.js:1:\d+: ReferenceError: nobody is not defined"):
        await run("return await parallel([() => pipeline([1], () => nobody.x), () => 1])")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("const p = agent('x'); await parallel([p])", "item 0 is a promise"),
        ("await parallel(agent('x'))", "one array of functions, not a promise"),
        ("await parallel(() => 1, () => 2)", "one array of functions"),
        ("await pipeline('abc', (x) => x)", "array of items before its stages, not a string"),
        ("await pipeline([1], 5)", "stage 0 is a number"),
        ("await agent()", "needs a prompt, which is a string, not nothing"),
        ("await agent('x', 'y')", "the options of agent() are an object, not a string"),
        ("await agent('x', { label() {} })", 'at "label", has a function'),
        ("phase('')", "phase() needs a title"),
        ("await workflow()", "workflow() needs the name of a workflow"),
    ],
)
async def test_wrong_calls_end_the_script_even_inside_parallel(call: str, said: str) -> None:
    with pytest.raises(ScriptFailed) as failed:
        await run(f"\n  return await parallel([async () => {{ {call} }}])")
    assert said in failed.value.problem.message
    assert failed.value.problem.line in {0, 2}
    assert "\n" not in str(failed.value)


async def test_workflow_gives_what_the_host_gives() -> None:
    host = FakeHost()
    assert await run("return await workflow('child', { a: 1 })", host) == {"from": "child"}
    await run("await workflow({ scriptPath: 'other.js' })", host)
    assert host.children == [("child", {"a": 1}), ("other.js", None)]


async def test_a_mistake_that_the_host_reports_has_its_place_and_can_be_caught() -> None:
    with pytest.raises(ScriptFailed, match=r'flow.js:2:\d+: there is no workflow "missing"'):
        await run("\nawait parallel([() => workflow('missing')])")
    assert await run("try { await workflow('missing') } catch (e) { return e.message }") == (
        'there is no workflow "missing"'
    )


async def test_a_hundred_thousand_items_are_refused_before_any_starts() -> None:
    host = FakeHost()
    with pytest.raises(ScriptFailed, match=r"flow.js:1:\d+: 100000 items are more than the 4096"):
        await run("await parallel(Array.from({ length: 100000 }, () => () => agent('x')))", host)
    assert host.prompts == []


async def test_a_small_fan_out_above_the_limit_starts_no_agent_either() -> None:
    host = FakeHost()
    host.max_items = 2
    with pytest.raises(ScriptFailed, match="3 items are more than"):
        await run("await pipeline([1, 2, 3], (n) => agent('x' + n))", host)
    assert host.prompts == []


async def test_a_default_export_gets_the_primitives() -> None:
    host = FakeHost(args=3)
    source = (
        "export const meta = { name: 'n' }\n"
        "export default async function main({ agent, args }) {\n  return agent('n' + args)\n}\n"
    )
    assert await run(source, host) == "<n3>"


async def test_strings_of_any_kind_cross_the_border() -> None:
    text = 'nul \0, line \u2028, quote " \\ 😀 \\ud800'
    assert await run("return await agent(args)", FakeHost(lambda prompt, _: prompt, args=text)) == text
    # half a pair is no text that could be stored
    assert await run("return ['a\\ud800b', '\\\\ud800', '\\ud83d\\ude00']") == ["a\ufffdb", "\\ud800", "😀"]
    assert len(await run("return 'é'.repeat(100000) + 'x'.repeat(100000)")) == 200_000


async def test_timers_fire_in_order_without_taking_time() -> None:
    source = (
        "const seen = []\n"
        "const sleep = (ms) => new Promise((done) => setTimeout(() => { seen.push(ms); done() }, ms))\n"
        "const id = setTimeout(() => seen.push('never'), 5)\n"
        "clearTimeout(id)\n"
        "await Promise.all([sleep(3600000), sleep(10), sleep(100)])\n"
        "return seen"
    )
    assert await run(source) == [10, 100, 3600000]


async def test_a_timeout_does_not_overtake_an_agent() -> None:
    source = (
        "return await Promise.race([agent('slow'), new Promise((r) => setTimeout(() => r('timeout'), 1))])"
    )
    assert await run(source) == "<slow>"


async def test_options_that_do_not_exist_are_told_once_and_ignored() -> None:
    host = FakeHost()
    source = "for (const p of ['x', 'y'])\n  await agent(p, { lable: 'l', _own: 1, label: 'l' })"
    await run(source, host)
    assert [set(options) - {"path"} for options in host.options] == [{"label"}, {"label"}]
    assert host.logs == [
        'agent() has no option "lable", which is ignored; did you mean label? (flow.js:2:15)',
        'agent() has no option "_own", which is ignored (flow.js:2:15)',
    ]
