"""Accepted orders and their results. A row is committed before the member gets an answer. A job ends once.

queued → running → done | failed | cancelled → delivered | given up
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, NewType

from msgspec import convert, to_builtins

from db.database import Parameters, Repository, Transaction, value_of
from generation import Control, Drawing, JobId, MemberId, Placement, Region
from moderation import DAY


class JobAction(StrEnum):
    IMAGINE = "imagine"
    VARIATION = "variation"
    REMIX = "remix"  # a variation with its own prompt
    REGION = "region"  # a part of a picture, drawn anew
    ZOOM = "zoom"  # a picture made smaller, and what is around it
    PAN = "pan"  # a half of a picture, and what is beside it
    SQUARE = "square"  # a picture, and what makes it square
    UPSCALE = "upscale"
    REROLL = "reroll"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NoteKind(StrEnum):
    IGNORED = "ignored"  # parameters of other bots, which mean nothing here
    ONE_DASH = "one-dash"  # parameters that were written with one dash
    LINKS = "links"  # links are not opened
    LORAS = "loras"  # LoRAs of a file that the model does not have
    UNUSED = "unused"  # parameters that the model ignores
    WEIGHTS = "weights"  # the model weighs no words
    BREAKS = "breaks"  # `BREAK` means nothing to the model
    CUT = "cut"  # the model reads only the beginning of the prompt
    NEGATIVE_CUT = "negative-cut"  # the same of the negative prompt
    DRAWN = "drawn"  # what is drawn instead of the prompt, in the words of the model's tables
    DRAWN_PARTLY = "drawn-partly"  # the same, where some words of the prompt are not known
    UNWEIGHTED = "unweighted"  # what is drawn instead of the prompt has no weights
    CLAMPED = "clamped"  # a parameter beyond its range, and the limit that is used
    DEFAULTS = "defaults"  # defaults of the member's that could not be used
    STYLE_PICTURE = "style-picture"  # a style's picture, which the model can't use
    GROUND = "ground"  # the scene for which a plain ground stands
    REAL_PERSON = "real-person"  # the prompt names a real person
    FLAGGED = "flagged"  # a moderator will look; the category


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the bot or the model left out of a prompt, or read in its own way."""

    kind: NoteKind
    # Of parameters, or a model's own words, from a fixed list; or numbers: of a cut, the tokens that were read, and all of them.
    # Words of a member would be shown without being screened.
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTarget:
    """The destination of the result: the interaction's answer while its token lives, then the message or channel."""

    guild_id: int | None  # None in a direct message
    channel_id: int
    message_id: int | None = None
    token: str = ""  # of the interaction; a secret; empty once the result is delivered
    token_at: float = 0.0  # unix seconds


UploadId = NewType("UploadId", str)
"""Ten characters, as of a job."""


class PictureSource:
    """Where a picture that a job starts from is stored: a Parent or an Upload."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent(PictureSource):
    """A picture of another job."""

    job: JobId
    image: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(PictureSource):
    """A picture that a member supplied."""

    id: UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row. Times are unix seconds."""

    id: JobId
    member: MemberId
    member_name: str
    action: JobAction
    place: ReplyTarget
    drawing: Drawing[PictureSource]
    notes: tuple[Note, ...] = ()  # what its card tells about the prompt
    is_pinging: bool = False  # whether its member is mentioned when it ends; False again once they were
    is_age_restricted: bool = False  # whether the channel was age-restricted when the member ordered
    policy_channel_id: int | None = None  # the channel whose policy applies; None: the channel of `place`
    state: JobState = JobState.QUEUED
    failure: str | None = None  # the kind of failure
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None  # done, failed or cancelled
    delivered_at: float | None = None  # when the result or the error was posted
    handed_out_at: float | None = None  # when the member took the result from /history
    given_up_at: float | None = None  # when the bot stopped trying to post the result


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Work that is not done."""

    undelivered: int  # jobs that ended and whose result is not in Discord
    oldest_at: (
        float | None
    )  # unix seconds; when the oldest job was ordered that runs, waits or is undelivered
    open_cases: int


RECORD = "INSERT INTO jobs ({}) VALUES ({})"
STYLE = "(SELECT id FROM styles WHERE id = :style)"  # it may be deleted while the order is screened
RECORD_PICTURE = """
INSERT INTO job_parents
    (job, position, parent, parent_image, upload, role, strength, placement, region, factor, control)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# One row for each source picture of a job, or one row without any. Rows of one job are adjacent.
