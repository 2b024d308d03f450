"""Checks a command's options before it runs. Discord's clients keep types and ranges; discord.py passes on what it gets."""

from typing import Any

import discord
from discord import AppCommandOptionType as Type
from discord import app_commands

from bot.studio import UnusableOption

Interaction = discord.Interaction[Any]

_KINDS: dict[Type, tuple[type, ...]] = {
    Type.string: (str,),
    Type.integer: (int,),
    Type.boolean: (bool,),
    Type.number: (int, float),
    # An id that Discord did not resolve is a discord.Object.
    Type.user: (discord.User, discord.Member),
    Type.role: (discord.Role,),
    Type.mentionable: (discord.User, discord.Member, discord.Role),
    Type.channel: (app_commands.AppCommandChannel, app_commands.AppCommandThread),
    Type.attachment: (discord.Attachment,),
}


def demand_options(interaction: Interaction) -> None:
    """Raises UnusableOption."""
    command, sent = interaction.command, interaction.data or {}
    if isinstance(command, app_commands.ContextMenu):
        named = sent.get("resolved", {}).get(f"{command.type.name}s", {})
        if str(sent.get("target_id")) not in named:
            raise UnusableOption("")
    if not isinstance(command, app_commands.Command):
        return
    try:
        given = dict(iter(interaction.namespace))  # it has no keys()
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise UnusableOption("") from error
    # Suggestions are asked for while options are half typed, and nothing is resolved: only texts must be texts.
    is_half = interaction.type is discord.InteractionType.autocomplete
    for option in command.parameters:
        name = option.display_name
        if name not in given or (is_half and option.type is not Type.string):
            continue
        if not isinstance(given[name], str) if is_half else not _is_usable(option, given[name]):
            raise UnusableOption(name)


def _is_usable(option: app_commands.Parameter, value: Any) -> bool:
    kinds = _KINDS[option.type]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return False
    if option.choices and value not in [each.value for each in option.choices]:
        return False
    size = len(value) if isinstance(value, str) else value
    is_enough = option.min_value is None or size >= option.min_value
    return is_enough and (option.max_value is None or size <= option.max_value)
