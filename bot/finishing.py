"""From the worker's pictures to a stored gallery: checked, then kept or withheld, in one transaction. Knows no Discord."""

from __future__ import annotations

from collections.abc import Callable

from bot.inspection import BANNED, Inspection, Judged
from bot.orders import Gallery
from bot.records import Records
from db.images import StoredImage
from db.jobs import Job
from db.verdicts import VerdictRecord
from generation import images
from generation.ticket import GenerationFailed
from generation.ticket import Pictures as Made


class Finishing:
    def __init__(
        self,
        records: Records,
        inspection: Inspection,
        *,
        clock: Callable[[], float],
        review: Callable[[VerdictRecord], None],
    ) -> None:
        self._records = records
        self.inspection = inspection
        self._clock = clock
        self._review = review

    async def finish(self, job: Job, made: Made) -> Gallery | None:
        """None where the job was ended meanwhile. Raises GenerationFailed where no picture may be shown.

        A picture that is refused is not kept, and its share is given back; the others are.
        """
        judged = await self.inspection.judge(made.pictures, job)
        kept = [index for index, each in enumerate(judged) if not each.is_refused]
        if not kept:
            await self.refuse(job, judged)
        grid, grid_format = made.grid, made.grid_format
        if len(kept) < len(judged):
            grid, grid_format = await self.inspection.beside_the_loop(
                lambda: images.grid_without(made.pictures, kept)
            )
        stored = await self._store(job, made, judged, kept)
        if stored is None:
            return None
        return Gallery(
            job=job,
            images=stored,
            grid=grid,
            grid_format=grid_format,
            single=made.pictures[kept[0]] if len(judged) == 1 else None,
        )

    async def refuse(self, job: Job, judged: list[Judged], *, is_input: bool = False) -> None:
        """Ends the job, gives back what it cost, and tells the moderators. Raises GenerationFailed."""
        is_banned = all(each.verdict.rule == BANNED for each in judged)
        kind = ("banned" if is_banned else "picture") + ("-input" if is_input else "")
        async with self._records.database.transaction() as tx:
            record = None
            if await self._records.jobs.fail(tx, job.id, kind, self._clock()):
                await self._records.spending.refund(tx, job.id)
                record = await self.inspection.note(tx, job, judged, self._clock())
        if record is not None:
            self._review(record)
        raise GenerationFailed(job.id, kind, "the picture check refused it")

    async def _store(
        self, job: Job, made: Made, judged: list[Judged], kept: list[int]
    ) -> tuple[StoredImage, ...] | None:
        sizes = [images.size_of(content) for content in made.pictures]
        async with self._records.database.transaction() as tx:
            if not await self._records.jobs.finish(tx, job.id, self._clock()):
                return None
            stored = [
                await self._records.pictures.store(
                    tx,
                    job=job.id,
                    index=index,
                    content=made.pictures[index],
                    size=sizes[index],
                    seed=job.seed + index,
                    at=self._clock(),
                    fingerprint=judged[index].fingerprint,
                )
                for index in kept
            ]
            await self._records.spending.refund(tx, job.id, len(judged) - len(kept))
            record = await self.inspection.note(tx, job, judged, self._clock())
        if record is not None:
            self._review(record)
        return tuple(stored)
