"""Which function answers which button, page of a list or form. `bot.app` writes it; it knows none of them."""

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
        """`answer` gets the interaction and what the custom_id names behind the action. A later route replaces an earlier one."""
        self._answers[action] = answer

    def add_each(self, actions: type[StrEnum], answer: Answer) -> None:
        """As `add`, but `answer` gets the action before them."""
        for action in actions:
            self.add(action, partial(answer, action))

    def add_form(
        self,
        read: Callable[[Mapping[str, Any]], T | None],
        answer: Callable[[Interaction, T], Awaitable[None]],
    ) -> None:
        """`read` makes of what Discord says was submitted what `answer` gets; None where it is another form."""
        self._forms[read] = answer

    async def press(self, interaction: Interaction, action: StrEnum, *of: object) -> None:
        async with boundary(interaction):
            await self._answers[action](interaction, *of)

    async def submit(self, interaction: Interaction) -> None:
        """Answers a form that is written here; any other has an answer of its own, which discord.py knows."""
        async with boundary(interaction):
            for read, answer in self._forms.items():
                if (sent := read(interaction.data or {})) is not None:
                    await answer(interaction, sent)

    async def run(self, interaction: Interaction, answer: Answer, *of: object) -> None:
        """Has `answer` answer. discord.py only logs what a button or a form raises: the boundary must stand here."""
        async with boundary(interaction):
            await answer(interaction, *of)
