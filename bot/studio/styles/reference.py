"""Orders in the style of a picture: of one that a member supplies, of a gallery's, or of a saved style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.studio import IN_STYLE_OF, Actor, ModelCannot, OfferedModels, Order, PromptTooLong
from bot.studio.orders.parameters import (
    NO_PRESETS,
    PROMPT_LIMIT,
    PromptInput,
    compose,
    find_model,
    listed,
    read,
    with_preset,
)
from db import Parent, PictureSource, StoredImage, StoredUpload, Upload, UploadId
from generation import Abilities, InputPicture, ModelEntry, Role

STYLED = "style"
"""The source of these orders. A refused one is not offered for editing: the form would lose the picture."""
USUAL_STRENGTH = 0.6
_NOT_YET = Upload(id=UploadId(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleModels(OfferedModels):
    """Chooses models that draw in the style of a picture."""

    @property
    def known(self) -> list[ModelEntry]:
        """Returns those that can do it for certain."""
        return [entry for entry in self.offered if role_in(entry, self.abilities_of(entry.name))]

    def choose(self, named: ModelEntry | None) -> ModelEntry:
        """Returns the named model; otherwise the default, or the first that can. Raises ModelCannot.

        A model whose abilities are not known yet is trusted, after the others.
        """
        among = (self.default, *self.offered) if named is None else (named,)
        able = self.known
        found = [entry for entry in among if entry in able]
        trusted = [
            entry for entry in among if not entry.adapts_prompts and self.abilities_of(entry.name) is None
        ]
        if chosen := [*found, *trusted]:
            return chosen[0]
        names = tuple(entry.name for entry in able)
        raise ModelCannot((named or self.default).name, "style", can_start=False, able=names)


def role_in(entry: ModelEntry, can: Abilities | None, taken: int = 0) -> Role | None:
    """Returns the role of a style's picture in an order for this model; None if the model can't use it, or that is not known.

    `taken`: reference pictures that the order has already.
    """
    if entry.style_adapter:
        return Role.STYLE
    # A model with tables of words reads no sentence about a picture.
    if can is None or entry.adapts_prompts or can.references <= taken:
        return None
    return Role.REFERENCE


def in_style_of(order: Order, source: PictureSource, role: Role, strength: float = USUAL_STRENGTH) -> Order:
    """Returns the order with this picture for its style, in place of an earlier one.

    A model that takes pictures for a prompt to refer to is told in words what the picture is for. Raises PromptTooLong.
    """
    drawing = order.drawing
    others = tuple(each for each in drawing.pictures if each.role is not Role.STYLE)
    if role is Role.STYLE:
        styled = InputPicture(source=source, role=role, strength=strength)
        return replace(order, drawing=replace(drawing, pictures=(*others, styled)))
    number = len(drawing.references) + 1
    words = " ".join((IN_STYLE_OF, str(number)))
    text = listed(drawing.prompt.text, words).strip()
    if len(text) > PROMPT_LIMIT:
        raise PromptTooLong(len(text), PROMPT_LIMIT, "with-style")
    prompt = replace(drawing.prompt, text=text)
    pictures = (*others, InputPicture(source=source, role=role))
    return replace(order, drawing=replace(drawing, prompt=prompt, pictures=pictures))


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleOrder:
    """An order in the style of a picture, which is still to be fetched, except one from a gallery."""

    order: Order  # without the picture
    role: Role
    strength: float
    first: StoredImage | None  # of a gallery; None: the picture is supplied

    @property
    def preliminary(self) -> Order:
        """The order as it can be checked before the picture is there. Complete if it is a gallery's."""
        return self._with(Parent(job=self.first.job, image=self.first.index) if self.first else _NOT_YET)

    def with_uploads(self, pictures: Sequence[StoredUpload]) -> Order:
        (picture,) = pictures
        return self._with(Upload(id=picture.id))

    def _with(self, source: PictureSource) -> Order:
        return in_style_of(self.order, source, self.role, self.strength)


def compose_style(
    wish: PromptInput,
    actor: Actor,
    models: Sequence[ModelEntry],
    able: StyleModels,
    presets: Mapping[str, str] = NO_PRESETS,
    *,
    strength: float = USUAL_STRENGTH,
    first: StoredImage | None = None,
) -> StyleOrder:
    """Builds the order of a picture in the style of another. Raises ModelCannot, and as `compose`."""
    wish = with_preset(read(wish), presets)
    model = able.choose(find_model(wish.model, models) if wish.model else None)
    order = replace(compose(replace(wish, model=model.name), actor, models, model), source=STYLED)
    role = role_in(model, able.abilities_of(model.name)) or Role.REFERENCE
    return StyleOrder(order=order, role=role, strength=strength, first=first)
