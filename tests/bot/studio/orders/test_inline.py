"""What is read from a prompt: parameters as people write them, other bots' habits, LoRA tags and links."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio.errors import (
    BadParameter,
    EmptyPrompt,
    Refusal,
    UnknownLora,
    UnknownParameter,
    UnknownScheduler,
)
from bot.studio.orders.inline import FOREIGN, NAMES, take_inline
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.settings import BUNDLED
from db import Note, NoteKind
from generation.request import ImageSize
from tests.bot.conftest import LARGE, SMALL
from tests.bot.studio.orders.test_parameters import ASKER, dressed, order_of

WIDE, SQUARE = order_of("a --ar 3:2").drawing.size, ImageSize(width=128, height=128)


def names(order: Order) -> dict[NoteKind, tuple[str, ...]]:
    return {note.kind: note.names for note in order.notes}


@pytest.mark.parametrize(
    "written",
    [
        "a cat --ar 3:2,",
        "a cat, --ar 3:2",
        "a cat,--ar 3:2, --images 1",
        "a cat --ar:3:2",
        "a cat --ar=3:2",
        "a cat --ar 3x2",
        "a cat --ar 3×2",
        "a cat --ar 3/2",
        "--ar 3:2, a cat",
        "a cat —ar 3:2",
    ],
)
def test_an_aspect_is_read_however_it_is_written(written: str) -> None:
    order = order_of(written)
    assert (order.drawing.prompt.text, order.drawing.size, order.notes) == ("a cat", WIDE, ())


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a cat, --seed 7, in the snow", "a cat, in the snow"),
        ("a cat --seed 7, in the snow", "a cat, in the snow"),
        ("a cat --seed 7 in the snow", "a cat in the snow"),
        ("a cat --no fog, --seed 7", "a cat"),
    ],
)
def test_a_comma_beside_a_parameter_stays_between_words_only(written: str, text: str) -> None:
    assert order_of(written).drawing.prompt.text == text


def test_one_dash_before_a_parameter_is_read_and_told() -> None:
    order = order_of("a cat -ar 3:2 -seed 7")
    assert (order.drawing.prompt.text, order.drawing.size, order.drawing.seed) == ("a cat", WIDE, 7)
    assert names(order) == {NoteKind.ONE_DASH: ("ar", "seed")}


@pytest.mark.parametrize(
    "text",
    [
        "—moody portrait",
        "a cat — asleep",
        "a cat –sleepy",
        "a cat -style of old",
        "a cat -model train",
        "a fashion -video still",
        "well--known, sci-fi",
        "-5 degrees",
        "a, b, c,",
    ],
)
def test_a_dash_without_a_known_name_behind_it_is_a_dash(text: str) -> None:
    order = order_of(text)
    assert (order.drawing.prompt.text, order.drawing.size, order.notes) == (text, SQUARE, ())


def test_a_seed_of_minus_one_is_a_random_one() -> None:
    assert len({order_of("a cat --seed -1").drawing.seed for _ in range(3)}) == 3


def test_words_to_leave_out_add_up() -> None:
    order = order_of("a cat --no text, --seed 7 --no blur")
    assert (order.drawing.prompt.negative, order.drawing.prompt.text) == ("text, blur", "a cat")


@pytest.mark.parametrize(
    ("written", "loras", "text"),
    [
        ("a cat --lora pixel:0.8, ink-2", {"pixel": 0.8, "Ink-2": 1.0}, "pixel art, a cat"),
        ("a cat --lora pixel:0.8,ink-2", {"pixel": 0.8, "Ink-2": 1.0}, "pixel art, a cat"),
        ("a cat --lora n1, n2, ink-2", {"n1": 1.0, "n2": 1.0, "Ink-2": 1.0}, "a cat"),
        (
            "a cat --lora n1,  n2, pixel:0.8, ink-2, in ink",
            {"n1": 1.0, "n2": 1.0, "pixel": 0.8, "Ink-2": 1.0},
            "pixel art, a cat, in ink",
        ),
        ("a cat --lora ink-2, in the snow", {"Ink-2": 1.0}, "a cat, in the snow"),
        ("a cat --lora ink-2, n1:0.5 in the snow", {"Ink-2": 1.0, "n1": 0.5}, "a cat in the snow"),
        ("<lora:ink-2:0.8> a cat", {"Ink-2": 0.8}, "a cat"),
        ("a cat <lora:ink-2> <LORA:n1:0.5:0.7> --lora n2", {"Ink-2": 1.0, "n1": 0.5, "n2": 1.0}, "a cat"),
    ],
)
def test_loras_are_read_from_lists_and_tags(written: str, loras: dict[str, float], text: str) -> None:
    drawing = dressed(written).drawing
    assert {lora.name: lora.weight for lora in drawing.loras} == loras
    assert drawing.prompt.text == text


@pytest.mark.parametrize(
    ("written", "scheduler", "text"),
    [
        ("a cat", "UniPC", "a cat"),
        ("a cat --scheduler DPM++ 2M Karras", "DPM++ 2M Karras", "a cat"),
        ("a cat --scheduler dpm++ 2m karras --seed 7", "DPM++ 2M Karras", "a cat"),
        ("a cat --sampler=dpmpp_2m_karras, in the snow", "DPM++ 2M Karras", "a cat, in the snow"),
        ("--scheduler UniPC a cat", "UniPC", "a cat"),
    ],
)
def test_a_schedulers_name_may_have_several_words(written: str, scheduler: str, text: str) -> None:
    drawing = compose(PromptInput(prompt=written), ASKER, [SMALL, LARGE], SMALL).drawing
    assert (drawing.scheduler, drawing.prompt.text) == (scheduler, text)


@pytest.mark.parametrize("written", ["Euler a", "nonsense", "DPM++ SDE"])
def test_a_scheduler_that_the_model_does_not_have_is_refused(written: str) -> None:
    with pytest.raises(UnknownScheduler) as caught:
        compose(PromptInput(prompt=f"a cat --scheduler {written}"), ASKER, [SMALL, LARGE], SMALL)
    assert caught.value.nearest in SMALL.schedulers
    with pytest.raises(UnknownScheduler) as caught:
        compose(PromptInput(prompt="a cat --scheduler UniPC"), ASKER, [LARGE], LARGE)
    assert caught.value.nearest == ""


def test_a_tag_of_an_unknown_lora_is_told_as_that_lora() -> None:
    with pytest.raises(UnknownLora) as caught:
        dressed("<lora:glitter:0.8> a cat")
    assert caught.value.name == "glitter"
    with pytest.raises(BadParameter):
        dressed("<lora:ink-2:heavy> a cat")


@pytest.mark.parametrize(
    ("written", "ignored"),
    [
        ("a cat --v 6", ("v",)),
        ("a cat --v 6.1 --motion low", ("v", "motion")),
        ("a cat --tile", ("tile",)),
        ("a cat --stylize 100 --chaos 20 --q 2 --niji 6", ("stylize", "chaos", "q", "niji")),
        ("a --tile cat", ("tile",)),
        ("--v 6 a --v 5 cat --V 7", ("v",)),
        ("a --niji cat", ("niji",)),
        ("a cat —stylize 50", ("stylize",)),
        ("a cat --sref https://example.invalid/a.png 123 --cw 50", ("sref", "cw")),
    ],
)
def test_what_means_nothing_here_is_left_out_and_told(written: str, ignored: tuple[str, ...]) -> None:
    order = order_of(written)
    assert order.drawing.prompt.text == "a cat"
    assert names(order)[NoteKind.IGNORED] == ignored


@pytest.mark.parametrize("name", FOREIGN)
def test_no_name_of_another_bot_is_one_of_ours(name: str) -> None:
    assert name not in NAMES
    assert order_of(f"a cat --{name}").drawing.prompt.text == "a cat"


@pytest.mark.parametrize("name", ["sed", "aspekt", "x", "mood", "moody"])
def test_an_unknown_name_behind_two_hyphens_is_refused(name: str) -> None:
    with pytest.raises(UnknownParameter):
        order_of(f"a cat --{name} 7")


def test_links_are_left_out_and_told() -> None:
    order = order_of("a cat https://example.invalid/x.png?a=--seed in the snow")
    assert order.drawing.prompt.text == "a cat in the snow"
    assert order.notes == (Note(kind=NoteKind.LINKS),)
    with pytest.raises(EmptyPrompt):
        order_of("https://example.invalid/x.png")


@pytest.mark.parametrize("text", ["...", "\u200b\u3164\u2800", "--v 6", "<lora:ink-2:0>"])
def test_without_a_visible_word_there_is_no_prompt(text: str) -> None:
    with pytest.raises(EmptyPrompt):
        dressed(text)


@pytest.mark.parametrize(
    ("prompt", "preset", "together"),
    [
        ("a", "golden hour, film grain", "a, golden hour, film grain"),
        ("a,", "golden hour", "a, golden hour"),
        ("a cat!", "golden hour", "a cat! golden hour"),
        ("a cat)", "golden hour", "a cat), golden hour"),
        ("a::2", "golden hour::1", "a::2 golden hour::1"),
        ("a cat", ", golden hour", "a cat , golden hour"),
        ("a cat", "--seed 7 at dusk", "a cat, at dusk"),
        ("a cat", "--seed 7", "a cat"),
    ],
)
def test_a_preset_is_joined_with_a_comma_where_none_is(prompt: str, preset: str, together: str) -> None:
    wish = PromptInput(prompt=prompt, preset="golden")
    order = compose(wish, ASKER, [BUNDLED], BUNDLED, {"golden": preset})
    assert order.drawing.prompt.text == together


def test_what_a_preset_holds_is_told_too() -> None:
    wish = PromptInput(prompt="a cat --v 6", preset="golden")
    order = compose(wish, ASKER, [BUNDLED], BUNDLED, {"golden": "at dusk --q 2"})
    assert [note.names for note in order.notes] == [("q",), ("v",)]


@given(st.text(alphabet=st.sampled_from("ab ,.-—:=<>\n1/"), max_size=40) | st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = take_inline(text)
    except Refusal:
        return
    if not (read.values or read.notes):
        assert read.text == text


@given(st.lists(st.sampled_from(["a", "cat,", "in", "snow"]), max_size=6), st.data())
def test_parameters_take_no_word_from_the_prompt(words: list[str], data: st.DataObject) -> None:
    written = list(words)
    for flag in data.draw(
        st.lists(st.sampled_from(["--seed 7", "--tile", "--v 6,", "--lora ink"]), max_size=4)
    ):
        written.insert(data.draw(st.integers(0, len(written))), flag)
    read = take_inline(" ".join(written))
    assert read.text.replace(",", "").split() == " ".join(words).replace(",", "").split()
