"""Decides the order of jobs: equal shares between servers, equal shares between a server's members, short jobs before long ones.

Pure bookkeeping: no clock, no torch. It computes when each job would end under equal shares: the device divided equally between
the servers with jobs, and each server's share equally between its members. The job that would end first is served first, with the
whole device. So no job ends later than under equal shares, and short jobs end much sooner. This is the fair sojourn protocol
(Friedman and Henderson, 2003, https://doi.org/10.1145/781027.781032). It follows from this rule:

- The waiting jobs of one member run one after the other. The jobs that have started share the member's part. So 200 jobs of
  one member delay another member no longer than one job does.
- Serving a job does not change the ranking: the time that a job received is subtracted from the time that it still needs.
  So equal jobs are finished one after the other.
- A member who was away has saved up no share. A member who received more than their share waits until the others caught up.
- A waiting job is overtaken only by jobs that would end before it under equal shares. Over time these become fewer, so no job
  waits forever.

Drafts have their own queue. A member's drafts go before the member's other jobs and wait only for one another. A draft's due time
is when it would start under equal shares, not when it would end. The time of a draft is charged to both queues, so the member's
other jobs pay for it. So heavy jobs do not delay drafts, and many drafts get no more than their members' shares. Other rows may
join a step of drafts if they hardly lengthen it (`room_beside`). This holds for the worker's steps and for the forecast of them.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Generic, TypeVar

from generation.request import GuildId, MemberId

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

CROWD = 1e-3
"""A member's jobs are due later by this share of the total seconds of the member's jobs. Among equal jobs, the member with the
least total work goes first.
"""

HARDLY = 0.1
"""The share by which other rows may lengthen a draft's step."""

_BOTH = itemgetter(0, 1)

DIGITS = 6
"""Decimal digits of seconds. Due times that differ by less are equal; then the older job continues until it ends. Without this,
two equal jobs would take turns and both end as late as the last one.
"""


@dataclass(slots=True, kw_only=True, eq=False)
class Claim(Generic[T]):
    """A job that asks for device time. Part of it may be done."""

    order: T
    guild: GuildId
    member: MemberId
    is_draft: bool
    total: float  # estimated device seconds of the whole job
    had: float  # device seconds that were charged to its member for it


@dataclass(slots=True)
class _Level(Generic[K]):
    """A group that shares a resource equally. `now` is virtual time: the share that an always-active member would have received
    so far.
    """

    now: float = 0.0
    _reached: dict[K, float] = field(default_factory=dict[K, float])  # active, or ahead of `now`
    _present: Set[K] = frozenset()

    @property
    def active(self) -> list[K]:
        """Returns the keys that still get a part under equal shares."""
        return list(self._reached)

    def meet(self, present: Set[K]) -> None:
        """Sets which keys have jobs. A key that was away starts at `now`, or later if it is ahead of `now`."""
        for key in present - self._present:
            self._reached[key] = max(self.now, self.reached(key))
        self._present = frozenset(present)  # the keys of a dict would keep its values
        self._reached = {key: at for key, at in self._reached.items() if key in present or at > self.now}

    def reached(self, key: K) -> float:
        return self._reached.get(key, self.now)

    def charge(self, key: K, seconds: float) -> None:
        self._reached[key] = self.reached(key) + seconds


@dataclass(slots=True)
class _Guild:
    weight: float
    members: _Level[MemberId] = field(default_factory=_Level[MemberId])
    # The drafts of the same members. Its `now` is always equal to that of `members`.
    drafts: _Level[MemberId] = field(default_factory=_Level[MemberId])

    def due(self, claims: Sequence[Claim[T]]) -> list[tuple[float, int, Claim[T]]]:
        """Returns (due time, order of arrival, claim), soonest first. The due time is in the virtual time of the members, and
        rounded.
        """
        came = {id(claim): number for number, claim in enumerate(claims)}
        of_member: defaultdict[MemberId, list[Claim[T]]] = defaultdict(list)
        for claim in claims:
            of_member[claim.member].append(claim)
        due: list[tuple[float, int, Claim[T]]] = []
        for member, own in of_member.items():
            crowd = CROWD * sum(claim.total for claim in own)
            drafts = [claim for claim in own if claim.is_draft]
            others = [claim for claim in own if not claim.is_draft]
            at = self.drafts.reached(member) - sum(claim.had for claim in drafts) + crowd
            due += [
                (round(end - claim.total, DIGITS), came[id(claim)], claim) for end, claim in _ends(drafts, at)
            ]
            at = self.members.reached(member) - sum(claim.had for claim in own) + crowd
            at += sum(claim.total for claim in drafts)
            due += [(round(end, DIGITS), came[id(claim)], claim) for end, claim in _ends(others, at)]
        return sorted(due)


