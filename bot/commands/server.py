"""/server policy: what this server does about what is found in prompts. Checked again when it runs: Manage Server."""

from __future__ import annotations

from typing import TypeAlias

import discord
from discord import app_commands

from bot.client import Interaction, say
from bot.commands import policy_cards
from bot.permissions import ManagersGroup, actor_of
from bot.studio.errors import NothingSaid
from bot.studio.screening.server_policies import CHOICES, PolicyScope, policy_scope_of
from db.lockdowns import Mode
from db.policies import Scope, ScopeKind
from moderation.policy import NEVER, Action, Change, is_for_everybody, presets
from moderation.verdict import Category

Interaction = Interaction
Channel: TypeAlias = discord.TextChannel | discord.VoiceChannel | discord.StageChannel
"""Of a forum, whose posts are threads, "this channel" in one of them."""
Threshold = app_commands.Range[float, 0.01, 1.0]

HERE = "this channel"
_WHERE = {
    "this server": ScopeKind.SERVER,
    "age-restricted channels": ScopeKind.AGE_RESTRICTED,
    HERE: ScopeKind.CHANNEL,
}
_WHERES = [app_commands.Choice(name=each, value=each) for each in _WHERE]
_PLACE = {"where": "Left out: this server", "channel": "For one channel and its threads"}
"""Two options of every command that changes something, described."""
_PRESETS = [app_commands.Choice(name=each, value=each) for each in presets()]
_CATEGORIES = [app_commands.Choice(name=each.value, value=each.value) for each in CHOICES]
_ACTIONS = [app_commands.Choice(name=each.value, value=each.value) for each in Action]


POLICY = ManagersGroup(name="policy", description="What is done about what is found in prompts")


class Server(ManagersGroup):
    def __init__(self) -> None:
        super().__init__(
            name="server",
            description="What this server chooses",
            guild_only=True,
            # Advice to Discord only: admins can override it, so interaction_check asks again.
            default_permissions=discord.Permissions(manage_guild=True),
        )
        self.add_command(POLICY)


@POLICY.command(description="What holds in this server, in age-restricted channels and in a channel")
@app_commands.describe(channel="Left out: this one")
async def show(interaction: Interaction, channel: Channel | None = None) -> None:
    parts = interaction.client.parts
    spot = policy_scope_of(actor_of(interaction)) if channel is None else _spot(interaction, channel)
    guild_id = interaction.guild_id or 0
    gate = await parts.lockdown.gate(guild_id)
    view = policy_cards.policy_card(
        parts.policies.default,
        await parts.policies.choices(guild_id),
        spot,
        is_family_only=gate.mode is Mode.FAMILY,
    )
    await interaction.response.send_message(view=view, ephemeral=True)


@POLICY.command(description="Choose family, standard or mature; changes made there before go")
@app_commands.describe(
    preset="What to start from",
    **_PLACE,
)
@app_commands.choices(preset=_PRESETS, where=_WHERES)
async def preset(
    interaction: Interaction, preset: str, where: str = "this server", channel: Channel | None = None
) -> None:
    scope = _scope(interaction, where, channel)
    await interaction.client.parts.policies.choose(actor_of(interaction), scope, preset)
    await _answer(interaction, scope, f"{_for(scope)} the policy is *{preset}* from now on.", channel)


@POLICY.command(description="Change what is done about one category")
@app_commands.describe(
    category="What was found",
    action="What is done with it; as found: what the rule or the score says",
    flag="Flagged from this score on, 0.01 to 1; 1: never by score",
    refuse="Refused from this score on, 0.01 to 1; 1: never by score",
    **_PLACE,
)
@app_commands.choices(category=_CATEGORIES, action=_ACTIONS, where=_WHERES)
async def category(
    interaction: Interaction,
    category: str,
    action: str | None = None,
    flag: Threshold | None = None,
    refuse: Threshold | None = None,
    where: str = "this server",
    channel: Channel | None = None,
) -> None:
    if action is None and flag is None and refuse is None:
        raise NothingSaid("server-policy-category")
    scope = _scope(interaction, where, channel)
    change = Change(action=Action(action) if action else None, flag=_never(flag), refuse=_never(refuse))
    policies = interaction.client.parts.policies
    await policies.amend(actor_of(interaction), scope, Category(category), change)
    policy = await policies.of(_spot_in(scope, channel, interaction))
    what = policy_cards.stance(Category(category), policy.stance(Category(category)))
    await _answer(interaction, scope, f"{_for(scope)} {category} is from now on: {what}.", channel)


@POLICY.command(description="Back to what holds without the choice")
@app_commands.describe(
    category="Only this one's change; left out: the preset and all changes there",
    **_PLACE,
)
@app_commands.choices(category=_CATEGORIES, where=_WHERES)
async def reset(
    interaction: Interaction,
    category: str | None = None,
    where: str = "this server",
    channel: Channel | None = None,
) -> None:
    scope = _scope(interaction, where, channel)
    one = Category(category) if category else None
    await interaction.client.parts.policies.reset(actor_of(interaction), scope, one)
    what = f"the change to {category}" if category else "the choice"
    await _answer(interaction, scope, f"{_for(scope)} {what} is taken back.", channel)


def _never(threshold: float | None) -> float | None:
    return NEVER if threshold == 1 else threshold


def _scope(interaction: Interaction, where: str, channel: Channel | None) -> Scope:
    guild_id = interaction.guild_id or 0
    kind = ScopeKind.CHANNEL if channel is not None else _WHERE[where]
    if kind is not ScopeKind.CHANNEL:
        return Scope(guild_id=guild_id, kind=kind)
    here = channel.id if channel is not None else policy_scope_of(actor_of(interaction)).channel_id
    return Scope(guild_id=guild_id, kind=kind, channel_id=here)


def _spot(interaction: Interaction, channel: Channel) -> PolicyScope:
    return PolicyScope(
        guild_id=interaction.guild_id, channel_id=channel.id, is_age_restricted=channel.is_nsfw()
    )


def _spot_in(scope: Scope, channel: Channel | None, interaction: Interaction) -> PolicyScope:
    """A place where the scope's choice decides."""
    match scope.kind:
        case ScopeKind.SERVER:
            return PolicyScope(guild_id=scope.guild_id)
        case ScopeKind.AGE_RESTRICTED:
            return PolicyScope(guild_id=scope.guild_id, is_age_restricted=True)
        case ScopeKind.CHANNEL:
            return _spot(interaction, channel) if channel else policy_scope_of(actor_of(interaction))


def _for(scope: Scope) -> str:
    return f"In {policy_cards.where(scope)}"


async def _answer(interaction: Interaction, scope: Scope, text: str, channel: Channel | None) -> None:
    """To the one who did it, and to the moderators."""
    spot = _spot_in(scope, channel, interaction)
    policy = await interaction.client.parts.policies.of(spot)
    if not spot.is_age_restricted and not is_for_everybody(policy):
        text += f" {policy_cards.FOR_EVERYBODY}"
    await say(interaction, text)
    await interaction.client.mod_channel.say(
        interaction.guild_id or 0, f"{text}\n-# by <@{interaction.user.id}>"
    )
