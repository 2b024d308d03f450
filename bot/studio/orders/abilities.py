"""Compares an order with what its model can do. A model whose abilities are not known yet is trusted with everything."""

from dataclasses import replace

from bot.studio.errors import ModelCannot
from bot.studio.orders.order import Order
from db import JobAction, Note, NoteKind
from generation import Abilities, Role


def fitted(order: Order, abilities: Abilities | None, usual_guidance: float) -> Order:
    """Returns the order with a note about what its model ignores. Raises ModelCannot.

    `usual_guidance`: the default of the model's entry, which no member has asked for.
    """
    if abilities is None or order.action is JobAction.UPSCALE:
        return order
    drawing = order.drawing
    if drawing.is_masked:
        missing = "" if abilities.masks else "mask"
    elif drawing.picture(Role.START):
        missing = "" if abilities.starts else "start"
    else:
        missing = "" if abilities.draws_text else "text"
    if missing:
        raise ModelCannot(drawing.model, missing, can_start=abilities.starts)
    names: list[str] = []
    if drawing.prompt.negative and not is_negative_used(abilities, drawing.guidance):
        names.append("no")
    if drawing.guidance != usual_guidance and not abilities.is_guided:
        names.append("cfg")
    # An order made from a job carries that job's notes.
    kept = tuple(note for note in order.notes if note.kind is not NoteKind.UNUSED)
    notes = (*kept, Note(kind=NoteKind.UNUSED, names=tuple(names))) if names else kept
    return replace(order, notes=notes)


def is_negative_used(abilities: Abilities, guidance: float) -> bool:
    return abilities.takes_negative and guidance > abilities.guidance.off
