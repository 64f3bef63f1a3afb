"""A provider's limit is not a step's failure.

When a provider refuses because of its rate or a spent quota, no further step starts with it. The step that was
refused goes back to the queue. After a pause one step tries; when it is refused too, the next pause is longer,
and when it is answered all go on. What is known of a limit is in the run's state, so it survives a restart.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio

from piplan_tui.agents import protocol as said
from piplan_tui.agents.protocol import AgentFailure, SessionEvent
from piplan_tui.run import events as ev
from piplan_tui.run.quota_board import KnownLimit, QuotaBoard
from piplan_tui.run.routing import Route, routes
from piplan_tui.run.state import TERMINAL, ProviderLimit, RunState, StepState

_LIMIT = re.compile(
    r"\b(?:429|529)\b|rate.?limit|too many requests|\bquota|usage limit|overloaded", re.IGNORECASE
)
_WAIT = re.compile(
    r"(?:retry|try again|reset\w*|available)\W+(?:after|in)\W{0,4}"
    r"((?:\d+(?:\.\d+)?\s*(?:ms|[dhms])[a-z]*\s*)+|\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[dhms])?", re.IGNORECASE)
_EPOCH = re.compile(r"\|(1\d{9})\b")
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
_SEVERAL = 2
_MAX_REASON = 300


@dataclass(frozen=True, kw_only=True)
class QuotaPolicy:
    """How long to wait for a provider, in seconds.

    The first pause is `first_seconds`, each further one `growth` times as long, up to `longest_seconds`; a time
    that the provider itself names is waited for if it is later. After `give_up_seconds` the run is paused.
    `sleep` is how to let time pass, `clock` how it is measured, in seconds from anywhere: unlike the time of day, it
    never jumps.
    """

    first_seconds: float = 20.0
    growth: float = 2.0
    longest_seconds: float = 15 * 60.0
    give_up_seconds: float = 24 * 3_600.0
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    clock: Callable[[], float] = time.monotonic


def is_limit(failure: AgentFailure) -> bool:
    """Whether the provider refused for a while only, because of too many requests or a spent quota."""
    return failure.kind == "rate_limit" or (
        failure.kind == "provider" and _LIMIT.search(failure.message) is not None
    )


def named_wait(text: str, now: datetime) -> float:
    """The seconds that a provider's message asks to wait; 0 when it names no time."""
    if found := _EPOCH.search(text):
        return max(0.0, int(found[1]) - now.timestamp())
    if found := _WAIT.search(text):
        parts = _PART.findall(found[1])
        return sum(float(number) * _UNITS[unit.lower()] for number, unit in parts)
    return 0.0


@dataclass(slots=True)
class _Opening:
    """The end of a pause and the provider's first refusal, which are shown as `until` and `since`, by the policy's
    clock: `at` and `began`. `seen`: that the pause ended was taken note of."""

    until: datetime
    at: float
    since: datetime
    began: float
    seen: bool = False


