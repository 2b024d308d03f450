"""Interactions: the payloads sent to the bot, the three-second deadline, and the tokens that live fifteen minutes."""

import asyncio
import base64
import secrets
from dataclasses import dataclass, field, fields
from typing import Protocol

from playground.world.errors import ErrorCode, Refused
from playground.world.files import FILE_LIMIT
from playground.world.guild import DM, Channel, User
from playground.world.messages import Message
from playground.world.values import Json, as_dict, as_id
from playground.world.world import Event, World

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5

ANSWER_WITHIN = 3.0  # seconds
TOKEN_LIFE = 15 * 60.0  # seconds
NO_ANSWER = "The application did not respond"
OFFLINE = "The application is offline."
MOST_REMEMBERED = 2000
FORGOTTEN = {"user", "source", "opened_at", "answered_at", "has_failed", "choices", "deadline"}


class BotLine(Protocol):
    """The connection that sends interactions to the bot: the gateway."""

    @property
    def is_reachable(self) -> bool: ...

    def dispatch(self, name: str, body: Json, guild_id: int | None) -> None: ...


@dataclass(slots=True, eq=False, kw_only=True)
class Interaction:
    """One use of a command, button, menu or modal by one person."""

    id: int
    token: str
    type: int
    user: User
    channel_id: int
    created_at: float  # the world's clock
    opened_at: float  # the event loop's clock
    payload: Json = field(default_factory=dict[str, object])  # as the gateway sends it
    source: Message | None = None  # the message whose component was used
    trigger: Json | None = None  # the metadata of the interaction that opened this modal
    answered_at: float | None = None  # the event loop's clock
    answer_type: int | None = None
    has_failed: bool = False
    is_expired: bool = False
    is_ephemeral: bool = False
    original_id: int | None = None
    choices: list[Json] | None = None
    modal: Json | None = None
    deadline: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        return self.answered_at is None and not self.has_failed

    @property
    def record(self) -> Json:
        """Returns the fields that are stored across restarts; `user` and `source` become ids."""
        kept = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in FORGOTTEN}
        return kept | {"user_id": self.user.id, "source_id": self.source.id if self.source else None}


