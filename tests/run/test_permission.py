"""Permission policies: what they decide, what they leave to the user, and the record of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from piplan_tui.agents.protocol import AskRaised, AskReply
from piplan_tui.run import events as ev
from piplan_tui.run.model import SessionRef, StepDone, StepJob
from piplan_tui.run.permission import Decided, decide, policy_of, read_policy, sameness
from piplan_tui.run.reduce import fold
from piplan_tui.run.step_runner import StepPort
from tests.run.conftest import Bench
from tests.run.plans import plan
from tests.run.steps import Steps, completed

OPTIONS = [
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
YES, NO = Decided(True, "yes"), Decided(False, "no")


def permission(kind: str, *paths: str, options: Any = OPTIONS, **call: Any) -> dict[str, Any]:
    locations = [{"path": path} for path in paths]
    return {
        "toolCall": {"toolCallId": "c", "title": kind, "kind": kind, "locations": locations, **call},
        "options": options,
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("")
    (folder / "out").symlink_to(tmp_path)
    (folder / "in").symlink_to(folder / "src")
    return folder


@pytest.mark.parametrize(
    ("kind", "path", "read_only", "in_workspace"),
    [
        ("read", "src/a.py", YES, YES),
        ("read", "{workspace}/src/a.py", YES, YES),
        ("read", "in/a.py", YES, YES),
        ("read", "out/secret", None, None),
        ("read", "../secret", None, None),
        ("read", "/etc/passwd", None, None),
        ("read", "~/.ssh/id", None, None),
        ("search", "src", YES, YES),
        ("edit", "src/a.py", None, YES),
        ("edit", "new/deep/file.py", None, YES),
        ("edit", "out/new", None, None),
        ("edit", ".git/hooks/pre-commit", None, None),
        ("delete", "src/a.py", None, YES),
        ("move", "src/a.py", None, YES),
        ("execute", "src", None, None),
        ("fetch", "src", None, None),
        ("other", "src", None, None),
        ("switch_mode", "src", None, None),
    ],
)
def test_kinds_and_paths_decide(
    place: Path, kind: str, path: str, read_only: Decided | None, in_workspace: Decided | None
) -> None:
    asked = permission(kind, path.format(workspace=place))
    assert decide("allow-read-only", asked, place) == read_only
    assert decide("allow-in-workspace", asked, place) == in_workspace
    assert decide("deny", asked, place) == NO
    assert decide("ask", asked, place) is None
    assert decide("", asked, place) is None


def test_every_path_that_a_call_names_counts(place: Path) -> None:
    move = permission("move", "src/a.py", rawInput={"destination": "/tmp/elsewhere"})
    assert decide("allow-in-workspace", move, place) is None
    diff = permission("edit", "src/a.py", content=[{"type": "diff", "path": "/etc/passwd", "newText": ""}])
    assert decide("allow-in-workspace", diff, place) is None
    listed = permission("edit", rawInput={"paths": ["src/a.py", "../b"]})
    assert decide("allow-in-workspace", listed, place) is None
    assert decide("allow-in-workspace", permission("edit"), place) is None, "no path is known"
    assert decide("allow-read-only", permission("think"), place) == YES


def test_nothing_is_chosen_that_holds_for_more_than_once(place: Path) -> None:
    for_good = [{"optionId": "a", "kind": "allow_always"}, {"optionId": "r", "kind": "reject_always"}]
    asked = permission("read", "src/a.py", options=for_good)
    assert decide("allow-read-only", asked, place) is None
    assert decide("deny", asked, place) == Decided(False, ""), "refused, but not for good"


def test_other_questions_are_never_decided(place: Path) -> None:
    for asked in (
        {"message": "Which?", "fields": []},
        "Which?",
        None,
        {"options": OPTIONS},
        {"toolCall": {}},
    ):
        assert decide("deny", asked, place) is None
        assert sameness(asked) == ""


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("ask", "ask"),
        ("allow read-only", "allow-read-only"),
        ("Allow_In_Workspace", "allow-in-workspace"),
        ("allow-read-only", "allow-read-only"),
        ("deny", "deny"),
        ("allow", None),
        ("", None),
    ],
)
def test_policies_as_people_write_them(text: str, policy: str | None) -> None:
    assert read_policy(text) == policy


def test_an_agents_own_policy_goes_before_the_one_for_all() -> None:
    settings = {"permissions": {"default": "deny", "by": {"pi": "ask"}}}
    assert policy_of(settings, "pi") == "ask"
    assert policy_of(settings, "acp:opencode") == "deny"
    assert policy_of({}, "pi") == ""


class PermissionSteps(Steps):
    """Every step asks for this permission in the middle of its turn."""

    def __init__(self, *asked: dict[str, Any]) -> None:
        super().__init__()
        self.asked = asked
        self.replies: dict[str, list[AskReply]] = {}

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        session = _Session()
        port.opened(session)  # type: ignore[arg-type]  # only what the run calls
        replies = self.replies[str(job.given.step["id"])] = []
        for number, asked in enumerate(self.asked):
            port.said(AskRaised(f"dialog-{number}", asked))
            await session.answered.wait()
            session.answered = anyio.Event()
            replies.append(session.reply)
        return completed(job)


class _Session:
    def __init__(self) -> None:
        self.ref = SessionRef(agent="scripted", session_id="s1")
        self.answered = anyio.Event()
        self.reply = AskReply(action="cancel")

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        self.reply = reply
        self.answered.set()


@pytest.mark.anyio
async def test_a_policy_answers_without_a_pause_and_leaves_a_record(bench: Bench) -> None:
    bench.options = replace(bench.options, permissions={"default": "allow-read-only"})
    bench.steps = steps = PermissionSteps(permission("read", "a.txt"), permission("execute"))
    seen: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        run.subscribe(seen.append)
        await run.start()
        state = await run.wait()
        assert state.status == "waiting_user", "a command is not for this policy to decide"
        await run.answer(next(iter(state.asks)), {"decision": "no"}, surface="tui")
        state = await run.wait()
        stored = [event async for event in bench.store.read(run.id)]
    assert state.status == "completed"
    assert [(reply.action, reply.values) for reply in steps.replies["a"]] == [
        ("accept", {"decision": "yes"}),
        ("accept", {"decision": "no"}),
    ]
    assert len([event for event in seen if isinstance(event, ev.AskOpened)]) == 1
    assert state.steps["a"].attempt is not None
    first, second = state.steps["a"].attempt.decisions
    assert (first.by, first.policy, first.action, first.question) == (
        "policy", "allow-read-only", "accept", "read: a.txt"
    )  # fmt: skip
    assert (second.by, second.surface, second.choice, second.question) == ("user", "tui", "No", "execute")
    assert len(state.steps["a"].attempt.answers) == 1, "what a policy decides is not told to the agent again"
    again = fold(stored).steps["a"].attempt
    assert again is not None
    assert again.decisions == [first, second]


@pytest.mark.anyio
async def test_a_rule_gives_a_step_another_policy(bench: Bench) -> None:
    rules = {"by": {"role": {"reviewer": {"permissions": "deny"}}}}
    bench.options = replace(bench.options, permissions={"default": "ask"}, steps=rules)
    bench.steps = steps = PermissionSteps(permission("read", "a.txt"))
    document = plan({"a": []})
    document.steps[0].__pydantic_extra__ = {"role": "reviewer"}
    async with bench.runtime() as runtime:
        run = await runtime.create_run(document)
        await run.start()
        state = await run.wait()
    assert state.status == "completed"
    assert steps.replies["a"] == [AskReply(action="decline", values={"decision": "no"})]


@pytest.mark.anyio
async def test_the_same_permission_of_several_agents_is_one_question(bench: Bench) -> None:
    bench.steps = steps = PermissionSteps(permission("execute", rawInput={"command": "make"}))
    bench.options = replace(bench.options, max_concurrency=4)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": [], "c": [], "d": []}))
        await run.start()
        state = await run.wait()
        assert len(state.asks) == 4
        first = next(iter(state.asks))
        assert [ask.step_id for ask in state.same_asks(first)] == ["a", "b", "c", "d"]
        await run.answer(first, {"decision": "yes"})
        state = await run.wait()
    assert state.status == "completed"
    assert {tuple(map(str, replies)) for replies in steps.replies.values()} == {
        (str(AskReply(action="accept", values={"decision": "yes"})),)
    }
    decisions = [step.attempt.decisions[0] for step in state.order if step.attempt]
    assert [decision.same_as for decision in decisions] == ["", first, first, first]


@pytest.mark.anyio
async def test_another_permission_is_another_question(bench: Bench) -> None:
    assert sameness(permission("read", "a")) == sameness(permission("read", "a", toolCallId="other"))
    assert sameness(permission("read", "a")) != sameness(permission("read", "b"))
    assert sameness(permission("read", "a")) != sameness(permission("read", "a", options=OPTIONS[:2]))
