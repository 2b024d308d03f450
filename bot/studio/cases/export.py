"""Export for moderators: a server's cases, or its log of prompts, as a file. No Discord.

It holds what the cards and /mod log show, of this server alone. Times are ISO 8601 in UTC; ids are texts, because they are longer
than the whole numbers of a spreadsheet.
"""

import csv
import datetime
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.studio import Moderator
from bot.studio.cases.takedown import Takedown
from db import Act, Case, Entry, Repositories, VerdictRecord

MOST = 5000  # rows of a file
_PAGE = 250  # rows read at once, so that the event loop can run other tasks in between
_FORMULA = re.compile(r'(?:^|(?<=[;\t\r\n]))(?=[ "]*[=+\-@＝＋－＠])|^(?=[\t\r\n])')
"""The places where a spreadsheet takes the text that follows for a formula: also after what it may read as the end of a cell."""


class What(StrEnum):
    CASES = "cases"
    LOG = "log"


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    content: bytes
    rows: int
    has_more: bool  # the file holds only the newest ones


class ModExport:
    def __init__(self, records: Repositories, takedown: Takedown) -> None:
        self._records = records
        self._takedown = takedown

    async def make(
        self, by: Moderator, what: What, since: float, until: float, form: Format, limit: int
    ) -> Exported:
        """Makes a file of at most `limit` bytes, newest rows first, and logs that the moderator has it.

        `since`, `until`: unix seconds; the end is not included.
        """
        found = await (self._cases if what is What.CASES else self._log)(by.guild_id, since, until)
        rows, has_more = found[:MOST], len(found) > MOST
        content = written(rows, form)
        while len(content) > limit and rows:
            rows, has_more = rows[: len(rows) * limit // (len(content) + 1)], True
            content = written(rows, form)
        async with self._records.database.transaction() as tx:
            details = {"what": what, "rows": len(rows), "since": since, "until": until}
            await self._takedown.note(tx, by, Act.EXPORT, details=details)
        return Exported(content=content, rows=len(rows), has_more=has_more)

    async def _cases(self, guild_id: int, since: float, until: float) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        before: int | None = None
        while len(rows) <= MOST:
            page = await self._records.cases.page(guild_id, before=before, limit=_PAGE)
            for case in page:
                if since <= case.opened_at < until:
                    rows.append(case_row(case, await self._records.entries.of_case(case.id)))
            if len(page) < _PAGE:
                break
            before = page[-1].number
        return rows

    async def _log(self, guild_id: int, since: float, until: float) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        before: int | None = None
        while len(rows) <= MOST:
            page = await self._records.verdicts.page(guild_id, before_id=before, since=since, limit=_PAGE)
            rows += [log_row(each) for each in page if each.at < until]
            if len(page) < _PAGE:
                break
            before = page[-1].id
        return rows


def written(rows: Sequence[Mapping[str, Any]], form: Format) -> bytes:
    """Returns the rows as a file in UTF-8. A CSV file has no entries of cases."""
    if form is Format.JSON:
        return json.dumps(rows, ensure_ascii=False, indent=1).encode()
    text = io.StringIO()
    columns = [each for each in rows[0] if each != "entries"] if rows else []
    table = csv.DictWriter(text, columns, extrasaction="ignore", quoting=csv.QUOTE_ALL)
    table.writeheader()
    for row in rows:
        table.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode("utf-8-sig")  # a spreadsheet knows UTF-8 by its mark


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return _FORMULA.sub("'", value) if isinstance(value, str) else value


def case_row(case: Case, entries: Sequence[Entry]) -> dict[str, Any]:
    verdict = case.verdict
    return {
        "number": case.number,
        "origin": str(case.origin),
        "opened_at": _time(case.opened_at),
        "member": str(case.member),
        "member_name": case.member_name,
        "channel": _id(case.channel_id),
        "job": case.job,
        "prompt": case.prompt,
        "negative": case.negative,
        "ruling": verdict.ruling.word,
        "category": str(verdict.category),
        "rule": verdict.rule,
        "words": list(verdict.words),
        "score": verdict.score,
        "language": verdict.language,
        "is_escalated": case.is_escalated,
        "outcome": case.outcome and str(case.outcome),
        "decided_by": _id(case.acted_by),
        "decided_name": case.acted_name,
        "decided_at": _time(case.acted_at),
        "reason": case.reason,
        "ends_at": _time(case.expires_at),
        "discords_own": case.power,
        "entries": [
            {
                "at": _time(each.at),
                "by": _id(each.written_by),
                "name": each.written_name,
                "kind": str(each.kind),
                "text": each.text,
                "details": dict(each.details),
            }
            for each in entries
        ],
    }


def log_row(record: VerdictRecord) -> dict[str, Any]:
    verdict = record.verdict
    return {
        "id": record.id,
        "at": _time(record.at),
        "member": str(record.member),
        "member_name": record.member_name,
        "channel": str(record.channel_id),
        "message": _id(record.message_id),
        "job": record.job,
        "source": record.source,
        "prompt": record.prompt,
        "negative": record.negative,
        "ruling": verdict.ruling.word,
        "category": str(verdict.category),
        "rule": verdict.rule,
        "words": list(verdict.words),
        "score": verdict.score,
        "language": verdict.language,
    }


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)
