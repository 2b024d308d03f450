"""Checks a person's input as Discord's client does and sends it to the bot as an interaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playground.content.components import (
    BUTTON,
    CHANNEL_SELECT,
    MENTIONABLE_SELECT,
    ROLE_SELECT,
    SELECTS,
    STRING_SELECT,
    UPLOAD,
    USER_SELECT,
)
from playground.content.modals import check_entries
from playground.world import command_rules as rules
from playground.world.commands import may_use
from playground.world.errors import Refused
from playground.world.guild import DM, SEND_MESSAGES, USE_APPLICATION_COMMANDS, Channel, User
from playground.world.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, Interaction, Interactions
from playground.world.messages import Message, walk
from playground.world.values import Json, as_dicts, as_id, as_list
from playground.world.world import World

NUMBERS = {rules.INTEGER: int, rules.NUMBER: (int, float)}


@dataclass(frozen=True, slots=True)
class ClientInput:
    """The entry point for people's commands, clicks and forms."""

    world: World
    interactions: Interactions

    def command(
        self, user: User, channel: Channel, data: Json, *, is_autocomplete: bool = False, force: bool = False
    ) -> Interaction:
        """Sends a use of a command. `force` is an administrator's override of the command's permissions."""
        kind = data.get("type") or rules.SLASH
        name = str(data.get("name"))
        command = self.world.commands.named(name, kind)
        if command is None:
            raise Refused(f"There is no command called {name}.")
        may = self.world.permissions(user.id, channel)
        if not force:
            if not may & USE_APPLICATION_COMMANDS or not may_use(command, may, is_dm=channel.type == DM):
                raise Refused(f"You may not use {name} here.")
            if command.get("nsfw") and not channel.is_nsfw:
                raise Refused(f"{name} works in age-restricted channels only.")
        resolved = Resolved(self.world, channel, user)
        sent: Json = {"id": command["id"], "name": name, "type": kind}
        if "guild_id" in command:
            sent["guild_id"] = command["guild_id"]
        if kind == rules.SLASH:
            entered = as_dicts(data.get("options"))
            known = as_dicts(command.get("options"))
            options = Options(resolved, is_autocomplete=is_autocomplete).read(known, entered)
            if options:
                sent["options"] = options
        else:
            sent["target_id"] = resolved.target(kind, as_id(data.get("target_id")))
        sent |= resolved.json
        return self.interactions.open(AUTOCOMPLETE if is_autocomplete else COMMAND, user, channel, sent)

    def component(self, user: User, message: Message, data: Json) -> Interaction:
        channel = self.world.channel(message.channel_id)
        if not self.world.can_see(user.id, channel) or message.seen_by not in (None, user.id):
            raise Refused("You can't see that message.")
        custom_id = str(data.get("custom_id"))
        component = message.component(custom_id=custom_id)
        if component is None:
            raise Refused("That is not on the message (any more).")
        if component.get("disabled"):
            raise Refused(
                "That button is disabled." if component["type"] == BUTTON else "That menu is disabled."
            )
        sent: Json = {"component_type": component["type"], "custom_id": custom_id, "id": component["id"]}
        if component["type"] in SELECTS:
            resolved = Resolved(self.world, channel, user)
            sent["values"] = self._values(component, as_list(data.get("values")), resolved)
            sent |= resolved.json
        return self.interactions.open(COMPONENT, user, channel, sent, source=message)

    def _values(self, select: Json, entered: list[Any], resolved: Resolved) -> list[str]:
        values = [str(each) for each in entered]
        if not select["min_values"] <= len(values) <= select["max_values"]:
            raise Refused(f"Choose {select['min_values']} to {select['max_values']}.")
        if select["type"] == STRING_SELECT:
            offered = {option["value"] for option in select["options"]}
            if not set(values) <= offered:
                raise Refused("The menu does not offer that.")
        else:
            resolved.selected(select["type"], values)
        return values

    def opener(self, user: User, id: int, data: Json) -> Interaction:
        """Returns the interaction whose modal is submitted: by its id, or the person's newest with that custom_id."""
        found = (
            self.interactions.get(id) if id else self.interactions.newest_modal(user, data.get("custom_id"))
        )
        if found is None:
            raise Refused("No such form is open.")
        return found

    def form(self, user: User, opener: Interaction, components: list[Json]) -> Interaction:
        """Submits the modal that answered `opener`."""
        if opener.modal is None or opener.user.id != user.id:
            raise Refused("No such form is open.")
        check_entries(opener.modal, components)
        channel = self.world.channel(opener.channel_id)
        resolved = Resolved(self.world, channel, user)
        for each in walk(components):
            if each["type"] == UPLOAD:
                for id in as_list(each.get("values")):
                    resolved.attachment(as_id(id))
            elif each["type"] in SELECTS:
                resolved.selected(each["type"], [str(value) for value in as_list(each.get("values"))])
        data: Json = {"custom_id": opener.modal["custom_id"], "components": components} | resolved.json
        trigger = self.interactions.metadata(opener)
        return self.interactions.open(MODAL, user, channel, data, source=opener.source, trigger=trigger)

    def may_write(self, user: User, channel: Channel) -> bool:
        return bool(self.world.permissions(user.id, channel) & SEND_MESSAGES)


