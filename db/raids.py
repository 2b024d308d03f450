"""Raids: many members whose orders are flagged or refused within a short time. Their cases share one card, which counts.

A raid is over when no such order came for a while, or when it has lasted long: the next one has a card of its own.
"""

from dataclasses import dataclass
from functools import partial

from db.database import Repository, Transaction, value_of
from generation import MemberId
from moderation import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Raid:
    """One row. Times are unix seconds."""

    id: int
    guild_id: int
    began_at: float
    last_at: float  # of its newest flagged or refused order
    card_channel_id: int | None
    card_message_id: int | None
    orders: int  # flagged or refused since it began
    shown_orders: int | None  # the `orders` that its card shows; None: it is out of date


@dataclass(frozen=True, slots=True, kw_only=True)
class RaidCounts:
    members: int  # newcomers with a flagged or refused order since the raid began
    refused: int  # prompts
    flagged: int  # prompts, and orders whose pictures were flagged or refused
    cases: int  # that share its card
    open: int


# A member with an order that was finished a day ago takes part in no raid.
NEWCOMERS = f"""
SELECT count(DISTINCT member) FROM verdicts
WHERE guild_id = :guild_id AND at >= :since AND ruling >= 1 AND member <> :member AND NOT EXISTS (
    SELECT 1 FROM jobs WHERE jobs.member = verdicts.member AND jobs.guild_id = verdicts.guild_id
        AND state = 'done' AND finished_at < :since - {DAY})
"""
IS_KNOWN = f"""
SELECT EXISTS (SELECT 1 FROM jobs
    WHERE member = :member AND guild_id = :guild_id AND state = 'done' AND finished_at < :since - {DAY})
"""
LIVE = """
SELECT * FROM raids WHERE guild_id = ? AND last_at >= ? AND began_at > ? ORDER BY last_at DESC, id DESC LIMIT 1
"""
GET = "SELECT * FROM raids WHERE id = ?"
BEGIN = "INSERT INTO raids (guild_id, began_at, last_at) VALUES (?, ?, ?) RETURNING *"
GO_ON = "UPDATE raids SET last_at = max(last_at, ?), orders = orders + 1 WHERE id = ? RETURNING *"
TO_SHOW = "SELECT * FROM raids WHERE guild_id = ? AND shown_orders IS NOT orders ORDER BY id"
SERVERS_TO_SHOW = "SELECT DISTINCT guild_id FROM raids WHERE shown_orders IS NOT orders"
CHANGED = "UPDATE raids SET shown_orders = NULL WHERE id = ? RETURNING id"
SHOWN = (
    "UPDATE raids SET card_channel_id = ?, card_message_id = ?, shown_orders = ? WHERE id = ? RETURNING id"
)
COUNTS = f"""
SELECT members, refused, flagged, cases, open FROM (
    SELECT count(DISTINCT member) AS members,
        count(*) FILTER (WHERE ruling = 2 AND source <> 'picture') AS refused,
        count(*) FILTER (WHERE ruling = 1 OR source = 'picture') AS flagged
    FROM verdicts WHERE guild_id = :guild_id AND at >= :began AND at <= :last AND ruling >= 1 AND NOT EXISTS (
        SELECT 1 FROM jobs WHERE jobs.member = verdicts.member AND jobs.guild_id = verdicts.guild_id
            AND state = 'done' AND finished_at < :began - {DAY})
), (SELECT count(*) AS cases, count(*) FILTER (WHERE outcome IS NULL) AS open FROM cases WHERE raid = :raid)
"""


class Raids(Repository):
    async def note(
        self,
        tx: Transaction,
        guild_id: int,
        member: MemberId,
        at: float,
        *,
        window: float,
        longest: float,
        members: int,
    ) -> Raid | None:
        """Returns the raid that an order flagged or refused at `at` belongs to; None for an order of no raid.

        A raid begins when, with this member, `members` newcomers had such an order in the last `window` seconds. It is over after
        twice that time without one, and `longest` seconds after it began.
        """
        live = await self.live(guild_id, at, window=window, longest=longest)
        since = at - window if live is None else live.began_at
        if await self.is_known(guild_id, member, since):
            return None
        if live is not None:
            return _raid((await tx.all(GO_ON, (at, live.id)))[0])
        who = {"guild_id": guild_id, "member": member, "since": since}
        if await self._db.reader.value(NEWCOMERS, who) + 1 < members:
            return None
        return _raid((await tx.all(BEGIN, (guild_id, at - window, at)))[0])

    async def is_known(self, guild_id: int, member: MemberId, since: float) -> bool:
        """Returns whether an order of the member's was finished here a day before `since` (unix seconds)."""
        return bool(
            await self._db.reader.value(IS_KNOWN, {"guild_id": guild_id, "member": member, "since": since})
        )

    async def live(self, guild_id: int, at: float, *, window: float, longest: float) -> Raid | None:
        """Returns the server's raid that takes an order at `at` (unix seconds). `window`, `longest`: as in `note`."""
        return await self._db.reader.find(_raid, LIVE, (guild_id, at - 2 * window, at - longest))

    async def get(self, raid_id: int) -> Raid | None:
        return await self._db.reader.find(_raid, GET, (raid_id,))

    async def counts(self, raid: Raid) -> RaidCounts:
        where = {"guild_id": raid.guild_id, "began": raid.began_at, "last": raid.last_at, "raid": raid.id}
        (row,) = await self._db.reader.all(COUNTS, where)
        return value_of(RaidCounts, row)

    async def to_show(self, guild_id: int) -> list[Raid]:
        """Returns the server's raids whose card is missing or out of date."""
        return [_raid(row) for row in await self._db.reader.all(TO_SHOW, (guild_id,))]

    async def servers_to_show(self) -> set[int]:
        return {row["guild_id"] for row in await self._db.reader.all(SERVERS_TO_SHOW)}

    async def changed(self, raid_id: int) -> None:
        """Records that the raid's card is out of date, after a decision."""
        async with self._db.transaction() as tx:
            await tx.all(CHANGED, (raid_id,))

    async def shown(self, raid: Raid, channel_id: int, message_id: int) -> None:
        """Records the card, and that it shows the raid as it is in `raid`."""
        async with self._db.transaction() as tx:
            await tx.all(SHOWN, (channel_id, message_id, raid.orders, raid.id))


_raid = partial(value_of, Raid)
