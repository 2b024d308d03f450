"""Twenty members who order pictures, press buttons, cancel, delete, and order what is refused."""

import asyncio
import re
from collections.abc import Callable

from benchmarks.faults.scene import CANCEL, VARY, Attempt, Scene
from benchmarks.soak.studio import WORDS
from playground.people.person import Person, Use
from playground.world.errors import ApiError, Refused
from playground.world.messages import Message

MEMBERS = 20
PATIENT = 30
"""Open jobs from which on members wait: a longer queue would be silent for longer than a fault."""
NUDE = "a nude woman"
_ANSWER_SECONDS = 10.0  # more than Discord waits


def words_of(number: int) -> str:
    """Returns a prompt that no other number below ten thousand has. The filter refuses some numbers for good reasons."""
    chosen: list[str] = []
    for words in WORDS:
        number, index = divmod(number, len(words))
        chosen.append(words[index])
    return " ".join(chosen)


class Members:
    """`may_order` says whether members may go on now."""

    def __init__(self, scene: Scene, orders: int) -> None:
        self._scene = scene
        self._orders = orders
        self.may_order: Callable[[], bool] = lambda: True
        self._begun = 0
        self.people = [scene.play.add_member(f"member{number}") for number in range(MEMBERS)]

    @property
    def accepted(self) -> int:
        return self._scene.notes.accepted

    @property
    def is_done(self) -> bool:
        return self.accepted >= self._orders

    async def run(self) -> None:
        """Orders until enough orders are accepted."""
        async with asyncio.TaskGroup() as tasks:
            for person in self.people:
                tasks.create_task(self._live(person))

    async def _live(self, person: Person) -> None:
        chance = self._scene.chance
        while not self.is_done:
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            if self._scene.open_jobs > PATIENT or not self.may_order():
                continue
            try:
                await self._act(person)
            except (Refused, ApiError):
                # The bot is offline, or the message has gone or changed.
                continue

    async def _act(self, person: Person) -> None:
        chance, own = self._scene.chance, self._own(person)
        galleries = [each for each in self._scene.posted() if _has(VARY, each)]
        match chance.choices(
            ("order", "press", "twice", "cancel", "delete", "list", "refused"), (60, 14, 3, 9, 5, 5, 4)
        )[0]:
            case "press" if galleries:
                message = chance.choice(galleries)
                await self._press(person, message, chance.choice(("V1", "U1", "reroll")))
            case "twice" if galleries:
                message = chance.choice(galleries)
                await asyncio.gather(*(self._press(person, message, "V1") for _ in range(2)))
            case "cancel" if running := [each for each in own if _has(CANCEL, each)]:
                await self._press(person, chance.choice(running), "cancel")
            case "delete" if finished := [each for each in own if _has(VARY, each)]:
                message = chance.choice(finished)
                await self._press(person, message, "delete")
                await self._press(person, message, "delete")  # the second press deletes
            case "list":
                await self._answered(await person.slash("gallery", chance.choice(("history", "queue"))))
            case "refused":
                await self._answered(await person.slash("gallery", "imagine", prompt=NUDE))
            case _:
                await self._order(person)

    async def _order(self, person: Person) -> None:
        chance = self._scene.chance
        prompt = words_of(self._begun)
        self._begun += 1
        use = await person.slash(
            chance.choice(self._scene.places),
            "imagine",
            prompt=prompt,
            images=chance.choice((1, 1, 2)),
            steps=chance.choice((1, 2, 4, 8, 30)),
        )
        attempt = Attempt(prompt, use)
        self._scene.notes.attempts.append(attempt)
        await self._answered(use)
        self._scene.notes.accepted += attempt.is_accepted

    async def _press(self, person: Person, message: Message, press: str) -> None:
        self._scene.notes.presses += 1
        if press == "delete":
            self._scene.notes.gone.add(message.id)
        if press in ("V1", "U1"):
            use = await person.click(message, label=press)
        else:
            found = next(
                (
                    each["custom_id"]
                    for each in message.components
                    if f":{press}:" in each.get("custom_id", "")
                ),
                None,
            )
            use = await person.click(message, custom_id=found or "")
        await self._answered(use)

    async def _answered(self, use: Use) -> None:
        await use.wait_for_answer(_ANSWER_SECONDS)
        self._scene.notes.unanswered += use.failed
        self._scene.notes.refused += use.message is not None and use.message.is_ephemeral

    def _own(self, person: Person) -> list[Message]:
        return [each for each in self._scene.posted() if f"<@{person.id}>" in each.texts]


def _has(pattern: re.Pattern[str], message: Message) -> bool:
    """Returns whether one of the message's buttons fits."""
    return any(pattern.match(each.get("custom_id", "")) for each in message.components)
