"""The daily digest in the moderators' channel: what was only noticed, what was flagged and refused, and what is open.

Each server chooses its hour. A day without any of that has no digest.
"""

import asyncio
import logging
from typing import Any

import discord
from discord import ui

from bot.cases.buttons import next_button
from bot.cases.log_channels import LogChannels
from bot.posted_message import UNREACHABLE
from bot.studio.parts import Parts
from bot.ui import BLUE, Language, Page, PageButton, View, card, row, say_in
from db import ServerStats, StorageError
from moderation import DAY, HOUR

log = logging.getLogger(__name__)

_SECONDS = 60.0
_LONGEST = 7 * DAY
"""Seconds before the digest that it counts at most, after an outage or without a channel."""


def has_news(figures: ServerStats) -> bool:
    """Whether a digest says anything that moderators should know."""
    noticed = figures.flagged + figures.refused + figures.people + figures.styles
    pictures = figures.pictures_flagged + figures.pictures_refused
    return noticed + pictures + figures.reports + figures.opened + figures.open_now + figures.appeals > 0


def figure_lines(say: Language, figures: ServerStats) -> list[str]:
    """Returns the lines on prompts, pictures and cases, for the digest and for /mod stats."""
    return [
        say(
            "mod-stats-prompts",
            asked=figures.asked,
            flagged=figures.flagged,
            refused=figures.refused,
            people=figures.people,
            styles=figures.styles,
        ),
        say("mod-stats-pictures", flagged=figures.pictures_flagged, refused=figures.pictures_refused),
        say("mod-stats-cases", opened=figures.opened, open=figures.open_now, reports=figures.reports),
    ]


def digest_card(say: Language, figures: ServerStats, since: float) -> View:
    lines = [
        say("digest-title", since=since),
        *figure_lines(say, figures),
        say("mod-stats-appeals", appeals=figures.appeals, overturned=figures.overturned),
    ]
    prompts = PageButton(Page.LOG, f"0.0.-.{int(since)}.0", label=say("digest-prompts"))
    buttons = row(next_button(say), prompts) if figures.open_now else row(prompts)
    items: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines)), buttons]
    return card(*items, colour=BLUE)


class Digests:
    def __init__(self, client: discord.Client, parts: Parts, channels: LogChannels) -> None:
        self._client = client
        self._records = parts.records
        self._clock = parts.clock
        self._channels = channels

    async def run(self) -> None:
        await self._client.wait_until_ready()
        while True:
            for guild in self._client.guilds:
                try:
                    await self.post_due(guild.id)
                except (*UNREACHABLE, StorageError) as error:
                    log.warning("the digest of server %s is posted later: %s", guild.id, error)
                except Exception:
                    log.exception("the digest of server %s is posted later", guild.id)
            await asyncio.sleep(_SECONDS)

    async def post_due(self, guild_id: int) -> None:
        """Posts the server's digest if it is due. A server that is seen for the first time gets its first one a day later.

        Raises StorageError, and the errors in UNREACHABLE.
        """
        settings, now = await self._records.guilds.get(guild_id), self._clock()
        due, last = settings.digest_due(now), settings.digested_at
        if due is None or (last is not None and last >= due):
            return
        if last is not None:
            since = max(last, now - _LONGEST)
            figures = await self._records.member_stats.figures(guild_id, since)
            if has_news(figures):
                channel = await self._channels.of(guild_id)
                if channel is None:
                    return
                view = digest_card(say_in(self._client, guild_id), figures, since)
                # One for each server and hour, in the 25 characters that Discord takes.
                nonce = f"d-{guild_id:x}-{int(due // HOUR):x}"
                await channel.send(view=view, nonce=nonce, silent=True)
        await self._records.guilds.digested(guild_id, now)
