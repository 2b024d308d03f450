"""Permutations and --repeat: one typed prompt, several orders."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.studio.errors import BadParameter, EmptyPrompt, TooManyOrders
from bot.studio.orders.inline import SEED_LIMIT
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import TYPED, PromptInput, compose
from bot.studio.orders.permutations import MOST_ORDERS, escaped, permutations
from bot.studio.orders.several import REPEATED, as_typed, compose_each
from db import Note, NoteKind
from generation.request import Lora, LoraName
from tests.bot.conftest import ADA, LARGE, SMALL
from tests.bot.studio.orders.test_parameters import DRESSED, order_of


def orders_of(prompt: str, **options: str | int | float) -> tuple[Order, ...]:
    return compose_each(PromptInput(prompt=prompt, **options), ADA, [SMALL, LARGE], SMALL)  # pyright: ignore[reportArgumentType]  # options by name


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a {red, blue} cat", ["a red cat", "a blue cat"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]),
        ("a {red, {dark, pale} blue} cat", ["a red cat", "a dark blue cat", "a pale blue cat"]),
        ("a {red,} cat", ["a red cat", "a  cat"]),
        ("a {red\\, green, blue} cat", ["a red, green cat", "a blue cat"]),
        ("{{a, b}, {c, d}}", ["a", "b", "c", "d"]),
        # text
        ("a {red} cat", ["a {red} cat"]),
        ("a \\{red, blue\\} cat", ["a {red, blue} cat"]),
        ("a {red, blue cat", ["a {red, blue cat"]),
        ("a red, blue} cat", ["a red, blue} cat"]),
        ("{,}", ["{,}"]),
        ("{", ["{"]),
        ("}{", ["}{"]),
        ("a\\, b \\(c\\)", ["a\\, b \\(c\\)"]),
        ("a {b {c, d} e} f", ["a {b c e} f", "a {b d e} f"]),
        ("{a, b} {c, d", ["a {c, d", "b {c, d"]),
    ],
)
def test_braces_with_a_comma_are_choices(text: str, read: list[str]) -> None:
    assert permutations(text) == read


@given(st.text(alphabet=st.sampled_from("ab {},\\"), max_size=40) | st.text(max_size=60))
def test_any_text_is_read_and_an_escaped_one_is_itself(text: str) -> None:
    with contextlib.suppress(TooManyOrders):
        assert 0 < len(permutations(text)) <= MOST_ORDERS
    plain = text.replace("\\", "")
    assert permutations(escaped(plain)) == [plain]


@given(st.lists(st.lists(st.sampled_from(["x", "y z", "w"]), min_size=2, max_size=3), max_size=2))
def test_the_number_of_prompts_is_the_product_of_the_choices(groups: list[list[str]]) -> None:
    text = " ".join("{" + ", ".join(choices) + "}" for choices in groups)
    count = 1
    for choices in groups:
        count *= len(choices)
    assert len(permutations(text)) == count


@pytest.mark.parametrize(
    "text", ["{a, b}" * 5, "{a, b}" * 150, "{" * 400 + "a, b" + "}" * 400 + "{c, d}" * 90]
)
def test_more_than_the_limit_is_refused_without_being_written_out(text: str) -> None:
    with pytest.raises(TooManyOrders) as error:
        permutations(text)
    assert error.value.limit == MOST_ORDERS


def test_each_variant_has_its_own_parameters() -> None:
    wide, high = orders_of("a {red --ar 3:2, blue --ar 2:3 --steps 5} cat")
    assert (wide.drawing.prompt.text, wide.drawing.steps) == ("a red cat", 10)
    assert (high.drawing.prompt.text, high.drawing.steps) == ("a blue cat", 5)
    assert wide.drawing.size.width > wide.drawing.size.height
    assert high.drawing.size.width < high.drawing.size.height
    assert (wide.typed, high.typed) == ("--ar 3:2", "--ar 2:3 --steps 5")


@pytest.mark.parametrize("name", ["--r", "--repeat", "—repeat"])
def test_a_repeated_order_has_other_seeds(name: str) -> None:
    orders = orders_of(f"a cat {name} 4")
    assert [order.source for order in orders] == [TYPED, *[REPEATED] * 3]
    assert {order.drawing.prompt.text for order in orders} == {"a cat"}
    assert len({order.drawing.seed for order in orders}) == 4
    assert all(order.notes == () for order in orders)


def test_a_typed_seed_goes_on_in_the_repeated_orders() -> None:
    assert [o.drawing.seed for o in orders_of("a cat --r 3 --seed 7 --images 2")] == [7, 9, 11]
    assert all(o.drawing.seed <= SEED_LIMIT for o in orders_of(f"a cat --r 3 --seed {SEED_LIMIT}"))


def test_permutations_and_repeats_multiply() -> None:
    assert len(orders_of("a {red, blue} cat --r 3")) == 6
    assert len(orders_of("a {red --r 3, blue} cat")) == 4
    with pytest.raises(TooManyOrders):
        orders_of("a {red, blue, green} cat --r 7")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "21", "９", ""])
def test_a_wrong_number_of_repeats_is_told(value: str) -> None:
    with pytest.raises(BadParameter) as error:
        orders_of(f"a cat --repeat {value}")
    assert (error.value.name.strip("-"), error.value.option) == ("repeat", "repeat")


def test_once_is_one_order() -> None:
    assert len(orders_of("a cat --repeat 1")) == len(orders_of("a cat")) == 1


def test_one_variant_without_words_refuses_all() -> None:
    with pytest.raises(EmptyPrompt):
        orders_of("{a cat, ...}")


def test_where_nothing_is_repeated_that_is_told() -> None:
    assert order_of("a cat --r 4").notes == (Note(kind=NoteKind.IGNORED, names=("repeat",)),)


def test_a_preset_may_repeat() -> None:
    wish = PromptInput(prompt="a cat", preset="thrice")
    orders = compose_each(wish, ADA, [SMALL], SMALL, {"thrice": "film grain --r 3"})
    assert [order.drawing.prompt.text for order in orders] == ["a cat, film grain"] * 3


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"negative": "text, {blur, fog}"},
        {"negative": "text", "images": 2},
        {"negative": "a well-known fence"},
        {"aspect": "16:9", "seed": 5, "steps": 7, "guidance": 4.5, "images": 1, "model": "large"},
    ],
)
@pytest.mark.parametrize(
    "prompt", ["a {red, blue} cat", "a cat --r 2 --ar 2:3", "`a` {\\{, ```}", "a\n{cat,\tdog}"]
)
def test_one_text_says_the_prompt_and_its_options(prompt: str, options: dict[str, str | int | float]) -> None:
    asked = orders_of(prompt, **options)
    again = orders_of(as_typed(PromptInput(prompt=prompt, **options)))  # pyright: ignore[reportArgumentType]  # options by name
    assert [_drawn(order) for order in again] == [_drawn(order) for order in asked]


def _drawn(order: Order) -> tuple[object, ...]:
    drawing = order.drawing
    return (drawing.prompt, drawing.size, drawing.steps, drawing.guidance, drawing.images, drawing.model)


def test_words_like_a_parameter_in_the_negative_option_stay_words() -> None:
    text = as_typed(PromptInput(prompt="a {red, blue} cat", negative="fog --seed 5"))
    assert {order.drawing.prompt.negative for order in orders_of(text)} == {"fog seed 5"}


def test_a_list_of_loras_takes_no_word_of_the_prompt() -> None:
    wish = PromptInput(prompt="a {red, blue} cat", lora="pixel:0.5, ink-2")
    orders = compose_each(PromptInput(prompt=as_typed(wish)), ADA, [DRESSED], DRESSED)
    assert orders[0].drawing.loras == (
        Lora(name=LoraName("Ink-2"), weight=1.0),
        Lora(name=LoraName("pixel"), weight=0.5),
    )
    assert [order.drawing.prompt.text for order in orders] == [
        "pixel art, a red cat",
        "pixel art, a blue cat",
    ]


def test_a_single_order_is_that_of_the_prompt() -> None:
    wish = PromptInput(prompt="a cat --seed 7 --ar 3:2")
    [order] = compose_each(wish, ADA, [SMALL], SMALL)
    assert order.drawing == compose(wish, ADA, [SMALL], SMALL).drawing
