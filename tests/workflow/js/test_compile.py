from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piplan_tui.workflow.js.compile import FIRST_LINE, compile_script
from piplan_tui.workflow.js.source import Source
from tests.workflow.js.hosts import run

pytestmark = pytest.mark.anyio

_PIECES = [
    "await agent('é')",
    "await (async () => 1)()",
    "await (x).y",
    "(await f(await g()))",
    "mark",
    "f(mark, await mark)",
    "label: for await (const a of await b) { await mark; continue label }",
    "for await (const a of b) await mark(a)",
    "f(1).then(mark)",
    "async function* g() { yield await mark; yield* mark }",
    "`😀 ${await mark} ${f(mark)}`",
    "export const q = await mark",
    "/* await mark */ mark // await f(1)",
]


@given(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8),
    st.lists(st.sampled_from(["\n", "; ", ";\n\n  "]), min_size=8, max_size=8),
)
@settings(max_examples=60)
def test_every_word_keeps_its_place(pieces: list[str], gaps: list[str]) -> None:
    source = "".join(piece + gap for piece, gap in zip(pieces, gaps, strict=False))
    script = compile_script(Source(source))
    written = script.code.split("\n")[FIRST_LINE - 1 :]
    for number, line in enumerate(source.split("\n"), 1):
        before = [found.start() + 1 for found in re.finditer(r"\bmark\b", line)]
        after = [found.start() + 1 for found in re.finditer(r"\bmark\b", written[number - 1])]
        assert [script.place(FIRST_LINE + number - 1, column) for column in after] == [
            (number, column) for column in before
        ]


async def test_await_in_front_of_parentheses_is_an_await() -> None:
    source = (
        "const o = { f: async () => ({ g: [async () => 5] }) }\n"
        "const list = await (o).f()\n"
        "const n = await (list.g[0])()\n"
        "await (async () => { await agent('inside') })()\n"
        "return [n, await (agent('a'), agent('b')), (await [1, 2][1])]"
    )
    assert await run(source) == [5, "<b>", 2]


async def test_exports_other_than_the_default_are_declarations() -> None:
    source = "export const meta = { name: 'n' }\nexport function twice(n) { return n * 2 }\nreturn twice(4) + meta.name"
    assert await run(source) == "8n"


async def test_a_default_export_may_be_any_expression() -> None:
    assert await run("export default 5\n") == 5
    assert await run("export default async ({ agent }) => {\n  return agent('x')\n}\n(1)") == "<x>"
    assert await run("export default function main() { return 1 }\nlog('before')") == 1
