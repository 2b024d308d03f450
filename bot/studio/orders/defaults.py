"""Puts a member's defaults into what they typed. A default that can't be used is left out and named in a note."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

from bot.studio import Actor, Order, Refusal
from bot.studio.orders.parameters import (
    NO_PRESETS,
    PromptInput,
    behind_prompt,
    compose,
    find_model,
    one_line,
    read,
    with_preset,
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


class WithPictures(Protocol):
    """An order whose pictures are still to be fetched."""

    @property
    def order(self) -> Order: ...


Wanted = TypeVar("Wanted", bound=WithPictures)


def composed_with_pictures(
    wish: PromptInput,
    models: Sequence[ModelEntry],
    usual: Usual,
    build: Callable[[PromptInput], Wanted],
    presets: Mapping[str, str] = NO_PRESETS,
    *,
    has_words: bool = True,
    has_style: bool = False,
) -> Wanted:
    """Builds an order with pictures with the member's defaults; its proportions are those of the picture.

    `build`: composes the order; it may choose the model. `has_words`: of what the picture shows; not an instruction, and not
    those of a file. `has_style`: of its own. Raises as `build` without the defaults.
    """
    own, left_out = usual.member, list[str]()
    wish = with_preset(read(wish), presets)
    if wish.model is None and own.model is not None:
        if any(entry.name == own.model for entry in usual.offered):
            wish = replace(wish, model=own.model)
        else:
            left_out.append("model")
    if wish.images is None:
        wish = replace(wish, images=own.images)
    words = own if has_words and wish.prompt else NO_DEFAULTS
    built = None
    if words.suffix is not None and not is_behind(wish.prompt, words.suffix):
        lacking = list[str]()
        try:
            built = _scheduled(behind_prompt(wish, words.suffix), models, own.scheduler, build, lacking)
            usual.demand_fit(built.order)
            left_out += lacking
        except Refusal:
            # As of a typed prompt: the model may lack a LoRA or the room for it.
            built = None
            left_out.append("suffix")
    built = built or _scheduled(wish, models, own.scheduler, build, left_out)
    order = built.order
    if left_out:
        order = replace(order, notes=(*order.notes, Note(kind=NoteKind.DEFAULTS, names=tuple(left_out))))
    if words.style is not None and not order.style and not has_style:
        order = replace(order, style=words.style, is_style_usual=True)
    return cast(Wanted, replace(cast(Any, built), order=order))


def _scheduled(
    wish: PromptInput,
    models: Sequence[ModelEntry],
    scheduler: str | None,
    build: Callable[[PromptInput], Wanted],
    left_out: list[str],
) -> Wanted:
    """Builds the order with that scheduler, if it names none and its model has it; otherwise adds that to `left_out`."""
    built = build(wish)
    if wish.scheduler is not None or scheduler is None:
        return built
    if find_scheduler(scheduler) in find_model(built.order.drawing.model, models).schedulers:
        return build(replace(wish, scheduler=scheduler))
    left_out.append("scheduler")
    return built


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
