"""The checks as a list, and as test methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from piplan_tui.store.conformance import events, runs
from piplan_tui.store.protocol import RuntimeStore

Check = Callable[[RuntimeStore], Awaitable[None]]


async def check_store(make_store: Callable[[], RuntimeStore]) -> list[str]:
    """Run all checks; the answer has one sentence for each that failed."""
    problems: list[str] = []
    for check in CHECKS:
        try:
            await check(make_store())
        except Exception as error:
            problems.append(f"{check.__name__}: {error or type(error).__name__}")
    return problems


class RuntimeStoreConformance:
    """The checks as test methods. Subclass it and override `make_store`."""

    def make_store(self) -> RuntimeStore:
        """A new store. Called inside the event loop."""
        raise NotImplementedError


def _as_test(check: Check) -> Callable[[RuntimeStoreConformance], None]:
    def test(self: RuntimeStoreConformance) -> None:
        async def main() -> None:
            await check(self.make_store())

        anyio.run(main)

    test.__doc__ = check.__doc__
    return test


CHECKS: tuple[Check, ...] = (
    runs.new_run_is_empty,
    runs.source_is_kept_byte_for_byte,
    events.order_is_kept_over_batches,
    events.appending_goes_on_after_reopening,
    events.gaps_and_repeats_are_refused,
    events.reading_after_a_number,
    runs.only_one_owns_a_run,
    runs.one_of_many_wins,
    runs.a_run_exists_once,
    runs.unknown_runs_are_not_found,
    runs.unsafe_ids_are_refused,
    runs.list_is_ordered,
    runs.deleted_runs_are_gone,
    runs.drafts_are_kept,
    events.runs_do_not_mix,
    events.reader_sees_a_growing_prefix,
    events.unknown_events_are_preserved,
    events.any_text_is_preserved,
    events.large_events_are_preserved,
)

for _check in CHECKS:
    setattr(RuntimeStoreConformance, f"test_{_check.__name__}", _as_test(_check))