def _ends(own: Sequence[Claim[T]], at: float) -> list[tuple[float, Claim[T]]]:
    """Returns when each claim of one member ends, starting at virtual time `at`.

    Claims that have started share the member's part; the others follow one by one.
    """
    begun = [claim for claim in own if claim.had > 0]
    ends = [(at + sum(min(claim.total, one.total) for one in begun), claim) for claim in begun]
    at += sum(claim.total for claim in begun)
    for claim in own:
        if claim.had <= 0:
            at += claim.total
            ends.append((at, claim))
    return ends


class FairShare:
    def __init__(self, weights: Mapping[GuildId, float] | None = None) -> None:
        """`weights`: a server's share relative to the others'. A server that is not named has weight 1."""
        self._weights = weights or {}
        self._level = _Level[GuildId]()
        self._guilds: dict[GuildId, _Guild] = {}

    def ranked(self, claims: Sequence[Claim[T]]) -> list[T]:
        """Ranks all current claims. Input is in order of arrival; the result is soonest first. Call it after every arrival or
        departure.
        """
        of_guild: defaultdict[GuildId, list[Claim[T]]] = defaultdict(list)
        for claim in claims:
            of_guild[claim.guild].append(claim)
        self._meet(of_guild)
        due: list[tuple[float, float, T]] = []
        for name, own in of_guild.items():
            guild = self._guild(name)
            at = self._level.reached(name) - sum(claim.had for claim in own) / guild.weight
            for in_guild, _, claim in guild.due(own):
                at += claim.total / guild.weight
                due.append((round(at, DIGITS), in_guild, claim.order))
        return [order for *_, order in sorted(due, key=_BOTH)]

    def is_ahead(self, guild: GuildId, member: MemberId) -> bool:
        """Returns whether the member has received more than equal shares would have given by now."""
        members = self._guild(guild).members
        return round(members.reached(member) - members.now, DIGITS) > 0

    def charge(self, guild: GuildId, member: MemberId, seconds: float, *, is_draft: bool) -> None:
        """Charges device seconds to a member. A negative number gives back seconds that were charged too much."""
        own = self._guild(guild)
        self._level.charge(guild, seconds / own.weight)
        own.members.charge(member, seconds)
        if is_draft:
            own.drafts.charge(member, seconds)
        if seconds > 0:
            self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        active = [self._guild(guild) for guild in self._level.active]
        a_weight = seconds / sum(guild.weight for guild in active)
        self._level.now += a_weight
        for guild in active:
            guild.members.now += guild.weight * a_weight / max(1, len(guild.members.active))
            guild.drafts.now = guild.members.now

    def _meet(self, of_guild: Mapping[GuildId, Sequence[Claim[Any]]]) -> None:
        self._level.meet(of_guild.keys())
        self._guilds = {name: self._guild(name) for name in self._level.active}
        for name, guild in self._guilds.items():
            own = of_guild.get(name, ())
            guild.members.meet({claim.member for claim in own})
            guild.drafts.meet({claim.member for claim in own if claim.is_draft})

    def _guild(self, name: GuildId) -> _Guild:
        if name not in self._guilds:
            self._guilds[name] = _Guild(weight=self._weights.get(name, 1.0))
        return self._guilds[name]


def room_beside(taken: int, fixed: float, each: float, *, most: int) -> int:
    """Returns how large a step may be if its first `taken` rows (or pictures) belong to drafts or go before them. `taken` is
    included.

    `fixed` and `each` are the cost of a step and of each row or picture, in the same unit. `most`: the maximum number added.
    """
    longer = HARDLY * (fixed + each * taken)
    return taken + (most if each * most <= longer else math.floor(longer / each))
