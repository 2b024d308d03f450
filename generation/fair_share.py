"""Whose turn is soonest: equal shares between servers, in a server between its members, and the short before the long.

Pure bookkeeping: no clock, no torch. It works out when every order would be done if the device were divided equally between the
servers that have orders, and a server's part between its members; then whoever would be done first is served first, alone. So
nobody is done later than by equal shares, and the short is done much sooner (the fair sojourn protocol: Friedman and Henderson,
2003, https://doi.org/10.1145/781027.781032). What follows from that one rule:

- A member's orders stand one behind the other, but for those that were begun, which share what the member gets: two hundred of
  one hold another up no longer than one.
- Being served changes nobody's place: what an order had is no longer left of it. So equals are done one after the other.
- Who has been away has saved up nothing, and who had much is behind until the others have had as much.
- An order that waits is passed by those only who would be done before it by equal shares, so by ever fewer: nothing starves.

Drafts have a lane of their own: a member's drafts go before what else they ordered, stand behind one another only, and are due
when they would be begun by equal shares, not when they would be done. What a draft takes is charged to both lanes, so that the
member's other orders pay for it. So heavy orders don't hold up drafts, and drafts, however many, get no more than their
members' shares. Others join a step of drafts where they make it hardly longer (`room_beside`): in the worker's steps, and in the
forecast of them.
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
"""By this share of all that a member has there, their orders are due later: of equals, whoever has the least there goes first."""

HARDLY = 0.1
"""By this share others may make a draft's step longer."""

_BOTH = itemgetter(0, 1)

DIGITS = 6
"""Of seconds: dues that differ by less are equal, and who came first goes on until it is done. They would take turns otherwise,
and all be done as late as the last."""


@dataclass(slots=True, kw_only=True, eq=False)
class Claim(Generic[T]):
    """An order, of which some may be done."""

    order: T
    guild: GuildId
    member: MemberId
    is_draft: bool
    total: float  # device seconds, by estimate: all of it
    had: float  # device seconds that its member was charged for it


@dataclass(slots=True)
class _Level(Generic[K]):
    """Those who share one thing equally. Virtual time: what whoever was there all the time would have had by equal shares."""

    now: float = 0.0
    _reached: dict[K, float] = field(default_factory=dict[K, float])  # of who is there or ahead of `now`
    _present: Set[K] = frozenset()

    @property
    def active(self) -> list[K]:
        """Whom equal shares would still serve."""
        return list(self._reached)

    def meet(self, present: Set[K]) -> None:
        """Who has orders. Who was away starts at `now`, or where they are ahead of it."""
        for key in present - self._present:
            self._reached[key] = max(self.now, self.reached(key))
        self._present = present
        self._reached = {key: at for key, at in self._reached.items() if key in present or at > self.now}

    def reached(self, key: K) -> float:
        return self._reached.get(key, self.now)

    def charge(self, key: K, seconds: float) -> None:
        self._reached[key] = self.reached(key) + seconds


@dataclass(slots=True)
class _Guild:
    weight: float
    members: _Level[MemberId] = field(default_factory=_Level[MemberId])
    # Of the same members, at the same time.
    drafts: _Level[MemberId] = field(default_factory=_Level[MemberId])

    def due(self, claims: Sequence[Claim[T]]) -> list[tuple[float, int, Claim[T]]]:
        """When each is due in the members' virtual time, rounded, and the how-manieth it came; soonest first."""
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
    """One member's, from `at` on: those that were begun share what the member gets, the others follow one by one."""
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
        """A server's share in proportion to the others'; 1 where it is not named."""
        self._weights = weights or {}
        self._level = _Level[GuildId]()
        self._guilds: dict[GuildId, _Guild] = {}

    def ranked(self, claims: Sequence[Claim[T]]) -> list[T]:
        """Everything that is there, in the order of coming -> soonest first. To be asked whenever somebody came or went."""
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
        """Whether they had more than equal shares would have given them by now."""
        members = self._guild(guild).members
        return round(members.reached(member) - members.now, DIGITS) > 0

    def charge(self, guild: GuildId, member: MemberId, seconds: float, *, is_draft: bool) -> None:
        """What the device did for one of them. Less than 0 gives back what was charged too much."""
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
    """How large a step may be whose first `taken` (rows, or pictures) are drafts' or before them, these included. fixed, each:
    what a step costs, and each of what it is counted in; the same unit. most: how many more at the most."""
    more = most if each * most <= HARDLY * fixed else math.floor(HARDLY * (fixed / each + taken))
    return taken + more
