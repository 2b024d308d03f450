"""The card of a raid: it counts the members whose orders were flagged or refused, and stands for the cards of their cases."""

import logging
from collections.abc import Callable
from typing import Any

import discord
from discord import ui

from bot.cases.buttons import RaidAction, RaidButton, next_button
from bot.cases.log_channels import LogChannels
from bot.cases.posting.loudness import loudness
from bot.posted_message import UNREACHABLE, is_gone
from bot.ui import Language, Page, PageButton, View, card, row, say_in
from db import Raid, RaidCounts, Repositories

log = logging.getLogger(__name__)

_COLOUR = discord.Colour(0xC0392B)


def raid_card(say: Language, raid: Raid, counts: RaidCounts, *, role: int | None = None) -> View:
    """`role`: mentioned by a new card."""
    since = int(raid.began_at)
    text = say(
        "raid-card",
        members=counts.members,
        refused=counts.refused,
        flagged=counts.flagged,
        cases=counts.cases,
        open=counts.open,
        since=raid.began_at,
        last=raid.last_at,
    )
    buttons = row(
        next_button(say),
        RaidButton(RaidAction.SHOW, raid.id, label=say("raid-cases"), is_disabled=not counts.open),
        PageButton(Page.LOG, f"0.0.r.{since}.0", label=say("raid-button", ruling="refuse")),
        PageButton(Page.LOG, f"0.0.f.{since}.0", label=say("raid-button", ruling="flag")),
    )
    items: list[ui.Item[Any]] = [ui.TextDisplay(text), buttons]
    return card(*items, colour=_COLOUR, role=role)


class RaidCards:
    def __init__(
        self,
        client: discord.Client,
        records: Repositories,
        channels: LogChannels,
        is_due: Callable[[tuple[str, int]], bool],
    ) -> None:
        """`is_due`: says whether a card may be edited again already."""
        self._client = client
        self._records = records
        self._channels = channels
        self._is_due = is_due

    async def show(self, guild_id: int) -> bool:
        """Posts or edits the cards of the server's raids. Returns whether one is to be edited a little later.

        A card that Discord refuses stops no other: it is tried again with the next sweep. Raises StorageError.
        """
        is_left = False
        for raid in await self._records.raids.to_show(guild_id):
            if not self._is_due(("raid", raid.id)):
                is_left = True
            elif (channel := await self._channels.of(guild_id)) is not None:
                try:
                    await self._show(raid, channel)
                except UNREACHABLE as error:
                    log.warning("the card of raid %s is not up to date: %s", raid.id, error)
        return is_left

    async def _show(self, raid: Raid, channel: discord.TextChannel) -> None:
        say, counts = say_in(self._client, raid.guild_id), await self._records.raids.counts(raid)
        if raid.card_message_id is not None and raid.card_channel_id is not None:
            known = self._client.get_partial_messageable(raid.card_channel_id)
            try:
                await known.get_partial_message(raid.card_message_id).edit(
                    view=raid_card(say, raid, counts), allowed_mentions=discord.AllowedMentions.none()
                )
                await self._records.raids.shown(raid, raid.card_channel_id, raid.card_message_id)
                return
            except UNREACHABLE as error:
                if not is_gone(error):
                    raise
                log.info("the card of raid %s is gone: it gets another one", raid.id)
        settings = await self._records.guilds.get(raid.guild_id)
        loud = loudness(settings, raid.last_at, is_new_case=True)
        view = raid_card(say, raid, counts, role=loud.role)
        # Another one for each card: for a repeated nonce, Discord answers with the card that is gone.
        nonce = f"raid-{raid.id}-{(raid.card_message_id or 0) % 2**40:x}"
        message = await channel.send(view=view, nonce=nonce, **loud.arguments)
        await self._records.raids.shown(raid, channel.id, message.id)
