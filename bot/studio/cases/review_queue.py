"""Verdicts that wait for the moderators' channel. A member has one place in a server: no member's refusals push out another's."""

import asyncio
from dataclasses import dataclass

from db import VerdictRecord
from db.verdicts import PICTURE
from generation import MemberId
from moderation import Ruling


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A member's verdicts since the last look: refused prompts, or what has opened or joined a case."""

    newest: VerdictRecord
    since: float  # unix seconds, of the oldest
    count: int = 1

    @property
    def is_case(self) -> bool:
        return _is_case(self.newest)


class ReviewQueue:
    """The first who waits comes first. What a member does while waiting keeps their place."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int | None, MemberId, bool], Waiting] = {}
        self._has_some = asyncio.Event()

    def note(self, record: VerdictRecord) -> None:
        """Queues the record; never waits."""
        key = (record.guild_id, record.member, _is_case(record))
        if (known := self._waiting.get(key)) is not None:
            known.newest = record
            known.count += 1
        else:
            self._waiting[key] = Waiting(newest=record, since=record.at)
        self._has_some.set()

    async def get(self) -> Waiting:
        while not self._waiting:
            self._has_some.clear()
            await self._has_some.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    def take_all(self) -> list[Waiting]:
        """Empties the queue without waiting."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        return waiting


def _is_case(record: VerdictRecord) -> bool:
    return record.verdict.ruling is Ruling.FLAG or record.source == PICTURE
