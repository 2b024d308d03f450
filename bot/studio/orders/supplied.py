"""Orders that start from a picture that a member supplies. No files: the pictures are fetched after the text is checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.studio import Actor, BadParameter, Order
from bot.studio.orders.abilities import OfferedModels, cannot_edit
from bot.studio.orders.inline import MAX_IMAGE_WEIGHT, RANGES
from bot.studio.orders.parameters import (
    NO_PRESETS,
    PromptInput,
    compose,
    find_model,
    read,
    with_preset,
    wordless,
)
from db import JobAction, Note, NoteKind, Parent, PictureSource, StoredImage, StoredUpload, Upload, UploadId
from generation import ImageSize, InputPicture, ModelEntry, Role

SUPPLIED, VARIED, BLENDED, EDITED = "image", "vary", "blend", "edit"
"""The sources of these orders. A refused one is not offered for editing: the form would lose the picture."""

MAX_EDITED = 10
"""Pictures of one edit. No model takes more."""
USUAL_WEIGHT, _BLEND_WEIGHT = 1.0, 2.0
_NOT_YET = Upload(id=UploadId(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOrder:
    """An order whose pictures are still to be fetched."""

    order: Order  # without pictures
    model: ModelEntry
    strength: float  # as of the start picture
    is_shaped: bool  # the member chose width to height; otherwise the picture's own counts
    has_mask: bool = False
    blended: int = 0  # as of the start picture

    @property
    def preliminary(self) -> Order:
        """The order as it can be checked before there is a picture."""
        return self._with(_NOT_YET, _NOT_YET)

    def with_uploads(self, picture: StoredUpload, mask: StoredUpload | None) -> Order:
        order = self._with(Upload(id=picture.id), Upload(id=mask.id) if mask else _NOT_YET)
        if self.is_shaped:
            return order
        size = self.model.size_for(proportions(picture.size))
        return replace(order, drawing=replace(order.drawing, size=size))

    def _with(self, picture: PictureSource, mask: PictureSource) -> Order:
        start: InputPicture[PictureSource] = InputPicture(
            source=picture, role=Role.START, strength=self.strength, blended=self.blended
        )
        pictures = [start]
        if self.has_mask:
            pictures.append(InputPicture(source=mask, role=Role.MASK))
        return replace(self.order, drawing=replace(self.order.drawing, pictures=tuple(pictures)))


def compose_from_picture(
    wish: PromptInput,
    actor: Actor,
    models: Sequence[ModelEntry],
    default: ModelEntry,
    presets: Mapping[str, str] = NO_PRESETS,
    *,
    has_mask: bool = False,
    usual: float = USUAL_WEIGHT,
) -> PictureOrder:
    """Builds the order of an /imagine with a picture. `usual`: the weight if none is given. Raises as `compose`."""
    wish = with_preset(read(wish), presets)
    weight, notes = _weight(wish.image_weight)
    wish = replace(wish, image_weight=None, notes=(*wish.notes, *notes))
    order = replace(compose(wish, actor, models, default), source=SUPPLIED)
    model = next(entry for entry in models if entry.name == order.drawing.model)
    if weight is None:
        # What a mask redraws owes nothing to what was there.
        weight = 0.0 if has_mask else usual
    strength = start_strength(weight, model)
    is_shaped = wish.aspect is not None
    return PictureOrder(order=order, model=model, strength=strength, is_shaped=is_shaped, has_mask=has_mask)


class Level(StrEnum):
    """How far variations of a supplied picture go from it."""

    SUBTLE = "subtle"
    STRONG = "strong"


def compose_blend(
    wish: PromptInput,
    actor: Actor,
    models: Sequence[ModelEntry],
    default: ModelEntry,
    presets: Mapping[str, str] = NO_PRESETS,
    *,
    count: int = 2,
) -> PictureOrder:
    """Builds an order from the mean of `count` pictures. Raises as `compose`."""
    wanted = compose_from_picture(wish, actor, models, default, presets, usual=_BLEND_WEIGHT)
    return replace(wanted, order=replace(wanted.order, source=BLENDED), blended=count)


def level_strength(level: Level, model: ModelEntry, *, has_prompt: bool) -> float:
    """Returns the start picture's strength. Without a prompt nothing holds the picture together, so it goes less far.

    docs/bundled-model.md has the measured distances.
    """
    close = model.variation_strength
    if level is Level.SUBTLE:
        return close / 3
    return (1 + close) / 2 if has_prompt else close * 0.75


def compose_variation(
    wish: PromptInput,
    level: Level,
    actor: Actor,
    models: Sequence[ModelEntry],
    default: ModelEntry,
    presets: Mapping[str, str] = NO_PRESETS,
) -> PictureOrder:
    """Builds an order of variations of a picture. The prompt may be empty. Raises as `compose`."""
    wanted = compose_from_picture(wish, actor, models, default, presets) if wish.prompt else None
    order = wanted.order if wanted else wordless(wish, actor, models, default)
    order = replace(order, source=VARIED, action=JobAction.VARIATION)
    model = find_model(order.drawing.model, models)
    strength = level_strength(level, model, has_prompt=wanted is not None)
    return PictureOrder(
        order=order, model=model, strength=strength, is_shaped=wanted is not None and wanted.is_shaped
    )


# ---- edits


@dataclass(frozen=True, slots=True, kw_only=True)
class Editors(OfferedModels):
    """Chooses models that change pictures as an instruction says."""

    @property
    def known(self) -> list[ModelEntry]:
        """Returns those that can do it for certain."""
        return [entry for entry in self.offered if self._certain(entry)]

    @property
    def most(self) -> int:
        """Returns how many pictures the best of them takes."""
        return max(map(self._certain, self.offered), default=0)

    def choose(self, named: ModelEntry | None, count: int) -> ModelEntry:
        """Returns a model that takes `count` pictures: the named one; otherwise the default, or the first that can.

        A model whose abilities are not known yet is trusted, after the others. Raises CannotEdit.
        """
        among = (self.default, *self.offered) if named is None else (named,)
        found = [entry for entry in among if self._certain(entry) >= count]
        trusted = [
            entry
            for entry in among
            if not entry.adapts_prompts and self.abilities_of(entry.name) is None and count <= MAX_EDITED
        ]
        if chosen := [*found, *trusted]:
            return chosen[0]
        known = [(entry.name, can) for entry in self.known if (can := self.abilities_of(entry.name))]
        raise cannot_edit(named.name if named else "", count, known)

    def takes(self, entry: ModelEntry, count: int) -> bool:
        """Returns whether the model takes `count` pictures, or may."""
        is_trusted = not entry.adapts_prompts and self.abilities_of(entry.name) is None
        return self._certain(entry) >= count or (is_trusted and count <= MAX_EDITED)

    def role(self, model: ModelEntry) -> Role:
        """Returns the role of the pictures: references, or the start for a model that changes one picture."""
        can = self.abilities_of(model.name)
        return Role.REFERENCE if can is None or can.references else Role.START

    def _certain(self, entry: ModelEntry) -> int:
        """Returns how many pictures the model takes; 0 while that is not known."""
        can = self.abilities_of(entry.name)
        # A model with tables of words reads no instruction.
        return 0 if can is None or entry.adapts_prompts else can.edits


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrder:
    """An order of an edit. Its pictures are still to be fetched, except one from a gallery."""

    order: Order  # without pictures
    model: ModelEntry
    role: Role
    first: StoredImage | None  # of a gallery; the supplied pictures come behind it
    supplied: int  # pictures
    is_shaped: bool  # the member chose width to height; otherwise those of the first picture count

    @property
    def preliminary(self) -> Order:
        """The order as it can be checked before the supplied pictures are there. Complete if there are none."""
        return self._with([_NOT_YET] * self.supplied, _size(self.first))

    def with_uploads(self, pictures: Sequence[StoredUpload]) -> Order:
        return self._with([Upload(id=each.id) for each in pictures], _size(self.first or pictures[0]))

    def _with(self, supplied: Sequence[PictureSource], shape: ImageSize | None) -> Order:
        own = (Parent(job=self.first.job, image=self.first.index),) if self.first else ()
        pictures = tuple(InputPicture(source=each, role=self.role) for each in (*own, *supplied))
        size = self.order.drawing.size
        if shape is not None and not self.is_shaped:
            size = self.model.size_for(proportions(shape))
        return replace(self.order, drawing=replace(self.order.drawing, pictures=pictures, size=size))


def _size(picture: StoredImage | StoredUpload | None) -> ImageSize | None:
    return ImageSize(width=picture.width, height=picture.height) if picture else None


def compose_edit(
    wish: PromptInput,
    actor: Actor,
    models: Sequence[ModelEntry],
    editors: Editors,
    presets: Mapping[str, str] = NO_PRESETS,
    *,
    supplied: int,
    first: StoredImage | None = None,
) -> EditOrder:
    """Builds the order of an edit. The prompt is the instruction. Raises CannotEdit, and as `compose`."""
    wish = with_preset(read(wish), presets)
    named = find_model(wish.model, models) if wish.model else None
    model = editors.choose(named, supplied + (first is not None))
    order = compose(replace(wish, model=model.name), actor, models, model)
    action = JobAction.IMAGINE if first is None else JobAction.REMIX
    return EditOrder(
        order=replace(order, source=EDITED, action=action),
        model=model,
        role=editors.role(model),
        first=first,
        supplied=supplied,
        is_shaped=wish.aspect is not None,
    )


# ---- strengths and proportions


def start_strength(weight: float, model: ModelEntry) -> float:
    """Returns the start picture's strength for an image weight: from 1 (0: it hardly counts) to half of a variation's (3)."""
    close = model.variation_strength
    points = (1.0, (1 + close) / 2, close, close / 2)
    below = min(int(weight), len(points) - 2)
    share = weight - below
    return points[below] * (1 - share) + points[below + 1] * share


def proportions(size: ImageSize) -> tuple[int, int]:
    """Returns width and height, at most 3 to 1."""
    return min(size.width, 3 * size.height), min(size.height, 3 * size.width)


def _weight(text: str | None) -> tuple[float | None, tuple[Note, ...]]:
    """Returns the weight, and a note if it was beyond its range."""
    if text is None:
        return None, ()
    if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,4})?", text):
        raise BadParameter("iw", text, "image_weight", *RANGES["image_weight"])
    weight = min(MAX_IMAGE_WEIGHT, max(0.0, float(text)))
    if weight == float(text):
        return weight, ()
    return weight, (Note(kind=NoteKind.CLAMPED, names=("iw", f"{weight:g}")),)
