from __future__ import annotations

import random
from typing import Any

import anyio
import pytest

from tests.workflow.js.hosts import FakeHost, run

pytestmark = pytest.mark.anyio

NESTED = """
const ask = async (name) => { await agent(name + ' before'); return agent(name + ' after') }
await agent('top')
const done = await pipeline(['a', 'b'],
  async (_, item) => {
    try { await Promise.reject(new Error('x')) } catch { await agent(item + ' caught') }
    await (await (async () => 1)(), async () => 2)()
    await [1].map(String)
    return ask(item + '0')
  },
  (prev, item) => parallel([0, 1].map((n) => async () => {
    await null
    await ask(item + '1' + n)
    for await (const word of [agent(item + n + ' w1'), Promise.resolve('w2')])
      await agent(item + n + ' got ' + word)
    await agent(item + n + ' end')
  })).then((all) => agent(item + ' then')),
)
await Promise.all(['p', 'q'].map(async (item) => { await ask(item); await parallel([() => ask(item + 'in')]) }))
await agent('last')
"""


async def paths(seed: int) -> dict[str, str]:
    chance = random.Random(seed)

    async def answer(prompt: str, _: dict[str, Any]) -> str:
        for _step in range(chance.randrange(20)):
            await anyio.lowlevel.checkpoint()
        return "ok"

    host = FakeHost(answer)
    await run(NESTED, host)
    return host.paths()


async def test_a_call_has_the_place_of_the_code_that_made_it() -> None:
    found = await paths(0)
    assert found["top"] == found["last"] == found["p before"] == found["q after"] == ""
    assert found["b0 after"] == found["b caught"] == "pipeline/item:1/stage:0"
    for prompt in ("a11 before", "a11 after", "a1 w1", "a1 got ok", "a1 got w2", "a1 end"):
        assert found[prompt] == "pipeline/item:0/stage:1/parallel/item:1", prompt
    assert found["a then"] == "pipeline/item:0/stage:1"
    assert found["qin after"] == "parallel/item:0"


@pytest.mark.parametrize("seed", range(1, 6))
async def test_paths_do_not_depend_on_what_finishes_first(seed: int) -> None:
    assert await paths(seed) == await paths(0)


async def test_generators_keep_their_place() -> None:
    host = FakeHost()
    await run(
        "async function* words() { await agent('g1'); yield 1; await agent('g2'); yield 2 }\n"
        "await parallel([async () => {\n"
        "outer: for await (const w of words()) { await agent('got' + w); continue outer }\n"
        "await agent('done') }, () => agent('other')])",
        host,
    )
    assert {path for prompt, path in host.paths().items() if prompt != "other"} == {"parallel/item:0"}
