"""What the bot takes from members: no order that it can't answer in time, a double press once, and 🗑️ at a second press.

State in memory only.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn

import discord

from bot.studio import TooBusy
from generation import JobId, MemberId

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]

ORDERS = frozenset({"imagine", "vary", "blend", "edit", "sketch"})
"""The commands that order."""
LATEST = 2.2
"""Seconds since the interaction. An older order is refused: Discord takes its answer for three, and admission needs time."""
_NO_ANSWER = 3.0
"""Seconds since the interaction after which Discord takes no first answer."""
_TURN_BY = 1.5
"""Seconds since the interaction until which an order waits for its turn. While others wait, admission and answer need longer."""
_SOON = 0.5
"""The same while orders are refused all the time: a longer wait would not let the bot take more of them."""
_RELIEF = 5.0
"""Seconds after a refusal until orders wait as long as `_TURN_BY` again."""
_AT_ONCE = 4
"""Orders that are admitted at once. The others wait in their order: admitted all at once, all of them would be late."""
_MEMORY = 20
"""Orders whose average says how long one takes now, from its turn to its answer."""
_TOLD_EVERY = 1.0
"""Seconds between two lines in the log about refused orders: one for each would take a fifth of a refusal's time."""
_SAME_PRESS = 2.0
"""Seconds in which a second press of one button by one member is the same press."""
SURE_SECONDS = 10.0
"""Seconds in which a second press of 🗑️ deletes."""
_DRIFT = 0.001
"""Seconds per second that a clock may run away from Discord's."""


class Intake:
    """Admits orders by their age, and recognises double presses."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        # Looked up at each call: a simulation with a clock of its own replaces it.
        self._clock = clock = clock or (lambda: time.monotonic())
        # Wall time that no correction of the system's clock makes jump.
        self._epoch = time.time() - clock()
        # Seconds that this clock is ahead of Discord's: the smallest that was seen.
        self._ahead = math.inf
        self._measured_at = clock()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._refused = 0  # since the last line in the log
        self._refused_at = self._told_at = -math.inf
        # From an order's turn to its answer, on the average of the last ones; and how far they are from that.
        self._seconds = self._deviation = 0.0
        self._pressed: dict[tuple[int, int, str], float] = {}

    def is_over(self, interaction: Interaction) -> bool:
        """Returns whether any answer to the interaction would come too late. Then its work would only delay other answers."""
        return self.age_of(interaction.id) > _NO_ANSWER

    def demand_time(self, interaction: Interaction) -> None:
        """Raises TooBusy when an order that arrives now can't be answered in time, by its age and by the orders before it."""
        age = self.age_of(interaction.id)
        if age > LATEST or (self._room.locked() and age + self._wait > self._turn_by):
            self._refuse(interaction)

    def demand_answer(self, interaction: Interaction) -> None:
        """Raises TooBusy when an order that was screened is too old to be answered: then nothing is charged."""
        if self.age_of(interaction.id) > LATEST:
            self._refuse(interaction)

    def _refuse(self, interaction: Interaction) -> NoReturn:
        self._refused += 1
        self._refused_at = self._clock()
        if self._clock() - self._told_at >= _TOLD_EVERY:
            age, waiting = self.age_of(interaction.id), self._waiting
            log.warning(
                "%d orders are not taken: the last is %.1f s old, %d wait", self._refused, age, waiting
            )
            self._refused, self._told_at = 0, self._clock()
        raise TooBusy

    @property
    def _wait(self) -> float:
        """Seconds until the next order's turn."""
        return self._waiting * self._seconds / _AT_ONCE

    @property
    def _turn_by(self) -> float:
        """Seconds since its interaction at which an order's turn must begin. Answers take longer when there is much to do."""
        # As TCP waits for an answer: https://www.rfc-editor.org/rfc/rfc6298#section-2
        most = _SOON if self._clock() - self._refused_at < _RELIEF else _TURN_BY
        return max(0.0, min(most, LATEST - self._seconds - 4 * self._deviation))

    @asynccontextmanager
    async def admission(self, interaction: Interaction) -> AsyncGenerator[float]:
        """Waits for its turn, and yields the time at which it began. Raises TooBusy when the order would be answered too late."""
        self.demand_time(interaction)
        self._waiting += 1
        try:
            left = self._turn_by - self.age_of(interaction.id)
            async with asyncio.timeout(left if self._room.locked() else None):
                await self._room.acquire()
        except TimeoutError:
            self._refuse(interaction)
        finally:
            self._waiting -= 1
        try:
            yield self._clock()
        finally:
            self._room.release()

    def answered(self, began: float) -> None:
        """Learns how long an order takes now. `began`: its turn, as `admission` yielded it."""
        taken = self._clock() - began
        self._deviation += (abs(taken - self._seconds) - self._deviation) / _MEMORY
        self._seconds += (taken - self._seconds) / _MEMORY

    def age_of(self, interaction_id: int) -> float:
        """Returns the seconds since Discord made the interaction. The first ones tell how far the two clocks differ."""
        now = self._clock()
        ahead = self._epoch + now - discord.utils.snowflake_time(interaction_id).timestamp()
        self._ahead = min(ahead, self._ahead + (now - self._measured_at) * _DRIFT)
        self._measured_at = now
        return ahead - self._ahead

    @contextmanager
    def press(self, interaction: Interaction) -> Generator[bool]:
        """Yields whether the press is to be answered; False for a repeated one. A refused press may be repeated at once."""
        now = self._clock()
        custom_id = str((interaction.data or {}).get("custom_id", ""))
        key = (interaction.user.id, interaction.message.id if interaction.message else 0, custom_id)
        self._pressed = {each: at for each, at in self._pressed.items() if now - at < _SAME_PRESS}
        if key in self._pressed:
            yield False
            return
        self._pressed[key] = now
        try:
            yield True
        except BaseException:
            self._pressed.pop(key, None)
            raise


class Confirmation:
    """Which presses of 🗑️ wait for a second one. After a restart the bot asks again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[tuple[MemberId, JobId], float] = {}

    def is_given(self, member: MemberId, job: JobId) -> bool:
        """Returns whether the member was asked about the job in the last `SURE_SECONDS`. Each question takes one answer."""
        asked_at = self._asked.pop((member, job), None)
        return asked_at is not None and self._clock() - asked_at <= SURE_SECONDS

    def ask(self, member: MemberId, job: JobId) -> None:
        now = self._clock()
        self._asked = {each: at for each, at in self._asked.items() if now - at <= SURE_SECONDS}
        self._asked[member, job] = now
