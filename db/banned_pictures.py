"""Pictures that moderators took down, known again by their perceptual hash: a server's own list. Holds hashes, never pictures.

Beside it the hashes of what the picture check withheld, until its case is decided: such a picture has no row of its own.
"""

from dataclasses import dataclass

from db.cases import Case
from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId
from moderation import Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class BannedPicture:
    job: JobId
    index: int  # from 0, the place in the job's gallery
    fingerprint: Fingerprint
    at: float  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Of a job's pictures, withheld ones among them."""

    known: int  # that have a hash
    plain: int  # that are too plain to have one, and so can't be kept from coming back


# Of one job the withheld pictures and the kept ones have different places.
_LOOKS = """
    SELECT images.pdq, images.image_index FROM images JOIN jobs ON jobs.id = images.job
    WHERE images.job = :job AND jobs.guild_id = :guild_id
    UNION ALL
    SELECT withheld_pictures.pdq, image_index FROM withheld_pictures JOIN cases ON cases.id = case_id
    WHERE cases.job = :job AND cases.guild_id = :guild_id
"""
COUNT = f"SELECT count(pdq) AS known, count(*) - count(pdq) AS plain FROM ({_LOOKS})"
BAN = f"""
INSERT INTO banned_pictures (guild_id, pdq, job, image_index, at, case_id)
SELECT :guild_id, pdq, :job, image_index, :at, :case_id FROM ({_LOOKS}) WHERE pdq IS NOT NULL
ON CONFLICT (guild_id, job, image_index) DO UPDATE SET case_id = excluded.case_id WHERE case_id IS NULL
"""
LIFT = "DELETE FROM banned_pictures WHERE guild_id = ? AND job = ? RETURNING id"
LIFT_OF_CASE = "DELETE FROM banned_pictures WHERE guild_id = ? AND (case_id = ? OR job = ?) RETURNING id"
SINCE = """
SELECT DISTINCT banned_pictures.job FROM banned_pictures LEFT JOIN jobs ON jobs.id = banned_pictures.job
WHERE banned_pictures.guild_id = :guild_id AND at >= :since AND (:member IS NULL OR jobs.member = :member)
  AND jobs.member IS NOT :but_not
"""
OF_GUILD = "SELECT job, image_index, pdq, at FROM banned_pictures WHERE guild_id = ? ORDER BY id"
WITHHOLD = "INSERT INTO withheld_pictures (case_id, image_index, pdq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
HAS_LOOK = "SELECT 1 FROM withheld_pictures WHERE case_id = ? AND pdq IS NOT NULL LIMIT 1"
RELEASE = "DELETE FROM withheld_pictures WHERE case_id = ?"


class BannedPictures(Repository):
    async def ban(self, tx: Transaction, guild_id: int, job: JobId, at: float, case_id: int | None) -> Looks:
        """All of the job's pictures that have a hash, once each. `case_id`: in which it was decided."""
        where = {"guild_id": guild_id, "job": job}
        await tx.all(BAN, where | {"at": at, "case_id": case_id})
        (row,) = await tx.all(COUNT, where)
        return value_of(Looks, row)

    async def lift(self, tx: Transaction, guild_id: int, job: JobId) -> int:
        """The job's pictures may come back. Returns how many there were."""
        return len(await tx.all(LIFT, (guild_id, job)))

    async def jobs_since(
        self, guild_id: int, since: float, *, member: MemberId | None, but_not: MemberId
    ) -> list[JobId]:
        """Whose pictures were banned since then (unix seconds): the member's or everybody's, but not that one's."""
        parameters = {"guild_id": guild_id, "since": since, "member": member, "but_not": but_not}
        return [JobId(row["job"]) for row in await self._db.reader.all(SINCE, parameters)]

    async def lift_of_case(self, tx: Transaction, case: Case) -> int:
        """What was banned in the case, or for its job, may come back. Returns how many there were."""
        return len(await tx.all(LIFT_OF_CASE, (case.guild_id, case.id, case.job)))

    async def withhold(
        self, tx: Transaction, case_id: int, index: int, fingerprint: Fingerprint | None
    ) -> None:
        """What the check refused in an open case. `index`: its place in the job's gallery, where it is empty."""
        await tx.all(WITHHOLD, (case_id, index, fingerprint))

    async def has_look(self, case_id: int) -> bool:
        """Whether something withheld in the open case could be known again."""
        return await self._db.reader.one(HAS_LOOK, (case_id,)) is not None

    async def release(self, tx: Transaction, case_id: int) -> None:
        """The case is decided: what was withheld in it is banned by now, or no matter any more."""
        await tx.all(RELEASE, (case_id,))

    async def of_guild(self, guild_id: int) -> list[BannedPicture]:
        """Oldest first."""
        return [
            value_of(BannedPicture, row, index=row["image_index"], fingerprint=row["pdq"])
            for row in await self._db.reader.all(OF_GUILD, (guild_id,))
        ]
