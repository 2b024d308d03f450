"""The orders of one typed prompt: one for each of its permutations, and each as often as `--repeat` says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.studio import Actor, BadParameter, Order, TooManyOrders
from bot.studio.orders.defaults import NOTHING_USUAL, Usual, composed
from bot.studio.orders.inline import RANGES, SEED_LIMIT
from bot.studio.orders.parameters import (
    NO_PRESETS,
    PromptInput,
    new_seed,
    one_line,
    read_inline,
    with_preset,
)
from bot.studio.orders.permutations import MOST_ORDERS, escaped, permutations
from generation import ModelEntry

REPEATED = "repeat"
"""The source of further orders of one prompt. They are no spam: the member asked once, and confirmed the number."""

_OPTIONS = {
    "aspect": "ar",
    "seed": "seed",
    "steps": "steps",
    "guidance": "cfg",
    "model": "model",
    "lora": "lora",
    "preset": "preset",
    "style": "style",
    "images": "images",
}
"""Options of /imagine that a parameter can say, and its name. `--images` is last: `--no` takes all words before a parameter."""
_FLAG = re.compile(r"(?<![^\s,])(?:--|—|–|-)(?=[A-Za-z])")


def compose_each(
    wish: PromptInput,
    actor: Actor,
    models: Sequence[ModelEntry],
    default: ModelEntry,
    presets: Mapping[str, str] = NO_PRESETS,
    usual: Usual = NOTHING_USUAL,
) -> tuple[Order, ...]:
    """Builds the orders of an /imagine; usually one. Raises TooManyOrders, and a Refusal as `compose`."""
    orders: list[Order] = []
    for text in permutations(wish.prompt):
        variant = with_preset(read_inline(replace(wish, prompt=text)), presets)
        times, typed = _times(variant.repeat), options_of(replace(variant, style=None))
        first = composed(replace(variant, repeat=None), actor, models, default, usual)
        first = replace(first, typed=typed)
        is_seed_typed = variant.seed not in (None, "-1")
        orders += [first, *(_again(first, number, is_seed_typed=is_seed_typed) for number in range(1, times))]
        if len(orders) > MOST_ORDERS:
            raise TooManyOrders(MOST_ORDERS)
    return tuple(orders)


def _times(text: str | None) -> int:
    if text is None:
        return 1
    if re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= MOST_ORDERS:
        return int(text)
    raise BadParameter("repeat", text, "repeat", *RANGES["repeat"])


def _again(order: Order, number: int, *, is_seed_typed: bool) -> Order:
    """Returns the order once more, with other seeds: equal ones would give equal pictures."""
    seed = (order.drawing.seed + number * order.drawing.images) % (SEED_LIMIT + 1)
    drawing = replace(order.drawing, seed=seed if is_seed_typed else new_seed())
    return replace(order, drawing=drawing, source=REPEATED)


def options_of(wish: PromptInput) -> str:
    """Returns the options as inline parameters, without the negative prompt; empty for none."""
    words: list[str] = []
    for option, name in _OPTIONS.items():
        value = getattr(wish, option)
        if value is None:
            continue
        each = str(value).replace(",", " ").split() if option == "lora" else [one_line(str(value))]
        words += [f"--{name} {escaped(one)}" for one in each]
    return " ".join(words)


def as_typed(wish: PromptInput) -> str:
    """Returns one text for the prompt and its options that `compose_each` reads like them."""
    words = [options_of(wish)]
    if negative := one_line(wish.negative or ""):
        left_out = escaped(_FLAG.sub("", negative.replace("<", " ")))
        # A parameter ends the words to leave out.
        words = ["--no", left_out, *words, *(["--images", "4"] if wish.images is None else [])]
    return " ".join(filter(None, [*words, one_line(wish.prompt)]))
