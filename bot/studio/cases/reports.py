"""Members' reports: each picture once per member, limited per hour; all reports of a job share one open case.

The reported order joins an open case of its member, if it may (`bot.studio.cases.folding`).
"""

from dataclasses import dataclass

from bot.studio import Actor, NoSuchJob, PictureGone, ReportedAlready, ReviewedAlready, TooManyReports
from bot.studio.cases.cases import Casework
from bot.studio.cases.folding import open_or_join
from db import Case, EntryKind, Job, Origin, Outcome
from moderation import ALLOWED, HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    case: Case
    is_new: bool  # whether this report opened the case
    reports: int  # number in this case


class MemberReports:
    def __init__(self, casework: Casework, an_hour: int) -> None:
        """`an_hour`: maximum of reports by one member in an hour."""
        self._casework = casework
        self._records = casework.records
        self._an_hour = an_hour

    async def report(self, by: Actor, job: Job, reason: str) -> Reported:
        """Records a report. Raises NoSuchJob, ReportedAlready, ReviewedAlready, TooManyReports, PictureGone."""
        guild_id = by.guild_id
        if guild_id is None or job.place.guild_id != guild_id:
            raise NoSuchJob(job.id)
        now = self._casework.clock()
        async with self._records.database.transaction() as tx:
            if await self._records.reports.has(job.id, by.member):
                raise ReportedAlready
            recent = await self._records.reports.times(by.member, now - HOUR)
            if len(recent) >= self._an_hour:
                raise TooManyReports(self._an_hour, recent[-self._an_hour] + HOUR - now)
            case = await self._records.cases.of_job(job.id)
            if case is not None and case.outcome is Outcome.APPROVE:
                raise ReviewedAlready
            if case is not None and not case.is_open:
                raise PictureGone
            is_new = False
            if case is None:
                verdict = await self._records.verdicts.of_job(job.id)
                case, is_new = await open_or_join(
                    tx,
                    self._records,
                    guild_id=guild_id,
                    origin=Origin.REPORT,
                    at=now,
                    member=job.member,
                    member_name=job.member_name,
                    channel_id=job.place.channel_id,
                    job=job.id,
                    prompt=job.drawing.prompt.text,
                    negative=job.drawing.prompt.negative,
                    verdict=verdict.verdict if verdict else ALLOWED,
                )
            await self._records.reports.add(
                tx, guild_id=guild_id, job=job.id, case_id=case.id, member=by.member, reason=reason, at=now
            )
            await self._records.entries.add(
                tx,
                case.id,
                at=now,
                by=by.member,
                name=by.name,
                kind=EntryKind.REPORTED,
                text=reason,
            )
            count = await self._records.reports.count(case.id)
        return Reported(case=case, is_new=is_new, reports=count)
