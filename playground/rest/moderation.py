"""Timeouts and bans, as in Discord's REST API: the bot needs the permission and a higher role.

Only members of the playground can be banned; Discord itself allows it for every user.
"""

from datetime import datetime

from playground.rest.api import Answer, Api, Call
from playground.world import guild as rights
from playground.world.errors import ErrorCode, invalid
from playground.world.guild import Member
from playground.world.world import World

BAN = "/guilds/{guild_id}/bans/{user_id}"
LONGEST_TIMEOUT = 28 * 86_400.0  # seconds; Discord's limit


class ModerationEndpoints:
    def __init__(self, world: World) -> None:
        self._world = world

    def add_to(self, api: Api) -> None:
        api.add("PATCH", "/guilds/{guild_id}/members/{user_id}", self.change_member)
        api.add("GET", BAN, self.get_ban)
        api.add("PUT", BAN, self.ban)
        api.add("DELETE", BAN, self.unban)

    def change_member(self, call: Call) -> Answer:
        """Sets or ends a timeout. Other keys are ignored, and without `communication_disabled_until` nothing changes."""
        self._demand(rights.MODERATE_MEMBERS)
        member = self._world.guild.members.get(call.id("user_id"))
        if member is None or member.user.id in self._world.guild.bans:
            raise ErrorCode.UNKNOWN_MEMBER.error()
        self._demand_below(member)
        if "communication_disabled_until" in call.json:
            until = call.json["communication_disabled_until"]
            self._world.time_out(member, None if until is None else self._moment(until))
        return Answer(200, member.json)

    def _moment(self, text: object) -> float:
        path = "communication_disabled_until"
        try:
            moment = datetime.fromisoformat(str(text)).timestamp()
        except ValueError:
            raise invalid(path, "DATE_TIME_TYPE_PARSE", text=text) from None
        if moment > self._world.clock() + LONGEST_TIMEOUT:
            raise invalid(path, "BASE_TYPE_BAD_DATE")
        return moment

    def get_ban(self, call: Call) -> Answer:
        """Returns a user's ban and its reason; 404 when there is none."""
        self._demand(rights.BAN_MEMBERS)
        user = self._world.user(call.id("user_id"))
        if user is None or user.id not in self._world.guild.bans:
            raise ErrorCode.UNKNOWN_BAN.error()
        return Answer(200, {"user": user.json, "reason": self._world.guild.bans[user.id]})

    def ban(self, call: Call) -> Answer:
        """Bans a member, or replaces the reason. `guild.members` keeps the member; `guild.bans` hides it."""
        self._demand(rights.BAN_MEMBERS)
        member = self._world.guild.members.get(call.id("user_id"))
        if member is None:
            raise ErrorCode.UNKNOWN_USER.error()
        self._demand_below(member)
        self._world.ban(member, call.reason)
        return Answer()

    def unban(self, call: Call) -> Answer:
        self._demand(rights.BAN_MEMBERS)
        if call.id("user_id") not in self._world.guild.bans:
            raise ErrorCode.UNKNOWN_BAN.error()
        self._world.unban(call.id("user_id"))
        return Answer()

    def _demand(self, needed: int) -> None:
        """Raises an ApiError when the bot lacks this one permission bit."""
        if not self._world.permissions(self._world.bot.id, None) & needed:
            raise ErrorCode.MISSING_PERMISSIONS.error()

    def _demand_below(self, member: Member) -> None:
        """Raises an ApiError for the owner and for members whose highest role is not below the bot's."""
        guild = self._world.guild
        bot = guild.members[self._world.bot.id]
        if member.user.id == guild.owner_id or guild.height(member) >= guild.height(bot):
            raise ErrorCode.MISSING_PERMISSIONS.error()
