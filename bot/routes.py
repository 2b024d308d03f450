"""Routes: maps buttons, list pages and forms to the functions that answer them. `bot.app` fills the map."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import discord

from bot.errors import boundary
from bot.studio import UnreadablePress
from bot.ui import OURS, Button

Interaction = discord.Interaction[Any]
Answer = Callable[..., Awaitable[None]]
T = TypeVar("T")


class Routes:
    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._forms: dict[Callable[[Mapping[str, Any]], object], Answer] = {}
        self._buttons: tuple[type[Button], ...] = ()

    def add_buttons(self, client: discord.Client, *kinds: type[Button]) -> None:
        """Adds kinds of buttons; discord.py finds the kind of a pressed one."""
        client.add_dynamic_items(*kinds)
        self._buttons += kinds

    def add(self, action: StrEnum, answer: Answer) -> None:
        """Adds a route; a later one replaces an earlier one.

        `answer` gets the interaction and the parts of the custom_id after the action.
        """
        self._answers[action] = answer

    def add_each(self, actions: type[StrEnum], answer: Answer) -> None:
        """Adds a route for each action; `answer` also gets the action, as its first argument."""
        for action in actions:
            self.add(action, partial(answer, action))

    def add_form(
        self,
        read: Callable[[Mapping[str, Any]], T | None],
        answer: Callable[[Interaction, T], Awaitable[None]],
    ) -> None:
        """Adds a form. `read` turns the submitted data into the value that `answer` gets; None when it is another form."""
        self._forms[read] = answer

    async def press(self, interaction: Interaction, action: StrEnum, *of: object) -> None:
        async with boundary(interaction):
            await self._answers[action](interaction, *of)

    async def press_unknown(self, interaction: Interaction) -> None:
        """Answers a press that discord.py drops: the custom_id is ours, but no kind of button reads it."""
        custom_id = _custom_id(interaction)
        if custom_id.startswith(OURS) and not any(kind.matches(custom_id) for kind in self._buttons):
            async with boundary(interaction):
                raise UnreadablePress

    async def submit(self, interaction: Interaction) -> None:
        """Answers a form that has a route here; discord.py calls the answers of other forms."""
        async with boundary(interaction):
            for read, answer in self._forms.items():
                if (sent := read(interaction.data or {})) is not None:
                    await answer(interaction, sent)
                    return
            if _custom_id(interaction).startswith(OURS):
                raise UnreadablePress


def _custom_id(interaction: Interaction) -> str:
    return str((interaction.data or {}).get("custom_id", ""))
