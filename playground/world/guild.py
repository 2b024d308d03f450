"""The guild: its members, roles and channels, and their permissions. Pure values; the world owns and changes them."""

from dataclasses import dataclass, field

from playground.world.values import Json, timestamp

# Discord's permission bits that the guild's roles use.
KICK_MEMBERS = 1 << 1
BAN_MEMBERS = 1 << 2
ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_AUDIT_LOG = 1 << 7
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
USE_EXTERNAL_EMOJIS = 1 << 18
MANAGE_ROLES = 1 << 28
USE_APPLICATION_COMMANDS = 1 << 31
MANAGE_THREADS = 1 << 34
CREATE_PUBLIC_THREADS = 1 << 35
SEND_MESSAGES_IN_THREADS = 1 << 38
MODERATE_MEMBERS = 1 << 40
USE_EXTERNAL_APPS = 1 << 50
ALL_PERMISSIONS = (1 << 53) - 1

MEMBERS_MAY = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_EXTERNAL_EMOJIS
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS
    | USE_EXTERNAL_APPS
)
MODERATORS_MAY = (
    KICK_MEMBERS
    | BAN_MEMBERS
    | MANAGE_CHANNELS
    | MANAGE_GUILD
    | VIEW_AUDIT_LOG
    | MANAGE_MESSAGES
    | MANAGE_ROLES
    | MANAGE_THREADS
    | MODERATE_MEMBERS
)

TIMED_OUT_MAY = VIEW_CHANNEL | READ_MESSAGE_HISTORY

TEXT, DM, THREAD = 0, 1, 11  # channel types

LOOKS = (
    "avatar",
    "banner",
    "avatar_decoration_data",
    "collectibles",
)  # null for every user of the playground


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: int
    username: str
    global_name: str | None
    bot: bool = False
    locale: str = "en-US"  # the client's language

    @property
    def json(self) -> Json:
        body: Json = {
            "id": str(self.id),
            "username": self.username,
            "global_name": self.global_name,
            "discriminator": "0" if not self.bot else "0001",
            "public_flags": 0,
            "flags": 0,
        }
        plain = dict.fromkeys((*LOOKS, "accent_color", "primary_guild"))
        return body | plain | ({"bot": True} if self.bot else {})

    @property
    def own_json(self) -> Json:
        """Returns the user object with the private fields that only the user receives."""
        return self.json | {"mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    id: int
    name: str
    permissions: int
    position: int = 0
    color: int = 0
    bot_id: int | None = None

    @property
    def json(self) -> Json:
        body: Json = {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(self.permissions),
            "position": self.position,
            "color": self.color,
            "colors": {"primary_color": self.color, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": self.bot_id is not None,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }
        if self.bot_id is not None:
            body["tags"] = {"bot_id": str(self.bot_id)}
        return body


@dataclass(slots=True, eq=False, kw_only=True)
class Member:
    user: User
    roles: list[int]
    joined_at: str
    timed_out_until: float | None = None  # unix seconds

    @property
    def json(self) -> Json:
        return {
            "user": self.user.json,
            "nick": None,
            "roles": [str(role) for role in self.roles],
            "joined_at": self.joined_at,
            "premium_since": None,
            "communication_disabled_until": None
            if self.timed_out_until is None
            else timestamp(self.timed_out_until),
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
        } | dict.fromkeys(LOOKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    role_id: int
    allow: int = 0
    deny: int = 0


@dataclass(slots=True, eq=False, kw_only=True)
class Channel:
    id: int
    type: int = TEXT
    name: str = ""
    topic: str | None = None
    is_nsfw: bool = False
    position: int = 0
    overwrites: tuple[Overwrite, ...] = ()
    parent_id: int | None = None  # threads only
    owner_id: int | None = None  # threads only
    is_archived: bool = False  # threads only; forgotten at a restart
    created_at: str = ""  # threads only
    recipient: User | None = None  # DMs only
    last_message_id: int | None = None
    message_count: int = 0

    def json(self, guild_id: int) -> Json:
        body: Json = {
            "id": str(self.id),
            "type": self.type,
            "flags": 0,
            "last_message_id": str(self.last_message_id) if self.last_message_id else None,
        }
        if self.type == DM:
            return body | {"recipients": [self.recipient.json] if self.recipient else []}
        body |= {
            "guild_id": str(guild_id),
            "name": self.name,
            "parent_id": str(self.parent_id) if self.parent_id else None,
            "rate_limit_per_user": 0,
        }
        if self.type == THREAD:
            return body | {
                "owner_id": str(self.owner_id),
                "message_count": self.message_count,
                "member_count": 1,
                "total_message_sent": self.message_count,
                "thread_metadata": {
                    "archived": self.is_archived,
                    "archive_timestamp": self.created_at,
                    "auto_archive_duration": 1440,
                    "locked": False,
                    "create_timestamp": self.created_at,
                },
            }
        return body | {
            "topic": self.topic,
            "nsfw": self.is_nsfw,
            "position": self.position,
            "permission_overwrites": [
                {"id": str(rule.role_id), "type": 0, "allow": str(rule.allow), "deny": str(rule.deny)}
                for rule in self.overwrites
            ],
        }


@dataclass(slots=True, eq=False, kw_only=True)
class Guild:
    """The one guild of the world. `roles[id]` with the guild's id is @everyone, as on Discord."""

    id: int
    name: str
    owner_id: int
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    bans: dict[int, str | None] = field(default_factory=dict[int, "str | None"])  # ban reasons by user id

    def height(self, member: Member) -> int:
        """Returns the position of the member's highest role."""
        return max((self.roles[role].position for role in member.roles if role in self.roles), default=0)

    def permissions(self, user_id: int, channel: Channel | None) -> int:
        """Returns a member's permissions in a channel: first the roles, then the channel's overwrites. The overwrite of @everyone
        is applied before the others."""
        member = self.members.get(user_id)
        if member is None:
            return 0
        held = {self.id, *member.roles} & self.roles.keys()
        allowed = 0
        for role_id in held:
            allowed |= self.roles[role_id].permissions
        if user_id == self.owner_id or allowed & ADMINISTRATOR:
            return ALL_PERMISSIONS
        if channel is None:
            return allowed
        for roles in ({self.id}, held - {self.id}):
            rules = [rule for rule in channel.overwrites if rule.role_id in roles]
            for rule in rules:
                allowed &= ~rule.deny
            for rule in rules:
                allowed |= rule.allow
        return allowed if allowed & VIEW_CHANNEL else 0

    @property
    def json(self) -> Json:
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(self.owner_id),
            "roles": [role.json for role in self.roles.values()],
            "features": [],
            "emojis": [],
            "stickers": [],
            "region": "deprecated",
            "afk_timeout": 300,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "verification_level": 0,
            "default_message_notifications": 1,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": None,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": self.locale,
            "premium_progress_bar_enabled": False,
            "nsfw": False,
            "nsfw_level": 0,
        } | dict.fromkeys(
            (
                "icon",
                "description",
                "home_header",
                "splash",
                "discovery_splash",
                "banner",
                "application_id",
                "afk_channel_id",
                "system_channel_id",
                "widget_channel_id",
                "vanity_url_code",
                "rules_channel_id",
                "safety_alerts_channel_id",
                "public_updates_channel_id",
                "incidents_data",
            )
        )
