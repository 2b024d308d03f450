"""The API's channels, messages, threads and direct messages."""

from playground.content.composing import Composer
from playground.rest.api import Answer, Api, Call
from playground.world import guild as rights
from playground.world.errors import ApiError, ErrorCode, FormErrors, invalid
from playground.world.guild import DM, THREAD, Channel
from playground.world.messages import Message
from playground.world.values import Json, as_dict, as_id, timestamp
from playground.world.world import Event, World

CHANNEL = "/channels/{channel_id}"
MESSAGES = CHANNEL + "/messages"
MESSAGE = MESSAGES + "/{message_id}"

NONCE_LIFE = 5 * 60.0  # seconds


def demand_open(channel: Channel) -> None:
    """Refuses a change of a message in an archived thread."""
    if channel.is_archived:
        raise ErrorCode.THREAD_ARCHIVED.error()


class ChannelEndpoints:
    def __init__(self, world: World, composer: Composer) -> None:
        self._world = world
        self._composer = composer

    def add_to(self, api: Api) -> None:
        api.add("GET", CHANNEL, self.channel)
        api.add("POST", CHANNEL + "/typing", self.typing)
        api.add("GET", MESSAGES, self.messages)
        api.add("POST", MESSAGES, self.create)
        api.add("GET", MESSAGE, self.message)
        api.add("PATCH", MESSAGE, self.edit)
        api.add("DELETE", MESSAGE, self.delete)
        api.add("POST", MESSAGES + "/bulk-delete", self.bulk_delete)
        api.add("POST", MESSAGE + "/threads", self.thread_from_message)
        api.add("POST", CHANNEL + "/threads", self.thread)
        api.add("POST", "/users/@me/channels", self.open_dm)

    def _channel(self, call: Call, needed: int = 0) -> Channel:
        channel = self._world.channel(call.id("channel_id"))
        may = self._world.permissions(self._world.bot.id, channel)
        if not may & rights.VIEW_CHANNEL:
            raise ErrorCode.MISSING_ACCESS.error()
        if may & needed != needed:
            raise ErrorCode.MISSING_PERMISSIONS.error()
        return channel

    def _message(self, call: Call, channel: Channel) -> Message:
        """Returns the message. Ephemeral messages can't be reached through their channel, as on Discord."""
        message = self._world.messages.get(channel.id, call.id("message_id"))
        if message is None or message.seen_by is not None:
            raise ErrorCode.UNKNOWN_MESSAGE.error()
        return message

    def channel(self, call: Call) -> Answer:
        return Answer(200, self._channel(call).json(self._world.guild.id))

    def typing(self, call: Call) -> Answer:
        channel = self._channel(call, rights.SEND_MESSAGES)
        body: Json = {"channel_id": str(channel.id), "user_id": str(self._world.bot.id)}
        self._world.tell(Event(name="TYPING", body=body, channel_id=channel.id))
        return Answer()

    def messages(self, call: Call) -> Answer:
        channel = self._channel(call, rights.READ_MESSAGE_HISTORY)
        return Answer(200, [each.json for each in self._world.messages.page(channel.id, call.query)])

    def message(self, call: Call) -> Answer:
        channel = self._channel(call, rights.READ_MESSAGE_HISTORY)
        return Answer(200, self._message(call, channel).json)

    def create(self, call: Call) -> Answer:
        needed = rights.SEND_MESSAGES | (rights.ATTACH_FILES if call.files else 0)
        channel = self._channel(call, needed)
        if channel.type == DM and channel.recipient and self._is_closed(channel.recipient.id):
            raise ErrorCode.NO_MESSAGES_TO_THEM.error()
        if (first := self._first_with_nonce(call, channel)) is not None:
            return Answer(200, first.json)
        extra = self._reference(call, channel)
        message = self._composer.create(channel, self._world.bot, call.json, call.files, extra=extra)
        self._world.post(message)
        return Answer(200, message.json)

    def _first_with_nonce(self, call: Call, channel: Channel) -> Message | None:
        """Returns the bot's message of the last minutes with the nonce of a request that asks for its first use only."""
        nonce = call.json.get("nonce")
        if not (nonce and call.json.get("enforce_nonce")):
            return None
        oldest = timestamp(self._world.clock() - NONCE_LIFE)
        for each in reversed(self._world.messages.of(channel.id)):
            is_own = each.author_id == self._world.bot.id and each.json["timestamp"] >= oldest
            if is_own and each.json.get("nonce") == nonce:
                return each
        return None

    def _is_closed(self, user_id: int) -> bool:
        """Returns whether the bot can't send direct messages to a user: the user refuses them or is banned. A banned user shares
        no server with the bot."""
        return user_id in self._world.closed_to_messages or user_id in self._world.guild.bans

    def _reference(self, call: Call, channel: Channel) -> Json:
        reference = as_dict(call.json.get("message_reference"))
        if not reference:
            return {}
        id = as_id(reference.get("message_id"))
        found = self._world.messages.get(channel.id, id)
        if found is None or found.seen_by is not None:
            if reference.get("fail_if_not_exists") is False:
                return {}
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE")
        return {
            "type": 19,
            "message_reference": found.reference,
            "referenced_message": {
                key: value for key, value in found.json.items() if key != "referenced_message"
            },
        }

    def edit(self, call: Call) -> Answer:
        message = self._message(call, self._channel(call))
        if message.author_id != self._world.bot.id:
            raise ErrorCode.NOT_THE_AUTHOR.error()
        demand_open(self._world.channel(message.channel_id))
        self._composer.edit(message, call.json, call.files)
        return Answer(200, message.json)

    def delete(self, call: Call) -> Answer:
        channel = self._channel(call)
        message = self._message(call, channel)
        may = self._world.permissions(self._world.bot.id, channel)
        if message.author_id != self._world.bot.id and not may & rights.MANAGE_MESSAGES:
            raise ErrorCode.MISSING_PERMISSIONS.error()
        self._world.delete(message)
        return Answer()

    def bulk_delete(self, call: Call) -> Answer:
        channel = self._channel(call, rights.MANAGE_MESSAGES)
        ids = call.json.get("messages") or []
        if not 2 <= len(ids) <= 100:
            raise ApiError(
                400, 50016, "Provided too few or too many messages to delete. Must be between 2 and 100"
            )
        for id in map(as_id, ids):
            message = self._world.messages.get(channel.id, id)
            if message is not None and message.seen_by is None:
                self._world.delete(message)
        return Answer()

    def thread_from_message(self, call: Call) -> Answer:
        channel = self._channel(call, rights.CREATE_PUBLIC_THREADS)
        message = self._message(call, channel)
        if message.id in self._world.channels:
            raise ApiError(400, 160004, "A thread has already been created for this message")
        thread = self._world.open_thread(channel, self._name(call), self._world.bot.id, id=message.id)
        message.json["thread"] = thread.json(self._world.guild.id)
        self._world.change(message)
        return Answer(201, thread.json(self._world.guild.id))

    def thread(self, call: Call) -> Answer:
        channel = self._channel(call, rights.CREATE_PUBLIC_THREADS)
        if channel.type == THREAD:
            raise ApiError(400, 50024, "Cannot execute action on this channel type")
        thread = self._world.open_thread(channel, self._name(call), self._world.bot.id)
        return Answer(201, thread.json(self._world.guild.id))

    def _name(self, call: Call) -> str:
        errors = FormErrors()
        errors.length("name", call.json.get("name"), 1, 100)
        errors.raise_if_any()
        return str(call.json["name"])

    def open_dm(self, call: Call) -> Answer:
        user = self._world.user(as_id(call.json.get("recipient_id")))
        if user is None:
            raise ErrorCode.UNKNOWN_USER.error()
        if user.bot:
            raise ErrorCode.NO_MESSAGES_TO_THEM.error()
        return Answer(200, self._world.open_dm(user).json(self._world.guild.id))
