"""Inline parameters and options: a member's text becomes native values, or a refusal that names the mistake."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio.errors import (
    BadParameter,
    EmptyPrompt,
    PromptTooLong,
    Refusal,
    UnknownLora,
    UnknownModel,
    UnknownParameter,
    UnusableWeights,
)
from bot.studio.orders.order import Actor, Order
from bot.studio.orders.parameters import PROMPT_LIMIT, SEED_LIMIT, PromptInput, compose
from bot.studio.settings import BUNDLED
from bot.texts import language
from generation.request import ImageSize, Lora, LoraEntry, LoraName, MemberId, ModelName

ASKER = Actor(member=MemberId(1), name="ada", guild_id=2, channel_id=3)


PIXEL = LoraEntry(name=LoraName("pixel"), source="x", weight=0.7, trigger="pixel art")
INK = LoraEntry(name=LoraName("Ink-2"), source="y")
DRESSED = replace(BUNDLED, loras=(PIXEL, INK, *(replace(INK, name=LoraName(f"n{i}")) for i in range(4))))
PLAIN = replace(BUNDLED, name=ModelName("plain"))


def dressed(prompt: str, **options: object) -> Order:
    return compose(PromptInput(prompt=prompt, **options), ASKER, [PLAIN, DRESSED], DRESSED)  # type: ignore[arg-type]


def order_of(prompt: str, **options: object) -> Order:
    return compose(PromptInput(prompt=prompt, **options), ASKER, [BUNDLED], BUNDLED)  # type: ignore[arg-type]


def test_defaults_are_the_models_own() -> None:
    order = order_of("a fox")
    assert (order.drawing.steps, order.drawing.guidance, order.drawing.images) == (
        BUNDLED.steps,
        BUNDLED.guidance,
        4,
    )
    assert order.drawing.size == ImageSize(width=128, height=128)
    assert 0 <= order.drawing.seed < 2**32


def test_parameters_in_the_prompt_are_taken_out_of_it() -> None:
    order = order_of("a fox --ar 3:2 --seed 7 --no text, frames --steps 12 --cfg 5.5")
    assert order.drawing.prompt.text == "a fox"
    assert order.drawing.prompt.negative == "text, frames"
    assert (order.drawing.seed, order.drawing.steps, order.drawing.guidance) == (7, 12, 5.5)
    assert order.drawing.size.width > order.drawing.size.height


def test_words_behind_a_one_word_value_belong_to_the_prompt() -> None:
    assert order_of("a fox --seed 7 in the snow").drawing.prompt.text == "a fox in the snow"


@pytest.mark.parametrize("space", ["\n", "\t", "  ", "="])
def test_a_value_stands_behind_any_space_and_ends_at_any(space: str) -> None:
    order = order_of(f"a fox --seed{space}7\nin the snow")
    assert (order.drawing.seed, order.drawing.prompt.text) == (7, "a fox in the snow")


def test_a_parameter_given_twice_takes_the_last_value_and_loses_no_word() -> None:
    order = order_of("a fox --seed 1 in snow --seed 2 at night")
    assert order.drawing.prompt.text == "a fox in snow at night"
    assert order.drawing.seed == 2


def test_half_a_surrogate_pair_is_dropped() -> None:
    assert order_of("a \ud83e fox").drawing.prompt.text == "a fox"


def test_control_characters_are_spaces() -> None:
    order = order_of("a\x00 fox\x1b[31m in\x85snow\u2028at night", negative="\x07 fog")
    assert order.drawing.prompt.text == "a fox [31m in snow at night"
    assert order.drawing.prompt.negative == "fog"


def test_a_parameter_in_the_prompt_wins_over_the_option() -> None:
    assert order_of("a fox --seed 7", seed=8).drawing.seed == 7


def test_a_hyphenated_word_is_no_parameter() -> None:
    assert order_of("a well--known fox - red").drawing.prompt.text == "a well--known fox - red"


def test_a_phones_long_dash_counts_as_two() -> None:
    assert order_of("a fox —seed 7").drawing.seed == 7


@pytest.mark.parametrize(("written", "nearest"), [("sed", "seed"), ("aspekt", "aspect"), ("stpes", "steps")])
def test_an_unknown_parameter_names_the_nearest(written: str, nearest: str) -> None:
    with pytest.raises(UnknownParameter) as caught:
        order_of(f"a fox --{written} 7")
    assert caught.value.nearest == nearest


@pytest.mark.parametrize(
    "flag",
    [
        "--ar 0:7",
        "--ar 7:0",
        "--ar 9:1",
        "--ar wide",
        "--ar",
        f"--seed {2**64}",
        f"--seed {SEED_LIMIT + 1}",
        "--seed -1",
        "--seed 1_000",
        "--seed ٣",
        "--steps 0",
        "--steps 51",
        "--steps 1.5",
        "--cfg 0",
        "--cfg nan",
        "--cfg inf",
        "--images 5",
    ],
)
def test_a_value_out_of_range_is_refused(flag: str) -> None:
    with pytest.raises(BadParameter):
        order_of(f"a fox {flag}")


BLANKS = [
    ".",
    "…",
    "?!",
    "-- ",
    "``",
    "\u200b",
    "\u3164",
    "\0",
    "\u2800",
    "\u115f\u1160",
    "\ufeff",
    "\u00ad",
    "\ud800",
    "، ۔",
]
"""Texts that look empty: control and format characters, fillers without a shape, punctuation."""


@pytest.mark.parametrize("prompt", ["", "   ", "--seed 7", "\n\t", *BLANKS])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(EmptyPrompt):
        order_of(prompt)
    with pytest.raises(EmptyPrompt):
        order_of(f"{prompt} --seed 7 --no fog")


@pytest.mark.parametrize("prompt", ["🦊", "a", "7", "狐", "c++", "∞", "€", "ㅎ", "👩\u200d🎨"])
def test_a_prompt_of_one_sign_that_can_be_seen_is_drawn(prompt: str) -> None:
    assert order_of(prompt).drawing.prompt.text == prompt


def test_a_long_prompt_is_refused() -> None:
    with pytest.raises(PromptTooLong) as caught:
        order_of("x" * 4000)
    assert (caught.value.length, caught.value.limit) == (4000, PROMPT_LIMIT)


def test_a_long_negative_is_refused() -> None:
    with pytest.raises(PromptTooLong):
        order_of("a fox", negative="x" * 4000)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownModel) as caught:
        order_of("a fox", model="emogi")
    assert caught.value.nearest == "emoji"


def test_loras_are_named_again_and_again_each_with_its_weight_or_its_own() -> None:
    order = dressed("a fox --lora ink-2:-0.5 in the snow --lora Pixel")
    assert order.drawing.prompt.text == "pixel art, a fox in the snow"
    assert order.drawing.loras == (Lora(name=INK.name, weight=-0.5), Lora(name=PIXEL.name, weight=0.7))


@pytest.mark.parametrize(
    ("prompt", "option", "found"),
    [
        ("a fox", "pixel:1.5, ink-2", {"pixel": 1.5, "Ink-2": 1.0}),
        ("a fox --lora pixel:1 --lora pixel:0.2", None, {"pixel": 0.2}),
        ("a fox --lora pixel:0", None, {}),
        ("a fox --lora ink-2", "pixel", {"Ink-2": 1.0}),
        ("a fox", "", {}),
    ],
)
def test_the_last_weight_counts_and_one_of_nothing_is_none(
    prompt: str, option: str | None, found: dict[str, float]
) -> None:
    assert {lora.name: lora.weight for lora in dressed(prompt, lora=option).drawing.loras} == found


def test_words_that_a_lora_listens_to_are_not_put_in_twice() -> None:
    assert dressed("Pixel Art of a fox --lora pixel").drawing.prompt.text == "Pixel Art of a fox"
    with pytest.raises(PromptTooLong):
        dressed("x" * (PROMPT_LIMIT - 5), lora="pixel")


@pytest.mark.parametrize(
    ("prompt", "model", "nearest", "elsewhere"),
    [
        ("a fox --lora pixle", None, "pixel", ""),
        ("a fox --lora pixel", "plain", "", "emoji"),
        ("a fox --lora nope", "plain", "", ""),
    ],
)
def test_an_unknown_lora_names_the_nearest_or_the_model_that_has_it(
    prompt: str, model: str | None, nearest: str, elsewhere: str
) -> None:
    with pytest.raises(UnknownLora) as caught:
        dressed(prompt, model=model)
    assert (caught.value.nearest, caught.value.elsewhere) == (nearest, elsewhere)


@pytest.mark.parametrize(
    "flag",
    [
        "pixel:3",
        "pixel:-2.1",
        "pixel:",
        "pixel:nan",
        "pixel:1e0",
        "",
        "n0 --lora n1 --lora n2 --lora n3 --lora ink-2",
    ],
)
def test_a_lora_without_a_sound_weight_or_one_too_many_is_refused(flag: str) -> None:
    with pytest.raises(BadParameter) as caught:
        dressed(f"a fox --lora {flag}")
    assert caught.value.name == "lora"


@given(st.text(max_size=1200))
def test_any_text_is_an_order_or_a_refusal(text: str) -> None:
    try:
        order = order_of(text)
    except Refusal:
        return
    assert order.drawing.prompt.text
    assert len(order.drawing.prompt.text) <= PROMPT_LIMIT
    assert 0 <= order.drawing.seed <= SEED_LIMIT


@pytest.mark.parametrize(
    "prompt",
    ["fox::1 cat::-1", "fox::0.5 cat::-2", "::", "fox::0", "::3 ::", " ".join(f"a{i}::1" for i in range(9))],
)
def test_weights_that_weigh_nothing_or_too_much_are_told_as_weights(prompt: str) -> None:
    with pytest.raises(UnusableWeights) as unusable:
        order_of(prompt)
    assert "weights behind `::`" in (language("en").sentence(unusable.value) or "")


@pytest.mark.parametrize("prompt", ["fox::2 cat::-1", "fox::2 forest::1", "std::vector", "fox::"])
def test_other_weights_are_taken_as_they_are(prompt: str) -> None:
    assert order_of(prompt).drawing.prompt.text == prompt
