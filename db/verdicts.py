"""The moderators' log: the filter's verdicts on every prompt and picture, allowed or not."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypedDict, Unpack

from db.database import Repository, Transaction, value_of
from generation import JobId, MemberId
from moderation import DAY, Category, Ruling, Verdict

PICTURE = "picture"
"""The source of a verdict on a finished picture: the member did not ask for what the detector found."""


UPLOAD = "upload"
"""The source of a refusal of a picture that the member sent: their own act, as a prompt is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRecord:
    id: int
    at: float  # unix seconds
    guild_id: int | None
    channel_id: int
    member: MemberId
    member_name: str
    job: JobId | None  # None when no order was accepted
    message_id: int | None  # the message that shows the result
    source: str  # the origin of the text: "/imagine", "variation", ...; or PICTURE
    prompt: str
    negative: str
    verdict: Verdict


class VerdictFilter(TypedDict, total=False):
    """Filters of the log. None or a missing key means no filter."""

    member: MemberId | None
    channel: int | None
    ruling: Ruling | None  # only this ruling
    since: float | None  # unix seconds
    words: str | None  # in the prompt or the negative prompt, as typed or as the filter read it
    category: Category | None  # only this category
    rule: str | None  # a part of the rule's code; an underscore stands for any character


ADD = """
INSERT INTO verdicts (
    at, guild_id, channel_id, member, member_name, job, message_id, source, prompt, negative,
    ruling, category, rule, words, score, field, normal_form, likeness, language
) VALUES (
    :at, :guild_id, :channel_id, :member, :member_name, :job, :message_id, :source, :prompt, :negative,
    :ruling, :category, :rule, :words, :score, :field, :normal_form, :likeness, :language
) RETURNING *
"""
LINK = "UPDATE verdicts SET message_id = ? WHERE job = ? RETURNING id"
GET = "SELECT * FROM verdicts WHERE id = ?"
# A row holds the worst of several pictures: where one was refused, another one that was flagged may be posted.
HAS_FLAGGED = "SELECT 1 FROM verdicts WHERE job = ? AND source = ? AND ruling >= 1 LIMIT 1"
OF_JOB = "SELECT * FROM verdicts WHERE job = ? ORDER BY id LIMIT 1"
# The condition of each filter. A statement holds only those that are given: SQLite chooses its index by them.
_CONDITIONS = {
    "member": "member = :member",
    "channel": "channel_id = :channel",
    "ruling": "ruling = :ruling",
    # Ids grow with time, but for corrections of the clock. Without a lowest id, a page that is not full reads all older records.
    "since": """at >= :since AND id >= (SELECT min(id) FROM (
        SELECT id FROM verdicts WHERE guild_id IS :guild_id AND at >= :since ORDER BY at LIMIT 1000))""",
    "until": "at < :until",
    "before_id": "id < :before_id",
}
SEARCHED = 20_000
"""Records that a search reads at most: no index knows the words of a prompt."""
_SEARCHES = {
    "words": """(prompt LIKE :words ESCAPE '\\' OR negative LIKE :words ESCAPE '\\' OR normal_form LIKE :folded ESCAPE '\\')""",
    "category": "category = :category",
    "rule": "rule LIKE :rule ESCAPE '\\'",
}
_NEWEST = f"""
id >= (SELECT min(id) FROM (SELECT id FROM verdicts WHERE {{}} ORDER BY id DESC LIMIT {SEARCHED}))
"""
PAGE = "SELECT * FROM verdicts WHERE {} ORDER BY id DESC LIMIT :limit"
COUNT = "SELECT count(*) FROM verdicts WHERE {}"
# Sums whole days, and adds the records of the day in which the time begins.
TALLY = """
SELECT is_picture, ruling, sum(count) AS count FROM (
    SELECT is_picture, ruling, count FROM verdict_counts
    WHERE guild_id = coalesce(:guild_id, 0) AND channel_id = coalesce(:channel, 0) AND day > :day
    UNION ALL
    SELECT source = :picture, ruling, 1 FROM verdicts
    WHERE guild_id IS :guild_id AND at >= :since AND at < :next_day AND (:channel IS NULL OR channel_id = :channel)
) GROUP BY 1, 2
"""
REPEATS = """
SELECT count(*) FROM verdicts
WHERE member = ? AND guild_id IS ? AND source = ? AND prompt = ? AND negative = ? AND at >= ?
"""
REFUSALS = f"""
SELECT at FROM verdicts WHERE member = ? AND at > ? AND ruling = 2 AND source <> '{PICTURE}' ORDER BY at
"""
IS_FIRST_REFUSAL = f"""
SELECT EXISTS (
    SELECT 1 FROM verdicts AS own WHERE own.id = ? AND own.ruling = 2 AND NOT EXISTS (
        SELECT 1 FROM verdicts AS earlier
        WHERE earlier.member = own.member AND earlier.guild_id IS own.guild_id AND earlier.ruling = 2 AND earlier.id < own.id
          AND earlier.source <> '{PICTURE}'
    )
)
"""


def cells_of(verdict: Verdict) -> dict[str, Any]:
    """Returns the verdict's cells by column of a table that holds verdicts."""
    return asdict(verdict) | {"words": json.dumps(verdict.words, ensure_ascii=False)}


def verdict_cells(row: sqlite3.Row) -> dict[str, object]:
    """Rebuilds the verdict's fields from `cells_of`, together with the row's other columns."""
    return {**row, "words": json.loads(row["words"])}


