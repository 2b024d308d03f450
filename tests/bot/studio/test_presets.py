"""Presets: saved only when their text may be drawn, appended to a prompt like typed text, judged together with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio.errors import (
    BadParameter,
    BadPresetName,
    EmptyPreset,
    EmptyPrompt,
    MemberBlocked,
    NestedPreset,
    PromptRefused,
    PromptTooLong,
    TooManyPresets,
    UnknownParameter,
    UnknownPreset,
)
from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput, compose
from bot.studio.presets import MOST, SAVING, MemberPresets
from db.presets import LONGEST_NAME, LONGEST_TEXT
from moderation.verdict import Ruling
from tests.bot.conftest import ADA, BEN, LARGE, SMALL, Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

GOLDEN = {"golden": "golden hour, film grain --ar 3:2 --no people --steps 5"}


@pytest.fixture
def book(shop: Shop) -> MemberPresets:
    return shop.presets


# ---- appended to a prompt


def test_a_preset_stands_behind_the_prompt_with_its_parameters() -> None:
    for wish in (
        PromptInput(prompt="a fox", preset="golden"),
        PromptInput(prompt="a fox --preset Golden"),
        PromptInput(prompt="--preset golden a fox"),
    ):
        order = compose(wish, ADA, [SMALL], SMALL, GOLDEN)
        assert order.drawing.prompt.text == "a fox, golden hour, film grain"
        assert (order.drawing.prompt.negative, order.drawing.steps) == ("people", 5)
        assert order.drawing.size == SMALL.size_for((3, 2))


def test_what_is_typed_wins_over_the_preset() -> None:
    wish = PromptInput(prompt="a fox --no rain --ar 1:1", steps=3, preset="golden")
    order = compose(wish, ADA, [SMALL], SMALL, GOLDEN)
    assert (order.drawing.prompt.negative, order.drawing.steps, order.drawing.size) == (
        "rain",
        3,
        SMALL.size_for((1, 1)),
    )
    assert order.drawing.prompt.text == "a fox, golden hour, film grain"


def test_the_preset_typed_into_the_prompt_wins_over_the_option() -> None:
    presets = {**GOLDEN, "ink": "in ink"}
    order = compose(PromptInput(prompt="a fox --preset ink", preset="golden"), ADA, [SMALL], SMALL, presets)
    assert order.drawing.prompt.text == "a fox, in ink"


def test_a_preset_alone_is_a_prompt_and_one_without_words_is_none() -> None:
    assert compose(PromptInput(prompt="--preset golden"), ADA, [SMALL], SMALL, GOLDEN).drawing.prompt.text
    with pytest.raises(EmptyPrompt):
        compose(PromptInput(prompt="--preset wide"), ADA, [SMALL], SMALL, {"wide": "--ar 3:1"})


def test_the_whole_has_the_limit_of_a_prompt() -> None:
    typed = "x" * (PROMPT_LIMIT - 11)
    with pytest.raises(PromptTooLong) as refusal:
        compose(PromptInput(prompt=typed, preset="ten"), ADA, [SMALL], SMALL, {"ten": "y" * 10})
    assert (refusal.value.length, refusal.value.what) == (PROMPT_LIMIT + 1, "with-preset")
    assert compose(PromptInput(prompt=typed, preset="nine"), ADA, [SMALL], SMALL, {"nine": "y" * 9})


def test_a_preset_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(UnknownPreset) as refusal:
        compose(PromptInput(prompt="a fox --preset goldn"), ADA, [SMALL], SMALL, GOLDEN)
    assert refusal.value.nearest == "golden"
    with pytest.raises(UnknownPreset) as refusal:
        compose(PromptInput(prompt="a fox --preset goldn"), ADA, [SMALL], SMALL)
    assert refusal.value.nearest == ""


words = st.lists(st.sampled_from(["a", "fox", "snow", "::2", "hour,"]), max_size=5).map(" ".join)


@given(words, words)
def test_words_in_a_preset_are_words_typed_behind_the_prompt(typed: str, kept: str) -> None:
    def order(wish: PromptInput, presets: dict[str, str]) -> object:
        try:
            return compose(wish, ADA, [SMALL], SMALL, presets).drawing.prompt
        except Exception as error:
            return type(error)

    # A comma parts them where no weight and no sign does.
    is_parted = not (typed and kept) or typed.endswith(("::2", ",")) or kept.startswith("::")
    whole = order(PromptInput(prompt=f"{typed} {kept}" if is_parted else f"{typed}, {kept}"), {})
    assert order(PromptInput(prompt=typed, preset="mine"), {"mine": kept}) == whole


# ---- stored


async def test_a_preset_is_kept_under_its_folded_name_and_replaced(book: MemberPresets) -> None:
    assert await book.save(ADA, " Golden ", "golden  hour\n--ar 3:2")
    assert await book.of(ADA) == {"golden": "golden hour --ar 3:2"}
    assert not await book.save(ADA, "GOLDEN", "dusk")
    assert (await book.of(ADA), await book.of(BEN)) == ({"golden": "dusk"}, {})
    with pytest.raises(UnknownPreset) as refusal:
        await book.delete(ADA, "gold")
    assert refusal.value.nearest == "golden"
    await book.delete(ADA, "Golden")
    assert await book.of(ADA) == {}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "two words",
        "a:b",
        "`",
        "--ar",
        "-a",
        "x" * (LONGEST_NAME + 1),
        "a\0",
        "a\nb",
        "\x1b",
        "\u3164",
        "a\u200b",
    ],
)
async def test_a_name_is_one_word(book: MemberPresets, name: str) -> None:
    with pytest.raises(BadPresetName):
        await book.save(ADA, name, "dusk")


async def test_what_could_not_be_typed_is_not_kept(book: MemberPresets) -> None:
    for text, refusal in (
        ("", EmptyPreset),
        (" \n\0", EmptyPreset),
        ("\u200b.", EmptyPreset),
        ("x" * (LONGEST_TEXT + 1), PromptTooLong),
        ("dusk --stepz 5", UnknownParameter),
        ("dusk --steps many", BadParameter),
        ("dusk --preset other", NestedPreset),
    ):
        with pytest.raises(refusal):
            await book.save(ADA, "mine", text)
    assert await book.of(ADA) == {}
    for text in ("--ar 3:2", "--no people", "in ink::0.5", "blur::-0.5", "x" * LONGEST_TEXT):
        await book.save(ADA, "mine", text)


async def test_a_member_has_so_many_presets_and_no_more(book: MemberPresets) -> None:
    for number in range(MOST):
        await book.save(ADA, f"p{number}", "dusk")
    with pytest.raises(TooManyPresets):
        await book.save(ADA, "another", "dusk")
    await book.save(ADA, "p0", "dawn")
    await book.save(BEN, "another", "dusk")
    await book.delete(ADA, "p1")
    await book.save(ADA, "another", "dusk")
    assert len(await book.of(ADA)) == MOST


async def test_refused_words_are_not_kept_and_the_moderators_see_them(
    shop: Shop, book: MemberPresets
) -> None:
    for text in ("a nude woman", "a child in lingerie --ar 3:2"):
        with pytest.raises(PromptRefused):
            await book.save(ADA, "mine", text)
    assert await book.of(ADA) == {}
    assert await shop.spent() == 0
    records = await shop.log()
    assert {(each.source, each.verdict.ruling) for each in records} == {(SAVING, Ruling.REFUSE)}
    assert [each.prompt for each in shop.reviewed()] == ["a child in lingerie"], "the newest of the member"


async def test_who_may_not_draw_may_not_keep(shop: Shop, book: MemberPresets) -> None:
    await shop.block(ADA)
    with pytest.raises(MemberBlocked):
        await book.save(ADA, "mine", "dusk")


async def test_harmless_parts_that_are_refused_together_are_refused_when_they_come_together(
    shop: Shop, book: MemberPresets
) -> None:
    await book.save(ADA, "mine", "in lingerie")
    order = compose(PromptInput(prompt="a child", preset="mine"), ADA, [SMALL], SMALL, await book.of(ADA))
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(order)
    assert refusal.value.category == "minors"
    assert (await shop.log())[0].prompt == "a child, in lingerie"


async def test_a_remix_knows_the_members_presets(busy: Shop) -> None:
    book = busy.presets
    await book.save(BEN, "mine", "in ink --no colour --steps 3")
    job = (await busy.draw(images=1, negative="rain")).job
    order = await busy.variations.remix(job.id, 0, PromptInput(prompt="a fox --preset mine"), BEN)
    assert (order.drawing.prompt.text, order.drawing.prompt.negative, order.drawing.steps) == (
        "a fox, in ink",
        "colour",
        3,
    )
    with pytest.raises(UnknownPreset):
        await busy.variations.remix(job.id, 0, PromptInput(prompt="a fox --preset mine"), ADA)


async def test_a_preset_may_name_another_model_than_the_default(book: MemberPresets) -> None:
    await book.save(ADA, "big", "--model large --steps 15")
    order = compose(PromptInput(prompt="a fox", preset="big"), ADA, [SMALL, LARGE], SMALL, await book.of(ADA))
    assert (order.drawing.model, order.drawing.steps) == (LARGE.name, 15)
