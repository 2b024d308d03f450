"""Selects the language of an answer; translates commands for Discord's menus."""

from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot.texts import ENGLISH, Language, language

AnyCommand = app_commands.Command[Any, ..., Any]


def say_to(interaction: discord.Interaction[Any]) -> Language:
    """Returns the member's language, for answers that only they see."""
    return language(interaction.locale.value)


def say_in(client: discord.Client, guild_id: int | None) -> Language:
    """Returns the server's language, for messages that the whole channel sees."""
    guild = client.get_guild(guild_id) if guild_id is not None else None
    return language(guild.preferred_locale.value if guild else ENGLISH)


def in_language(locale: str) -> Language:
    """Returns the nearest language of the catalogue. `locale`: as Discord names it; empty: English."""
    return language(locale or ENGLISH)


def text(key: str, **values: str) -> locale_str:
    """Returns a message for Discord's menus, in every language of the catalogue."""
    return locale_str(language(ENGLISH)(key, **values), key=key, values=values)


def command(key: str, name: str = "") -> Callable[[Callable[..., Any]], AnyCommand]:
    """Makes a slash command, named after the function by default. The message `key` describes it; its attributes, the options."""

    def decorate(function: Callable[..., Any]) -> AnyCommand:
        options = {option: text(f"{key}.{option}") for option in language(ENGLISH).attributes(key)}
        # discord.py keeps the locale_str of a description to itself; /help needs its key.
        extras = {"key": key}
        make = app_commands.command(name=name or function.__name__, description=text(key), extras=extras)
        return make(app_commands.describe(**options)(function))

    return decorate


def described(say: Language, command: AnyCommand) -> str:
    """Returns what Discord's menus say about a command made by `command`."""
    return say(command.extras["key"])


def options_of(say: Language, command: AnyCommand) -> list[tuple[str, str]]:
    """Returns name and description of each option of a command made by `command`."""
    key = command.extras["key"]
    return [(each.display_name, say(f"{key}.{each.name}")) for each in command.parameters]


class Translator(app_commands.Translator):
    """Translates the commands. discord.py asks for every text in every language when it syncs."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        say, extras = language(locale.value), string.extras
        if say.name == ENGLISH or not extras or not say.is_own(extras["key"]):
            return None
        return say(extras["key"], **extras["values"])