class Interactions:
    """All interactions. Opens them, enforces their deadlines and resolves their tokens."""

    def __init__(self, world: World, line: BotLine, *, answer_within: float = ANSWER_WITHIN) -> None:
        self._world = world
        self._line = line
        self._answer_within = answer_within
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        for body in world.store.all("interaction"):
            self._recall(body)

    def _recall(self, body: Json) -> None:
        world = self._world
        user = world.user(body["user_id"])
        age = world.clock() - body["created_at"]
        if user is None or age > TOKEN_LIFE:
            world.store.remove("interaction", body["id"])
            return
        source = world.messages.find(body["source_id"]) if body["source_id"] else None
        rest = {key: value for key, value in body.items() if key not in ("user_id", "source_id")}
        self._remember(Interaction(user=user, source=source, opened_at=0.0, answered_at=0.0, **rest))

    def _remember(self, interaction: Interaction) -> None:
        self._by_id[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        self._world.snowflakes.pass_over(interaction.id)
        while len(self._by_id) > MOST_REMEMBERED:
            oldest = self._by_id.pop(next(iter(self._by_id)))
            self._by_token.pop(oldest.token, None)
            self._world.store.remove("interaction", oldest.id)

    def save(self, interaction: Interaction) -> None:
        self._world.store.put("interaction", interaction.id, interaction.record)

    def close(self) -> None:
        for interaction in self._by_id.values():
            if interaction.deadline:
                interaction.deadline.cancel()

    # used by people

    def open(
        self,
        type: int,
        user: User,
        channel: Channel,
        data: Json,
        source: Message | None = None,
        trigger: Json | None = None,
    ) -> Interaction:
        """Sends a new interaction to the bot. The three-second deadline starts here."""
        if not self._line.is_reachable:
            raise Refused(OFFLINE)
        id = self._world.snowflakes.next()
        secret = f"interaction:{id}:{secrets.token_urlsafe(48)}"
        token = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
        loop = asyncio.get_running_loop()
        interaction = Interaction(
            id=id,
            token=token,
            type=type,
            user=user,
            channel_id=channel.id,
            created_at=self._world.clock(),
            opened_at=loop.time(),
            source=source,
            trigger=trigger,
        )
        interaction.payload = self._payload(interaction, channel, data)
        self._remember(interaction)
        interaction.deadline = loop.call_later(self._answer_within, self._fail, interaction)
        guild_id = None if channel.type == DM else self._world.guild.id
        self._line.dispatch("INTERACTION_CREATE", interaction.payload, guild_id)
        return interaction

    def _payload(self, interaction: Interaction, channel: Channel, data: Json) -> Json:
        """Returns the interaction as the gateway sends it, with every field that Discord adds."""
        world, user, is_dm = self._world, interaction.user, channel.type == DM
        guild_id = str(world.guild.id)
        permissions = {"permissions": str(world.permissions(user.id, channel))}
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(world.application_id),
            "type": interaction.type,
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": channel.json(world.guild.id) | permissions,
            "locale": user.locale,
            "app_permissions": str(world.permissions(world.bot.id, channel)),
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": "0" if is_dm else guild_id},
            "context": 1 if is_dm else 0,
            "attachment_size_limit": FILE_LIMIT,
        }
        if is_dm:
            payload["user"] = user.json
        else:
            payload |= {
                "guild_id": guild_id,
                "guild_locale": world.guild.locale,
                "guild": {"id": guild_id, "locale": world.guild.locale, "features": []},
                "member": world.guild.members[user.id].json | permissions,
            }
        return payload | ({"message": interaction.source.json} if interaction.source else {})

    def _fail(self, interaction: Interaction) -> None:
        if not interaction.is_open:
            return
        interaction.has_failed = True
        self._tell(interaction, "INTERACTION_FAILED", {"message": NO_ANSWER})

    def get(self, id: int) -> Interaction | None:
        return self._by_id.get(id)

    def newest_modal(self, user: User, custom_id: object) -> Interaction | None:
        for interaction in reversed(self._by_id.values()):
            modal = interaction.modal
            if interaction.user == user and modal is not None and modal["custom_id"] == custom_id:
                return interaction
        return None

    def expire(self, interaction: Interaction) -> None:
        """Expires the token, as if its fifteen minutes were over."""
        interaction.is_expired = True
        self.save(interaction)

    # used by the bot

    def to_answer(self, id: int, token: str) -> Interaction:
        """Returns the interaction of a callback. Raises an ApiError when it is unknown, failed or already answered."""
        interaction = self._by_id.get(id)
        if interaction is None or interaction.token != token or interaction.has_failed:
            raise ErrorCode.UNKNOWN_INTERACTION.error()
        if not interaction.is_open:
            raise ErrorCode.ALREADY_ACKNOWLEDGED.error()
        return interaction

    def answered(self, interaction: Interaction, answer_type: int) -> None:
        interaction.answered_at = asyncio.get_running_loop().time()
        interaction.answer_type = answer_type
        if interaction.deadline:
            interaction.deadline.cancel()
        self.save(interaction)
        self._tell(interaction, "INTERACTION_DONE", {})

    def by_token(self, token: str) -> Interaction:
        """Returns the answered interaction of a valid webhook token. Raises an ApiError for any other token."""
        interaction = self._by_token.get(token)
        if interaction is None:
            raise (
                ErrorCode.INVALID_WEBHOOK_TOKEN.error()
                if self._looks_like_ours(token)
                else ErrorCode.UNKNOWN_WEBHOOK.error()
            )
        if interaction.is_expired or self._world.clock() - interaction.created_at >= TOKEN_LIFE:
            raise ErrorCode.INVALID_WEBHOOK_TOKEN.error()
        if interaction.answered_at is None:
            raise ErrorCode.UNKNOWN_WEBHOOK.error()
        return interaction

    def _looks_like_ours(self, token: str) -> bool:
        try:
            return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).startswith(b"interaction:")
        except ValueError:
            return False

    def _tell(self, interaction: Interaction, name: str, body: Json) -> None:
        channel_id, reader = interaction.channel_id, interaction.user.id
        details = {"id": str(interaction.id), "channel_id": str(channel_id)}
        self._world.tell(Event(name=name, body=details | body, channel_id=channel_id, only_for=reader))

    def open_modal(self, interaction: Interaction, modal: Json) -> None:
        """Shows a modal to the person who used the command or the button."""
        interaction.modal = modal
        self.save(interaction)
        self._tell(interaction, "MODAL", {"interaction_id": str(interaction.id)} | modal)

    def metadata(self, interaction: Interaction) -> Json:
        """Returns a message's `interaction_metadata`: the description of the interaction that the message answers."""
        body: Json = {
            "id": str(interaction.id),
            "type": interaction.type,
            "user": interaction.user.json,
            "authorizing_integration_owners": interaction.payload["authorizing_integration_owners"],
        }
        data = as_dict(interaction.payload["data"])
        if interaction.type == COMMAND:
            body |= {"name": data["name"], "command_type": data["type"]}
            if data["type"] == 2 and (target := self._world.user(as_id(data["target_id"]))):
                body["target_user"] = target.json
            if data["type"] == 3:
                body["target_message_id"] = data["target_id"]
        if interaction.type == COMPONENT and interaction.source:
            body["interacted_message_id"] = str(interaction.source.id)
        if interaction.type == MODAL:
            body["triggering_interaction_metadata"] = interaction.trigger
        return body