class Quota:
    """Which provider may be asked now, and which step tries after a pause."""

    def __init__(
        self,
        state: RunState,
        emit: ev.OnEvent,
        now: Callable[[], datetime],
        policy: QuotaPolicy | None = None,
        board: QuotaBoard | None = None,
    ) -> None:
        self._state = state
        self._emit = emit
        self._now = now
        self._policy = policy or QuotaPolicy()
        self._board = board or QuotaBoard()
        self._routes: dict[str, Route] = {}
        self._probes: dict[str, str] = {}
        self._refused: dict[str, set[str]] = {}
        self._missing: set[str] = set()
        self._openings: dict[str, _Opening] = {}
        self._due = False
        self._changed = anyio.Event()

    # -- starting ------------------------------------------------------------------------------

    def choose(self, step: StepState) -> Route | None:
        """The way by which a step may start now; `None` while all of its providers are limited."""
        ways = routes(self._state, step)
        attempt = step.attempt
        if step.continues and attempt is not None:
            # an answer belongs to the agent that asked
            ways = tuple(way for way in ways if way.agent == attempt.agent) or ways
        present = [way for way in ways if way.agent not in self._missing] or ways[:1]
        return next((way for way in present if self._is_open(way.quota)), None)

    def _is_open(self, quota: str) -> bool:
        limit = self._state.limits.get(quota)
        return limit is None or (
            self._policy.clock() >= self._opening(limit).at
            and quota not in self._probes
            and not self._board.probed_elsewhere(self, quota)
        )

    def begun(self, step: StepState, route: Route) -> None:
        """A step starts by this way."""
        self._routes[step.id] = route
        if route.quota in self._state.limits:
            self._probes[route.quota] = step.id
            self._board.probing(self, route.quota)

    # -- what became of it ---------------------------------------------------------------------

    def heard(self, step_id: str, event: SessionEvent) -> None:
        """Take note of what a session said about its provider. Cheap while there is no limit."""
        if not self._state.limits and not isinstance(event, said.Retrying | said.Recovered):
            return
        route = self._routes.get(step_id)
        if route is None:
            return
        match event:
            case said.Retrying() if _LIMIT.search(event.error):
                refused = self._refused.setdefault(route.quota, set())
                refused.add(step_id)
                if len(refused) >= _SEVERAL and route.quota not in self._state.limits:
                    self._limit(route.quota, step_id, event.error, event.delay_seconds)
            case said.Recovered():
                self._refused.get(route.quota, set()).discard(step_id)
                if event.ok:
                    self._recovered(route.quota)
            case said.TextDelta() | said.ThinkingDelta() | said.ToolStarted() | said.UsageReported():
                if self._probes.get(route.quota) == step_id:
                    self._recovered(route.quota)

    def excuse(self, step: StepState, attempt: int, failure: AgentFailure) -> ev.StepInterrupted | None:
        """What is to be said in place of a failure that is not the step's own: it will be tried again.

        `None` when it is the step's own.
        """
        route = self._routes.get(step.id)
        if route is None:
            return None
        if is_limit(failure):
            if self._probes.get(route.quota, step.id) == step.id:
                self._limit(route.quota, step.id, failure.message)
            return ev.StepInterrupted(
                step_id=step.id, attempt=attempt, reason=failure.message, kind="rate_limit"
            )
        if failure.kind == "missing":
            self._missing.add(route.agent)
            if any(way.agent not in self._missing for way in routes(self._state, step)):
                return ev.StepInterrupted(
                    step_id=step.id, attempt=attempt, reason=failure.message, kind="missing"
                )
        return None

    def ended(self, step: StepState, outcome: ev.StepEvent | None) -> None:
        """An attempt is over, however it ended; `None`: it was stopped."""
        route = self._routes.pop(step.id, None)
        if route is None:
            return
        self._refused.get(route.quota, set()).discard(step.id)
        if self._probes.get(route.quota) == step.id:
            if isinstance(outcome, ev.StepCompleted | ev.StepWaitingUser):
                self._recovered(route.quota)
            else:
                del self._probes[route.quota]
                self._look_again()
                self._board.gave_up_probing(self, route.quota)

    # -- limits --------------------------------------------------------------------------------

    def _limit(self, quota: str, step_id: str, reason: str, least_seconds: float = 0.0) -> None:
        policy, now = self._policy, self._now()
        limit = self._state.limits.get(quota)
        since, refusals, waited = now, 0, 0.0
        if limit is not None:
            opening = self._opening(limit)
            if policy.clock() < opening.at:
                return  # it was at work when the limit was met; it does not make the pause longer
            since, refusals, waited = limit.since, limit.refusals, policy.clock() - opening.began
        reason = " ".join(reason.split())[:_MAX_REASON]
        left = policy.give_up_seconds - waited
        if left <= 0:
            self._give_up(quota, waited, reason)
            return
        pause = min(policy.first_seconds * policy.growth ** min(refusals, 64), policy.longest_seconds)
        pause = min(max(pause, least_seconds, named_wait(reason, now)), left)
        until = now + timedelta(seconds=pause)
        self._openings[quota] = _Opening(until, policy.clock() + pause, since, policy.clock() - waited)
        self._emit(ev.ProviderLimited(provider=quota, until=until, reason=reason, step_id=step_id))
        self._changed.set()
        self._board.limited(self, quota, KnownLimit(until, reason))

    def _opening(self, limit: ProviderLimit) -> _Opening:
        """When a pause ends by the clock that does not jump; of one that another process began, as near as is known."""
        known = self._openings.get(limit.provider)
        if known is None or known.until != limit.until:
            now, clock = self._now(), self._policy.clock()
            # the time of day may have been set since: never longer than the pause was meant to be
            left = min((limit.until - now).total_seconds(), (limit.until - limit.said_at).total_seconds())
            began = clock - max(0.0, (now - limit.since).total_seconds())
            if known is not None and known.since == limit.since:
                began = known.began
            known = _Opening(limit.until, clock + max(0.0, left), limit.since, began)
            self._openings[limit.provider] = known
        return known

    def _give_up(self, quota: str, waited: float, reason: str) -> None:
        if self._state.status in ("running", "waiting_user"):
            limited = f"{quota} has been at its provider's limit for {waited / 3_600:.1f} h"
            self._emit(ev.RunPaused(reason=f"{limited}; resume to try again ({reason})", by="quota"))

    def _recovered(self, quota: str) -> None:
        self._probes.pop(quota, None)
        self._openings.pop(quota, None)
        if quota in self._state.limits:
            self._emit(ev.ProviderRecovered(provider=quota))
            self._look_again()
            self._board.recovered(self, quota)

    # -- other runs of this process (see `quota_board.Member`) -----------------------------------

    def limited_elsewhere(self, quota: str, limit: KnownLimit) -> None:
        known = self._state.limits.get(quota)
        if known is not None and known.until >= limit.until:
            self._look_again()
        elif not self._state.ended and self._concerns(quota):
            self._emit(ev.ProviderLimited(provider=quota, until=limit.until, reason=limit.reason))
            self._changed.set()

    def recovered_elsewhere(self, quota: str) -> None:
        if quota in self._state.limits and not self._state.ended:
            self._probes.pop(quota, None)
            self._openings.pop(quota, None)
            self._emit(ev.ProviderRecovered(provider=quota))
            self._look_again()

    def _concerns(self, quota: str) -> bool:
        return any(
            way.quota == quota
            for step in self._state.order
            if step.status not in TERMINAL
            for way in routes(self._state, step)
        )

    def _look_again(self) -> None:
        self._state.bring_back()
        self._due = True
        self._changed.set()

    async def watch(self, pump: Callable[[], None]) -> None:
        """Let steps start, by calling `pump`, whenever a pause is over or a provider has recovered."""
        self._board.join(self)
        try:
            await self._watch(pump)
        finally:
            self._board.leave(self)

    async def _watch(self, pump: Callable[[], None]) -> None:
        while True:
            changed = self._changed = anyio.Event()
            if self._due:
                self._due = False
                pump()
                continue
            at = self._next_opening()
            if at is None:
                await changed.wait()
                continue
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._sleep_until, at, changed)
                await changed.wait()
                tasks.cancel_scope.cancel()

    async def _sleep_until(self, at: float, changed: anyio.Event) -> None:
        while (left := at - self._policy.clock()) > 0:
            await self._policy.sleep(left)
        for opening in map(self._opening, self._state.limits.values()):
            opening.seen = opening.seen or opening.at <= at
        self._look_again()
        changed.set()

    def _next_opening(self) -> float | None:
        """When the first pause ends, by the policy's clock, that has not been seen to end yet."""
        openings = map(self._opening, self._state.limits.values())
        return min((opening.at for opening in openings if not opening.seen), default=None)
