"""A member's record in one server, and a server's statistics. Counts rows of other tables; has no table."""

from dataclasses import dataclass

from db.database import Repository, value_of
from db.verdicts import PICTURE, Verdicts
from generation import MemberId
from moderation import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStats:
    """A member's counts in one server."""

    orders: int  # accepted
    flags: int  # flagged prompts
    refusals: int
    pictures: int  # orders with a picture that the picture check flagged or refused
    strikes: int  # live strikes
    strikes_ever: int  # without pardoned ones
    cases: int
    blocked_until: float | None  # unix seconds; None when not blocked, or blocked until lifted
    is_blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStats:
    """A server's counts since a time."""

    asked: int  # prompts
    flagged: int
    refused: int
    people: int  # allowed prompts that name a real person
    styles: int  # allowed prompts that name none, but an author
    pictures_flagged: int  # orders, each counted by the worst of its pictures
    pictures_refused: int
    reports: int
    opened: int  # cases
    open_now: int
    outcomes: dict[str, int]
    by_moderator: dict[int, int]  # cases decided
    waited: float | None  # median seconds from opened to decided
    appeals: int
    overturned: int


STANDING = f"""
SELECT flags, refusals, pictures,
    (SELECT count(*) FROM jobs WHERE member = :member AND guild_id = :guild) AS orders,
    (SELECT count(*) FROM strikes WHERE member = :member AND guild_id = :guild
        AND pardoned_at IS NULL AND expires_at > :now) AS strikes,
    (SELECT count(*) FROM strikes WHERE member = :member AND guild_id = :guild
        AND pardoned_at IS NULL) AS strikes_ever,
    (SELECT count(*) FROM cases WHERE member = :member AND guild_id = :guild) AS cases
FROM (
    SELECT count(*) FILTER (WHERE ruling = 1 AND source <> '{PICTURE}') AS flags,
        count(*) FILTER (WHERE ruling = 2 AND source <> '{PICTURE}') AS refusals,
        count(*) FILTER (WHERE ruling > 0 AND source = '{PICTURE}') AS pictures
    FROM verdicts WHERE member = :member AND guild_id = :guild
)
"""
BLOCK = """
SELECT expires_at FROM blocks
WHERE member = :member AND guild_id = :guild AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
ORDER BY expires_at DESC NULLS FIRST LIMIT 1
"""
IN_BAD_STANDING = """
SELECT member FROM strikes WHERE guild_id = :guild AND pardoned_at IS NULL AND expires_at > :now
UNION
SELECT member FROM blocks
WHERE guild_id = :guild AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
"""
NOTICED = """
SELECT coalesce(sum(category = :person), 0) AS people, coalesce(sum(category <> :person), 0) AS styles FROM verdicts
WHERE guild_id IS :guild AND at >= :since AND ruling = 0 AND rule <> ''
"""
REPORTS = "SELECT count(*) FROM reports WHERE guild_id = ? AND at >= ?"
OPENED = "SELECT count(*) FROM cases WHERE guild_id = ? AND opened_at >= ?"
OPEN_NOW = "SELECT count(*) FROM cases WHERE guild_id = ? AND outcome IS NULL"
OUTCOMES = "SELECT outcome, count(*) AS n FROM cases WHERE guild_id = ? AND acted_at >= ? GROUP BY outcome"
BY_MODERATOR = """
SELECT acted_by, count(*) AS n FROM cases WHERE guild_id = ? AND acted_at >= ? GROUP BY acted_by ORDER BY n DESC, acted_by
"""
_WAITED = "FROM cases WHERE guild_id = :guild AND acted_at >= :since AND origin <> 'moderator'"
WAITED = f"""
SELECT acted_at - opened_at AS seconds {_WAITED} ORDER BY seconds LIMIT 1 OFFSET (SELECT count(*) / 2 {_WAITED})
"""
APPEALS = """
SELECT count(*) AS n, coalesce(sum(decision = 'overturned'), 0) AS overturned
FROM appeals JOIN cases ON cases.id = appeals.case_id WHERE cases.guild_id = ? AND appeals.at >= ?
"""


class Stats(Repository):
    async def of(self, guild_id: int, member: MemberId, now: float) -> MemberStats:
        reader = self._db.reader
        where = {"guild": guild_id, "member": member, "now": now}
        (row,) = await reader.all(STANDING, where)
        block = await reader.one(BLOCK, where)
        until = block["expires_at"] if block else None
        return value_of(MemberStats, row, blocked_until=until, is_blocked=block is not None)

    async def in_bad_standing(self, guild_id: int, now: float) -> frozenset[MemberId]:
        """Returns members with a live strike or a live block."""
        rows = await self._db.reader.all(IN_BAD_STANDING, {"guild": guild_id, "now": now})
        return frozenset(MemberId(row["member"]) for row in rows)

    async def figures(self, guild_id: int, since: float) -> ServerStats:
        reader, where = self._db.reader, (guild_id, since)
        rulings = await Verdicts(self._db).tally(guild_id, since=since)
        waited = await reader.one(WAITED, {"guild": guild_id, "since": since})
        (appeals,) = await reader.all(APPEALS, where)
        person = Category.REAL_PERSON.value
        (noticed,) = await reader.all(NOTICED, {"guild": guild_id, "since": since, "person": person})
        return ServerStats(
            asked=sum(n for (is_picture, _), n in rulings.items() if not is_picture),
            flagged=rulings.get((False, 1), 0),
            refused=rulings.get((False, 2), 0),
            people=noticed["people"],
            styles=noticed["styles"],
            pictures_flagged=rulings.get((True, 1), 0),
            pictures_refused=rulings.get((True, 2), 0),
            reports=await reader.value(REPORTS, where),
            opened=await reader.value(OPENED, where),
            open_now=await reader.value(OPEN_NOW, (guild_id,)),
            outcomes={row["outcome"]: row["n"] for row in await reader.all(OUTCOMES, where)},
            by_moderator={row["acted_by"]: row["n"] for row in await reader.all(BY_MODERATOR, where)},
            waited=waited["seconds"] if waited else None,
            appeals=appeals["n"],
            overturned=appeals["overturned"],
        )