SELECT = """
SELECT jobs.*, parent, parent_image, upload, role, strength, placement, region, factor, control
FROM jobs LEFT JOIN job_parents ON job_parents.job = jobs.id
"""
GET = f"{SELECT} WHERE id = ? ORDER BY position"
LIVE = "state IN ('queued', 'running')"
SET_MESSAGE = "UPDATE jobs SET message_id = ? WHERE id = ? RETURNING id"
SET_NOTES = "UPDATE jobs SET notes = ? WHERE id = ?"
TOGGLE_PING = f"UPDATE jobs SET is_pinging = 1 - is_pinging WHERE id = ? AND {LIVE} RETURNING is_pinging"
TAKE_PING = "UPDATE jobs SET is_pinging = 0 WHERE id = ? AND is_pinging = 1 RETURNING state"
START = "UPDATE jobs SET state = 'running', started_at = ? WHERE id = ? AND state = 'queued' RETURNING id"
END = f"""
UPDATE jobs SET state = :state, failure = :failure, finished_at = :at WHERE id = :id AND {LIVE} RETURNING id
"""
DELIVERED = """
UPDATE jobs SET delivered_at = ?, token = ''
WHERE id = ? AND finished_at IS NOT NULL AND delivered_at IS NULL RETURNING id
"""
HANDED_OUT = """
UPDATE jobs SET handed_out_at = ? WHERE id = ? AND finished_at IS NOT NULL AND handed_out_at IS NULL RETURNING id
"""
UNSETTLED = "finished_at IS NOT NULL AND delivered_at IS NULL AND given_up_at IS NULL"
GIVE_UP = f"UPDATE jobs SET given_up_at = ?, token = '' WHERE id = ? AND {UNSETTLED} RETURNING id"
UNFINISHED = f"{SELECT} WHERE {LIVE} ORDER BY created_at, id, position"
UNDELIVERED = f"{SELECT} WHERE {UNSETTLED} ORDER BY finished_at, id, position"
CANCELLED_IN_A_DAY = f"""
SELECT count(*) FROM jobs
WHERE member = ? AND state = 'cancelled' AND started_at IS NOT NULL AND finished_at > ? - {DAY}
"""
_ENDED = "finished_at IS NOT NULL AND delivered_at IS NULL"
BACKLOG = f"""
SELECT (SELECT count(*) FROM jobs WHERE {_ENDED}) AS undelivered,
    (SELECT min(at) FROM (
        SELECT min(created_at) AS at FROM jobs WHERE {LIVE} UNION ALL SELECT min(created_at) FROM jobs WHERE {_ENDED}
    )) AS oldest_at,
    (SELECT count(*) FROM cases WHERE outcome IS NULL) AS open_cases
"""
IN_LINE = f"SELECT count(*) FROM jobs WHERE member = ? AND {LIVE}"
OF_MESSAGE = f"{SELECT} WHERE id = (SELECT max(id) FROM jobs WHERE message_id = ?) ORDER BY position"
LIVE_OF_MEMBER = f"{SELECT} WHERE member = ? AND {LIVE} ORDER BY created_at, id, position"
OF_MEMBER = f"""
{SELECT} WHERE id IN (
    SELECT id FROM jobs WHERE member = :member AND state = 'done' AND (:before IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit)
ORDER BY id DESC, position
"""
OF_GUILD_SINCE = f"""
{SELECT} WHERE id IN (
    SELECT id FROM jobs
    WHERE guild_id = :guild_id AND (:member IS NULL OR member = :member) AND created_at >= :since
      AND ({LIVE} OR EXISTS (SELECT 1 FROM images WHERE images.job = jobs.id AND images.removed_at IS NULL))
    ORDER BY created_at DESC, id DESC LIMIT :limit)
ORDER BY created_at DESC, id DESC, position
"""


