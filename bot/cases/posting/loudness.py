"""How loudly a card is posted: the role that a new case mentions, and silence in the server's quiet hours."""

from dataclasses import dataclass
from typing import Any

import discord

from db import GuildSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    role: int | None = None  # the role that the card mentions
    is_silent: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `send`: only that role may be mentioned."""
        roles = [discord.Object(self.role)] if self.role is not None else []
        return {
            "silent": self.is_silent,
            "allowed_mentions": discord.AllowedMentions(everyone=False, users=False, roles=roles),
        }


def loudness(settings: GuildSettings, now: float, *, is_new_case: bool) -> Loudness:
    """`now`: unix seconds. `is_new_case`: only such a card mentions the role."""
    if settings.is_quiet(now):
        return Loudness(is_silent=True)
    return Loudness(role=settings.case_role_id if is_new_case else None)
