"""Puts a member's defaults into what they typed. A default that can't be used is left out and named in a note."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.studio import Actor, Order, Refusal
from bot.studio.orders.parameters import (
    PromptInput,
    behind_prompt,
    compose,
    find_model,
    one_line,
)
from db import NO_DEFAULTS, MemberDefaults, Note, NoteKind
from generation import ModelEntry, find_scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a member's order gets that says nothing else."""

    member: MemberDefaults = NO_DEFAULTS
    offered: Sequence[ModelEntry] = ()  # the models that the member's default may name
    demand_fit: Callable[[Order], None] = lambda _: None  # raises a Refusal of the model


NOTHING_USUAL = Usual()


def composed(
    wish: PromptInput, actor: Actor, models: Sequence[ModelEntry], default: ModelEntry, usual: Usual
) -> Order:
    """Builds the order of an /imagine with the member's defaults. `wish` has no preset. Raises as `compose` without them."""
    order = _suffixed(wish, actor, models, default, usual)
    if order.style or usual.member.style is None:
        return order
    return replace(order, style=usual.member.style, is_style_usual=True)


def _suffixed(
    wish: PromptInput, actor: Actor, models: Sequence[ModelEntry], default: ModelEntry, usual: Usual
) -> Order:
    if usual.member.suffix is None or is_behind(wish.prompt, usual.member.suffix):
        return compose(with_options(wish, models, default, usual), actor, models, default)
    try:
        suffixed = behind_prompt(wish, usual.member.suffix)
        order = compose(with_options(suffixed, models, default, usual), actor, models, default)
        usual.demand_fit(order)
        return order
    except Refusal:
        # The model may lack a LoRA or the room for it. A prompt that is refused by itself is refused below.
        plain = compose(with_options(wish, models, default, usual), actor, models, default)
        return replace(plain, notes=(*plain.notes, Note(kind=NoteKind.DEFAULTS, names=("suffix",))))


def is_behind(prompt: str, suffix: str) -> bool:
    """Returns whether the prompt ends with the suffix: a refused prompt that is edited has it already."""
    return one_line(prompt).casefold().endswith(one_line(suffix).casefold())


def with_options(
    wish: PromptInput, models: Sequence[ModelEntry], default: ModelEntry, usual: Usual
) -> PromptInput:
    """Fills the options that the member gave no value for. Raises UnknownModel for a typed model."""
    own, left_out = usual.member, list[str]()
    if wish.model is None and own.model is not None:
        if any(entry.name == own.model for entry in usual.offered):
            wish = replace(wish, model=own.model)
        else:
            left_out.append("model")
    if wish.scheduler is None and own.scheduler is not None:
        entry = find_model(wish.model, models) if wish.model else default
        if find_scheduler(own.scheduler) in entry.schedulers:
            wish = replace(wish, scheduler=own.scheduler)
        else:
            left_out.append("scheduler")
    if wish.aspect is None:
        wish = replace(wish, aspect=own.aspect)
    if wish.images is None:
        wish = replace(wish, images=own.images)
    if left_out:
        wish = replace(wish, notes=(*wish.notes, Note(kind=NoteKind.DEFAULTS, names=tuple(left_out))))
    return wish
