"""The messages of the world, at most a few hundred in a channel, and their readers."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from playground.world.store import Store
from playground.world.values import Json, as_dicts, as_id

MESSAGES_A_CHANNEL = 300

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15
SUPPRESS_EMBEDS = 1 << 2
SUPPRESS_NOTIFICATIONS = 1 << 12


def walk(components: list[Json]) -> Iterator[Json]:
    """Yields every component of a tree, each container before its contents."""
    for component in components:
        yield component
        yield from walk(as_dicts(component.get("components")))
        for key in ("accessory", "component"):
            if isinstance(component.get(key), dict):
                yield from walk([component[key]])


@dataclass(slots=True, eq=False, kw_only=True)
class Message:
    """One message. `json` is Discord's complete message object."""

    id: int
    channel_id: int
    json: Json
    seen_by: int | None = None  # the only reader of an ephemeral message
    held: list[Json] = field(
        default_factory=list[Json]
    )  # every attachment, including those that no component shows

    @property
    def author_id(self) -> int:
        return as_id(self.json["author"]["id"])

    @property
    def content(self) -> str:
        return self.json["content"]

    @property
    def flags(self) -> int:
        return self.json["flags"]

    @property
    def is_ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def is_loading(self) -> bool:
        return bool(self.flags & LOADING)

    @property
    def reference(self) -> Json:
        """Returns the `message_reference` of a reply to this message."""
        return {"type": 0, "channel_id": str(self.channel_id), "message_id": str(self.id)}

    @property
    def components(self) -> Iterator[Json]:
        """Yields every component of the message, including those inside Components V2 trees."""
        return walk(as_dicts(self.json["components"]))

    @property
    def texts(self) -> str:
        """Returns all readable text of the message, one entry a line: content, embeds, text displays, labels."""
        lines = [self.content]
        for embed in as_dicts(self.json["embeds"]):
            lines += [embed.get("title", ""), embed.get("description", "")]
            lines += [f"{each['name']}\n{each['value']}" for each in as_dicts(embed.get("fields"))]
            lines.append(embed.get("footer", {}).get("text", ""))
        for component in self.components:
            lines += [component[key] for key in ("content", "label") if component.get(key)]
        return "\n".join(line for line in lines if line)

    def component(self, *, custom_id: str | None = None, label: str | None = None) -> Json | None:
        for each in self.components:
            if custom_id is not None and each.get("custom_id") == custom_id:
                return each
            if label is not None and each.get("label") == label and each["type"] == 2:
                return each
        return None

    @property
    def record(self) -> Json:
        return {each.name: getattr(self, each.name) for each in fields(self)}


class MessageBook:
    """Messages by channel, oldest first. Writes each change to the store at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.most = MESSAGES_A_CHANNEL
        self._channels: dict[int, dict[int, Message]] = {}
        for body in store.all("message"):
            message = Message(**body)
            self._channels.setdefault(message.channel_id, {})[message.id] = message

    def put(self, message: Message) -> list[Message]:
        """Adds or replaces a message. Returns the messages that were removed to stay within the limit."""
        channel = self._channels.setdefault(message.channel_id, {})
        channel[message.id] = message
        self._store.put("message", message.id, message.record)
        surplus = len(channel) - self.most
        gone = [each for _, each in zip(range(surplus), channel.values(), strict=False)]
        for each in gone:
            self.remove(each)
        return gone

    def remove(self, message: Message) -> None:
        self._channels[message.channel_id].pop(message.id, None)
        self._store.remove("message", message.id)
        for attachment in message.held:
            self._store.remove_file(as_id(attachment["id"]))

    def get(self, channel_id: int, message_id: int) -> Message | None:
        return self._channels.get(channel_id, {}).get(message_id)

    def find(self, message_id: int) -> Message | None:
        return next((found for each in self._channels.values() if (found := each.get(message_id))), None)

    @property
    def all(self) -> list[Message]:
        return [message for channel in self._channels.values() for message in channel.values()]

    def of(self, channel_id: int) -> list[Message]:
        return list(self._channels.get(channel_id, {}).values())

    def page(self, channel_id: int, query: dict[str, Any]) -> list[Message]:
        """Returns messages newest first, as Discord lists them. The query takes `before`, `after`, `around` and `limit` (50)."""
        limit = min(max(as_id(query.get("limit")) or 50, 1), 100)
        messages = [each for each in self.of(channel_id) if each.seen_by is None]
        if after := as_id(query.get("after")):
            messages = [each for each in messages if each.id > after][:limit]
        elif around := as_id(query.get("around")):
            older = deque((each for each in messages if each.id <= around), maxlen=limit // 2 + 1)
            messages = [*older, *[each for each in messages if each.id > around][: limit // 2]][:limit]
        else:
            before = as_id(query.get("before")) or 1 << 63
            messages = [each for each in messages if each.id < before][-limit:]
        return messages[::-1]
