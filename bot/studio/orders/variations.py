"""Orders made from a job by a button or a repeat."""

from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.studio import (
    FACTORS,
    VARYING,
    Actor,
    GalleryAction,
    ModelCannot,
    Order,
    PictureGone,
    Settings,
    TooLarge,
    demand_known,
)
from bot.studio.orders.control.sketches import follows
from bot.studio.orders.enlarging.creative import (
    CREATIVE_FACTOR,
    can_be_creative,
    creative_strength,
)
from bot.studio.orders.outpainting import (
    OUTPAINTING,
    PLACEMENTS,
    middle_of_square,
    outpainting_strength,
)
from bot.studio.orders.parameters import PromptInput, compose, find_model, new_seed, read, with_preset
from db import Distance, Job, JobAction, Parent, PictureSource, Repositories, StoredImage, Upload
from generation import Abilities, Drawing, InputPicture, JobId, ModelEntry, ModelName, Region, Role

MAX_SIDE = 2048
"""Pixels. As a PNG, an upscaled picture of usual content stays below 10 MiB, which every server takes."""


_OPTIONS = {
    "aspect": "size",
    "steps": "steps",
    "guidance": "guidance",
    "lora": "loras",
    "scheduler": "scheduler",
}
"""Options of a remix, and the part of the drawing that each sets."""


class Change(StrEnum):
    """How far a remix may differ from its picture."""

    DETAILS = "details"  # as far as a variation
    MUCH = "much"  # the layout stays; colours and objects follow the prompt
    MOST = "most"  # only a rough outline stays


_BEYOND = {Change.DETAILS: 0.0, Change.MUCH: 0.5, Change.MOST: 0.75}
"""The share of a variation's remaining structure that is drawn anew. `benchmarks.remixes` measures what obeys, and what stays.

Of 20 steps, the bundled model's variation runs 18. Half of the rest is the least that makes it 19: at 18 a yellow butterfly
stays orange.
"""

_TOLD = {Role.STYLE, Role.CONTROL, Role.REFERENCE}
"""Pictures that belong to a prompt. A start picture and its mask belong to one order."""

