"""/help: the commands that a member may use, and the options of one."""

from collections.abc import Iterator
from typing import Any

import discord
from discord import app_commands, ui

from bot.client import Atelier, Interaction, answer
from bot.permissions import held_by, level_of
from bot.studio import UnknownCommand
from bot.ui import BLUE, AnyCommand, Language, card, command, described, options_of, say_to


def commands_of(tree: app_commands.CommandTree[Atelier]) -> Iterator[AnyCommand]:
    """Yields the slash commands, without the groups that they belong to."""
    return (each for each in tree.walk_commands() if isinstance(each, app_commands.Command))


def needed_for(one: AnyCommand) -> discord.Permissions:
    """Returns the permissions that Discord asks of members who use the command."""
    top = one.root_parent or one
    return top.default_permissions or discord.Permissions.none()


@command("command-help", "help")
async def help_(interaction: Interaction, about: app_commands.Range[str, 1, 100] | None = None) -> None:
    """Raises UnknownCommand."""
    say, allowed = say_to(interaction), list(_allowed(interaction))
    if about is None:
        members = [each for each in allowed if not needed_for(each).value]
        lines = [say("help-title"), *(_line(say, each) for each in members)]
        if groups := sorted({each.qualified_name.split()[0] for each in allowed if needed_for(each).value}):
            lines.append(say("help-more", groups=", ".join(say("help-group", name=each) for each in groups)))
        await answer(interaction, "\n".join(lines))
        return
    name = about.strip().removeprefix("/").casefold()
    found = [each for each in allowed if f"{each.qualified_name} ".startswith(f"{name} ")]
    if not found:
        raise UnknownCommand(name)
    lines = [_line(say, each) for each in found]
    if len(found) > 1:
        await answer(interaction, "\n".join(lines))
        return
    lines += [say("help-option", name=option, does=does) for option, does in options_of(say, found[0])]
    shown = say.picture(found[0].qualified_name.replace(" ", "-"))
    if shown is None:
        await answer(interaction, "\n".join(lines))
        return
    alt = say("help-picture", name=found[0].qualified_name)
    gallery = ui.MediaGallery[Any](discord.MediaGalleryItem(f"attachment://{shown.name}", description=alt))
    view = card(ui.TextDisplay("\n".join(lines)), gallery, colour=BLUE)
    await interaction.response.send_message(view=view, file=discord.File(shown), ephemeral=True)


@help_.autocomplete("about")
async def commands_like(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    typed = current.removeprefix("/").casefold()
    names = [each.qualified_name for each in _allowed(interaction)]
    return [app_commands.Choice(name=f"/{name}", value=name) for name in names if typed in name][:25]


def _allowed(interaction: Interaction) -> Iterator[AnyCommand]:
    """Yields the commands that the member may use. A server can choose otherwise; the command itself checks again."""
    held = held_by(interaction)
    if level_of(interaction):
        held.manage_messages = True  # a chosen role is as good
    return (each for each in commands_of(interaction.client.tree) if held.is_superset(needed_for(each)))


def _line(say: Language, one: AnyCommand) -> str:
    return say("help-command", name=one.qualified_name, does=described(say, one))
