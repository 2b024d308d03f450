"""Lines of /mod desk about roles and the lockdown."""

from bot.client import Interaction
from bot.commands.mod.levels import levels_line
from bot.commands.mod.lockdown import panic_line, raid_line
from bot.ui import Language


async def desk_lines(interaction: Interaction, say: Language) -> list[str]:
    lockdown = await interaction.client.parts.lockdown.state(interaction.guild_id or 0)
    return [
        await levels_line(interaction, say),
        say("mod-desk-raid", line=raid_line(say, lockdown)),
        say("mod-desk-panic", line=panic_line(say, lockdown)),
    ]
