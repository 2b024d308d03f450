"""Forms of texts and menus, which Discord opens over a message. A form's state is its custom_id, so it outlives a restart."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import discord
import msgspec
from discord import ui

from bot.studio import UnreadablePress
from bot.ui.components import NUMBER, custom_id, pattern

FORM_SECONDS = 15 * 60.0
"""Seconds. Discord's own tokens expire then, so a later answer is useless."""
REASON = 300  # characters

Action = TypeVar("Action", bound=StrEnum)


class TextForm(ui.Modal):
    """A form for moderators' and members' words; `atelier:1:<action>:<number>`.

    discord.py forgets forms at a restart, so each has a route: `Routes.add_form(texts_in(ACTIONS), answer)`.
    """

    def __init__(self, title: str, action: StrEnum, subject: int, fields: Mapping[str, ui.Item[Any]]) -> None:
        """`subject`: the number in the custom_id. `fields`: label to input or menu."""
        super().__init__(title=title, timeout=FORM_SECONDS, custom_id=custom_id(action, subject))
        for label, entry in fields.items():
            self.add_item(ui.Label(text=label, component=entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentForm(Generic[Action]):
    """A submitted TextForm."""

    action: Action
    subject: int
    entries: Mapping[str, str]  # each field's text or first choice, by custom_id

    def entry(self, field: str, most: int = REASON) -> str:
        """Returns a field's text, stripped. Discord's clients keep the length, but a sender of their own need not."""
        return self.entries.get(field, "").strip()[:most]


def texts_in(actions: type[Action]) -> Callable[[Mapping[str, Any]], SentForm[Action] | None]:
    """Returns a function that reads the data of such a form. It returns None for another form, and raises UnreadablePress."""
    ours = re.compile(pattern(actions, NUMBER))

    def read(sent: Mapping[str, Any]) -> SentForm[Action] | None:
        match = ours.fullmatch(str(sent.get("custom_id", "")))
        if match is None:
            return None
        entries = entries_in(sent.get("components"))
        return SentForm(action=actions(match[1]), subject=int(match[2]), entries=entries)

    return read


class _Field(msgspec.Struct):
    """A text input with its text, or a menu with its choices."""

    custom_id: str
    value: str | None = None
    values: list[str] = []


class _Label(msgspec.Struct):
    component: _Field


def entries_in(components: object) -> dict[str, str]:
    """Reads a submitted form. Returns each field's text or first choice, by custom_id. Raises UnreadablePress."""
    return {custom_id: values[0] for custom_id, values in choices_in(components).items() if values}


def choices_in(components: object) -> dict[str, list[str]]:
    """Does the same with all choices of a menu, or all ids of files."""
    try:
        fields = [each.component for each in msgspec.convert(components, list[_Label])]
    except msgspec.ValidationError as error:
        raise UnreadablePress from error
    return {each.custom_id: [each.value] if each.value is not None else each.values for each in fields}


def line(
    custom_id: str, *, most: int = REASON, default: str = "", is_required: bool = False
) -> ui.TextInput[Any]:
    """Builds a one-line input of a form."""
    return ui.TextInput(custom_id=custom_id, max_length=most, default=default or None, required=is_required)


def paragraph(custom_id: str, *, most: int, is_required: bool = True) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=custom_id, style=discord.TextStyle.paragraph, max_length=most, required=is_required
    )


def menu_of(name: str, choices: Mapping[str, str], default: str) -> ui.Select[Any]:
    """Builds a menu. `choices`: value to label."""
    options = [
        discord.SelectOption(label=label, value=value, default=value == default)
        for value, label in choices.items()
    ]
    return ui.Select(custom_id=name, options=options)
