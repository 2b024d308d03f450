"""Compares an order with what its model can do. A model whose abilities are not known yet is trusted with everything."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bot.studio.errors import CannotEdit, CannotSketch, ModelCannot
from bot.studio.orders.order import Order
from db import JobAction, Note, NoteKind
from generation import Abilities, Control, ModelEntry, ModelName, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModels:
    """The models that a member may choose in a server. Subclasses choose one for their orders."""

    offered: Sequence[ModelEntry]
    default: ModelEntry
    abilities_of: Callable[[ModelName], Abilities | None]  # None while that is not known


def fitted(
    order: Order,
    abilities: Abilities | None,
    usual_guidance: float,
    others: Iterable[tuple[ModelName, Abilities]] = (),
) -> Order:
    """Returns the order with a note about what its model ignores. Raises ModelCannot, CannotEdit, CannotSketch.

    `usual_guidance`: the default of the model's entry, which no member has asked for. `others`: what the models can do that
    the member may choose, for the refusal's sentence.
    """
    if abilities is None or order.action is JobAction.UPSCALE:
        return order
    drawing = order.drawing
    if (count := len(drawing.references)) > abilities.references:
        raise cannot_edit(drawing.model, count, others)
    picture = drawing.picture(Role.CONTROL)
    if picture and (control := picture.control) and not can_follow(abilities, control):
        able = tuple(name for name, can in others if can_follow(can, control))
        is_map = replace(control, is_prepared=True)
        raise CannotSketch(drawing.model, control.kind.value, able, can_follow(abilities, is_map))
    needed = _needed(order)
    for each in needed:
        if not _CAN[each](abilities):
            able = tuple(name for name, can in others if _CAN[each](can))
            raise ModelCannot(drawing.model, each, abilities.starts, able)
    names: list[str] = []
    if drawing.prompt.negative and not is_negative_used(abilities, drawing.guidance):
        names.append("no")
    if drawing.guidance != usual_guidance and not abilities.is_guided:
        names.append("cfg")
    # An order made from a job carries that job's notes.
    kept = tuple(note for note in order.notes if note.kind is not NoteKind.UNUSED)
    notes = (*kept, Note(kind=NoteKind.UNUSED, names=tuple(names))) if names else kept
    return replace(order, notes=notes)


def can_follow(can: Abilities, control: Control) -> bool:
    """Returns whether the model can follow such a control picture."""
    return control.kind in can.control_kinds and (
        control.is_prepared or control.kind not in can.prepared_only
    )


def cannot_edit(model: str, count: int, others: Iterable[tuple[ModelName, Abilities]]) -> CannotEdit:
    """Returns the refusal of an edit of `count` pictures. `model`: the named one; may be empty. `others`: as in `fitted`."""
    edits = {name: can.edits for name, can in others}
    most = max(edits.values(), default=0)
    able = tuple(name for name, number in edits.items() if number >= count)
    best = tuple(name for name, number in edits.items() if number == most > 0)
    return CannotEdit(model, count, able, most, best)


_CAN: dict[str, Callable[[Abilities], bool]] = {
    "style": lambda abilities: abilities.has_style_adapter,
    "references": lambda abilities: bool(abilities.references),
    "mask": lambda abilities: abilities.masks,
    "start": lambda abilities: abilities.starts,
    "text": lambda abilities: abilities.draws_text,
}


def _needed(order: Order) -> tuple[str, ...]:
    drawing = order.drawing
    own = ("style",) if drawing.picture(Role.STYLE) else ()
    if drawing.references:
        return ("references", *own)
    if drawing.is_masked or drawing.picture(Role.CREATIVE):
        return ("mask", *own)
    return ("start" if drawing.picture(Role.START) else "text", *own)


def is_negative_used(abilities: Abilities, guidance: float) -> bool:
    return abilities.takes_negative and guidance > abilities.guidance.off
