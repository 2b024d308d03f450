"""Routes: maps buttons, list pages and forms to the functions that answer them. `bot.app` fills the map."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import discord

from bot.errors import boundary

Interaction = discord.Interaction[Any]
Answer = Callable[..., Awaitable[None]]
T = TypeVar("T")


class Routes:
    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._forms: dict[Callable[[Mapping[str, Any]], object], Answer] = {}

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

    async def submit(self, interaction: Interaction) -> None:
        """Answers a form that has a route here; discord.py calls the answers of other forms."""
        async with boundary(interaction):
            for read, answer in self._forms.items():
                if (sent := read(interaction.data or {})) is not None:
                    await answer(interaction, sent)

    async def run(self, interaction: Interaction, answer: Answer, *of: object) -> None:
        """Calls `answer` inside the error boundary. discord.py only logs exceptions of buttons and forms."""
        async with boundary(interaction):
            await answer(interaction, *of)
