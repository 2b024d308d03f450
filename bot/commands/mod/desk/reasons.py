"""/server reason: the reasons that a server keeps for its decisions, in one language or more. For managers."""

import discord
from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import ManagersGroup, manager_of
from bot.studio.desk.kept_reasons import LONGEST_NAME, LONGEST_REASON, SERVERS
from bot.ui import command, say_to, text

# Discord takes 25 choices at most.
LOCALES = (
    *("ar", "bg", "cs", "da", "de", "en-US", "es-ES", "fi", "fr", "hi", "hu", "id", "it", "ja", "ko"),
    *("nl", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "vi", "zh-CN"),
)
_NAMES = {each.value: each.name.replace("_", " ") for each in discord.Locale}
_LANGUAGES = [app_commands.Choice(name=_NAMES.get(each, each), value=each) for each in LOCALES]

Name = app_commands.Range[str, 1, LONGEST_NAME]


async def names_like(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """Returns the names of the server's reasons that contain the typed text."""
    kept = await interaction.client.parts.reason_book.of(interaction.guild_id or 0)
    names = (each.name for each in kept if typed.strip().casefold() in each.name)
    return [app_commands.Choice(name=each, value=each) for each in names]


@command("command-server-reason-save")
@app_commands.choices(language=_LANGUAGES)
async def save(
    interaction: Interaction,
    name: Name,
    text: app_commands.Range[str, 1, LONGEST_REASON],
    language: str = SERVERS,
) -> None:
    book = interaction.client.parts.reason_book
    saved = await book.save(manager_of(interaction), name, text, language)
    said = say_to(interaction)("server-reason-saved", name=saved, language=_NAMES.get(language, language))
    await answer(interaction, said)


@command("command-server-reason-delete")
async def delete(interaction: Interaction, name: Name) -> None:
    deleted = await interaction.client.parts.reason_book.delete(manager_of(interaction), name)
    await answer(interaction, say_to(interaction)("server-reason-deleted", name=deleted))


@command("command-server-reason-list", "list")
async def show(interaction: Interaction) -> None:
    say, kept = say_to(interaction), await interaction.client.parts.reason_book.of(interaction.guild_id or 0)
    lines = [say("server-reasons")] if kept else [say("server-reasons-none")]
    for each in kept:
        languages = ", ".join(_NAMES.get(locale, locale) for locale in each.texts if locale != SERVERS)
        shown = each.text_in(interaction.locale.value)
        lines.append(say("server-reason-line", name=each.name, languages=languages, text=shown))
    await answer(interaction, "\n".join(lines))


save.autocomplete("name")(names_like)
delete.autocomplete("name")(names_like)
REASONS = ManagersGroup(name="reason", description=text("command-server-reason"))
for _each in (save, delete, show):
    REASONS.add_command(_each)