class Verdicts(Repository):
    async def add(
        self,
        tx: Transaction,
        *,
        at: float,
        guild_id: int | None,
        channel_id: int,
        member: MemberId,
        member_name: str,
        source: str,
        prompt: str,
        negative: str = "",
        verdict: Verdict,
        job: JobId | None = None,
        message_id: int | None = None,
    ) -> VerdictRecord:
        parameters = {
            "at": at,
            "guild_id": guild_id,
            "channel_id": channel_id,
            "member": member,
            "member_name": member_name,
            "job": job,
            "message_id": message_id,
            "source": source,
            "prompt": prompt,
            "negative": negative,
            **cells_of(verdict),
        }
        (row,) = await tx.all(ADD, parameters)
        return _record(row)

    async def link(self, tx: Transaction, job: JobId, message_id: int) -> bool:
        """Links the job's verdicts to the message that shows its result. Returns False when there are none."""
        return bool(await tx.all(LINK, (message_id, job)))

    async def get(self, verdict_id: int) -> VerdictRecord | None:
        return await self._db.reader.find(_record, GET, (verdict_id,))

    async def of_job(self, job: JobId) -> VerdictRecord | None:
        return await self._db.reader.find(_record, OF_JOB, (job,))

    async def repeats(
        self, member: MemberId, guild_id: int | None, source: str, prompt: str, negative: str, since: float
    ) -> int:
        """Returns how often the member sent the same prompt from that source since `since`, refused or not."""
        return await self._db.reader.value(REPEATS, (member, guild_id, source, prompt, negative, since))

    async def refusals_since(self, member: MemberId, since: float) -> list[float]:
        """Returns the times of the member's refused prompts after `since`, in every server; oldest first."""
        return [row["at"] for row in await self._db.reader.all(REFUSALS, (member, since))]

    async def is_first_refusal(self, verdict_id: int) -> bool:
        """Returns whether this verdict refused, and no earlier prompt of the member was refused in that server."""
        return bool(await self._db.reader.value(IS_FIRST_REFUSAL, (verdict_id,)))

    async def has_flagged(self, job: JobId, source: str) -> bool:
        """Returns whether a verdict of that source flagged or refused the job."""
        return await self._db.reader.one(HAS_FLAGGED, (job, source)) is not None

    async def page(
        self,
        guild_id: int | None,
        *,
        before_id: int | None = None,
        until: float | None = None,
        pictures_too: bool = True,
        limit: int = 10,
        **which: Unpack[VerdictFilter],
    ) -> list[VerdictRecord]:
        """Returns matching records, newest first. `until`: unix seconds; later records are left out, as is one at that moment."""
        parameters = {"guild_id": guild_id, "before_id": before_id, "until": until, "limit": limit, **which}
        sql = statement(PAGE, parameters, pictures_too=pictures_too)
        return [_record(row) for row in await self._db.reader.all(sql, _bound(parameters))]

    async def count(self, guild_id: int | None, **which: Unpack[VerdictFilter]) -> int:
        """Returns the number of records that match the filters."""
        if any(which.get(name) is not None for name in ("member", *_SEARCHES)):
            parameters = {"guild_id": guild_id, **which}
            return await self._db.reader.value(statement(COUNT, parameters), _bound(parameters))
        tally = await self.tally(guild_id, channel=which.get("channel"), since=which.get("since"))
        ruling = which.get("ruling")
        return sum(count for (_, each), count in tally.items() if ruling is None or each == ruling)

    async def tally(
        self, guild_id: int | None, *, channel: int | None = None, since: float | None = None
    ) -> dict[tuple[bool, int], int]:
        """Returns the number of records by whether they are about pictures, and by ruling. Does not read each record."""
        day = -1 if since is None else int(since // DAY)
        parameters = {"guild_id": guild_id, "channel": channel, "since": since or 0, "picture": PICTURE}
        rows = await self._db.reader.all(TALLY, parameters | {"day": day, "next_day": (day + 1) * DAY})
        return {(bool(row["is_picture"]), row["ruling"]): row["count"] for row in rows}


def statement(sql: str, parameters: Mapping[str, object], *, pictures_too: bool = True) -> str:
    """Returns PAGE or COUNT with the conditions of the filters that have a value.

    With words, a category or a rule, only the newest SEARCHED records count that the other filters leave.
    """
    conditions = [
        "guild_id IS :guild_id",
        *(each for name, each in _CONDITIONS.items() if parameters.get(name) is not None),
    ]
    if parameters.get("ruling") and parameters.get("member") is None:
        conditions.append("ruling <> 0")  # the condition of the index of refusals and flags
    if not pictures_too:
        conditions.append(f"source <> '{PICTURE}'")
    searches = [each for name, each in _SEARCHES.items() if parameters.get(name) is not None]
    if searches:
        others = (each for each in conditions if each != _CONDITIONS["before_id"])
        conditions += [_NEWEST.format(" AND ".join(others)), *searches]
    return sql.format(" AND ".join(conditions))


def _bound(parameters: Mapping[str, object]) -> dict[str, object]:
    """Returns the parameters with patterns in the place of the words and of the rule."""
    bound, words, rule = dict(parameters), parameters.get("words"), parameters.get("rule")
    if isinstance(words, str):
        escaped = _escaped(words).replace("_", r"\_")
        bound |= {"words": f"%{escaped}%", "folded": f"%{escaped.casefold()}%"}
    if isinstance(rule, str):
        bound["rule"] = f"%{_escaped(rule)}%"
    return bound


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%")


def _record(row: sqlite3.Row) -> VerdictRecord:
    return value_of(VerdictRecord, row, verdict=verdict_cells(row))
