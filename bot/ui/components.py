"""Cards, and buttons whose state is their custom_id, `atelier:1:<action>:<subject>`. Permission is checked at each press."""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self, cast

import discord
from discord import ui

from bot.texts import markdown
from generation import JobId

VERSION = 1
"""Version of the custom_id's form. Messages with an older form keep their old pattern beside the new one."""

View = ui.LayoutView
LONGEST_TEXTS = 4000
"""Characters of all texts of a message; Discord's limit."""
BLUE = discord.Colour(0x5865F2)

OURS = "atelier:"
"""The start of all custom_ids that a release has used."""

PICTURE: Mapping[Callable[[str], Any], str] = {JobId: "[a-z2-7]{10}", int: "[0-3]"}
NUMBER: Mapping[Callable[[str], Any], str] = {int: "[0-9]{1,19}"}


def custom_id(action: str, *of: str | int) -> str:
    return ":".join(("atelier", str(VERSION), action, *map(str, of)))


def pattern(actions: Iterable[str], of: Mapping[Callable[[str], Any], str]) -> str:
    """Returns the regular expression for the custom_ids of these actions. Groups: the action, then each part of the subject."""
    return custom_id(f"({'|'.join(actions)})", *(f"({part})" for part in of.values()))


class Button(ui.DynamicItem[ui.Button[Any]], template=""):
    """A button. The client's `routes` map its actions to functions."""

    actions: ClassVar[type[StrEnum]]
    types: ClassVar[tuple[Callable[[str], Any], ...]]

    def __init_subclass__(cls, *, actions: type[StrEnum], of: Mapping[Callable[[str], Any], str]) -> None:
        """`of`: the parts of the subject; for each its parser and its regular expression."""
        super().__init_subclass__(template=pattern(actions, of))
        cls.actions, cls.types = actions, tuple(of)

    @classmethod
    def matches(cls, custom_id: str) -> bool:
        """Returns whether the custom_id is one of these buttons."""
        return cls.__discord_ui_compiled_template__.fullmatch(custom_id) is not None

    def __init__(
        self,
        action: StrEnum,
        *of: str | int,
        label: str | None = None,
        emoji: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        is_disabled: bool = False,
    ) -> None:
        self.action = action
        self.of = of
        super().__init__(
            ui.Button(
                label=label, emoji=emoji, style=style, disabled=is_disabled, custom_id=custom_id(action, *of)
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        action, *of = match.groups()
        return cls(cls.actions(action), *(read(part) for read, part in zip(cls.types, of, strict=True)))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.client.routes.press(interaction, self.action, *self.of)


def row(*buttons: Button | ui.Button[Any]) -> ui.ActionRow[Any]:
    """Builds a row of buttons. discord.py's annotations know dynamic items in classic views only."""
    return ui.ActionRow(*cast(Any, buttons))


def card(*items: ui.Item[Any], colour: discord.Colour | None = None, role: int | None = None) -> View:
    """Builds a card of these items with a stripe of that colour. `role`: mentioned below it."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*items, accent_colour=colour))
    if role is not None:
        view.add_item(ui.TextDisplay(f"<@&{role}>"))
    _fit(view)
    return view


def _fit(view: View) -> None:
    """Shortens the longest texts until all of them fit: Discord refuses a longer message, at every try."""
    texts = [each for each in view.walk_children() if isinstance(each, ui.TextDisplay)]
    while (excess := sum(len(each.content) for each in texts) - LONGEST_TEXTS) > 0:
        longest = max(texts, key=lambda each: len(each.content))
        longest.content = markdown.short(longest.content, max(1, len(longest.content) - excess))


def note(text: str, *, colour: discord.Colour = BLUE) -> View:
    return card(ui.TextDisplay(text), colour=colour)
