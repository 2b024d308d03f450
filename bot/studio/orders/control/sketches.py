"""Orders of /sketch: a drawing follows the lines, depths or pose of a picture that the member supplies. No files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.studio import Actor, CannotSketch, Order
from bot.studio.orders.abilities import OfferedModels, can_follow
from bot.studio.orders.parameters import NO_PRESETS, PromptInput, compose, find_model, read, with_preset
from bot.studio.orders.supplied import proportions
from db import PictureSource, StoredUpload, Upload, UploadId
from generation import Abilities, Control, ControlKind, InputPicture, ModelEntry, Role

SKETCHED = "sketch"
"""The source of these orders, as SUPPLIED of bot/studio/orders/supplied.py."""

USUAL_STRENGTH, LEAST_STRENGTH = 0.8, 0.1

_NOT_YET = Upload(id=UploadId(""))


def follows(model: ModelEntry, can: Abilities | None, control: Control) -> bool:
    """Returns whether the model can follow such a control picture. `can`: while it is None, the settings count."""
    return can_follow(can or _by_settings(model), control)


def _by_settings(model: ModelEntry) -> Abilities:
    controls = model.controls
    return Abilities(pipeline="", control_kinds=controls.kinds, prepared_only=controls.prepared_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketchers(OfferedModels):
    """Chooses models that follow control pictures."""

    def able(self, kind: ControlKind | None) -> list[ModelEntry]:
        """Returns the models that follow this kind; None: any kind."""
        kinds = {
            entry.name: (self.abilities_of(entry.name) or _by_settings(entry)).control_kinds
            for entry in self.offered
        }
        return [entry for entry in self.offered if kinds[entry.name] and kind in (None, *kinds[entry.name])]

    def choose(self, named: ModelEntry | None, control: Control) -> ModelEntry:
        """Returns a model that can: the named one; otherwise the default, or the first that can. Raises CannotSketch."""
        among = (self.default, *self.offered) if named is None else (named,)
        for entry in among:
            if follows(entry, self.abilities_of(entry.name), control):
                return entry
        able = tuple(
            entry.name for entry in self.offered if follows(entry, self.abilities_of(entry.name), control)
        )
        # None is named: then no model makes the map, and one may take it.
        model = named or next(iter(self.able(control.kind)), None)
        is_map = replace(control, is_prepared=True)
        needs_map = model is not None and follows(model, self.abilities_of(model.name), is_map)
        raise CannotSketch(model.name if model else "", control.kind.value, able, needs_map)


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchOrder:
    """An order whose control picture is still to be fetched."""

    order: Order  # without pictures
    model: ModelEntry
    control: Control
    strength: float  # of the control picture
    is_shaped: bool  # the member chose width to height; otherwise the picture's own counts

    @property
    def preliminary(self) -> Order:
        """The order as it can be checked before there is a picture."""
        return self._with(_NOT_YET)

    def with_uploads(self, pictures: Sequence[StoredUpload]) -> Order:
        [picture] = pictures
        order = self._with(Upload(id=picture.id))
        if self.is_shaped:
            return order
        size = self.model.size_for(proportions(picture.size))
        return replace(order, drawing=replace(order.drawing, size=size))

    def _with(self, source: PictureSource) -> Order:
        picture = InputPicture(source=source, role=Role.CONTROL, strength=self.strength, control=self.control)
        return replace(self.order, drawing=replace(self.order.drawing, pictures=(picture,)))


def compose_sketch(
    wish: PromptInput,
    control: Control,
    strength: float,
    actor: Actor,
    models: Sequence[ModelEntry],
    sketchers: Sketchers,
    presets: Mapping[str, str] = NO_PRESETS,
) -> SketchOrder:
    """Builds the order of a /sketch. Raises CannotSketch, and as `compose`."""
    wish = with_preset(read(wish), presets)
    model = sketchers.choose(find_model(wish.model, models) if wish.model else None, control)
    order = compose(replace(wish, model=model.name), actor, models, model)
    return SketchOrder(
        order=replace(order, source=SKETCHED),
        model=model,
        control=control,
        strength=strength,
        is_shaped=wish.aspect is not None,
    )
