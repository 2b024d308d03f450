"""A moderator who empties the queue with the buttons and commands that the checkout offers, at a person's pace."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.desk.crowd import Kind
from playground.content.modals import inputs_of
from playground.people.person import Person, Use
from playground.world.messages import Message

BUTTON, FORM, COMMAND = 4.0, 12.0, 6.0
"""Simulated seconds before a press (with a look at the card), to fill in a form, and to type a command."""
PAUSE = 60.0
"""Simulated seconds until the moderator looks again after an empty queue."""
_CASE = re.compile(r"atelier:\d+:(?:case|folded):([a-z-]+):(\d+)(?::\d+)?")
"""The button of a case's card; of the same name for all orders that the case holds, where a checkout folds them."""
_MEMBER = re.compile(r"<@!?(\d+)>")
_REASON = "Spam is not welcome here"
_TRIES = 5
"""Presses of one button: a card that grew in the meantime asks for another look."""


@dataclass(slots=True)
class Round:
    """What the moderator did."""

    clicks: Counter[str] = field(default_factory=Counter[str])  # by button, form or command
    seconds: float = 0.0  # simulated, of the clicks; without the waits for the bot
    decided: dict[int, str] = field(default_factory=dict[int, str])  # by the case's id: the button
    strange: list[str] = field(default_factory=list[str])  # answers that a moderator would not expect


class DeskModerator:
    def __init__(self, person: Person, kinds: dict[int, Kind], *, patience: float) -> None:
        """`kinds`: of every member by id. `patience`: simulated seconds to wait for the bot."""
        self.round = Round()
        self._patience = patience
        self._person = person
        self._kinds = kinds
        self._stopped: set[int] = set()  # members who were timed out

    async def work(self, until: asyncio.Event) -> None:
        """Decides open cases until the event is set and none is left."""
        list_of_cases = await self._command("mod cases", state="open")
        card = list_of_cases
        while True:
            was_over = until.is_set()
            card = await (await self._press(card, "next")).wait_for_message(self._patience)
            if (found := _case_of(card)) is not None:
                card = await self._decide(card, found)
                continue
            if was_over:
                return
            card = list_of_cases
            await asyncio.sleep(PAUSE)

    async def _decide(self, card: Message, case: int) -> Message:
        """Decides the case that the card shows. Returns the card to go on from."""
        member = next((int(each) for each in _MEMBER.findall(card.texts)), 0)
        if self._kinds.get(member, Kind.GOOD) is Kind.GOOD:
            return await self._choose(card, case, "approve")
        if member not in self._stopped:
            self._stopped.add(member)
            return await self._fill_in(card, case, "timeout")
        return await self._choose(card, case, "remove" if "remove" in _actions(card) else "approve")

    async def _choose(self, card: Message, case: int, action: str) -> Message:
        for _ in range(_TRIES):
            shown = await (await self._press(card, action)).wait_for_message(self._patience)
            card = shown if _button(shown, "next") else card
            if _case_of(card) != case:
                break
        return self._decided(card, case, action)

    async def _fill_in(self, card: Message, case: int, action: str) -> Message:
        modal = await (await self._press(card, action)).wait_for_modal(self._patience)
        await self._take(FORM, f"{action}, form")
        fields = inputs_of({"components": modal.components})
        use = await self._person.submit(modal, {"reason": _REASON} if "reason" in fields else {})
        shown = await use.wait_for_message(self._patience)
        return self._decided(shown if _button(shown, "next") else card, case, action)

    def _decided(self, card: Message, case: int, action: str) -> Message:
        self.round.decided[case] = action
        if _case_of(card) == case:
            self.round.strange.append(f"case {case} is open after {action}")
        return card

    async def _press(self, card: Message, action: str) -> Use:
        await self._take(BUTTON, action)
        use = await self._person.click(card, custom_id=_button(card, action))
        await use.wait_for_answer(self._patience)
        if use.failed:
            raise AssertionError(f"no answer to {action}")
        return use

    async def _command(self, name: str, **options: Any) -> Message:
        await self._take(COMMAND, f"/{name}")
        return await (await self._person.slash("mod-log", name, **options)).wait_for_message(self._patience)

    async def _take(self, seconds: float, click: str) -> None:
        await asyncio.sleep(seconds)
        self.round.clicks[click] += 1
        self.round.seconds += seconds


def _actions(message: Message) -> dict[str, str]:
    """Returns the custom_ids of the buttons of a case's card by their actions."""
    found = (_CASE.fullmatch(each.get("custom_id", "")) for each in message.components)
    return {each[1]: each[0] for each in found if each}


def _button(message: Message, action: str) -> str:
    return _actions(message).get(action, "")


def _case_of(message: Message) -> int | None:
    """Returns the id of the open case that the card shows."""
    found = _CASE.fullmatch(_button(message, "approve"))
    return int(found[2]) if found else None