_REMIXED = {Distance.NEAR: Change.DETAILS, Distance.FAR: Change.MOST}
"""What a member's default for remixes means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remixable:
    """A job with pictures to start from."""

    job: Job
    images: tuple[int, ...]  # their indices, from 0; never empty
    takes_negative: bool = True
    schedulers: tuple[str, ...] = ()  # that a remix can choose from
    change: Change = Change.MUCH  # chosen until the member chooses another


class Variations:
    def __init__(
        self,
        settings: Settings,
        records: Repositories,
        abilities_of: Callable[[ModelName], Abilities | None] = lambda _: None,
    ) -> None:
        """`abilities_of`: what a model can do; None while that is not known."""
        self._settings = settings
        self._abilities_of = abilities_of
        self._records = records

    async def pressed(self, press: GalleryAction, job_id: JobId, image: int, actor: Actor) -> Order:
        """Returns the order of a gallery button. Raises the errors of that order."""
        if press in VARYING:
            own = await self._records.member_settings.of(actor.member)
            is_far = press is GalleryAction.VARY and own.vary is Distance.FAR
            return await self.variation(
                job_id, image, actor, _BEYOND[Change.MOST] if is_far else VARYING[press]
            )
        if press in OUTPAINTING:
            return await self.outpainting(press, job_id, image, actor)
        if press in FACTORS:
            return await self.upscale(job_id, image, actor, FACTORS[press])
        if press is GalleryAction.CREATIVE:
            return await self.creative(job_id, image, actor)
        if press is GalleryAction.REROLL:
            return await self.reroll(job_id, actor)
        raise ValueError(f"{press} orders nothing")

    async def variation(self, job_id: JobId, image: int, actor: Actor, beyond: float = 0.0) -> Order:
        """Returns an order of four pictures that start from this one. `beyond`: as in VARYING. Raises NoSuchJob, PictureGone."""
        job, model = await self._known(job_id, actor)
        await self._picture(job_id, image)
        start = _start(job_id, image, model, beyond)
        pictures = await self._guided(job, model, start, by={Role.STYLE, Role.CONTROL})
        drawing = replace(_drawing(job, model), images=4, pictures=pictures)
        return Order(actor=actor, source=f"V{image + 1}", action=JobAction.VARIATION, drawing=drawing)

    async def upscale(self, job_id: JobId, image: int, actor: Actor, factor: int = 0) -> Order:
        """Returns the order of an upscale. `factor`: as in FACTORS. Raises NoSuchJob, PictureGone, TooLarge."""
        job, model = await self._known(job_id, actor)
        picture = await self._picture(job_id, image)
        factor = factor or self._settings.generation.upscale_factor
        _demand_room(picture, factor)
        small = replace(_input(job_id, image, Role.UPSCALE), factor=factor)
        drawing = replace(_drawing(job, model), seed=picture.seed, images=1, pictures=(small,))
        return Order(actor=actor, source=f"U{image + 1}", action=JobAction.UPSCALE, drawing=drawing)

    async def creative(self, job_id: JobId, image: int, actor: Actor) -> Order:
        """Returns the order of an upscale whose details are drawn anew. Raises NoSuchJob, PictureGone, ModelCannot, TooLarge."""
        job, model = await self._known(job_id, actor)
        picture = await self._picture(job_id, image)
        self._demand_creative(model)
        _demand_room(picture, CREATIVE_FACTOR)
        drawing = _drawing(job, model)
        large = _input(job_id, image, Role.CREATIVE, creative_strength(drawing.steps))
        # A control picture is about the whole picture, and no tile of it.
        pictures = await self._guided(job, model, replace(large, factor=CREATIVE_FACTOR), by={Role.STYLE})
        drawing = replace(drawing, images=1, pictures=pictures)
        action = JobAction.CREATIVE
        return Order(actor=actor, source=f"{action} {image + 1}", action=action, drawing=drawing)

    def _demand_creative(self, model: ModelEntry) -> None:
        """Raises ModelCannot."""
        can = self._abilities_of(model.name)
        if not can_be_creative(model, can):
            raise ModelCannot(model.name, "creative", can_start=can is None or can.starts)

    async def outpainting(self, press: GalleryAction, job_id: JobId, image: int, actor: Actor) -> Order:
        """Returns an order of pictures with this one on a larger canvas. Raises NoSuchJob, PictureGone, IsSquare."""
        job, model = await self._known(job_id, actor)
        source = await self._source(job, image)
        drawing, placement = _drawing(job, model), PLACEMENTS.get(press)
        if placement is None:
            placement = middle_of_square(drawing.size)
            drawing = replace(drawing, size=model.size_for((1, 1)))
        start: InputPicture[PictureSource] = InputPicture(
            source=source, role=Role.START, strength=outpainting_strength(model), placement=placement
        )
        # A model of single objects continues the ground, and its four pictures would be alike.
        pictures = await self._guided(job, model, start, by={Role.STYLE})
        drawing = replace(drawing, images=1 if model.adapts_prompts else 4, pictures=pictures)
        action = OUTPAINTING[press]
        return Order(actor=actor, source=f"{action} {source.image + 1}", action=action, drawing=drawing)

    async def reroll(self, job_id: JobId, actor: Actor) -> Order:
        """Returns the same order with another seed. Raises NoSuchJob, PictureGone, ModelCannot."""
        job, model = await self._known(job_id, actor)
        drawn, pictures = await self._drawn(job), job.drawing.pictures
        if drawn is not job:  # an upscale: the prompt is repeated, with what it tells of
            pictures = tuple(each for each in drawn.drawing.pictures if each.role in _TOLD)
        pictures = tuple(each for each in pictures if each.role is not Role.UPSCALE)
        for each in pictures:
            if await self._is_gone(each.source):
                raise PictureGone
        if job.drawing.picture(Role.CREATIVE):  # its model may have left the settings
            self._demand_creative(model)
        drawing = replace(_drawing(job, model), pictures=pictures)
        return Order(actor=actor, source="re-roll", action=JobAction.REROLL, drawing=drawing)

    async def remixable(self, job_id: JobId, actor: Actor) -> Remixable:
        """Returns the job with its remaining pictures. Raises NoSuchJob, PictureGone."""
        job, model = await self._known(job_id, actor)
        stored = await self._records.pictures.of_job(job_id)
        images = tuple(picture.index for picture in stored if not picture.is_removed)
        if not images:
            raise PictureGone
        abilities = self._abilities_of(model.name)
        # A negative that is there already can be removed in the form.
        takes_negative = abilities is None or abilities.takes_negative or bool(job.drawing.prompt.negative)
        own = await self._records.member_settings.of(actor.member)
        return Remixable(
            job=job,
            images=images,
            takes_negative=takes_negative,
            schedulers=model.schedulers,
            change=_REMIXED[own.remix] if own.remix else Change.MUCH,
        )

    async def remix(
        self, job_id: JobId, image: int, wish: PromptInput, actor: Actor, change: Change = Change.MUCH
    ) -> Order:
        """Returns an order that starts from this picture with another prompt. Values that the member does not give stay.

        Raises NoSuchJob, PictureGone, and the errors of `compose`.
        """
        job, model = await self._known(job_id, actor)
        await self._picture(job_id, image)
        wish = with_preset(read(wish), await self._records.presets.of(actor.member))
        models = self._settings.models
        if wish.model is not None:
            shown = (job.drawing.scheduler, *model.schedulers[:1])  # in the form's menu, until one is chosen
            model = find_model(wish.model, models)
            if wish.scheduler in shown and wish.scheduler not in model.schedulers:
                wish = replace(wish, scheduler=None)
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
            pictures=await self._guided(job, model, start, by={Role.STYLE, Role.CONTROL}),
            **decided,
        )
        return Order(
            actor=actor,
            source=f"remix {image + 1}",
            action=JobAction.REMIX,
            drawing=drawing,
            style=said.style,
        )

    async def regional(self, job_id: JobId, image: int, actor: Actor) -> tuple[Remixable, Parent]:
        """Returns the job, and the picture of which a region can be redrawn. Raises NoSuchJob, PictureGone, ModelCannot."""
        job, model = await self._known(job_id, actor)
        source = await self._source(job, image)
        abilities = self._abilities_of(model.name)
        if abilities is not None and not abilities.masks:
            raise ModelCannot(model.name, "mask", can_start=abilities.starts)
        return await self.remixable(job_id, actor), source

    async def region(
        self, job_id: JobId, image: int, region: Region, wish: PromptInput, actor: Actor
    ) -> Order:
        """Returns an order that redraws a region of this picture by the prompt. Raises as `remix`, and ModelCannot."""
        _, source = await self.regional(job_id, image, actor)
        order = await self.remix(job_id, image, wish, actor)
        job, _ = await self._known(job_id, actor)
        model = self._settings.model(order.drawing.model)
        start: InputPicture[PictureSource] = InputPicture(source=source, role=Role.START, region=region)
        # Another size would cut off a part of what is kept.
        pictures = await self._guided(job, model, start, by={Role.STYLE})
        drawing = replace(order.drawing, size=_drawing(job, model).size, pictures=pictures)
        return replace(
            order, source=f"{JobAction.REGION} {source.image + 1}", action=JobAction.REGION, drawing=drawing
        )

    async def _guided(
        self, job: Job, model: ModelEntry, start: InputPicture[PictureSource], *, by: Set[Role]
    ) -> tuple[InputPicture[PictureSource], ...]:
        """Returns the start picture, and the job's pictures of these roles that are still there and that the model can use.

        An upscale has those of the job that drew its picture.
        """
        can = self._abilities_of(model.name)
        usable = [
            each
            for each in (await self._drawn(job)).drawing.pictures
            if each.role in by
            and (follows(model, can, each.control) if each.control else bool(model.style_adapter))
            and not await self._is_gone(each.source)
        ]
        return (start, *usable)

    async def _drawn(self, job: Job) -> Job:
        """Returns the job that drew what an upscale enlarges, if it is known; the job itself if it is no upscale."""
        small = job.drawing.picture(Role.UPSCALE)
        while small is not None and isinstance(small.source, Parent):
            parent = await self._records.jobs.get(small.source.job)
            if parent is None:
                break
            job, small = parent, parent.drawing.picture(Role.UPSCALE)
        return job

    async def _is_gone(self, source: PictureSource) -> bool:
        """Returns whether the picture was removed."""
        if isinstance(source, Upload):
            row = await self._records.uploads.get(source.id)
            return row is None or row.is_removed
        if isinstance(source, Parent):
            stored = await self._records.pictures.get(source.job, source.image)
            return stored is None or stored.is_removed
        return False

    async def _known(self, job_id: JobId, actor: Actor) -> tuple[Job, ModelEntry]:
        job = demand_known(await self._records.jobs.get(job_id), job_id, actor)
        return job, self._settings.model(job.drawing.model)

    async def _source(self, job: Job, image: int) -> Parent:
        """Returns the picture that an upscaled one was made of, which has the model's own size; the picture itself, if that is
        gone. Raises PictureGone.
        """
        await self._picture(job.id, image)
        source, upscaled = Parent(job=job.id, image=image), job.drawing.picture(Role.UPSCALE)
        while upscaled is not None and isinstance(upscaled.source, Parent):
            stored = await self._records.pictures.get(upscaled.source.job, upscaled.source.image)
            if stored is None or stored.is_removed:
                break
            source = upscaled.source
            parent = await self._records.jobs.get(source.job)
            upscaled = parent and parent.drawing.picture(Role.UPSCALE)
        return source

    async def _picture(self, job_id: JobId, image: int) -> StoredImage:
        """Reads only the row: the answer to a press must not wait for the disk."""
        picture = await self._records.pictures.get(job_id, image)
        if picture is None or picture.is_removed:
            raise PictureGone
        return picture


def _demand_room(picture: StoredImage, factor: int) -> None:
    """Raises TooLarge."""
    if (side := max(picture.width, picture.height) * factor) > MAX_SIDE:
        raise TooLarge(side, MAX_SIDE)


def _start(job: JobId, image: int, model: ModelEntry, beyond: float) -> InputPicture[PictureSource]:
    return _input(job, image, Role.START, strength_of(model, beyond))


def remix_strength(model: ModelEntry, change: Change) -> float:
    return strength_of(model, _BEYOND[change])


def strength_of(model: ModelEntry, beyond: float) -> float:
    """Returns a variation's strength. `beyond`: as in VARYING."""
    own = model.variation_strength
    return own + (1 - own if beyond > 0 else own) * beyond


def _input(job: JobId, image: int, role: Role, strength: float = 1.0) -> InputPicture[PictureSource]:
    return InputPicture(source=Parent(job=job, image=image), role=role, strength=strength)


def _drawing(job: Job, model: ModelEntry) -> Drawing[PictureSource]:
    """Returns the job's drawing with a new seed.

    When its model has left the settings, `model` draws instead and its defaults are used.
    """
    drawing = replace(job.drawing, seed=new_seed())
    if model.name == drawing.model:
        # LoRAs that have left the settings are left out.
        # So is a scheduler: the default takes its place.
        known = {lora.name for lora in model.loras}
        loras = tuple(lora for lora in drawing.loras if lora.name in known)
        is_known = not drawing.scheduler or drawing.scheduler in model.schedulers
        scheduler = drawing.scheduler if is_known else model.default_scheduler
        return replace(drawing, loras=loras, scheduler=scheduler)
    size = model.size_for((drawing.size.width, drawing.size.height))
    return replace(
        drawing,
        model=model.name,
        size=size,
        steps=model.steps,
        guidance=model.guidance,
        scheduler=model.default_scheduler,
        loras=(),
    )
