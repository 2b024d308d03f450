"""/server policy: the server's policy commands; /server paid: whether members pay for access.

/server level, /server cards and /server reason have files of their own.

The permission, Manage Server, is checked when a command runs.
"""

from collections.abc import Callable
from typing import TypeAlias

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.client import Interaction, answer
from bot.commands import policy_cards
from bot.commands.mod import levels
from bot.commands.mod.desk.reasons import REASONS
from bot.commands.mod.desk.settings import CARDS
from bot.permissions import ManagersGroup, actor_of, manager_of
from bot.studio import NothingSaid
from bot.studio.screening.server_policies import CHOICES, PolicyScope, policy_scope_of
from bot.ui import Language, command, say_in, say_to, text
from db import Mode, Scope, ScopeKind
from moderation import NEVER, Action, Category, Change, is_for_everybody, presets

Channel: TypeAlias = discord.TextChannel | discord.VoiceChannel | discord.StageChannel
"""Channel types with a policy. Forum posts are threads; use "this channel" inside one of them."""
Threshold = app_commands.Range[float, 0.01, 1.0]

_WHERES = [Choice(name=text("server-where", kind=each), value=each.value) for each in ScopeKind]
_PRESETS = [Choice(name=each, value=each) for each in presets()]
_CATEGORIES = [Choice(name=text("server-category", category=each), value=each.value) for each in CHOICES]
_ACTIONS = [Choice(name=text("server-action", action=each), value=each.value) for each in Action]


class Server(ManagersGroup):
    def __init__(self) -> None:
        super().__init__(
            name="server",
            description=text("command-server"),
            guild_only=True,
            # Only a default in Discord: admins can override it, so interaction_check checks again.
            default_permissions=discord.Permissions(manage_guild=True),
        )
        policy = ManagersGroup(name="policy", description=text("command-server-policy"))
        for each in (show, preset, category, reset):
            policy.add_command(each)
        self.add_command(policy)
        self.add_command(paid)
        self.add_command(levels.choose_level)
        self.add_command(CARDS)
        self.add_command(REASONS)


@command("command-server-policy-show")
async def show(interaction: Interaction, channel: Channel | None = None) -> None:
    parts = interaction.client.parts
    spot = policy_scope_of(actor_of(interaction)) if channel is None else _spot(interaction, channel)
    guild_id = interaction.guild_id or 0
    lockdown = await parts.lockdown.state(guild_id)
    view = policy_cards.policy_card(
        parts.policies.default,
        await parts.policies.choices(guild_id),
        spot,
        say_to(interaction),
        is_family_only=lockdown.mode is Mode.FAMILY,
    )
    await interaction.response.send_message(view=view, ephemeral=True)


@command("command-server-policy-preset")
@app_commands.choices(preset=_PRESETS, where=_WHERES)
async def preset(
    interaction: Interaction, preset: str, where: str = ScopeKind.SERVER, channel: Channel | None = None
) -> None:
    scope = _scope(interaction, where, channel)
    await interaction.client.parts.policies.choose(manager_of(interaction), scope, preset)
    await _answer(
        interaction, scope, channel, lambda say: say("server-policy-chosen", **_place(scope), preset=preset)
    )


@command("command-server-policy-category")
@app_commands.choices(category=_CATEGORIES, action=_ACTIONS, where=_WHERES)
async def category(
    interaction: Interaction,
    category: str,
    action: str | None = None,
    flag: Threshold | None = None,
    refuse: Threshold | None = None,
    where: str = ScopeKind.SERVER,
    channel: Channel | None = None,
) -> None:
    if action is None and flag is None and refuse is None:
        raise NothingSaid("server-policy-category")
    scope = _scope(interaction, where, channel)
    change = Change(action=Action(action) if action else None, flag=_never(flag), refuse=_never(refuse))
    policies = interaction.client.parts.policies
    await policies.amend(manager_of(interaction), scope, Category(category), change)
    policy = await policies.of(_spot_in(scope, channel, interaction))

    def done(say: Language) -> str:
        stance = policy_cards.stance(Category(category), policy, say)
        return say("server-policy-amended", **_place(scope), category=category, stance=stance)

    await _answer(interaction, scope, channel, done)


