"""Export for moderators: a server's cases, or its log of prompts, as a file. No Discord.

It holds what the cards and /mod log show, of this server alone. Times are ISO 8601 in UTC; ids are texts, because they are longer
than the whole numbers of a spreadsheet.
"""

import asyncio
import csv
import datetime
import io
import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
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

_BEGIN, _END = b"[", b"\n]"  # of a JSON file
_Row = dict[str, Any]


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
        file = _File(form, limit)
        pages = (self._cases if what is What.CASES else self._log)(by.guild_id, since, until)
        async for page in pages:
            # Hundreds of rows take a while to write.
            if not await asyncio.to_thread(file.has_room_for, page):
                break
        async with self._records.database.transaction() as tx:
            details = {"what": what, "rows": file.rows, "since": since, "until": until}
            await self._takedown.note(tx, by, Act.EXPORT, details=details)
        return Exported(content=file.content(), rows=file.rows, has_more=file.has_more)

    async def _cases(self, guild_id: int, since: float, until: float) -> AsyncIterator[list[_Row]]:
        before: int | None = None
        while True:
            page = await self._records.cases.page(
                guild_id, before=before, since=since, until=until, limit=_PAGE
            )
            yield [case_row(case, await self._records.entries.of_case(case.id)) for case in page]
            if len(page) < _PAGE:
                break
            before = page[-1].number

    async def _log(self, guild_id: int, since: float, until: float) -> AsyncIterator[list[_Row]]:
        before: int | None = None
        while True:
            page = await self._records.verdicts.page(
                guild_id, before_id=before, since=since, until=until, limit=_PAGE
            )
            yield [log_row(each) for each in page]
            if len(page) < _PAGE:
                break
            before = page[-1].id


class _File:
    """A file in UTF-8 that grows row by row, up to MOST rows and `limit` bytes. A CSV file has no entries of cases."""

    def __init__(self, form: Format, limit: int) -> None:
        self._form, self._limit = form, limit
        self._parts: list[bytes] = []
        self._size = len(_BEGIN) + len(_END)
        self.rows = 0
        self.has_more = False  # rows were left out

    def has_room_for(self, rows: Iterable[_Row]) -> bool:
        """Adds the rows. Returns False when not all of them found room."""
        for row in rows:
            part = self._written(row)
            if self.rows == MOST or self._size + len(part) > self._limit:
                self.has_more = True
                return False
            self._parts.append(part)
            self._size += len(part)
            self.rows += 1
        return True

    def _written(self, row: _Row) -> bytes:
        if self._form is Format.JSON:
            written = json.dumps(row, ensure_ascii=False, indent=1)
            return f"{',' if self.rows else ''}\n{written}".encode()
        cells = {name: _cell(value) for name, value in row.items() if name != "entries"}
        text = io.StringIO()
        table = csv.DictWriter(text, list(cells), quoting=csv.QUOTE_ALL)
        if not self.rows:
            text.write("\ufeff")  # a spreadsheet knows UTF-8 by its mark
            table.writeheader()
        table.writerow(cells)
        return text.getvalue().encode()

    def content(self) -> bytes:
        joined = b"".join(self._parts)
        return _BEGIN + joined + _END if self._form is Format.JSON else joined


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
