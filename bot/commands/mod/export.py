"""/mod export: a file of cases or of the log between two dates, for the moderator alone."""

import datetime
import io
import re

import discord
from discord import app_commands

from bot.client import Interaction, answer
from bot.permissions import moderator_of
from bot.studio import BadDate
from bot.studio.cases.export import Format, What
from bot.ui import command, say_to, text
from moderation import DAY, seconds_in

_MOST = 9 * 2**20
"""Bytes: some servers take files of 10 MiB, and the request has more in it than the file."""
_LEFT_OUT = "30d"
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # the day after the last one has a date too


@command("command-mod-export")
@app_commands.choices(
    what=[app_commands.Choice(name=text("mod-export-what", what=each), value=each.value) for each in What],
    file_type=[app_commands.Choice(name=each.value, value=each.value) for each in Format],
)
async def export(
    interaction: Interaction,
    what: str,
    since: str = _LEFT_OUT,
    until: str | None = None,
    file_type: str = Format.JSON,
) -> None:
    """Raises BadDate."""
    by, now = moderator_of(interaction), interaction.client.parts.clock()
    begin, end = moment_of(since, now), now if until is None else moment_of(until, now, is_end=True)
    # Many rows take longer than the three seconds that Discord waits.
    await interaction.response.defer(ephemeral=True)
    limit = min(interaction.filesize_limit, _MOST)
    made = await interaction.client.parts.mod_export.make(
        by, What(what), begin, end, Format(file_type), limit
    )
    say = say_to(interaction)
    if not made.rows:
        await answer(interaction, say("mod-nothing-matches"))
        return
    told = say("mod-export", rows=made.rows, has_more=made.has_more, since=begin, until=end)
    name = f"atelier-{what}-{_day(begin)}-{_day(end)}.{file_type}"
    file = discord.File(io.BytesIO(made.content), filename=name)
    await interaction.edit_original_response(content=told, attachments=[file])


def moment_of(text: str, now: float, *, is_end: bool = False) -> float:
    """Reads a date in UTC as "2026-11-30", or a time before now as "7d". Returns unix seconds. Raises BadDate.

    `is_end`: the end of the date's day, not its beginning.
    """
    if (seconds := seconds_in(text)) is not None:
        return max(0.0, now - seconds)
    if re.fullmatch(r"\s*\d{4}-\d{2}-\d{2}\s*", text) is None:
        raise BadDate(text)
    try:
        day = datetime.datetime.fromisoformat(text.strip()).replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise BadDate(text) from error
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise BadDate(text)
    return day.timestamp() + (DAY if is_end else 0)


def _day(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().isoformat()


COMMANDS = (export,)
