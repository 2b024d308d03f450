"""/server level: chooses roles for moderators' levels. Only managers: a head can't make others heads."""

from collections.abc import Mapping

import discord
from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import manager_of
from bot.studio import LevelForEveryone
from bot.ui import Language, command, say_in, say_to, text
from db import Level


@command("command-server-level", "level")
@app_commands.choices(
    level=[
        app_commands.Choice(name=text("mod-level", level=each.word), value=each.word)
        for each in sorted(Level, reverse=True)
    ]
)
async def choose_level(interaction: Interaction, role: discord.Role, level: str) -> None:
    """Raises LevelForEveryone."""
    by, chosen = manager_of(interaction), Level[level.upper()]
    if chosen is not Level.NONE and (role.is_default() or role.is_bot_managed()):
        raise LevelForEveryone
    levels = interaction.client.parts.levels
    await levels.choose(by, role.id, chosen)
    # No command can name a deleted role, so the next choice takes it back.
    for gone in _deleted(interaction, await levels.of_server(by.guild_id)):
        await levels.choose(by, gone, Level.NONE)

    async def told(say: Language) -> str:
        return "\n".join(
            [say("mod-level-chosen", role=role.id, level=level), await levels_line(interaction, say)]
        )

    await answer(interaction, await told(say_to(interaction)))
    say = say_in(interaction.client, by.guild_id)
    noted = say("mod-done-by", text=await told(say), member=by.member)
    await interaction.client.mod_channel.say(by.guild_id, noted)


async def levels_line(interaction: Interaction, say: Language) -> str:
    """Returns the server's choices in one line. Of deleted roles it names only those of heads, which still count."""
    chosen = await interaction.client.parts.levels.of_server(interaction.guild_id or 0)
    guild = interaction.guild
    there = {role: level for role, level in chosen.items() if guild and guild.get_role(role)}
    roles = {
        level.word: " ".join(f"<@&{role}>" for role, its in there.items() if its is level)
        for level in (Level.HELPER, Level.MODERATOR, Level.HEAD)
    }
    return say(
        "mod-levels",
        helpers=roles["helper"],
        moderators=roles["moderator"],
        heads=roles["head"],
        is_deleted=Level.HEAD in _deleted(interaction, chosen).values(),
    )


def _deleted(interaction: Interaction, chosen: Mapping[int, Level]) -> dict[int, Level]:
    guild = interaction.guild
    return {role: level for role, level in chosen.items() if guild and not guild.get_role(role)}
