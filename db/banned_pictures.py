"""A server's list of removed pictures, recognised by perceptual hash. Holds hashes, never pictures.

Also holds the hashes of pictures that the picture check withheld, until their case is decided. Such a picture has no row in
`images`. A trigger adds those of pictures whose rows are deleted while their case is open.
"""

from dataclasses import dataclass

from db.cases import Case
from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId
from moderation import Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class BannedPicture:
    job: JobId
    index: int  # from 0, the position in the job's gallery
    fingerprint: Fingerprint
    at: float  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Number of a job's pictures, withheld ones included, by whether they have a hash."""

    known: int  # pictures with a hash
    plain: int  # pictures too plain for a hash; they can't be recognised when generated again


# A kept picture that was deleted before the decision is among the withheld ones.
_LOOKS = """
    SELECT images.pdq, images.image_index FROM images JOIN jobs ON jobs.id = images.job
    WHERE images.job = :job AND jobs.guild_id = :guild_id
    UNION
    SELECT withheld_pictures.pdq, image_index FROM withheld_pictures JOIN cases ON cases.id = case_id
    WHERE withheld_pictures.job = :job AND cases.guild_id = :guild_id
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
WITHHOLD = """
INSERT INTO withheld_pictures (case_id, job, image_index, pdq)
VALUES (:case, coalesce(:job, (SELECT job FROM cases WHERE id = :case), ''), :index, :pdq) ON CONFLICT DO NOTHING
"""
HAS_LOOK = "SELECT 1 FROM withheld_pictures WHERE case_id = ? AND pdq IS NOT NULL LIMIT 1"
RELEASE = "DELETE FROM withheld_pictures WHERE case_id = ?"


class BannedPictures(Repository):
    async def ban(self, tx: Transaction, guild_id: int, job: JobId, at: float, case_id: int | None) -> Looks:
        """Adds each of the job's pictures that has a hash, once. `case_id`: the case of the decision."""
        where = {"guild_id": guild_id, "job": job}
        await tx.all(BAN, where | {"at": at, "case_id": case_id})
        (row,) = await tx.all(COUNT, where)
        return value_of(Looks, row)

    async def lift(self, tx: Transaction, guild_id: int, job: JobId) -> int:
        """Allows the job's pictures again. Returns the number of entries removed from the list."""
        return len(await tx.all(LIFT, (guild_id, job)))

    async def jobs_since(
        self, guild_id: int, since: float, *, member: MemberId | None, but_not: MemberId
    ) -> list[JobId]:
        """Returns jobs whose pictures were banned since `since` (unix seconds), except those of the member `but_not`.

        `member`: only that member's jobs; None: every member's.
        """
        parameters = {"guild_id": guild_id, "since": since, "member": member, "but_not": but_not}
        return [JobId(row["job"]) for row in await self._db.reader.all(SINCE, parameters)]

    async def lift_of_case(self, tx: Transaction, case: Case) -> int:
        """Allows the pictures again that were banned in the case or for its job. Returns their number."""
        return len(await tx.all(LIFT_OF_CASE, (case.guild_id, case.id, case.job)))

    async def withhold(
        self,
        tx: Transaction,
        case_id: int,
        index: int,
        fingerprint: Fingerprint | None,
        *,
        job: JobId | None = None,
    ) -> None:
        """Adds a picture that the check refused in an open case.

        `index`: its position in the job's gallery, which is empty there. `job`: None for the case's own.
        """
        await tx.all(WITHHOLD, {"case": case_id, "job": job, "index": index, "pdq": fingerprint})

    async def has_look(self, case_id: int) -> bool:
        """Returns whether any withheld picture of the open case has a hash."""
        return await self._db.reader.one(HAS_LOOK, (case_id,)) is not None

    async def release(self, tx: Transaction, case_id: int) -> None:
        """Deletes the case's withheld hashes. Called when the case is decided: by then they are banned or no longer needed."""
        await tx.all(RELEASE, (case_id,))

    async def of_guild(self, guild_id: int) -> list[BannedPicture]:
        """Returns the server's list, oldest first."""
        return [
            value_of(BannedPicture, row, index=row["image_index"], fingerprint=row["pdq"])
            for row in await self._db.reader.all(OF_GUILD, (guild_id,))
        ]