class Jobs(Repository):
    async def record(self, tx: Transaction, job: Job) -> None:
        """Records an accepted job. Raises sqlite3.IntegrityError for an id that exists or a parent that does not."""
        cells = _cells(job)
        values = ", ".join(STYLE if name == "style" else f":{name}" for name in cells)
        await tx.all(RECORD.format(", ".join(cells), values), cells)
        for position, each in enumerate(job.drawing.pictures):
            source = (*_source_cells(each.source), each.role, each.strength)
            laid = (_as_json(each.placement), _as_json(each.region), each.factor, _as_json(each.control))
            await tx.all(RECORD_PICTURE, (job.id, position, *source, *laid))

    async def get(self, job_id: JobId) -> Job | None:
        return next(iter(await self._read(GET, (job_id,))), None)

    async def of_message(self, message_id: int) -> Job | None:
        """Returns the job whose card or result the message is."""
        return next(iter(await self._read(OF_MESSAGE, (message_id,))), None)

    async def set_message(self, tx: Transaction, job_id: JobId, message_id: int) -> bool:
        """Sets the message that shows the job. Returns False when there is no such job."""
        return await tx.one(SET_MESSAGE, (message_id, job_id)) is not None

    async def set_notes(self, tx: Transaction, job: Job) -> None:
        """Records the job's notes as they are in `job`."""
        await tx.all(SET_NOTES, (_cells(job)["notes"], job.id))

    async def toggle_ping(self, job_id: JobId) -> bool | None:
        """Turns the member's mention at the job's end on or off. Returns what it is now; None for a job that has ended."""
        async with self._db.transaction() as tx:
            row = await tx.one(TOGGLE_PING, (job_id,))
        return None if row is None else bool(row["is_pinging"])

    async def take_ping(self, job_id: JobId) -> JobState | None:
        """Returns the job's state when its member is to be mentioned, the first time that this is asked; otherwise None."""
        async with self._db.transaction() as tx:
            row = await tx.one(TAKE_PING, (job_id,))
        return None if row is None else JobState(row["state"])

    async def start(self, job_id: JobId, at: float) -> bool:
        """queued → running. Every change of state returns whether this call made it."""
        async with self._db.transaction() as tx:
            return await tx.one(START, (at, job_id)) is not None

    async def finish(self, tx: Transaction, job_id: JobId, at: float) -> bool:
        """queued or running → done."""
        return await self._end(tx, job_id, JobState.DONE, at)

    async def fail(self, tx: Transaction, job_id: JobId, kind: str, at: float) -> bool:
        """queued or running → failed."""
        return await self._end(tx, job_id, JobState.FAILED, at, failure=kind)

    async def cancel(self, tx: Transaction, job_id: JobId, at: float) -> bool:
        """queued or running → cancelled."""
        return await self._end(tx, job_id, JobState.CANCELLED, at)

    async def _end(
        self, tx: Transaction, job_id: JobId, state: JobState, at: float, failure: str | None = None
    ) -> bool:
        row = await tx.one(END, {"state": state, "failure": failure, "at": at, "id": job_id})
        return row is not None

    async def delivered(self, job_id: JobId, at: float) -> bool:
        """Records that the result or the error was posted, and deletes the token."""
        async with self._db.transaction() as tx:
            return await tx.one(DELIVERED, (at, job_id)) is not None

    async def hand_out(self, job_id: JobId, at: float) -> bool:
        """Records that the member took the result from /history."""
        async with self._db.transaction() as tx:
            return await tx.one(HANDED_OUT, (at, job_id)) is not None

    async def give_up(self, tx: Transaction, job_id: JobId, at: float) -> bool:
        """Records that the result can't be posted, and deletes the token. Not for a delivered job."""
        return await tx.one(GIVE_UP, (at, job_id)) is not None

    async def unfinished(self) -> list[Job]:
        """Returns queued and running jobs, oldest first."""
        return await self._read(UNFINISHED)

    async def undelivered(self) -> list[Job]:
        """Returns ended jobs whose result is not posted and not given up; the first that ended comes first."""
        return await self._read(UNDELIVERED)

    async def backlog(self) -> Backlog:
        row = await self._db.reader.one(BACKLOG)
        assert row is not None
        return value_of(Backlog, row)

    async def in_line(self, member: MemberId) -> int:
        """Returns the number of the member's queued or running jobs."""
        return await self._db.reader.value(IN_LINE, (member,))

    async def cancelled_in_a_day(self, member: MemberId, now: float) -> int:
        """Returns the number of the member's jobs that were cancelled after their start, in the day before `now`."""
        return await self._db.reader.value(CANCELLED_IN_A_DAY, (member, now))

    async def live_of_member(self, member: MemberId) -> list[Job]:
        """Returns the member's queued or running jobs, oldest first."""
        return await self._read(LIVE_OF_MEMBER, (member,))

    async def of_member(self, member: MemberId, *, before: JobId | None = None, limit: int = 10) -> list[Job]:
        """Returns the member's done jobs older than `before`, newest first."""
        return await self._read(OF_MEMBER, {"member": member, "before": before, "limit": limit})

    async def of_guild_since(
        self, guild_id: int, since: float, *, member: MemberId | None = None, limit: int
    ) -> list[Job]:
        """Returns jobs that are queued, running or still have pictures, newest first; `since` in unix seconds."""
        parameters = {"guild_id": guild_id, "member": member, "since": since, "limit": limit}
        return await self._read(OF_GUILD_SINCE, parameters)

    async def _read(self, sql: str, parameters: Parameters = ()) -> list[Job]:
        rows = await self._db.reader.all(sql, parameters)
        return [_job(list(those)) for _, those in groupby(rows, itemgetter("id"))]


