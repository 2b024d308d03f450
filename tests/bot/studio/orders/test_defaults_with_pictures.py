"""A member's defaults hold for orders with pictures too, where they make sense. What can't be used is left out and named."""

from dataclasses import replace

import pytest

from bot.studio.errors import EmptyPrompt
from bot.studio.orders.control.sketches import Sketchers, compose_sketch
from bot.studio.orders.defaults import Usual, composed_with_pictures
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import PromptInput
from bot.studio.orders.supplied import (
    Editors,
    Level,
    compose_blend,
    compose_edit,
    compose_from_picture,
    compose_variation,
)
from db.jobs import NoteKind
from db.member_settings import MemberDefaults
from generation.abilities import Abilities
from generation.control.kinds import Control, ControlKind
from generation.request import ModelEntry
from tests.bot.conftest import ADA, LARGE, SMALL

FAST = replace(LARGE, schedulers=("DDIM", "Euler a"))
MODELS = (SMALL, FAST)
OWN = MemberDefaults(
    aspect="3:1", images=2, model=FAST.name, scheduler="Euler a", suffix="film grain", style="ink"
)
ABLE = Abilities(pipeline="x", starts_by="y", references=4, control_kinds=(ControlKind.SCRIBBLE,))


def imagined(
    prompt: str = "a fox", own: MemberDefaults = OWN, offered: tuple[ModelEntry, ...] = MODELS
) -> Order:
    usual = Usual(member=own, offered=offered)
    return composed_with_pictures(
        PromptInput(prompt=prompt),
        MODELS,
        usual,
        lambda wish: compose_from_picture(wish, ADA, MODELS, SMALL),
    ).order


def left_out(order: Order) -> tuple[str, ...]:
    return tuple(name for note in order.notes if note.kind is NoteKind.DEFAULTS for name in note.names)


def test_a_picture_of_ones_own_gets_all_defaults_but_the_aspect() -> None:
    order = imagined()
    drawing = order.drawing
    assert (drawing.prompt.text, drawing.images) == ("a fox, film grain", 2)
    assert (drawing.model, drawing.scheduler, order.notes) == (FAST.name, "Euler a", ())
    assert (order.style, order.is_style_usual) == ("ink", True)
    wish = PromptInput(prompt="a fox")
    found = composed_with_pictures(
        wish, MODELS, Usual(member=OWN), lambda each: compose_from_picture(each, ADA, MODELS, SMALL)
    )
    assert not found.is_shaped, "the picture's own proportions"


def test_what_is_typed_wins() -> None:
    order = imagined(f"a fox, film grain --model {SMALL.name} --images 3 --style wash --iw 2")
    assert (order.drawing.prompt.text, order.drawing.images) == ("a fox, film grain", 3)
    assert (order.drawing.model, order.style, order.is_style_usual) == (SMALL.name, "wash", False)
    assert imagined("a fox --scheduler DDIM").drawing.scheduler == "DDIM"


def test_what_cannot_be_used_is_left_out_and_named() -> None:
    order = imagined(offered=(SMALL,))
    assert order.drawing.model == SMALL.name
    assert left_out(order) == ("model", "scheduler")
    long = replace(OWN, suffix="film grain --lora nowhere")
    order = imagined(own=long)
    assert (order.drawing.prompt.text, left_out(order)) == ("a fox", ("suffix",))


def test_a_prompt_that_is_refused_by_itself_is_refused() -> None:
    with pytest.raises(EmptyPrompt):
        imagined("--images 2", own=replace(OWN, suffix=None))


def test_variations_without_words_get_no_suffix_and_no_style() -> None:
    usual = Usual(member=OWN, offered=MODELS)

    def varied(prompt: str) -> Order:
        return composed_with_pictures(
            PromptInput(prompt=prompt),
            MODELS,
            usual,
            lambda wish: compose_variation(wish, Level.STRONG, ADA, MODELS, SMALL),
        ).order

    order = varied("")
    assert (order.drawing.prompt.text, order.style, order.drawing.images) == ("", "", 2)
    assert (order.drawing.model, order.drawing.scheduler) == (FAST.name, "Euler a")
    assert (varied("a fox").drawing.prompt.text, varied("a fox").style) == ("a fox, film grain", "ink")


def test_a_blend_keeps_its_number_of_pictures() -> None:
    usual = Usual(member=OWN, offered=MODELS)
    wanted = composed_with_pictures(
        PromptInput(prompt="a fox"),
        MODELS,
        usual,
        lambda wish: compose_blend(wish, ADA, MODELS, SMALL, count=3),
    )
    assert (wanted.order.source, wanted.order.drawing.model) == ("blend", FAST.name)
    assert wanted.preliminary.drawing.pictures[0].blended == 3


def test_a_sketch_takes_the_members_model_where_it_follows_the_picture() -> None:
    sketchers = Sketchers(offered=MODELS, default=SMALL, abilities_of=lambda _: ABLE)
    usual = Usual(member=OWN, offered=MODELS)
    wanted = composed_with_pictures(
        PromptInput(prompt="a fox"),
        MODELS,
        usual,
        lambda wish: compose_sketch(wish, Control(kind=ControlKind.SCRIBBLE), 0.5, ADA, MODELS, sketchers),
    )
    drawing = wanted.order.drawing
    assert (wanted.model, drawing.scheduler, drawing.prompt.text) == (FAST, "Euler a", "a fox, film grain")


def test_an_instruction_gets_no_words_behind_it() -> None:
    editors = Editors(offered=MODELS, default=SMALL, abilities_of=lambda _: ABLE)
    assert editors.takes(FAST, 4) and not editors.takes(FAST, 5)
    usual = Usual(member=OWN, offered=MODELS)
    wanted = composed_with_pictures(
        PromptInput(prompt="make it red"),
        MODELS,
        usual,
        lambda wish: compose_edit(wish, ADA, MODELS, editors, supplied=2),
        has_words=False,
    )
    order = wanted.order
    assert (order.drawing.prompt.text, order.style) == ("make it red", "")
    assert (order.drawing.images, wanted.model, order.drawing.scheduler) == (2, FAST, "Euler a")
    assert order.notes == ()
