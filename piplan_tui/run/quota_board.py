"""What the runs of a process tell each other of their providers' limits: one that is refused is enough for all."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol


class KnownLimit(NamedTuple):
    """Until when a provider is left alone, and what it said."""

    until: datetime
    reason: str


class Member(Protocol):
    """The limits of one run."""

    def limited_elsewhere(self, quota: str, limit: KnownLimit) -> None: ...

    def recovered_elsewhere(self, quota: str) -> None: ...


class QuotaBoard:
    """All runs of a runtime, and which of them tries a limited provider after a pause."""

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._limits: dict[str, KnownLimit] = {}
        self._probing: dict[str, Member] = {}

    def join(self, member: Member) -> None:
        """From now on it is told of limits, and at once of those that are known."""
        self._members.append(member)
        for quota, limit in list(self._limits.items()):
            member.limited_elsewhere(quota, limit)

    def leave(self, member: Member) -> None:
        if member in self._members:
            self._members.remove(member)
        for quota in [quota for quota, prober in self._probing.items() if prober is member]:
            del self._probing[quota]

    def limited(self, by: Member, quota: str, limit: KnownLimit) -> None:
        self._limits[quota] = limit
        self._probing.pop(quota, None)
        for member in self._members:
            if member is not by:
                member.limited_elsewhere(quota, limit)

    def recovered(self, by: Member, quota: str) -> None:
        self._limits.pop(quota, None)
        self._probing.pop(quota, None)
        for member in self._members:
            if member is not by:
                member.recovered_elsewhere(quota)

    def probed_elsewhere(self, member: Member, quota: str) -> bool:
        """Whether another run tries it now."""
        return self._probing.get(quota, member) is not member

    def probing(self, member: Member, quota: str) -> None:
        self._probing[quota] = member

    def gave_up_probing(self, member: Member, quota: str) -> None:
        """Its try ended without an answer of the provider; another run may try."""
        if self._probing.get(quota) is member:
            del self._probing[quota]
            for other in self._members:
                if other is not member and quota in self._limits:
                    other.limited_elsewhere(quota, self._limits[quota])
