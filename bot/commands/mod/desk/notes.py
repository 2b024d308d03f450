"""/mod note: notes about a member without a case, which only moderators see."""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import demand_below, helper_of
from bot.studio import BothSaid
from bot.ui import Language, command, say_to
from db import LONGEST_NOTE, MemberNote
from generation import MemberId


@command("command-mod-note")
async def note(
    interaction: Interaction,
    member: discord.User,
    text: app_commands.Range[str, 1, LONGEST_NOTE] | None = None,
    remove: app_commands.Range[int, 1] | None = None,
) -> None:
    """Adds a note, removes one, or lists them. Raises BothSaid, and as `MemberNotebook`."""
    by, say, notebook = helper_of(interaction), say_to(interaction), interaction.client.parts.notebook
    if text is not None and remove is not None:
        raise BothSaid("text", "remove")
    whom = MemberId(member.id)
    if text is None and remove is None:
        found = await notebook.of(by.guild_id, whom)
        await interaction.client.parts.takedown.note_reading(by, whom)
        lines = [say("mod-notes-title", member=whom), *(notes_of(say, found) or [say("mod-notes-none")])]
        await answer(interaction, "\n".join(lines))
        return
    whom = await demand_below(interaction, member)
    if text is not None:
        added = await notebook.add(by, whom, text)
        await answer(interaction, say("mod-note-added", member=whom, number=added.id))
    elif remove is not None:
        await notebook.remove(by, whom, remove)
        await answer(interaction, say("mod-note-removed", member=whom, number=remove))


def notes_of(say: Language, notes: Sequence[MemberNote]) -> list[str]:
    """Returns a line for each note."""
    return [
        say("mod-note", number=each.id, name=each.written_name, at=each.at, text=each.text) for each in notes
    ]


COMMANDS = (note,)
