"""Orders made from a job: what a button, or a repeat, asks for."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.studio import VARYING, Actor, GalleryAction, NoSuchJob, Order, PictureGone, Settings, TooLarge
from bot.studio.orders.parameters import PromptInput, compose, find_model, new_seed, read, with_preset
from db import Job, JobAction, Parent, Repositories, StoredImage
from generation import Drawing, InputPicture, JobId, ModelEntry, ModelName, Role

MAX_SIDE = 2048
"""Pixels. An upscaled picture stays below Discord's 10 MiB as a PNG."""


_OPTIONS = {"aspect": "size", "steps": "steps", "guidance": "guidance", "lora": "loras"}
"""What a member may say, and the part of a drawing that it decides."""


class Change(StrEnum):
    """How far a remix may go from its picture."""

    DETAILS = "details"  # as far as a variation
    MUCH = "much"  # what is where stays; colours and things follow the words
    MOST = "most"  # little more than an outline stays


_BEYOND = {Change.DETAILS: 0.0, Change.MUCH: 0.4, Change.MOST: 0.75}
"""The share of what a variation would keep that is drawn anew too. At a variation's own strength, 0.6, the bundled model makes of
a blue background a muddy green one when yellow is asked for; at 0.76 it is yellow, and the apple before it stays where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remixable:
    """A job with pictures to start from."""

    job: Job
    images: tuple[int, ...]  # their numbers, from 0; never empty


class Variations:
    def __init__(self, settings: Settings, records: Repositories) -> None:
        self._settings = settings
        self._records = records

    async def pressed(self, press: GalleryAction, job_id: JobId, image: int, actor: Actor) -> Order:
        """What a button that orders asks for. Raises what that order raises."""
        if press in VARYING:
            return await self.variation(job_id, image, actor, VARYING[press])
        match press:
            case GalleryAction.UPSCALE:
                return await self.upscale(job_id, image, actor)
            case GalleryAction.REROLL:
                return await self.reroll(job_id, actor)
            case _:
                raise ValueError(f"{press} orders nothing")

    async def variation(self, job_id: JobId, image: int, actor: Actor, beyond: float = 0.0) -> Order:
        """Four pictures that start from this one. `beyond`: as in VARYING. Raises NoSuchJob, PictureGone."""
        job, model = await self._known(job_id)
        await self._picture(job_id, image)
        start = _start(job_id, image, model, beyond)
        drawing = replace(_drawing(job, model), images=4, pictures=(start,))
        return Order(actor=actor, source=f"V{image + 1}", action=JobAction.VARIATION, drawing=drawing)

    async def upscale(self, job_id: JobId, image: int, actor: Actor) -> Order:
        """Raises NoSuchJob, PictureGone, TooLarge."""
        job, model = await self._known(job_id)
        picture = await self._picture(job_id, image)
        factor = self._settings.generation.upscale_factor
        if max(picture.width, picture.height) * factor > MAX_SIDE:
            raise TooLarge(max(picture.width, picture.height) * factor, MAX_SIDE)
        small = _input(job_id, image, Role.UPSCALE)
        drawing = replace(_drawing(job, model), seed=picture.seed, images=1, pictures=(small,))
        return Order(actor=actor, source=f"U{image + 1}", action=JobAction.UPSCALE, drawing=drawing)

    async def reroll(self, job_id: JobId, actor: Actor, *, source: str = "re-roll") -> Order:
        """The same again with another seed. Raises NoSuchJob."""
        job, model = await self._known(job_id)
        # Of what began as an upscale only the prompt is repeated.
        pictures = tuple(each for each in job.drawing.pictures if each.role is not Role.UPSCALE)
        drawing = replace(_drawing(job, model), pictures=pictures)
        return Order(actor=actor, source=source, action=JobAction.REROLL, drawing=drawing)

    async def remixable(self, job_id: JobId) -> Remixable:
        """Raises NoSuchJob, PictureGone."""
        job, _ = await self._known(job_id)
        stored = await self._records.pictures.of_job(job_id)
        images = tuple(picture.index for picture in stored if not picture.is_removed)
        if not images:
            raise PictureGone
        return Remixable(job=job, images=images)

    async def remix(
        self, job_id: JobId, image: int, wish: PromptInput, actor: Actor, change: Change = Change.MUCH
    ) -> Order:
        """Pictures that start from this one, by other words. What is not said stays as it was.

        Raises NoSuchJob, PictureGone, and what `compose` raises.
        """
        job, model = await self._known(job_id)
        await self._picture(job_id, image)
        wish = with_preset(read(wish), await self._records.presets.of(actor.member))
        models = self._settings.models
        if wish.model is not None:
            model = find_model(wish.model, models)
        said = compose(replace(wish, model=model.name), actor, models, model)
        decided = {
            part: getattr(said.drawing, part)
            for option, part in _OPTIONS.items()
            if getattr(wish, option) is not None
        }
        start = _start(job_id, image, model, _BEYOND[change])
        drawing = replace(
            _drawing(job, model),
            prompt=said.drawing.prompt,
            seed=said.drawing.seed,
            images=said.drawing.images,
            pictures=(start,),
            **decided,
        )
        return Order(actor=actor, source=f"remix {image + 1}", action=JobAction.REMIX, drawing=drawing)

    async def _known(self, job_id: JobId) -> tuple[Job, ModelEntry]:
        job = await self._records.jobs.get(job_id)
        if job is None:
            raise NoSuchJob(job_id)
        return job, self.model(job.drawing.model)

    async def _picture(self, job_id: JobId, image: int) -> StoredImage:
        """Its row alone: the answer to a press must not wait for the disk."""
        picture = await self._records.pictures.get(job_id, image)
        if picture is None or picture.is_removed:
            raise PictureGone
        return picture

    def model(self, name: ModelName) -> ModelEntry:
        return next(
            (entry for entry in self._settings.models if entry.name == name), self._settings.default_model
        )


def _start(job: JobId, image: int, model: ModelEntry, beyond: float) -> InputPicture[Parent]:
    close = model.variation_strength
    return _input(job, image, Role.START, close + (1 - close) * beyond)


def _input(job: JobId, image: int, role: Role, strength: float = 1.0) -> InputPicture[Parent]:
    return InputPicture(source=Parent(job=job, image=image), role=role, strength=strength)


def _drawing(job: Job, model: ModelEntry) -> Drawing[Parent]:
    """The job's with another seed. Where its model has left the settings, in terms of `model`, which draws in its place."""
    drawing = replace(job.drawing, seed=new_seed())
    if model.name == drawing.model:
        # A LoRA that has left the settings is drawn without.
        known = {lora.name for lora in model.loras}
        return replace(drawing, loras=tuple(lora for lora in drawing.loras if lora.name in known))
    size = model.size_for((drawing.size.width, drawing.size.height))
    return replace(drawing, model=model.name, size=size, steps=model.steps, guidance=model.guidance, loras=())
