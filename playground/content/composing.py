"""Builds messages from requests of the bot or a person. Refuses the same requests that Discord refuses."""

import re
from dataclasses import dataclass

from playground.content.components import ComponentReader
from playground.content.embeds import read_embeds
from playground.world.errors import ApiError, ErrorCode, FormErrors
from playground.world.files import FILE_LIMIT, REQUEST_LIMIT, Upload
from playground.world.guild import Channel, User
from playground.world.messages import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Message,
    walk,
)
from playground.world.values import Json, as_dict, as_dicts, as_id, as_list, timestamp
from playground.world.world import World

MOST_CONTENT = 2000
MOST_FILES = 10


@dataclass(frozen=True, slots=True)
class Composer:
    """The factory and editor of the world's messages."""

    world: World

    def create(
        self,
        channel: Channel,
        author: User,
        request: Json,
        files: list[Upload],
        *,
        extra: Json | None = None,
        seen_by: int | None = None,
    ) -> Message:
        """Builds a message but does not post it. `extra` holds fields that Discord adds, for example `webhook_id`."""
        held = self._attachments(channel, request, files, [], is_ephemeral=seen_by is not None)
        allowed = COMPONENTS_V2 | SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS
        flags = int(request.get("flags") or 0) & allowed
        body = self._parts(request, held, flags, new=held) | {"tts": bool(request.get("tts"))} | (extra or {})
        if nonce := request.get("nonce"):
            body["nonce"] = nonce
        body |= self._mentions(body, request.get("allowed_mentions"))
        return self._message(channel.id, author, body, flags, seen_by, held)

    def loading(self, channel_id: int, extra: Json, *, seen_by: int | None) -> Message:
        """Builds the bot's "is thinking…" message but does not post it."""
        return self._message(channel_id, self.world.bot, extra, LOADING, seen_by, [])

    def _message(
        self, channel_id: int, author: User, body: Json, flags: int, seen_by: int | None, held: list[Json]
    ) -> Message:
        id = self.world.snowflakes.next()
        usual: Json = {
            "id": str(id),
            "channel_id": str(channel_id),
            "type": 0,
            "author": author.json,
            "content": "",
            "timestamp": timestamp(self.world.clock()),
            "edited_timestamp": None,
            "pinned": False,
            "mention_everyone": False,
            "tts": False,
            "flags": flags | (EPHEMERAL if seen_by else 0),
        }
        usual |= {key: [] for key in ("mentions", "mention_roles", "attachments", "embeds", "components")}
        return Message(id=id, channel_id=channel_id, json=usual | body, seen_by=seen_by, held=held)

    def edit(self, message: Message, request: Json, files: list[Upload]) -> None:
        """Changes the message and notifies the world. A field that the request omits keeps its value."""
        channel = self.world.channel(message.channel_id)
        held = self._attachments(
            channel, request, files, message.held, is_ephemeral=message.seen_by is not None
        )
        keep = EPHEMERAL | COMPONENTS_V2
        flags = message.flags & keep | int(request.get("flags") or 0) & (COMPONENTS_V2 | SUPPRESS_EMBEDS)
        new = [each for each in held if each not in message.held]
        parts = self._parts(message.json | request, held, flags, new=new)
        gone = [each for each in message.held if each not in held]
        was_loading = message.flags & LOADING
        message.held = held
        message.json = message.json | parts | {"flags": flags}
        if not was_loading:
            message.json["edited_timestamp"] = timestamp(self.world.clock())
        message.json |= self._mentions(message.json, request.get("allowed_mentions"))
        self.world.change(message)
        self._drop(gone)

    def _parts(self, request: Json, held: list[Json], flags: int, *, new: list[Json]) -> Json:
        """Reads and checks the contents of a message. Deletes the files in `new` when the contents are refused."""
        try:
            parts = self._read_parts(request, held, flags)
            if not any(parts[key] for key in ("content", "embeds", "components")) and not held:
                raise ErrorCode.EMPTY_MESSAGE.error()
        except ApiError:
            self._drop(new)
            raise
        return parts

    def _read_parts(self, request: Json, held: list[Json], flags: int) -> Json:
        errors = FormErrors()
        is_v2 = bool(flags & COMPONENTS_V2)
        reader = ComponentReader(errors, held, is_v2)
        content = request.get("content") or ""
        if is_v2:
            for key in ("content", "embeds", "sticker_ids", "poll"):
                if request.get(key):
                    errors.add(key, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", field=key)
        errors.length("content", content, 0, MOST_CONTENT)
        embeds = read_embeds(reader, as_dicts(request.get("embeds")))
        components = reader.read(as_dicts(request.get("components")))
        errors.raise_if_any()
        shown = [] if is_v2 else [each for each in held if each["id"] not in reader.shown]
        return {"content": content, "embeds": embeds, "components": components, "attachments": shown}

    def _attachments(
        self, channel: Channel, request: Json, files: list[Upload], old: list[Json], *, is_ephemeral: bool
    ) -> list[Json]:
        """Returns the attachments after the change: the old ones that the request still names, then the new files."""
        if sum(len(each.content) for each in files) > REQUEST_LIMIT:
            raise ErrorCode.TOO_LARGE.error()
        if any(len(each.content) > FILE_LIMIT for each in files):
            raise ErrorCode.TOO_LARGE.error()
        named = as_dicts(request.get("attachments"))
        errors = FormErrors()
        by_index = {index_of(each.field): each for each in files}
        kept = list(old) if "attachments" not in request else []
        for position, each in enumerate(named):
            id = as_id(each.get("id"))
            found = [attachment for attachment in old if as_id(attachment["id"]) == id]
            kept += found
            if not found and id not in by_index:
                errors.add(f"attachments.{position}.id", "ATTACHMENT_NOT_FOUND", id=id)
        errors.count("attachments", len(kept) + len(files), 0, MOST_FILES)
        errors.raise_if_any()
        names = {as_id(each.get("id")): each for each in named}
        for index, upload in by_index.items():
            details = names.get(index, {})
            body = self.world.files.keep(
                upload, channel.id, filename=details.get("filename"), ephemeral=is_ephemeral
            )
            if details.get("description"):
                body["description"] = details["description"]
            kept.append(body)
        return kept

    def _drop(self, attachments: list[Json]) -> None:
        for each in attachments:
            self.world.files.drop(as_id(each["id"]))

    def _mentions(self, body: Json, allowed: object) -> Json:
        texts = [body["content"]]
        texts += [str(each.get("content", "")) for each in walk(as_dicts(body["components"]))]
        text = "\n".join(texts)
        users = [as_id(id) for id in re.findall(r"<@!?(\d{1,20})>", text)]
        roles = [as_id(id) for id in re.findall(r"<@&(\d{1,20})>", text)]
        is_everyone = "@everyone" in text
        if allowed is not None:
            rules = as_dict(allowed)
            parse = as_list(rules.get("parse"))
            if "users" not in parse:
                users = [id for id in users if id in map(as_id, as_list(rules.get("users")))]
            if "roles" not in parse:
                roles = [id for id in roles if id in map(as_id, as_list(rules.get("roles")))]
            is_everyone = is_everyone and "everyone" in parse
        mentioned = [found.json for id in dict.fromkeys(users) if (found := self.world.user(id))]
        return {
            "mentions": mentioned,
            "mention_roles": [str(id) for id in dict.fromkeys(roles) if id in self.world.guild.roles],
            "mention_everyone": is_everyone,
        }


def index_of(field: str) -> int:
    """Returns 3 for `files[3]`, and 0 for the old name `file`."""
    found = re.search(r"\[(\d+)\]", field)
    return int(found.group(1)) if found else 0
