"""The languages of members, as their clients told them: for messages that answer no act of theirs.

Only in memory: after a restart, a member's messages are in the server's language until they use the bot again.
"""

from collections import OrderedDict

import discord

from generation import MemberId

_MOST = 20_000
"""Members. The one who has not used the bot for longest is forgotten."""


class MemberLocales:
    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._known: OrderedDict[int, str] = OrderedDict()

    def note(self, member: int, locale: str) -> None:
        self._known[member] = locale
        self._known.move_to_end(member)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def of(self, guild_id: int, member: MemberId) -> str:
        """Returns the member's language, or the server's, as Discord names it."""
        guild = self._client.get_guild(guild_id)
        return self._known.get(member) or (guild.preferred_locale.value if guild else "")
