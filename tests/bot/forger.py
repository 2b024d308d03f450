"""Sends the bot what Discord's own clients would not send: any custom_id, option or form. The bot's answers are real."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from discord.http import Route

from bot.client import Atelier
from playground.people.person import Person, Use
from playground.rest.api import Exchange
from playground.server import Playground
from playground.world.guild import Channel
from playground.world.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL
from playground.world.messages import Message

SLASH = 1
BUG = "Something broke on our side"


@dataclass(slots=True)
class Overheard:
    """The bodies of the bot's requests, as text."""

    bodies: list[str] = field(default_factory=list[str])

    def __call__(self, seen: object) -> None:
        if isinstance(seen, Exchange):
            self.bodies.append(str(seen.body))


class Faults(logging.Handler):
    """Collects errors of the log: bugs, and exceptions that discord.py swallows."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(f"{record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")


@contextmanager
def faults() -> Generator[Faults]:
    handler = Faults()
    logging.getLogger().addHandler(handler)
    try:
        yield handler
    finally:
        logging.getLogger().removeHandler(handler)


@dataclass(frozen=True, slots=True)
class Forger:
    play: Playground
    atelier: Atelier

    async def message(self, custom_id: str) -> Message:
        """Posts a message of the bot's with a button of any custom_id."""
        button = {"type": 2, "style": 2, "label": "press me", "custom_id": custom_id}
        body = {"flags": 1 << 15, "components": [{"type": 1, "components": [button]}]}
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=self.play.channel("gallery").id)
        posted = await self.atelier.http.request(route, json=body)
        found = self.play.world.messages.find(int(posted["id"]))
        assert found is not None
        return found

    async def press(self, who: Person, custom_id: str) -> str:
        """Presses a planted button. Returns the answer."""
        message = await self.message(custom_id)
        data = {"component_type": 2, "custom_id": custom_id, "id": 2}
        return await self._answer(self._open(COMPONENT, who, data, source=message))

    async def command(
        self, who: Person, path: str, options: list[dict[str, Any]], place: Channel | None = None, **more: Any
    ) -> str:
        """Uses a slash command. `path` includes subcommands. `options`: as Discord sends them, with their types."""
        root, *below = path.split()
        for number, part in enumerate(reversed(below)):
            options = [{"name": part, "type": 1 if number == 0 else 2, "options": options}]
        data = {"id": "1", "name": root, "type": SLASH, "options": options, **more}
        return await self._answer(self._open(COMMAND, who, data, place))

    async def suggestions(self, who: Person, command: str, typed: object, name: str) -> list[Any] | None:
        """Asks for the suggestions for an option. Returns None when there is no answer."""
        options = [{"name": name, "type": 3, "value": typed, "focused": True}]
        use = self._open(AUTOCOMPLETE, who, {"id": "1", "name": command, "type": SLASH, "options": options})
        await use.wait_for_answer()
        return use.interaction.choices

    async def form(
        self, who: Person, custom_id: str, components: list[Any], source: Message | None = None
    ) -> str:
        """Submits a form. `source`: the message that it was opened from."""
        data = {"custom_id": custom_id, "components": components}
        return await self._answer(self._open(MODAL, who, data, source=source))

    async def menu(self, who: Person, name: str, target: str, place: Channel | None = None) -> str:
        """Uses a message menu on a message of any id; Discord names none."""
        data = {"id": "1", "name": name, "type": 3, "target_id": target}
        return await self._answer(self._open(COMMAND, who, data, place))

    def _open(
        self,
        kind: int,
        who: Person,
        data: dict[str, Any],
        place: Channel | None = None,
        source: Message | None = None,
    ) -> Use:
        where = place or self.play.channel("gallery")
        trigger: dict[str, Any] | None = None
        if kind == MODAL:
            trigger = {"id": "1", "type": COMPONENT, "user": who.user.json, "interacted_message_id": "1"}
            trigger["authorizing_integration_owners"] = {}
        opened = self.play.interactions.open(kind, who.user, where, data, source=source, trigger=trigger)
        return Use(opened, self.play.world)

    async def _answer(self, use: Use) -> str:
        await use.wait_for_answer()
        assert not use.failed, use.interaction.payload["data"]
        if use.interaction.modal is not None:
            return (await use.wait_for_modal()).title
        # A press may be answered by a deferral alone.
        return use.message.texts if use.message is not None else ""
