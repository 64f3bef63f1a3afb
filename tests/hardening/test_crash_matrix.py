"""The owner of a run is killed at every single thing that it does to the disk, and the run goes on after it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from piplan_tui.run.reduce import fold
from piplan_tui.run.state import RunState
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunNotFound
from tests.hardening.life import ASKS, ASKS_LIVE, EDGES, FAILS_ONCE, RUN_ID, answer_for
from tests.hardening.size import sized

REPOSITORY = Path(__file__).parents[2]


class Server:
    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.hardening.crash_server"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )

    def live(self, place: Path, *, kill_at: int = 0, torn: bool = False) -> dict[str, Any]:
        order = {
            "root": str(place / "store"),
            "workspace": str(place / "workspace"),
            "diary": str(place / "diary"),
            "killAt": kill_at,
            "torn": torn,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert not outcome["failed"], outcome["failed"]
        return outcome

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class Life:
    """One run through any number of kills, and what is known of it."""

    def __init__(self, place: Path, server: Server) -> None:
        self.place = place
        self.server = server
        self.finished: set[str] = set()
        (place / "workspace").mkdir(parents=True)

    def go_on(self, *, kill_at: int = 0, torn: bool = False) -> dict[str, Any]:
        """Live, and check afterwards that no step was done that was done before."""
        before = len(self.diary())
        outcome = self.server.live(self.place, kill_at=kill_at, torn=torn)
        begun = {words[1] for words in self.diary()[before:] if words[0] == "begin"}
        assert not begun & self.finished, f"done again: {begun & self.finished}"
        self.look()
        return outcome

    def diary(self) -> list[list[str]]:
        path = self.place / "diary"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def look(self) -> None:
        """Hold what is stored against what is known."""
        state = anyio.run(_stored, self.place / "store")
        diary = self.diary()
        told = {words[-1] for words in diary if words[0] in ("durable", "built-on")}
        if state is None:
            assert not diary, "a run that was created is gone"
            return
        completed = {step.id for step in state.order if step.status == "completed"}
        assert told <= completed, f"lost: {told - completed}"
        assert self.finished <= completed
        self.finished = completed
        for step_id in completed:
            self._handoff_is_whole(state, step_id)
        drafts = {words[1] for words in diary if words[0] == "draft"}
        answered = {words[1] for words in diary if words[0] == "answered"}
        assert not answered & set(state.asks), "an answer is lost"
        for ask_id, draft in anyio.run(_drafts, self.place / "store", sorted(drafts & set(state.asks))):
            assert draft == {"answer": answer_for(state.asks[ask_id].step_id)[:6]}, "a draft is lost"

    def _handoff_is_whole(self, state: RunState, step_id: str) -> None:
        handoff = state.steps[step_id].handoff
        assert handoff is not None
        for file in handoff.files:
            assert (self.place / "workspace" / file.path).stat().st_size == file.size

    def end(self) -> dict[str, Any]:
        """What the run came to, without what rightly differs between a disturbed and an undisturbed one."""
        state = anyio.run(_stored, self.place / "store")
        assert state is not None
        steps = {}
        for step in state.order:
            attempt, handoff = step.attempt, step.handoff
            assert attempt is not None
            assert handoff is not None
            document = json.loads((self.place / "workspace" / handoff.directory / "result.json").read_text())
            del document["attempt"]
            answers = {value for a in step.attempts for each in a.answers for value in each.values.values()}
            steps[step.id] = (step.status, attempt.summary, document, answers)
        return {"status": state.status, "asks": dict(state.asks), "steps": steps}


async def _stored(root: Path) -> RunState | None:
    try:
        return fold([event async for event in FileRuntimeStore(root).read(RUN_ID)])
    except RunNotFound:
        return None


async def _drafts(root: Path, ask_ids: list[str]) -> list[tuple[str, Any]]:
    store = FileRuntimeStore(root)
    return [(ask_id, await store.load_draft(RUN_ID, ask_id)) for ask_id in ask_ids]


@pytest.fixture(scope="module")
def undisturbed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any]]:
    life = Life(tmp_path_factory.mktemp("undisturbed"), server)
    points = life.go_on()["points"]
    begun = Counter(words[1] for words in life.diary() if words[0] == "begin")
    twice = {*ASKS, *FAILS_ONCE}
    assert begun == {step_id: 1 + (step_id in twice) for step_id in EDGES}
    end = life.end()
    assert end["status"] == "completed"
    assert {step for step in EDGES if answer_for(step) in end["steps"][step][3]} == {*ASKS, *ASKS_LIVE}
    return points, end


def _check(life: Life, undisturbed: dict[str, Any]) -> None:
    life.go_on()
    assert life.end() == undisturbed
    ends = Counter(words[1] for words in life.diary() if words[0] == "durable")
    assert all(count <= 1 for count in ends.values()), f"completed twice: {ends}"


def test_a_kill_at_any_point_loses_nothing_and_repeats_nothing(
    server: Server, undisturbed: tuple[int, dict[str, Any]], tmp_path: Path
) -> None:
    points, end = undisturbed
    assert points > 200
    every = [(at, torn) for at in range(1, points + 1) for torn in (False, True)]
    chosen = sized(random.Random(20).sample(every, 24), every)
    killed = 0
    for at, torn in chosen:
        life = Life(tmp_path / f"{at}-{torn}", server)
        killed += life.go_on(kill_at=at, torn=torn)["killed"]
        _check(life, end)
    print(f"crash matrix: {len(chosen)} points of {len(every)}, {killed} killed")
    # the last points depend on the clock (the run's line in the list) and may not be reached
    assert killed > 0.9 * len(chosen)


def test_kills_during_recovery_lose_nothing_and_repeat_nothing(
    server: Server, undisturbed: tuple[int, dict[str, Any]], tmp_path: Path
) -> None:
    points, end = undisturbed
    rng = random.Random(7)
    killed = 0
    for number in range(sized(5, 120)):
        life = Life(tmp_path / str(number), server)
        for _ in range(rng.randint(2, 6)):
            at = rng.choice([rng.randint(1, 20), rng.randint(1, points // 2)])
            killed += life.go_on(kill_at=at, torn=rng.random() < 0.5)["killed"]
        _check(life, end)
    print(f"crash matrix: {killed} kills in runs that were killed again and again")
