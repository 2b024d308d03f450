"""A server's policies: a preset and changes to it, for the whole server, its age-restricted channels, or single channels.

The rows are read for every order. No Discord.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from bot.studio import Actor, BadThreshold, FixedCategory, Moderator, NothingChosen, Order
from bot.studio.cases.takedown import Takedown
from db import Act, Choice, Repositories, Scope, ScopeKind, Transaction
from moderation import FIXED, NEVER, Category, Change, Policy, ordinary, presets

CHOICES = tuple(each for each in Category if each not in FIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyScope:
    """The place where an order is made."""

    guild_id: int | None  # None: a direct message
    channel_id: int = 0  # the parent channel of a thread; 0: no particular channel
    is_age_restricted: bool = False
    is_whole_server: bool = False  # all its places together, for what each of them may show

    @property
    def scopes(self) -> Sequence[Scope]:
        """The scopes whose choices apply, the most specific one last."""
        if self.guild_id is None:
            return ()
        scopes = [Scope(guild_id=self.guild_id)]
        if self.is_age_restricted:
            scopes.append(Scope(guild_id=self.guild_id, kind=ScopeKind.AGE_RESTRICTED))
        if self.channel_id:
            scopes.append(Scope(guild_id=self.guild_id, kind=ScopeKind.CHANNEL, channel_id=self.channel_id))
        return scopes


DIRECT_MESSAGES = PolicyScope(guild_id=None)


def policy_scope_of(actor: Actor) -> PolicyScope:
    return PolicyScope(
        guild_id=actor.guild_id,
        channel_id=actor.parent_id or actor.channel_id,
        is_age_restricted=actor.is_age_restricted,
    )


def policy_scope_of_order(order: Order) -> PolicyScope:
    return replace(policy_scope_of(order.actor), is_whole_server=order.is_for_server)


def chosen(policy: Policy, choice: Choice) -> Policy:
    """Applies a choice to the policy that would hold without it. A preset replaces the policy; changes are added to it."""
    if choice.preset is not None:
        policy = presets()[choice.preset]
    for category, change in choice.changes.items():
        policy = policy.amended(category, change)
    return policy


def resolved(default: str, choices: Mapping[Scope, Choice], spot: PolicyScope) -> Policy:
    """Returns the policy of a place, from the owner's default preset and the server's choices."""
    policy = presets()[default]
    for scope in spot.scopes:
        if (choice := choices.get(scope)) is not None:
            policy = chosen(policy, choice)
    return policy if spot.is_age_restricted else ordinary(policy)


def _places(guild_id: int, choices: Iterable[Scope]) -> Iterator[PolicyScope]:
    """Yields the places of a server that may have policies of their own, as if each channel were of both kinds."""
    channels = [0, *(scope.channel_id for scope in choices if scope.kind is ScopeKind.CHANNEL)]
    for channel_id in channels:
        for is_age_restricted in (False, True):
            yield PolicyScope(guild_id=guild_id, channel_id=channel_id, is_age_restricted=is_age_restricted)


class ServerPolicies:
    def __init__(self, records: Repositories, takedown: Takedown, default: str) -> None:
        """`default`: the preset of direct messages and of servers without a choice."""
        self.default = default
        self._records = records
        self._takedown = takedown

    async def of(self, spot: PolicyScope) -> Policy:
        choices = await self.choices(spot.guild_id)
        if spot.is_whole_server and spot.guild_id is not None:
            first, *others = (
                resolved(self.default, choices, each) for each in _places(spot.guild_id, choices)
            )
            return first.with_(*others)
        return resolved(self.default, choices, spot)

    async def choices(self, guild_id: int | None) -> Mapping[Scope, Choice]:
        return {} if guild_id is None else await self._records.policies.of_guild(guild_id)

    async def choose(self, by: Moderator, scope: Scope, preset: str) -> None:
        """Sets the preset of a scope and deletes earlier changes there."""
        async with self._change(by, scope, Act.POLICY_PRESET, preset=preset) as tx:
            await self._records.policies.choose(tx, scope, preset, by.member, self._takedown.now)

    async def amend(self, by: Moderator, scope: Scope, category: Category, change: Change) -> None:
        """Changes one category of a scope. Raises FixedCategory, BadThreshold."""
        if category in FIXED:
            raise FixedCategory(category)
        for threshold in (change.flag, change.refuse):
            if threshold is not None and not 0 < threshold <= NEVER:
                raise BadThreshold(threshold)
        what = {"action": change.action, "flag": change.flag, "refuse": change.refuse}
        async with self._change(by, scope, Act.POLICY_CATEGORY, category=category, **what) as tx:
            await self._records.policies.amend(tx, scope, category, change, by.member, self._takedown.now)

    async def reset(self, by: Moderator, scope: Scope, category: Category | None) -> None:
        """Deletes a choice, so that the wider scope holds again. Raises NothingChosen."""
        async with self._change(by, scope, Act.POLICY_RESET, category=category or "all") as tx:
            if not await self._records.policies.forget(tx, scope, category):
                raise NothingChosen(category or "")

    @asynccontextmanager
    async def _change(
        self, by: Moderator, scope: Scope, act: Act, **what: str | float | None
    ) -> AsyncGenerator[Transaction]:
        where = {"where": scope.kind, "channel": str(scope.channel_id) if scope.channel_id else None}
        async with self._records.database.transaction() as tx:
            yield tx
            await self._takedown.note(tx, by, act, details={**where, **what})
