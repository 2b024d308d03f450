"""Who orders what in the hour, and when: members who behave well, spammers, and a raid. Knows no Discord."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    GOOD = "well-behaved"
    SPAMMER = "spammer"
    RAIDER = "raider"


MONTH, DAY = 30 * 86400.0, 86400.0

_FLAGGED = (
    "a murder scene with blood on the wall of the {room}, number {number}",
    "donald trump in the {room}, number {number}",
)
"""One for each spammer. Two rules find something: violence, and a person in politics."""
_REFUSED = "a nude woman in the {room}, number {number}"
_RAID = "a murder scene, blood on the wall, {mark}"
_ROOMS = ("kitchen", "garden", "cellar", "library", "garage", "attic")
_MARKS = ("!", "!!", "lol", "join us", "hd", "4k", "now", "the end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of the hour. Times in simulated seconds."""

    members: int = 5000
    orders: int = 2000  # of all members together
    seconds: float = 3600.0
    spammers: int = 2
    spam: int = 60  # orders of each spammer, half of them flagged and half refused
    spam_until: float = 0.5  # share of the hour
    raiders: int = 60
    raid: int = 2  # orders of each raider
    raid_at: float = 0.33  # share of the hour
    raid_seconds: float = 180.0
    seed: int = 15

    @property
    def good_orders(self) -> int:
        return self.orders - self.spammers * self.spam - self.raiders * self.raid


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    at: float  # simulated seconds since the hour began
    kind: Kind
    member: int  # number among the members of its kind
    prompt: str


def planned(plan: Plan, prompts: Sequence[str]) -> list[Order]:
    """Returns the hour's orders, earliest first. `prompts`: harmless ones; each is ordered once while they last."""
    chance = random.Random(plan.seed)
    good = plan.members - plan.spammers - plan.raiders
    if plan.good_orders < 0 or good < 1:
        raise ValueError("more orders or members misbehave than there are")
    shuffled = chance.sample(list(prompts), len(prompts))
    found = [
        Order(
            at=chance.uniform(0, plan.seconds),
            kind=Kind.GOOD,
            member=chance.randrange(good),
            prompt=shuffled[number % len(shuffled)],
        )
        for number in range(plan.good_orders)
    ]
    for spammer in range(plan.spammers):
        for number in range(plan.spam):
            form = _REFUSED if number % 2 else _FLAGGED[spammer % len(_FLAGGED)]
            prompt = form.format(room=_ROOMS[number % len(_ROOMS)], number=number)
            at = plan.seconds * plan.spam_until * (number + spammer / plan.spammers) / plan.spam
            found.append(Order(at=at, kind=Kind.SPAMMER, member=spammer, prompt=prompt))
    for raider in range(plan.raiders):
        for _ in range(plan.raid):
            at = plan.seconds * plan.raid_at + chance.uniform(0, plan.raid_seconds)
            prompt = _RAID.format(mark=chance.choice(_MARKS))
            found.append(Order(at=at, kind=Kind.RAIDER, member=raider, prompt=prompt))
    return sorted(found, key=lambda order: order.at)


def users_prompts(file: Path) -> list[str]:
    """Returns what real users wrote and people judged harmless, without repetitions. `file`: dev.jsonl of the data for tests."""
    with file.open(encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        found = [row["prompt"] for row in rows if row["subset"] == "real_user" and not row["label"]]
    return [each for each in dict.fromkeys(found) if len(each) < 1000]
