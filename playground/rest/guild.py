"""The API's answers about the bot, its guild and its members."""

from playground.rest.api import Answer, Api, Call
from playground.world.errors import ErrorCode
from playground.world.values import Json
from playground.world.world import World


class GuildEndpoints:
    def __init__(self, world: World, gateway_url: str) -> None:
        self._world = world
        self._gateway_url = gateway_url

    def add_to(self, api: Api) -> None:
        api.add("GET", "/gateway", self.gateway, is_open=True)
        api.add("GET", "/gateway/bot", self.gateway_bot)
        api.add("GET", "/users/@me", self.me)
        api.add("GET", "/users/@me/guilds", self.my_guilds)
        api.add("GET", "/users/{user_id}", self.user)
        api.add("GET", "/oauth2/applications/@me", self.application)
        api.add("GET", "/applications/@me", self.application)
        api.add("GET", "/applications/{application_id}/emojis", self.application_emojis)
        api.add("GET", "/applications/{application_id}/entitlements", self.nothing)
        api.add("GET", "/applications/{application_id}/skus", self.nothing)
        api.add("GET", "/guilds/{guild_id}", self.guild)
        api.add("GET", "/guilds/{guild_id}/channels", self.channels)
        api.add("GET", "/guilds/{guild_id}/roles", self.roles)
        api.add("GET", "/guilds/{guild_id}/emojis", self.nothing)
        api.add("GET", "/guilds/{guild_id}/stickers", self.nothing)
        api.add("GET", "/guilds/{guild_id}/members", self.members)
        api.add("GET", "/guilds/{guild_id}/members/{user_id}", self.member)

    def gateway(self, call: Call) -> Answer:
        return Answer(200, {"url": self._gateway_url})

    def gateway_bot(self, call: Call) -> Answer:
        limit: Json = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return Answer(200, {"url": self._gateway_url, "shards": 1, "session_start_limit": limit})

    def me(self, call: Call) -> Answer:
        return Answer(200, self._world.bot.own_json)

    def my_guilds(self, call: Call) -> Answer:
        guild = self._world.guild
        body: Json = {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": str(self._world.permissions(self._world.bot.id, None)),
            "features": [],
        }
        return Answer(200, [body])

    def user(self, call: Call) -> Answer:
        user = self._world.user(call.id("user_id"))
        if user is None:
            raise ErrorCode.UNKNOWN_USER.error()
        return Answer(200, user.json)

    def application(self, call: Call) -> Answer:
        return Answer(200, application(self._world))

    def application_emojis(self, call: Call) -> Answer:
        return Answer(200, {"items": []})

    def nothing(self, call: Call) -> Answer:
        return Answer(200, [])

    def guild(self, call: Call) -> Answer:
        body = self._world.guild.json
        if call.is_true("with_counts"):
            size = len(self._world.guild.members)
            body |= {"approximate_member_count": size, "approximate_presence_count": size}
        return Answer(200, body)

    def channels(self, call: Call) -> Answer:
        guild = self._world.guild
        return Answer(200, [each.json(guild.id) for each in self._world.channels.values() if each.type == 0])

    def roles(self, call: Call) -> Answer:
        return Answer(200, [role.json for role in self._world.guild.roles.values()])

    def members(self, call: Call) -> Answer:
        after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 1))
        members = sorted(self._world.guild.members.values(), key=lambda each: each.user.id)
        return Answer(200, [each.json for each in members if each.user.id > after][:limit])

    def member(self, call: Call) -> Answer:
        member = self._world.guild.members.get(call.id("user_id"))
        if member is None or member.user.id in self._world.guild.bans:
            raise ErrorCode.UNKNOWN_MEMBER.error()
        return Answer(200, member.json)


def application(world: World) -> Json:
    owner = world.user(world.guild.owner_id)
    return {
        "id": str(world.application_id),
        "name": world.bot.username,
        "icon": None,
        "description": "Pictures from words, painted on your own graphics card.",
        "type": None,
        "bot": world.bot.json,
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "00" * 32,
        "flags": 1 << 23,  # the bot has registered commands
        "flags_new": str(1 << 23),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": owner.json if owner else None,
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}},
    }
