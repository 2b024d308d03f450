"""A member's own defaults: checked when they are kept, used where an order says nothing, and never a reason to refuse one."""

from dataclasses import replace

import pytest

from bot.studio.errors import (
    BadParameter,
    EmptyPrompt,
    EmptySuffix,
    PromptRefused,
    PromptTooLong,
    UnknownModel,
    UnknownScheduler,
    UnknownWords,
)
from bot.studio.member_settings import OwnSettings
from bot.studio.orders.defaults import Usual, composed
from bot.studio.orders.order import GalleryAction, Order
from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput, read
from bot.studio.orders.several import compose_each
from bot.studio.orders.variations import Change
from db.jobs import Note, NoteKind
from db.member_settings import LONGEST_SUFFIX, NO_DEFAULTS, Distance, MemberDefaults
from tests.bot.conftest import ADA, BEN, LARGE, SMALL, Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

MODELS = [SMALL, LARGE]


@pytest.fixture
def own(shop: Shop) -> OwnSettings:
    return shop.member_settings


def ordered(prompt: str, defaults: MemberDefaults, **options: str) -> Order:
    wish = read(PromptInput(prompt=prompt, **options))  # pyright: ignore[reportArgumentType]  # options by name
    return composed(wish, ADA, MODELS, SMALL, Usual(member=defaults, offered=MODELS))


def left_out(*names: str) -> tuple[Note, ...]:
    return (Note(kind=NoteKind.DEFAULTS, names=names),)


def test_a_default_counts_where_the_order_says_nothing() -> None:
    defaults = MemberDefaults(aspect="3:2", images=2, model="large", suffix="film grain --no text --steps 5")
    drawing = ordered("a fox", defaults).drawing
    assert (drawing.model, drawing.images, drawing.size) == ("large", 2, LARGE.size_for((3, 2)))
    assert (drawing.prompt.text, drawing.prompt.negative, drawing.steps) == ("a fox, film grain", "text", 5)
    typed = ordered("a fox --ar 1:1 --images 1 --no rain --steps 7", defaults, model="small").drawing
    assert (typed.model, typed.images, typed.size) == ("small", 1, SMALL.size_for((1, 1)))
    assert (typed.prompt.negative, typed.steps) == ("rain", 7)


def test_a_model_or_scheduler_that_is_not_there_is_left_out_with_a_note() -> None:
    order = ordered("a fox", MemberDefaults(model="gone", scheduler="DPM++ 2M Karras"))
    assert (order.drawing.model, order.drawing.scheduler) == ("small", "DPM++ 2M Karras")
    assert order.notes == left_out("model")
    order = ordered("a fox", MemberDefaults(scheduler="UniPC"), model="large")
    assert (order.drawing.scheduler, order.notes) == ("", left_out("scheduler"))
    order = ordered("a fox --scheduler UniPC", MemberDefaults(scheduler="DDIM"))
    assert (order.drawing.scheduler, order.notes) == ("UniPC", ())


@pytest.mark.parametrize("suffix", ["ink --lora gone", "x" * 500, "hills --steps 99"])
def test_a_suffix_that_the_model_cant_serve_is_left_out_with_a_note(suffix: str) -> None:
    prompt = "a fox " + "in the snow " * (PROMPT_LIMIT // 12 - 40)
    order = ordered(prompt, MemberDefaults(suffix=suffix, images=1))
    assert order.drawing.prompt.text == prompt.strip()
    assert (order.drawing.images, order.notes) == (1, left_out("suffix"))


def test_a_suffix_that_the_model_does_not_know_is_left_out() -> None:
    def demand_fit(order: Order) -> None:
        if "samurai" in order.drawing.prompt.text:
            raise UnknownWords("samurai", (), SMALL.name)

    usual = Usual(member=MemberDefaults(suffix="a samurai"), offered=MODELS, demand_fit=demand_fit)
    order = composed(PromptInput(prompt="a fox"), ADA, MODELS, SMALL, usual)
    assert (order.drawing.prompt.text, order.notes) == ("a fox", left_out("suffix"))


def test_a_suffix_is_put_behind_each_permutation_once_and_makes_no_prompt() -> None:
    usual = Usual(member=MemberDefaults(suffix="film grain"), offered=MODELS)
    orders = compose_each(PromptInput(prompt="a {red, blue} fox"), ADA, MODELS, SMALL, usual=usual)
    texts = [order.drawing.prompt.text for order in orders]
    assert texts == ["a red fox, film grain", "a blue fox, film grain"]
    # A refused prompt that is edited has the suffix already.
    assert ordered("a fox, film grain", usual.member).drawing.prompt.text == "a fox, film grain"
    with pytest.raises(EmptyPrompt):
        ordered("--seed 7", MemberDefaults(suffix="--no text"))


async def test_what_is_kept_is_checked(own: OwnSettings) -> None:
    for wrong, error in (
        (MemberDefaults(aspect="9:1"), BadParameter),
        (MemberDefaults(model="gone"), UnknownModel),
        (MemberDefaults(scheduler="gone"), UnknownScheduler),
        (MemberDefaults(suffix=" . "), EmptySuffix),
        (MemberDefaults(suffix="x" * (LONGEST_SUFFIX + 1)), PromptTooLong),
        (MemberDefaults(suffix="a nude woman"), PromptRefused),
    ):
        with pytest.raises(error):
            await own.change(ADA, wrong)
    assert await own.of(ADA) == NO_DEFAULTS


async def test_a_change_keeps_the_other_defaults(own: OwnSettings) -> None:
    await own.change(
        ADA, MemberDefaults(aspect=" 3:2 ", model="LARGE", scheduler="unipc", suffix="film\ngrain")
    )
    kept = await own.change(ADA, MemberDefaults(images=1, pings=True), ["aspect"])
    assert kept == await own.of(ADA)
    assert kept == MemberDefaults(images=1, model="large", scheduler="UniPC", suffix="film grain", pings=True)
    assert await own.of(BEN) == NO_DEFAULTS
    assert (
        await own.change(ADA, NO_DEFAULTS, ["images", "model", "scheduler", "suffix", "pings"]) == NO_DEFAULTS
    )


async def test_far_means_that_only_a_rough_outline_stays(busy: Shop) -> None:
    job = (await busy.draw("show waves1", images=1)).job
    near = await busy.variations.pressed(GalleryAction.VARY, job.id, 0, ADA)
    assert (await busy.variations.remixable(job.id, ADA)).change is Change.MUCH
    await busy.member_settings.change(ADA, MemberDefaults(vary=Distance.FAR, remix=Distance.FAR))
    far = await busy.variations.pressed(GalleryAction.VARY, job.id, 0, ADA)
    assert far.drawing.pictures[0].strength > near.drawing.pictures[0].strength == SMALL.variation_strength
    assert (await busy.variations.remixable(job.id, ADA)).change is Change.MOST
    own = await busy.variations.pressed(GalleryAction.VARY, job.id, 0, BEN)
    assert own.drawing.pictures == near.drawing.pictures
    assert replace(far.drawing, pictures=(), seed=0) == replace(near.drawing, pictures=(), seed=0)