@command("command-server-policy-reset")
@app_commands.choices(category=_CATEGORIES, where=_WHERES)
async def reset(
    interaction: Interaction,
    category: str | None = None,
    where: str = ScopeKind.SERVER,
    channel: Channel | None = None,
) -> None:
    scope = _scope(interaction, where, channel)
    one = Category(category) if category else None
    await interaction.client.parts.policies.reset(manager_of(interaction), scope, one)
    await _answer(
        interaction,
        scope,
        channel,
        lambda say: say("server-policy-reset", **_place(scope), category=category),
    )


@command("command-server-paid")
async def paid(interaction: Interaction, is_paid: bool) -> None:
    parts = interaction.client.parts
    await parts.desk_settings.set_paid(manager_of(interaction), is_paid)
    hidden = ", ".join(entry.name for entry in parts.settings.models if entry.forbids_paid)

    def done(say: Language) -> str:
        return say("server-paid", is_paid=is_paid, models=hidden)

    await answer(interaction, done(say_to(interaction)))
    guild_id, say = interaction.guild_id or 0, say_in(interaction.client, interaction.guild_id)
    noted = say("server-policy-by", done=done(say), member=interaction.user.id)
    await interaction.client.mod_channel.say(guild_id, noted)


def _never(threshold: float | None) -> float | None:
    return NEVER if threshold == 1 else threshold


def _scope(interaction: Interaction, where: str, channel: Channel | None) -> Scope:
    guild_id = interaction.guild_id or 0
    kind = ScopeKind.CHANNEL if channel is not None else ScopeKind(where)
    if kind is not ScopeKind.CHANNEL:
        return Scope(guild_id=guild_id, kind=kind)
    here = channel.id if channel is not None else policy_scope_of(actor_of(interaction)).channel_id
    return Scope(guild_id=guild_id, kind=kind, channel_id=here)


def _spot(interaction: Interaction, channel: Channel) -> PolicyScope:
    return PolicyScope(
        guild_id=interaction.guild_id, channel_id=channel.id, is_age_restricted=channel.is_nsfw()
    )


def _spot_in(scope: Scope, channel: Channel | None, interaction: Interaction) -> PolicyScope:
    """Returns a place where the scope's choice applies."""
    match scope.kind:
        case ScopeKind.SERVER:
            return PolicyScope(guild_id=scope.guild_id)
        case ScopeKind.AGE_RESTRICTED:
            return PolicyScope(guild_id=scope.guild_id, is_age_restricted=True)
        case ScopeKind.CHANNEL:
            return _spot(interaction, channel) if channel else policy_scope_of(actor_of(interaction))


def _place(scope: Scope) -> dict[str, str | int]:
    return {"kind": scope.kind, "channel": scope.channel_id}


async def _answer(
    interaction: Interaction, scope: Scope, channel: Channel | None, done: Callable[[Language], str]
) -> None:
    """Reports the change to the member who made it, and to the moderators."""
    spot = _spot_in(scope, channel, interaction)
    policy = await interaction.client.parts.policies.of(spot)
    goes_too_far = not spot.is_age_restricted and not is_for_everybody(policy)

    def told(say: Language) -> str:
        return f"{done(say)} {say('server-for-everybody')}" if goes_too_far else done(say)

    await answer(interaction, told(say_to(interaction)))
    guild_id, say = interaction.guild_id or 0, say_in(interaction.client, interaction.guild_id)
    noted = say("server-policy-by", done=told(say), member=interaction.user.id)
    await interaction.client.mod_channel.say(guild_id, noted)