def _as_json(value: Placement | Region | Control | None) -> str | None:
    return None if value is None else json.dumps(to_builtins(value))


def _of_json(cell: str | None) -> Any:
    return None if cell is None else json.loads(cell)


def _cells(job: Job) -> dict[str, Any]:
    """Returns the cells by column of `jobs`. A column has the name of its field, also for fields of nested values."""
    cells: dict[str, Any] = to_builtins(job)
    place, drawing = cells.pop("place"), cells.pop("drawing")
    prompt, size, loras, _ = (drawing.pop(name) for name in ("prompt", "size", "loras", "pictures"))
    cells |= {"prompt": prompt["text"], "negative": prompt["negative"]}
    cells |= {"notes": json.dumps(cells["notes"])}
    cells |= {"loras": json.dumps({lora["name"]: lora["weight"] for lora in loras})}
    return cells | place | drawing | size


def _source_cells(source: PictureSource) -> tuple[str | None, int | None, str | None]:
    """Returns the cells `parent`, `parent_image` and `upload`."""
    match source:
        case Parent(job=job, image=image):
            return job, image, None
        case Upload(id=upload):
            return None, None, upload
        case _:
            raise TypeError(source)


def _source(kind: type, row: sqlite3.Row) -> PictureSource:
    """Rebuilds a source for msgspec, which can't choose between two classes. `kind`: PictureSource."""
    if row["upload"] is not None:
        return Upload(id=UploadId(row["upload"]))
    return Parent(job=JobId(row["parent"]), image=row["parent_image"])


def _job(rows: Sequence[sqlite3.Row]) -> Job:
    """Rebuilds the job from its cells. `rows`: one for each source picture, or one row."""
    cells: dict[str, Any] = dict(rows[0])
    loras = sorted(json.loads(cells["loras"]).items())
    cells |= {
        "prompt": {"text": cells["prompt"], "negative": cells["negative"]},
        "notes": json.loads(cells["notes"]),
        "loras": [{"name": name, "weight": weight} for name, weight in loras],
        "pictures": [
            {
                **row,
                "source": row,
                "placement": _of_json(row["placement"]),
                "region": _of_json(row["region"]),
                "control": _of_json(row["control"]),
            }
            for row in rows
            if row["role"] is not None
        ],
    }
    # Each value takes its own fields from the row. Not strict: SQLite's booleans are numbers.
    return convert(
        cells | {"place": cells, "drawing": cells | {"size": cells}}, Job, strict=False, dec_hook=_source
    )
