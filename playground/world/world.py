"""The whole state of the playground: guild, people, channels, messages, files, commands. Knows nothing about HTTP."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playground.world import guild as rights
from playground.world.commands import CommandBook
from playground.world.errors import ErrorCode
from playground.world.files import UploadedFiles
from playground.world.guild import DM, THREAD, Channel, Guild, Member, Overwrite, Role, User
from playground.world.invitation import TOPIC
from playground.world.messages import Message, MessageBook
from playground.world.store import Store
from playground.world.values import ChangeSignal, Clock, Json, Snowflakes, timestamp

GUILD_NAME = "The Atelier"
BOT_NAME = "Atelier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event for people or the bot. `only_for` is the id of the only person who may receive it."""

    name: str
    body: Json
    channel_id: int | None = None
    only_for: int | None = None
    message: Message | None = None


class World:
    """The state and its listeners. Every change is stored before a listener is notified."""

    def __init__(self, folder: Path | None, *, address: str, clock: Clock, token: str | None = None) -> None:
        self.address = address
        self.clock = clock
        self.changed = ChangeSignal()
        self.snowflakes = Snowflakes(clock)
        self.store = Store(folder, address)
        self.files = UploadedFiles(self.store, self.snowflakes, address)
        self.messages = MessageBook(self.store)
        self.listeners: list[Callable[[Event], None]] = []
        self.channels: dict[int, Channel] = {}
        self.closed_to_messages: set[int] = set()  # people who refuse direct messages from the bot
        used = {int(body["id"]) for body in self.store.all("upload")}
        for message in self.messages.all:
            self.snowflakes.pass_over(message.id)
            used |= {int(each["id"]) for each in message.held}
        self.store.keep_files(used)
        self.token, self.application_id = self._identity(token)
        self.commands = CommandBook(self.store, self.snowflakes, self.application_id)
        self._settle()

    def _identity(self, token: str | None) -> tuple[str, int]:
        stored = self.store.all("identity")
        if token is None and stored:
            token = str(stored[0]["token"])
        if token is None:
            first = base64.urlsafe_b64encode(str(self.snowflakes.next()).encode()).decode().rstrip("=")
            token = f"{first}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"
        self.store.put("identity", 0, {"token": token})
        return token, application_of(token)

    def _settle(self) -> None:
        """Loads the stored guild, or creates it. Adds again the people who joined later."""
        stored = self.store.all("seed")
        names = (
            "guild",
            "owner",
            "moderators",
            "bots",
            "ada",
            "ben",
            "mia",
            "gallery",
            "after-dark",
            "mod-log",
        )
        seed: Json = stored[0] if stored else {name: self.snowflakes.next() for name in names}
        seed.setdefault("founded", self.clock())
        self.store.put("seed", 0, seed)
        self._founded = timestamp(float(seed["founded"]))
        self.guild = Guild(id=seed["guild"], name=GUILD_NAME, owner_id=seed["owner"])
        self.moderators = seed["moderators"]
        bots = seed["bots"]
        for role in (
            Role(id=self.guild.id, name="@everyone", permissions=rights.MEMBERS_MAY),
            Role(id=bots, name=BOT_NAME, permissions=BOT_MAY, position=1, bot_id=self.application_id),
            Role(
                id=self.moderators,
                name="Moderator",
                permissions=rights.MODERATORS_MAY,
                position=2,
                color=0x5865F2,
            ),
        ):
            self.guild.roles[role.id] = role
        self.bot = User(id=self.application_id, username=BOT_NAME, global_name=None, bot=True)
        self._join(self.bot, [bots])
        self._join(User(id=seed["owner"], username="owner", global_name="Owner"), [])
        for name in ("ada", "ben", "mia"):
            self._join(
                User(id=seed[name], username=name, global_name=name.title()),
                [self.moderators] if name == "mia" else [],
            )
        for body in self.store.all("member"):
            self._rejoin(body)
        for body in self.store.all("sanction"):
            self.guild.members[body["id"]].timed_out_until = body["until"]
            if body["is_banned"]:
                self.guild.bans[body["id"]] = body["reason"]
        hidden = (
            Overwrite(role_id=self.guild.id, deny=rights.VIEW_CHANNEL),
            Overwrite(role_id=self.moderators, allow=rights.VIEW_CHANNEL),
            Overwrite(role_id=bots, allow=rights.VIEW_CHANNEL),
        )
        topics = {
            "gallery": TOPIC,
            "after-dark": "For adults: /server policy may let prompts go further here",
            "mod-log": "For moderators: refused and flagged orders",
        }
        for position, (name, topic) in enumerate(topics.items()):
            channel = Channel(id=seed[name], name=name, topic=topic, position=position)
            channel.is_nsfw = name == "after-dark"
            channel.overwrites = hidden if name == "mod-log" else ()
            self.channels[channel.id] = channel
        for body in self.store.all("channel"):
            recipient = self.user(body.pop("recipient_id"))
            self.channels[body["id"]] = Channel(recipient=recipient, **body)
        for channel in self.channels.values():
            messages = self.messages.of(channel.id)
            channel.last_message_id = messages[-1].id if messages else None
            self.snowflakes.pass_over(channel.id)

    def _rejoin(self, body: Json) -> Member:
        user = User(id=body["id"], username=body["name"], global_name=body["name"].title())
        roles = [self.moderators] if body.get("is_moderator") else []
        return self._join(user, roles, body.get("joined_at"))

    def _join(self, user: User, roles: list[int], joined_at: str | None = None) -> Member:
        member = Member(user=user, roles=roles, joined_at=joined_at or self._founded)
        self.guild.members[user.id] = member
        self.snowflakes.pass_over(user.id)
        return member

    def close(self) -> None:
        self.store.close()

    # people

    def add_member(self, name: str, *, is_moderator: bool = False, age: float = 0.0) -> Member:
        """Adds a member. Returns the existing member when the name is taken. `age` is the time in seconds since the person
        created the account and joined."""
        if found := self.member_named(name):
            return found
        # An id contains its creation time. Two ids from the same past moment differ in their last bits.
        then = Snowflakes(lambda: self.clock() - age).next() + len(self.guild.members)
        id = then if age else self.snowflakes.next()
        joined_at = timestamp(self.clock() - age)
        body: Json = {"id": id, "name": name, "is_moderator": is_moderator, "joined_at": joined_at}
        self.store.put("member", id, body)
        return self._rejoin(body)

    # sanctions by moderators

    def time_out(self, member: Member, until: float | None) -> None:
        """Times a member out. `until` is in unix seconds; None ends the timeout."""
        member.timed_out_until = until
        self._keep_sanctions(member.user.id)

    def ban(self, member: Member, reason: str | None) -> None:
        self.guild.bans[member.user.id] = reason
        self._keep_sanctions(member.user.id)

    def unban(self, user_id: int) -> None:
        del self.guild.bans[user_id]
        self._keep_sanctions(user_id)

    def _keep_sanctions(self, user_id: int) -> None:
        body: Json = {
            "id": user_id,
            "until": self.guild.members[user_id].timed_out_until,
            "is_banned": user_id in self.guild.bans,
            "reason": self.guild.bans.get(user_id),
        }
        self.store.put("sanction", user_id, body)
        self.changed.notify()

    def member_named(self, name: str) -> Member | None:
        return next((each for each in self.people if each.user.username == name), None)

    def user(self, id: int | None) -> User | None:
        member = self.guild.members.get(id or 0)
        return None if member is None else member.user

    @property
    def people(self) -> list[Member]:
        """Returns all members except the bot and the guild's owner, who never acts."""
        silent = {self.bot.id, self.guild.owner_id}
        return [each for each in self.guild.members.values() if each.user.id not in silent]

    # channels and their visibility

    def channel(self, id: int) -> Channel:
        channel = self.channels.get(id)
        if channel is None:
            raise ErrorCode.UNKNOWN_CHANNEL.error()
        return channel

    def channel_named(self, name: str) -> Channel:
        for channel in self.channels.values():
            if channel.name == name:
                return channel
        raise LookupError(f"no channel is called {name!r}")

    def open_dm(self, user: User) -> Channel:
        for channel in self.channels.values():
            if channel.recipient == user:
                return channel
        return self._add_channel(Channel(id=self.snowflakes.next(), type=DM, recipient=user))

    def open_thread(self, parent: Channel, name: str, owner_id: int, id: int | None = None) -> Channel:
        """Opens a thread. `id` is the id of the message that the thread starts from, if any, as on Discord."""
        thread = Channel(
            id=id or self.snowflakes.next(),
            type=THREAD,
            name=name,
            parent_id=parent.id,
            owner_id=owner_id,
            created_at=timestamp(self.clock()),
        )
        self._add_channel(thread)
        body = thread.json(self.guild.id) | {"newly_created": True}
        self.tell(Event(name="THREAD_CREATE", body=body, channel_id=thread.id))
        return thread

    def archive(self, thread: Channel, *, is_archived: bool = True) -> None:
        """Archives a thread: its messages can't be edited until the next post in it."""
        thread.is_archived = is_archived
        self.tell(Event(name="THREAD_UPDATE", body=thread.json(self.guild.id), channel_id=thread.id))

    def set_overwrites(self, channel: Channel, overwrites: tuple[Overwrite, ...]) -> None:
        channel.overwrites = overwrites
        self.tell(Event(name="CHANNEL_UPDATE", body=channel.json(self.guild.id), channel_id=channel.id))

    def delete_thread(self, thread: Channel) -> None:
        """Deletes a thread with its messages."""
        del self.channels[thread.id]
        self.store.remove("channel", thread.id)
        for message in self.messages.of(thread.id):
            self.messages.remove(message)
        body: Json = {
            "id": str(thread.id),
            "guild_id": str(self.guild.id),
            "parent_id": str(thread.parent_id),
            "type": thread.type,
        }
        self.tell(Event(name="THREAD_DELETE", body=body, channel_id=thread.id))

    def _add_channel(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        record: Json = {
            "id": channel.id,
            "type": channel.type,
            "name": channel.name,
            "parent_id": channel.parent_id,
            "owner_id": channel.owner_id,
            "created_at": channel.created_at,
            "recipient_id": channel.recipient.id if channel.recipient else None,
        }
        self.store.put("channel", channel.id, record)
        return channel

    def permissions(self, user_id: int, channel: Channel | None) -> int:
        if channel is not None and channel.type == DM:
            is_theirs = user_id in (self.bot.id, channel.recipient and channel.recipient.id)
            return rights.MEMBERS_MAY if is_theirs else 0
        if user_id in self.guild.bans:
            return 0
        if channel is not None and channel.parent_id is not None:
            channel = self.channels.get(channel.parent_id, channel)
        may = self.guild.permissions(user_id, channel)
        member = self.guild.members.get(user_id)
        is_timed_out = member and member.timed_out_until and member.timed_out_until > self.clock()
        return may & rights.TIMED_OUT_MAY if is_timed_out and not may & rights.ADMINISTRATOR else may

    def can_see(self, user_id: int, channel: Channel) -> bool:
        return bool(self.permissions(user_id, channel) & rights.VIEW_CHANNEL)

    def seen_by(self, user_id: int, channel: Channel) -> list[Message]:
        """Returns the messages of a channel that a person sees, oldest first, without ephemeral messages of others."""
        if not self.can_see(user_id, channel):
            return []
        return [each for each in self.messages.of(channel.id) if each.seen_by in (None, user_id)]

    async def wait_for_message(
        self, fits: Callable[[Message], bool], channel: Channel, reader: int | None, timeout: float
    ) -> Message:
        """Returns the first message for which `fits` is true: a posted message or a future one. Without `reader` it considers the
        messages of every reader."""

        def look() -> Message | None:
            seen = self.messages.of(channel.id) if reader is None else self.seen_by(reader, channel)
            return next((each for each in seen if fits(each)), None)

        return await self.changed.wait_until(look, timeout)

    # messages

    def post(self, message: Message) -> None:
        channel = self.channel(message.channel_id)
        for gone in self.messages.put(message):
            self._tell_deleted(gone)
        if channel.is_archived:
            self.archive(channel, is_archived=False)
        channel.last_message_id = message.id
        channel.message_count += 1
        self._tell("MESSAGE_CREATE", message, message.json)

    def change(self, message: Message) -> None:
        self.messages.put(message)
        self._tell("MESSAGE_UPDATE", message, message.json)

    def delete(self, message: Message) -> None:
        self.messages.remove(message)
        self._tell_deleted(message)

    def _tell_deleted(self, message: Message) -> None:
        body = {"id": str(message.id), "channel_id": str(message.channel_id)}
        self._tell("MESSAGE_DELETE", message, body)

    def _tell(self, name: str, message: Message, body: Json) -> None:
        channel_id, reader = message.channel_id, message.seen_by
        self.tell(Event(name=name, body=body, channel_id=channel_id, only_for=reader, message=message))

    def tell(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)
        self.changed.notify()


BOT_MAY = (
    rights.MEMBERS_MAY
    | rights.MANAGE_MESSAGES
    | rights.MANAGE_THREADS
    | rights.MODERATE_MEMBERS
    | rights.BAN_MEMBERS
)


def application_of(token: str) -> int:
    """Returns the application id that a bot token begins with."""
    first = token.split(".", 1)[0]
    try:
        return int(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError:
        raise ValueError("a bot token begins with the base64 of its application id") from None