@dataclass(frozen=True, slots=True)
class Options:
    """A reader of the options of one use of a slash command. Checks them against the command's registration."""

    resolved: Resolved
    is_autocomplete: bool

    def read(self, known: list[Json], entered: list[Json]) -> list[Json]:
        by_name = {option["name"]: option for option in known}
        if any(option["type"] in (rules.SUBCOMMAND, rules.GROUP) for option in known):
            return [self._subcommand(by_name, entered)]
        values = {str(each.get("name")): each for each in entered}
        if len(values) != len(entered):
            raise Refused("An option was given twice.")
        for name in values:
            if name not in by_name:
                raise Refused(f"The command has no option {name!r}.")
        if not self.is_autocomplete:
            for option in known:
                if option.get("required") and option["name"] not in values:
                    raise Refused(f"{option['name']}: this option is required.")
        return [self._option(by_name[name], each) for name, each in values.items()]

    def _subcommand(self, by_name: dict[str, Json], entered: list[Json]) -> Json:
        chosen = by_name.get(str(entered[0].get("name"))) if len(entered) == 1 else None
        if chosen is None:
            raise Refused(f"Choose one of {', '.join(by_name)}.")
        inner = self.read(as_dicts(chosen.get("options")), as_dicts(entered[0].get("options")))
        return {"name": chosen["name"], "type": chosen["type"], "options": inner}

    def _option(self, option: Json, entered: Json) -> Json:
        name, kind, value = option["name"], option["type"], entered.get("value")
        read: Json = {"name": name, "type": kind, "value": value}
        if entered.get("focused"):
            if not option.get("autocomplete"):
                raise Refused(f"{name} has no suggestions.")
            return read | {"value": str(value), "focused": True}
        if self.is_autocomplete and not option.get("autocomplete") and kind not in (rules.STRING, *NUMBERS):
            return read
        if kind == rules.STRING:
            read["value"] = self._text(option, value)
        elif kind in NUMBERS:
            self._number(option, value)
        elif kind == rules.BOOLEAN:
            if not isinstance(value, bool):
                raise Refused(f"{name}: true or false, please.")
        else:
            read["value"] = self._reference(option, as_id(value))
        choices = as_dicts(option.get("choices"))
        if choices and read["value"] not in [choice["value"] for choice in choices]:
            raise Refused(f"{name}: choose one of {', '.join(choice['name'] for choice in choices)}.")
        return read

    def _text(self, option: Json, value: Any) -> str:
        if not isinstance(value, str):
            raise Refused(f"{option['name']}: a text, please.")
        low, high = option.get("min_length", 0), option.get("max_length", 6000)
        if not low <= len(value) <= high and not self.is_autocomplete:
            raise Refused(f"{option['name']}: {low} to {high} characters, please.")
        return value

    def _number(self, option: Json, value: Any) -> None:
        name = option["name"]
        if isinstance(value, bool) or not isinstance(value, NUMBERS[option["type"]]):
            raise Refused(f"{name}: a number, please.")
        low, high = option.get("min_value"), option.get("max_value")
        if low is not None and value < low:
            raise Refused(f"{name}: at least {low}, please.")
        if high is not None and value > high:
            raise Refused(f"{name}: at most {high}, please.")

    def _reference(self, option: Json, id: int) -> str:
        kind = option["type"]
        if kind == rules.ATTACHMENT:
            self.resolved.attachment(id)
        elif kind == rules.CHANNEL:
            self.resolved.channel_of(id, as_list(option.get("channel_types")))
        elif kind == rules.ROLE or (kind == rules.MENTIONABLE and self.resolved.is_role(id)):
            self.resolved.role(id)
        else:
            self.resolved.user(id)
        return str(id)


class Resolved:
    """The `resolved` object of an interaction: the users, channels and other objects that its ids refer to."""

    def __init__(self, world: World, channel: Channel, person: User) -> None:
        self._world = world
        self._channel = channel
        self._person = person
        self._found: Json = {}

    @property
    def json(self) -> Json:
        return {"resolved": self._found} if self._found else {}

    def _put(self, kind: str, id: int, value: Json) -> None:
        self._found.setdefault(kind, {})[str(id)] = value

    def user(self, id: int) -> None:
        member = self._world.guild.members.get(id)
        if member is None:
            raise Refused("There is no such member.")
        self._put("users", id, member.user.json)
        permissions = str(self._world.permissions(id, self._channel))
        partial = {key: value for key, value in member.json.items() if key not in ("user", "deaf", "mute")}
        self._put("members", id, partial | {"permissions": permissions})

    def is_role(self, id: int) -> bool:
        return id in self._world.guild.roles

    def role(self, id: int) -> None:
        if not self.is_role(id):
            raise Refused("There is no such role.")
        self._put("roles", id, self._world.guild.roles[id].json)

    def channel_of(self, id: int, types: list[Any]) -> None:
        channel = self._world.channels.get(id)
        if channel is None or not self._world.can_see(self._person.id, channel):
            raise Refused("There is no such channel.")
        if types and channel.type not in types:
            raise Refused("That kind of channel does not fit here.")
        permissions = str(self._world.permissions(self._person.id, channel))
        self._put("channels", id, channel.json(self._world.guild.id) | {"permissions": permissions})

    def attachment(self, id: int) -> None:
        found = self._world.files.describe(id)
        if found is None:
            raise Refused("The file was not uploaded.")
        self._put("attachments", id, found)

    def message(self, id: int) -> None:
        message = self._world.messages.get(self._channel.id, id)
        if message is None or message.seen_by not in (None, self._person.id):
            raise Refused("There is no such message.")
        self._put("messages", id, message.json)

    def target(self, kind: int, id: int) -> str:
        self.user(id) if kind == rules.USER_MENU else self.message(id)
        return str(id)

    def selected(self, kind: int, values: list[str]) -> None:
        for id in map(as_id, values if kind != STRING_SELECT else []):
            if kind == CHANNEL_SELECT:
                self.channel_of(id, [])
            elif kind == ROLE_SELECT or (kind == MENTIONABLE_SELECT and self.is_role(id)):
                self.role(id)
            elif kind in (USER_SELECT, MENTIONABLE_SELECT):
                self.user(id)
