"""Ready reasons for decisions: those that the server keeps, and built-in ones of the catalogue.

A decision stores the reason in the server's language, and its code, so that the member reads it in their own.
"""

import re
from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands, ui

from bot.studio.desk.kept_reasons import ReasonBook
from bot.ui import in_language, line, markdown, menu_of, say_to
from db import Case

Interaction = discord.Interaction[Any]

BUILT_IN = ("sexual", "nudity", "gore", "hate", "harassment", "illegal", "real-person", "spam", "evasion")
_CODE = re.compile("(?P<whose>server|atelier):(?P<name>.{1,30})", re.DOTALL)
_NONE = "-"


class Reasons:
    def __init__(self, client: discord.Client, book: ReasonBook) -> None:
        self._client = client
        self._book = book

    async def choices(self, guild_id: int, locale: str) -> dict[str, str]:
        """Returns the ready reasons in that language by their codes; the server's own come first."""
        say = in_language(locale)
        own = {f"server:{each.name}": each.text_in(locale) for each in await self._book.of(guild_id)}
        return own | {f"atelier:{name}": say("reason-built-in", name=name) for name in BUILT_IN}

    async def menu(self, interaction: Interaction) -> Mapping[str, str]:
        """Returns a form's menu: code to label."""
        locale, say = interaction.locale.value, in_language(interaction.locale.value)
        ready = await self.choices(interaction.guild_id or 0, locale)
        return {_NONE: say("reason-as-written")} | {
            code: markdown.short(text, 100) for code, text in ready.items()
        }

    async def read(self, guild_id: int, typed: str, chosen: str = "") -> tuple[str, str]:
        """Returns the text of a reason in the server's language, and its code if it is a ready one.

        `chosen`: a code, which counts when nothing was typed. A command's option gives its code as `typed`.
        """
        guild = self._client.get_guild(guild_id)
        code = typed if _CODE.fullmatch(typed) else "" if typed else chosen
        text = await self._text(guild_id, code, guild.preferred_locale.value if guild else "")
        return (text, code) if text else (typed, "")

    async def of_case(self, case: Case, locale: str) -> str:
        """Returns the case's reason for a reader of that language."""
        return await self._text(case.guild_id, case.kept_reason, locale) or case.reason

    async def like(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Returns the ready reasons that contain the typed text, for a command's option."""
        words = typed.strip().casefold()
        ready = await self.choices(interaction.guild_id or 0, interaction.locale.value)
        return [
            app_commands.Choice(name=markdown.short(text, 100), value=code)
            for code, text in ready.items()
            if words in text.casefold() or words in code
        ][:25]

    async def _text(self, guild_id: int, code: str, locale: str) -> str:
        """Returns the text of a ready reason; empty for another code."""
        match = _CODE.fullmatch(code)
        if match is None:
            return ""
        if match["whose"] == "atelier":
            return (
                in_language(locale)("reason-built-in", name=match["name"])
                if match["name"] in BUILT_IN
                else ""
            )
        kept = await self._book.named(guild_id, match["name"])
        return kept.text_in(locale) if kept is not None else ""


async def reason_fields(
    reasons: Reasons, interaction: Interaction, written: str = ""
) -> dict[str, ui.Item[Any]]:
    """Returns the fields of a form for a reason. `written`: a reason that stands there already."""
    say, menu = say_to(interaction), await reasons.menu(interaction)
    return {
        say("case-form-reason"): line("reason", default=written),
        say("case-form-ready-reason"): menu_of("ready", menu, _NONE),
    }


async def reasons_like(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return await interaction.client.reasons.like(interaction, typed)
