"""Turns the worker's pictures into a stored gallery. No Discord.

Every picture is checked. Refused ones are withheld; the others are marked, signed and stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image

from bot.studio import Gallery
from bot.studio.pictures.likeness import Likeness
from bot.studio.pictures.provenance import Print, Provenance
from bot.studio.screening.pictures import BANNED, PictureScreening, ScreenedPicture
from bot.studio.screening.prompts import PromptScreening
from db import Job, JobAction, Repositories, StoredImage, VerdictRecord
from generation import GenerationFailed, ImageSize, Pictures
from generation.files import images
from moderation import Ruling, stricter


class Postprocess:
    def __init__(
        self,
        records: Repositories,
        picture_screening: PictureScreening,
        prompt_screening: PromptScreening | None,
        provenance: Provenance,
        likeness: Likeness,
        *,
        clock: Callable[[], float],
        report: Callable[[VerdictRecord], None],
    ) -> None:
        """`prompt_screening`: judges what is written in finished pictures; None: that is not read.

        `report`: gets each recorded refusal or flag after the commit; it must not wait.
        """
        self._records = records
        self._prompt_screening = prompt_screening
        self.picture_screening = picture_screening
        self._provenance = provenance
        self._likeness = likeness
        self._clock = clock
        self._report = report

    async def finish(self, job: Job, made: Pictures) -> Gallery | None:
        """Checks, marks, signs and stores a job's pictures. Refused pictures are withheld, and their share is refunded.

        Returns None when the job has already ended. Raises GenerationFailed when every picture is refused, PictureError when one
        can't be read.
        """
        # An upscale starts from the marked file, and the mark may change a detector's score. So the parent's scores from before
        # the mark count too.
        seen = await self.picture_screening.seen_in_parents(job) if job.action is JobAction.UPSCALE else ()
        opened = await self.picture_screening.beside_the_loop(
            lambda: [images.open_picture(content) for content in made.pictures]
        )
        judged = await self.picture_screening.judge_drawn(opened, job, seen)
        judged = await self._with_texts(made.pictures, job, judged)
        kept = [index for index, each in enumerate(judged) if not each.is_refused]
        if not kept:
            await self.refuse(job, judged)
            return None
        prints, grid, grid_format = await self.picture_screening.beside_the_loop(
            lambda: self._print(job, made, opened, kept)
        )
        stored = await self._store(job, prints, judged)
        if stored is None:
            return None
        return Gallery(
            job=job,
            images=stored,
            grid=grid,
            grid_format=grid_format,
            single=prints[0].content if len(judged) == 1 else None,
        )

    async def _with_texts(
        self, pictures: Sequence[bytes], job: Job, judged: Sequence[ScreenedPicture]
    ) -> list[ScreenedPicture]:
        """Judges what is written in the pictures: a stricter verdict than the prompt's own counts for that picture."""
        if self._prompt_screening is None:
            return list(judged)
        policy = await self.picture_screening.policy_of(job)
        found: list[ScreenedPicture] = []
        for content, each in zip(pictures, judged, strict=True):
            text = "" if each.is_refused else await self.picture_screening.read_text(content)
            if text:
                verdict = await self._prompt_screening.added_by(text, job.drawing.prompt, policy)
                if verdict.ruling is not Ruling.ALLOW:
                    blurred = each.blurred or await self.picture_screening.beside_the_loop(
                        lambda content=content: images.blurred(images.open_picture(content))
                    )
                    each = replace(each, verdict=stricter(each.verdict, verdict), blurred=blurred)
            found.append(each)
        return found

    def _print(
        self, job: Job, made: Pictures, opened: Sequence[Image.Image], kept: list[int]
    ) -> tuple[dict[int, Print], bytes, str]:
        """Marks and signs the kept pictures, by index. Also returns their grid, with an empty cell for each withheld picture."""
        prints: dict[int, Print] = {}
        for index in kept:
            parameters = images.read_parameters(made.pictures[index])
            prints[index] = self._provenance.printed(opened[index], parameters, job, index)
        places = (prints.get(index) for index in range(len(opened)))
        grid = images.grid_of([each and each.picture for each in places], is_numbered=True)
        return prints, *images.encode_grid(grid)

    async def refuse(self, job: Job, judged: list[ScreenedPicture], *, is_input: bool = False) -> None:
        """Fails and refunds the job, records the verdict, reports it to the moderators, then raises GenerationFailed.

        Its kind is "picture", or "banned" when every picture looks like a removed one. `is_input`: `judged` are the job's source
        pictures, at least one of them refused; the kind ends with "-input". Returns only when the job had already ended.
        """
        is_banned = all(each.verdict.rule == BANNED for each in judged)
        kind = ("banned" if is_banned else "picture") + ("-input" if is_input else "")
        async with self._records.database.transaction() as tx:
            if not await self._records.jobs.fail(tx, job.id, kind, self._clock()):
                return
            await self._records.spending.refund(tx, job.id)
            record = await self.picture_screening.note(tx, job, judged, self._clock(), is_input=is_input)
        if record is not None:
            self._report(record)
        raise GenerationFailed(job.id, kind, "the picture check refused it")

    async def _store(
        self, job: Job, prints: dict[int, Print], judged: list[ScreenedPicture]
    ) -> tuple[StoredImage, ...] | None:
        """Stores the files, then the rows. Takes the files back and returns None when the job has already ended."""
        contents = [each.content for each in prints.values()]
        await self._records.pictures.put(contents)
        stored = await self._record(job, prints, judged)
        if stored is None:
            await self._records.pictures.take_back(contents)
        return stored

    async def _record(
        self, job: Job, prints: dict[int, Print], judged: list[ScreenedPicture]
    ) -> tuple[StoredImage, ...] | None:
        async with self._records.database.transaction() as tx:
            if not await self._records.jobs.finish(tx, job.id, self._clock()):
                return None
            stored = [
                await self._records.pictures.store(
                    tx,
                    job=job.id,
                    index=index,
                    content=each.content,
                    size=ImageSize(width=each.picture.width, height=each.picture.height),
                    seed=job.drawing.seed + index,
                    at=self._clock(),
                    fingerprint=judged[index].fingerprint,
                    mark=each.mark,
                    scores=judged[index].scores,
                )
                for index, each in prints.items()
            ]
            await self._records.spending.refund(tx, job.id, len(judged) - len(prints))
            record = await self.picture_screening.note(tx, job, judged, self._clock())
        for image in stored:
            self._likeness.add(image)
        if record is not None:
            self._report(record)
        return tuple(stored)
