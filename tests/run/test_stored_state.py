"""Events with a right checksum that say what cannot be: a sentence with the place, never another error."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from zlib import crc32

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piplan_tui.run import events as ev
from piplan_tui.run.clock import utc_now
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RunCorrupt, RunInfo, RunNotFound
from tests.run.conftest import Bench
from tests.run.plans import plan_document

AT = datetime(2026, 3, 1, tzinfo=UTC)
CREATED = ev.RunCreated(
    title="Plan", plan_id="p", workspace="/w", mode="parallel", max_concurrency=2, agent="demo"
)
BEGUN = [
    CREATED,
    ev.PlanCreated(plan=plan_document({"a": [], "b": ["a"]})),
    ev.RunStarted(),
    ev.StepStarted(step_id="a", attempt=1),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
steps = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a", "b", "c", ""]) | json_values,
        "title": json_values,
        "goal": json_values,
        "dependsOn": st.lists(st.sampled_from(["a", "b", "zz"])) | json_values,
    },
)
plans = st.fixed_dictionaries({}, optional={"steps": st.lists(steps, max_size=3) | json_values})


def values(name: str, hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field that its type allows, mostly such that events are about the same things."""
    if name in ("step_id", "ask_id", "call_id"):
        return st.sampled_from(["a", "b", "zz", ""])
    if name == "attempt":
        return st.integers(0, 2)
    if name == "plan":
        return plans
    if hint is Any:
        return json_values
    if get_origin(hint) is Annotated:
        return values(name, get_args(hint)[0])
    if hint is datetime:
        return st.datetimes(timezones=st.just(UTC))
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(), json_values, max_size=3)
    if get_origin(hint) in (list, tuple):
        return st.lists(values("", get_args(hint)[0]), max_size=3).map(get_origin(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return structs(hint)
    if len(get_args(hint)) > 1 and get_origin(hint).__name__ == "UnionType":
        return st.one_of(*[values("", each) for each in get_args(hint)])
    return st.floats(allow_nan=False, allow_infinity=False) if hint is float else st.from_type(hint)


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{name: values(name, hints[name]) for name in kind.__struct_fields__})


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """An event's JSON, of a shape that its type allows or nearly so."""
    kind = draw(st.sampled_from(ev.AnyEvent.__args__))
    body: dict[str, Any] = msgspec.to_builtins(draw(structs(kind)))
    body["at"] = draw(st.just("2026-03-01T00:00:00Z") | st.just(body.get("at", "2026-03-01T00:00:00")))
    if draw(st.integers(0, 3)) == 0:
        body[draw(st.sampled_from(sorted(body)))] = draw(json_values)
    return body


def write(folder: Path, logged: list[dict[str, Any]]) -> FileRuntimeStore:
    """A store with the run `r`, whose owner is gone, of these events; each vouches for the one before it."""

    async def make() -> FileRuntimeStore:
        store = FileRuntimeStore(folder)
        info = RunInfo(run_id="r", plan_id="p", title="", status="running", created_at=AT, updated_at=AT)
        await store.create_run(info, b"{}", "plan.json")
        await store.close_run("r")
        return store

    store = anyio.run(make)
    lines = []
    for seq, body in enumerate(logged, 1):
        event = json.dumps({"at": "2026-03-01T00:00:00Z", **body, "seq": seq, "runId": "r"})
        rest = f'"batch":{seq - 1},"event":{event}}}'.encode()
        lines.append(b'{"crc":"%08x",%b\n' % (crc32(rest), rest))
    (store.run_dir("r") / "events.jsonl").write_bytes(b"".join(lines))
    return store


def begun(*forged: dict[str, Any]) -> list[dict[str, Any]]:
    return [*[json.loads(ev.encode_event(event)) for event in BEGUN], *forged]


async def open_everywhere(folder: Path, store: FileRuntimeStore) -> list[str]:
    """Read and open the run in every way there is; the answers are what was said of it."""
    bench, said = Bench(folder, store), []
    async with bench.runtime() as runtime:
        for look in (
            lambda: runtime.get_state("r"),
            lambda: StoredRun.open(store, "r", utc_now),
            lambda: runtime.open_run("r"),
        ):
            try:
                await look()
            except (RunCorrupt, RunNotFound) as error:
                said.append(str(error))
    assert await store.owner("r") is None
    return said


@settings(max_examples=150, deadline=None)
@given(st.lists(bodies(), min_size=1, max_size=4), st.booleans())
def test_no_event_breaks_a_reader(forged: list[dict[str, Any]], after_a_start: bool) -> None:
    created = json.loads(ev.encode_event(CREATED))
    with tempfile.TemporaryDirectory() as folder:
        store = write(Path(folder), begun(*forged) if after_a_start else [created, *forged])
        for sentence in anyio.run(open_everywhere, Path(folder), store):
            assert "events.jsonl:" in sentence or "cut off" in sentence


@pytest.mark.parametrize(
    ("forged", "line", "why"),
    [
        ({"type": "plan.created", "plan": {"steps": [{"title": "no id"}]}}, 2, "`id`"),
        ({"type": "plan.created", "plan": {"steps": [{"id": ["x"]}]}}, 2, "`$.id`"),
        ({"type": "plan.created", "plan": {"steps": [{"id": "x", "dependsOn": ["y"]}]}}, 2, "no step"),
        ({"type": "plan.created", "plan": {"steps": [{"id": "x"}, {"id": "x"}]}}, 2, "two steps"),
        ({"type": "plan.created", "plan": {"steps": 7}}, 2, "plan.created"),
    ],
)
def test_the_place_and_the_reason_are_said(
    tmp_path: Path, forged: dict[str, Any], line: int, why: str
) -> None:
    created = json.loads(ev.encode_event(CREATED))
    store = write(tmp_path, [created, forged, {"type": "run.started"}])
    said = anyio.run(open_everywhere, tmp_path, store)
    assert len(said) == 3
    for sentence in said:
        assert sentence.startswith(f"{store.run_dir('r') / 'events.jsonl'}:{line}: ")
        assert why in sentence


def test_a_second_plan_is_refused_at_its_line(tmp_path: Path) -> None:
    again = {"type": "plan.created", "plan": plan_document({"c": []})}
    said = anyio.run(open_everywhere, tmp_path, write(tmp_path, begun(again)))
    assert len(said) == 3
    assert all("events.jsonl:5: " in sentence and "already" in sentence for sentence in said)


def test_another_store_names_the_event(tmp_path: Path) -> None:
    async def main() -> None:
        store = MemoryRuntimeStore()
        info = RunInfo(run_id="r", plan_id="p", title="", status="running", created_at=AT, updated_at=AT)
        await store.create_run(info, b"{}", "plan.json")
        forged = ev.PlanCreated(seq=1, at=AT, run_id="r", plan={"steps": [{}]})
        await store.append("r", [forged], durable=True)
        async with Bench(tmp_path, store).runtime() as runtime:
            with pytest.raises(RunCorrupt, match=r"^run r, event 1: "):
                await runtime.get_state("r")

    anyio.run(main)
