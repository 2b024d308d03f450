"""People of the guild: their actions in the client, and the messages they then see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.content.composing import Composer
from playground.content.modals import filled
from playground.people.client_input import ClientInput
from playground.world import command_rules as rules
from playground.world.errors import Refused
from playground.world.files import Upload
from playground.world.guild import MANAGE_MESSAGES, Channel, User
from playground.world.interactions import Interaction
from playground.world.messages import Message
from playground.world.values import Json
from playground.world.world import World

PATIENCE = 30.0  # default timeout of every wait, in seconds


@dataclass(eq=False)
class InteractionFailed(Exception):
    """Raised when the bot did not answer within three seconds: "The application did not respond"."""

    interaction: Interaction

    def __str__(self) -> str:
        return f"the bot did not answer interaction {self.interaction.id} in time"


@dataclass(frozen=True, slots=True)
class Attachment:
    """An uploaded file, used as the value of an attachment option."""

    id: int
    filename: str
    url: str


@dataclass(frozen=True, slots=True)
class Modal:
    """An open modal. `components` are Discord's components with their default values."""

    interaction: Interaction
    custom_id: str
    title: str
    components: list[Json]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a command, button, menu or form."""

    interaction: Interaction
    world: World

    @property
    def id(self) -> int:
        return self.interaction.id

    @property
    def answer_seconds(self) -> float:
        """Returns the seconds from the use to the first answer. Raises ValueError before the first answer."""
        if self.interaction.answered_at is None:
            raise ValueError("not answered")
        return self.interaction.answered_at - self.interaction.opened_at

    @property
    def failed(self) -> bool:
        """Returns whether the three seconds passed without an answer."""
        return self.interaction.has_failed

    @property
    def message(self) -> Message | None:
        """Returns the answer in its current state. For a click that updates its message, returns that message."""
        id = self.interaction.original_id
        return None if id is None else self.world.messages.get(self.interaction.channel_id, id)

    async def wait_for_answer(self, timeout: float = PATIENCE) -> Message | None:
        """Waits for the first response, also a deferral, or for the failure. Check `failed` afterwards."""
        await self.world.changed.wait_until(lambda: not self.interaction.is_open or None, timeout)
        return self.message

    async def wait_for_message(self, timeout: float = PATIENCE) -> Message:
        """Waits until the answer is posted and no longer "thinking…". Raises InteractionFailed when the bot does not answer."""

        def look() -> Message | None:
            self._raise_if_failed()
            message = self.message
            return message if message is not None and not message.is_loading else None

        return await self.world.changed.wait_until(look, timeout)

    async def wait_for_modal(self, timeout: float = PATIENCE) -> Modal:
        """Waits for the modal that the bot opens. Raises InteractionFailed when the bot does not answer."""

        def look() -> Modal | None:
            self._raise_if_failed()
            modal = self.interaction.modal
            if modal is None:
                return None
            return Modal(self.interaction, modal["custom_id"], modal["title"], modal["components"])

        return await self.world.changed.wait_until(look, timeout)

    async def wait_for_choices(self, timeout: float = PATIENCE) -> list[Json]:
        def look() -> list[Json] | None:
            self._raise_if_failed()
            return self.interaction.choices

        return await self.world.changed.wait_until(look, timeout)

    def _raise_if_failed(self) -> None:
        if self.interaction.has_failed:
            raise InteractionFailed(self.interaction)


@dataclass(frozen=True, slots=True)
class Person:
    """A member and their client. A channel may be given by name. Invalid input raises Refused."""

    world: World
    client_input: ClientInput
    composer: Composer
    user: User

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def name(self) -> str:
        return self.user.username

    # their actions

    async def slash(
        self, channel: str | Channel, name: str, /, *, force: bool = False, **options: Any
    ) -> Use:
        """Uses a slash command. `name` includes subcommands, for example `mod log`. `force` also sends commands that default
        permissions hide."""
        data = self._command(name, options)
        return self._use(self.client_input.command(self.user, self._channel(channel), data, force=force))

    async def autocomplete(
        self, channel: str | Channel, name: str, /, *, focused: str, force: bool = False, **options: Any
    ) -> list[Json]:
        """Returns the choices `{"name", "value"}` that the bot offers for the text typed in `focused`. `force`: as in `slash`."""
        data, place = self._command(name, {focused: ""} | options, focused=focused), self._channel(channel)
        use = self._use(self.client_input.command(self.user, place, data, is_autocomplete=True, force=force))
        return await use.wait_for_choices()

    async def message_menu(
        self, channel: str | Channel, name: str, message: Message, /, *, force: bool = False
    ) -> Use:
        data: Json = {"type": rules.MESSAGE_MENU, "name": name, "target_id": str(message.id)}
        return self._use(self.client_input.command(self.user, self._channel(channel), data, force=force))

    async def user_menu(
        self, channel: str | Channel, name: str, target: Person | User, /, *, force: bool = False
    ) -> Use:
        data: Json = {"type": rules.USER_MENU, "name": name, "target_id": str(target.id)}
        return self._use(self.client_input.command(self.user, self._channel(channel), data, force=force))

    async def click(self, message: Message, *, label: str | None = None, custom_id: str | None = None) -> Use:
        """Presses a button of the message's current state, found by its label or custom_id."""
        message = self._current(message)
        found = message.component(custom_id=custom_id, label=label)
        if found is None or "custom_id" not in found:
            labels = [each["label"] for each in message.components if each.get("label")]
            raise Refused(f"No button {label or custom_id!r} there, only {', '.join(labels) or 'none'}.")
        return self._use(self.client_input.component(self.user, message, {"custom_id": found["custom_id"]}))

    async def choose(self, message: Message, custom_id: str, values: Sequence[Any]) -> Use:
        """Chooses in a select menu. `values` are option values, people, channels or role ids."""
        data: Json = {"custom_id": custom_id, "values": [plain(value) for value in values]}
        return self._use(self.client_input.component(self.user, self._current(message), data))

    async def submit(self, modal: Modal, entries: Mapping[str, Any] | None = None) -> Use:
        """Fills in a modal by custom_id and submits it. An omitted field keeps its default."""
        values = {key: plain(value) for key, value in (entries or {}).items()}
        assert modal.interaction.modal is not None
        components = filled(modal.interaction.modal, values)
        return self._use(self.client_input.form(self.user, modal.interaction, components))

    async def say(
        self, channel: str | Channel, content: str, files: Mapping[str, bytes] | None = None
    ) -> Message:
        """Posts a message. `files` maps file names to contents."""
        place = self._channel(channel)
        if not self.client_input.may_write(self.user, place):
            raise Refused("You may not write here.")
        uploads = [
            Upload(field=f"files[{number}]", filename=name, content_type=None, content=file)
            for number, (name, file) in enumerate((files or {}).items())
        ]
        message = self.composer.create(place, self.user, {"content": content}, uploads)
        self.world.post(message)
        return message

    def dm(self) -> Channel:
        """Returns the DM channel with the bot."""
        return self.world.open_dm(self.user)

    def close_dm(self, *, is_closed: bool = True) -> None:
        """Refuses direct messages from the bot from now on, or accepts them again."""
        closed = self.world.closed_to_messages
        closed.add(self.id) if is_closed else closed.discard(self.id)

    async def delete(self, message: Message) -> None:
        """Deletes the person's own message; a moderator may delete any message."""
        may = self.world.permissions(self.id, self.world.channel(message.channel_id))
        if message.author_id != self.id and not may & MANAGE_MESSAGES:
            raise Refused("You may not delete that.")
        self.world.delete(message)

    def upload(self, filename: str, content: bytes, content_type: str | None = None) -> Attachment:
        """Uploads a file for an attachment option."""
        upload = Upload(field="file", filename=filename, content_type=content_type, content=content)
        body = self.world.files.receive(upload, self.world.guild.id)
        return Attachment(int(body["id"]), body["filename"], body["url"])

    # their view

    async def sees(self, channel: str | Channel) -> list[Message]:
        """Returns the channel's messages, oldest first, without other people's ephemeral ones."""
        return self.world.seen_by(self.id, self._channel(channel))

    async def wait_for_message(
        self, fits: Callable[[Message], bool], channel: str | Channel, timeout: float = PATIENCE
    ) -> Message:
        return await self.world.wait_for_message(fits, self._channel(channel), self.id, timeout)

    def _use(self, interaction: Interaction) -> Use:
        return Use(interaction, self.world)

    def _channel(self, channel: str | Channel) -> Channel:
        return self.world.channel_named(channel) if isinstance(channel, str) else channel

    def _current(self, message: Message) -> Message:
        current = self.world.messages.get(message.channel_id, message.id)
        if current is None:
            raise Refused("That message is gone.")
        return current

    def _command(self, name: str, options: dict[str, Any], *, focused: str | None = None) -> Json:
        root, *path = name.split()
        entered: list[Json] = []
        for key, value in options.items():
            option: Json = {"name": key, "value": plain(value)}
            entered.append(option | ({"focused": True} if key == focused else {}))
        for part in reversed(path):
            entered = [{"name": part, "options": entered}]
        return {"type": rules.SLASH, "name": root, "options": entered}


def plain(value: Any) -> Any:
    """Replaces people, channels, files and messages by their ids."""
    if isinstance(value, Person | User | Channel | Attachment | Message):
        return str(value.id)
    if isinstance(value, list):
        return [plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value
