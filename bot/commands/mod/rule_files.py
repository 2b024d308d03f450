"""/mod rule import and export: the server's rules as a file."""

import io

import discord

from bot.attachments import fetch_text
from bot.client import Interaction, answer
from bot.permissions import head_of
from bot.studio.screening.rule_files import MAX_FILE, read_rules, write_rules
from bot.ui import command, say_to


@command("command-mod-rule-import", "import")
async def take(interaction: Interaction, file: discord.Attachment) -> None:
    """Raises FileTooLarge, FileUnreachable, RuleFileUnusable, and the refusals of `RuleBook.take`."""
    by = head_of(interaction)
    rules = read_rules(await fetch_text(file, MAX_FILE))
    # A hundred rules take longer than the three seconds that Discord waits.
    await interaction.response.defer(ephemeral=True)
    taken = await interaction.client.parts.rule_book.take(by, rules)
    told = say_to(interaction)(
        "mod-rule-imported",
        added=taken.added,
        changed=taken.changed,
        same=taken.same,
        version=taken.version,
    )
    await answer(interaction, told)


@command("command-mod-rule-export", "export")
async def give(interaction: Interaction) -> None:
    rules = await interaction.client.parts.records.server_rules.live(interaction.guild_id or 0)
    say = say_to(interaction)
    if not rules:
        await answer(interaction, say("mod-rule-none"))
        return
    file = discord.File(io.BytesIO(write_rules(rules)), filename="rules.json")
    told = say("mod-rule-exported", count=len(rules))
    await interaction.response.send_message(content=told, file=file, ephemeral=True)
