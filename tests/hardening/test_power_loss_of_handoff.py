"""Power loss while a step's handoff is written: once it is called written, it is there, whole, for good."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.handoff import write_handoff
from piplan_tui.run.model import HandoffDescriptor, StepExecutionInput, StepResult
from tests.hardening.size import sized
from tests.store.test_power_loss import PowerLoss, SimulatedDisk


async def _suffer(seed: int, forget: str = "") -> bool:
    """Attempts of two steps until the power goes; whether it went before all were written."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        workspace = Path(place, "before")
        os.mkdir(workspace)
        disk = SimulatedDisk(workspace, rng.randint(1, 70), forget)
        written: dict[str, HandoffDescriptor] = {}
        with suppress(PowerLoss):
            for attempt in (1, 2):
                for step_id in ("a", "b"):
                    given = StepExecutionInput(
                        run_id="r",
                        attempt=attempt,
                        plan={"id": "p"},
                        step={"id": step_id},
                        workspace=str(workspace),
                    )
                    result = StepResult(status="completed", summary=f"{step_id}{attempt}")
                    said = f"said by {step_id}{attempt} " * rng.choice([1, 50, 400])
                    # while it is written again, either one may be there
                    written.pop(step_id, None)
                    written[step_id] = await write_handoff(given, result, said, disk=disk)
        after = Path(place, "after")
        disk.after_power_loss(rng, after)
        for descriptor in written.values():
            for file in descriptor.files:
                data = after.joinpath(file.path).read_bytes()
                assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)
        return disk.changes_left < 0


def test_what_was_called_written_survives() -> None:
    seeds = range(sized(150, 5_000))
    losses = sum(anyio.run(_suffer, seed) for seed in seeds)
    print(f"power loss: {losses} while handoffs were written")
    assert losses > 0.5 * len(seeds)


@pytest.mark.parametrize("forget", ["sync", "sync_folder"])
def test_a_missing_sync_would_be_found(forget: str) -> None:
    for seed in range(200):
        try:
            anyio.run(_suffer, seed, forget)
        except (AssertionError, FileNotFoundError):
            return
    pytest.fail("the bug was not found")
