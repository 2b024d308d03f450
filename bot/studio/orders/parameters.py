"""Parses a member's options and the `--name value` parameters inside the prompt into native values."""

import difflib
import random
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from types import MappingProxyType

from bot.studio import (
    Actor,
    BadParameter,
    EmptyPrompt,
    NestedPreset,
    Order,
    PromptTooLong,
    UnknownLora,
    UnknownModel,
    UnknownPreset,
    UnknownScheduler,
    UnusableWeights,
)
from bot.studio.orders.inline import RANGES, take_inline
from db import JobAction, Note, NoteKind, PictureSource
from generation import (
    MAX_GUIDANCE,
    MAX_LORA_WEIGHT,
    BadWeights,
    Drawing,
    Lora,
    LoraEntry,
    LoraSet,
    ModelEntry,
    Prompt,
    find_scheduler,
)
from startup import CONTROL

PROMPT_LIMIT = 1000
"""Characters. More than any text encoder reads; the card must show the whole prompt beside its buttons."""

ASPECTS: dict[str, tuple[int, int]] = {
    "1:1": (1, 1),
    "3:2": (3, 2),
    "2:3": (2, 3),
    "16:9": (16, 9),
    "9:16": (9, 16),
}
TYPED = "/imagine"
"""The source of orders with a typed prompt."""

INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""Letters and signs without a shape, such as the Hangul fillers. Unicode calls them letters, marks or symbols."""

NO_PRESETS: Mapping[str, str] = MappingProxyType({})

MAX_LORAS = 4
"""Per order. Each LoRA makes a step slower, and many of them disturb each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptInput:
    """A member's request before defaults: None where they gave no value. Inline parameters win over options."""

    prompt: str
    negative: str | None = None
    aspect: str | None = None
    seed: str | int | None = None
    steps: str | int | None = None
    guidance: str | float | None = None
    images: str | int | None = None
    model: str | None = None
    scheduler: str | None = None
    lora: str | None = None  # "pixel:0.8 ink": names with or without a weight
    preset: str | None = None
    style: str | None = None  # the name of one of the server's
    repeat: str | None = None  # how often an /imagine orders it
    image_weight: str | None = None  # of the picture that it starts from
    notes: tuple[Note, ...] = ()  # on the card
    typed: str | None = None  # the prompt with its parameters, as the member sees it; None: as `prompt`


def read_inline(wish: PromptInput) -> PromptInput:
    """Moves `--name value` out of the prompt into fields. Raises UnknownParameter, BadParameter."""
    read = take_inline(wish.prompt)
    return replace(wish, prompt=read.text, notes=(*wish.notes, *read.notes), **read.values)


def read(wish: PromptInput) -> PromptInput:
    """Checks the prompt's length, then calls `read_inline`. Raises PromptTooLong too."""
    length = len(wish.prompt)
    if length > PROMPT_LIMIT:
        raise PromptTooLong(length, PROMPT_LIMIT)
    return read_inline(replace(wish, typed=wish.prompt if wish.typed is None else wish.typed))


def _joined(wish: PromptInput, added: PromptInput, prompt: str, what: str) -> PromptInput:
    """Returns `wish` with `prompt`, and with values of `added` where `wish` has none. `what`: as in PromptTooLong."""
    prompt = prompt.strip()
    if len(prompt) > PROMPT_LIMIT:
        raise PromptTooLong(len(prompt), PROMPT_LIMIT, what)
    missing = {
        each.name: getattr(added, each.name) for each in fields(added) if getattr(wish, each.name) is None
    }
    return replace(wish, prompt=prompt, notes=(*added.notes, *wish.notes), **missing)


def with_preset(wish: PromptInput, presets: Mapping[str, str]) -> PromptInput:
    """Puts the preset behind the prompt, as if it were typed there. Parameters of `wish` win over the preset's.

    `wish` must be parsed by `read`. `presets`: the member's own, name to text. Raises UnknownPreset, and as `read`.
    """
    if wish.preset is None:
        return wish
    text = presets.get(wish.preset.strip().casefold())
    if text is None:
        raise UnknownPreset(wish.preset, nearest_preset(wish.preset, presets))
    return behind_prompt(replace(wish, preset=None), text)


def behind_prompt(wish: PromptInput, text: str) -> PromptInput:
    """Puts a saved text behind the prompt, as if it were typed there. Parameters of `wish` win. Raises as `read`."""
    added = read_inline(PromptInput(prompt=text))
    return _joined(wish, added, listed(wish.prompt, added.prompt), "with-preset")


def with_file(wish: PromptInput, held: PromptInput, presets: Mapping[str, str]) -> PromptInput:
    """Puts the typed prompt behind the file's; typed parameters win. When only `.` was typed, the file is the whole request.

    Raises as `with_preset`.
    """
    wish = read(wish)
    if is_blank(wish.prompt):
        wish = replace(wish, prompt="")
    wish = with_preset(wish, presets)
    held = with_preset(read_inline(held), presets)
    return _joined(wish, held, f"{one_line(held.prompt)} {wish.prompt}", "with-file")


def listed(prompt: str, more: str) -> str:
    """Puts saved words behind a prompt. A comma parts them, unless a weight or a sign does."""
    prompt, more = prompt.strip(), more.strip()
    is_parted = not (prompt and more) or re.search(r"(?:[^\w\s)\]\"'”’]|::\S*)$", prompt) or more[0] in ",.;:"
    return f"{prompt} {more}" if is_parted else f"{prompt}, {more}"


def nearest_preset(name: str, presets: Iterable[str]) -> str:
    """Returns the most similar name; empty when there are no presets."""
    return next(iter(difflib.get_close_matches(name.casefold(), presets, n=1, cutoff=0.0)), "")


def compose(
    wish: PromptInput,
    actor: Actor,
    models: Sequence[ModelEntry],
    default: ModelEntry,
    presets: Mapping[str, str] = NO_PRESETS,
) -> Order:
    """Builds the order of an /imagine; records nothing. Raises a Refusal that names the fault."""
    wish = with_preset(read(wish), presets)
    order = _order(wish, actor, models, default)
    # After the weights: `::` alone has no words either, but its mistake is another.
    demand_weights(order.drawing.prompt, wish)
    # A style may have all the words.
    if is_blank(Prompt(text=one_line(wish.prompt)).unweighted) and not order.style:
        raise EmptyPrompt
    return order


def draft(text: str, actor: Actor, models: Sequence[ModelEntry], default: ModelEntry) -> Order:
    """Builds the order that a preset's text would give by itself. The prompt may be empty, and its weights may add up to 0.

    Raises NestedPreset, and as `compose`.
    """
    wish = read(PromptInput(prompt=text))
    if wish.preset is not None:
        raise NestedPreset
    return _order(wish, actor, models, default)


def wordless(wish: PromptInput, actor: Actor, models: Sequence[ModelEntry], default: ModelEntry) -> Order:
    """Builds an order without a prompt, from the options alone. Raises as `compose`."""
    return _order(replace(wish, prompt=""), actor, models, default)


def _order(wish: PromptInput, actor: Actor, models: Sequence[ModelEntry], default: ModelEntry) -> Order:
    text = one_line(wish.prompt)
    model = find_model(wish.model, models) if wish.model else default
    negative = one_line(wish.negative or model.negative)
    if len(negative) > PROMPT_LIMIT:
        raise PromptTooLong(len(negative), PROMPT_LIMIT, "negative")
    images = _whole("images", wish.images, *RANGES["images"], default=4)
    loras = loras_of(wish.lora or "", model, models)
    drawing: Drawing[PictureSource] = Drawing(
        prompt=Prompt(text=triggered(text, loras, model), negative=negative),
        model=model.name,
        size=model.size_for(aspect_of(wish.aspect)),
        steps=_whole("steps", wish.steps, 1, model.max_steps, default=model.steps),
        guidance=_guidance(wish.guidance, model.guidance),
        # The last picture's seed must fit as well.
        seed=_whole("seed", None if wish.seed == "-1" else wish.seed, *RANGES["seed"], default=new_seed()),
        images=images,
        scheduler=_scheduler(wish.scheduler, model),
        loras=loras,
    )
    notes = wish.notes
    if wish.repeat is not None:  # only an /imagine without a file repeats; see several.py
        notes = (*notes, Note(kind=NoteKind.IGNORED, names=("repeat",)))
    if wish.image_weight is not None:  # an order with a picture takes it out; see supplied.py
        notes = (*notes, Note(kind=NoteKind.IGNORED, names=("iw",)))
    return Order(
        actor=actor,
        source=TYPED,
        action=JobAction.IMAGINE,
        drawing=drawing,
        notes=notes,
        style=one_line(wish.style or ""),
    )


def demand_weights(prompt: Prompt, wish: PromptInput) -> None:
    """`wish`: that the prompt was made of. Raises UnusableWeights."""
    field = "prompt"
    try:
        _ = prompt.parts
        field = "negative"
        _ = prompt.negative_words
    except BadWeights as bad:
        typed, column = wish.typed or "", bad.column
        if field == "prompt":
            column = _typed_column(bad, prompt.text, typed)
        elif (start := typed.find(prompt.negative)) >= 0:  # behind `--no`
            field, column = "prompt", start + column
        raise UnusableWeights(bad.fault, bad.written, column, field) from bad


def _typed_column(bad: BadWeights, text: str, typed: str) -> int:
    """Returns the fault's column in the prompt with its parameters; in `text`, if it comes from a preset or a file."""
    for block in difflib.SequenceMatcher(None, text, typed, autojunk=False).get_matching_blocks():
        at = bad.column - 1 - block.a
        if 0 <= at < block.size and typed.startswith(bad.written, block.b + at):
            return block.b + at + 1
    return bad.column


def one_line(text: str) -> str:
    """Joins the text into one line without control characters. Drops lone surrogates, which a database does not take."""
    return " ".join(CONTROL.sub(" ", text.encode("utf-8", "ignore").decode()).split())


def name_in(written: str, most: int) -> str | None:
    """Returns a folded name of one word; None if it is none, or has more than `most` characters.

    A name that began with a hyphen would be read as a parameter behind `--preset` or `--style`.
    """
    name = written.strip().casefold()
    is_word = re.fullmatch(rf"\w[\w-]{{0,{most - 1}}}", name) is not None
    return name if is_word and not INVISIBLE.search(name) else None


def is_blank(text: str) -> bool:
    """Returns whether no letter, digit or symbol can be seen in it. Discord requires a prompt, so members type a dot."""
    categories = (unicodedata.category(each) for each in INVISIBLE.sub("", text))
    return not any(each[0] in "LNS" and each != "Sk" for each in categories)


def new_seed() -> int:
    """Returns 32 random bits: short enough to type again."""
    return random.SystemRandom().randrange(2**32)


def find_model(name: str, models: Sequence[ModelEntry]) -> ModelEntry:
    for entry in models:
        if entry.name.casefold() == name.strip().casefold():
            return entry
    near = difflib.get_close_matches(name, [entry.name for entry in models], n=1, cutoff=0.0)
    raise UnknownModel(name, near[0])


def _scheduler(name: str | None, model: ModelEntry) -> str:
    if name is None:
        return model.default_scheduler
    found = find_scheduler(name)
    if found in model.schedulers:
        return found
    near = difflib.get_close_matches(name, model.schedulers, n=1, cutoff=0.0)
    raise UnknownScheduler(name, model.name, near[0] if near else "")


def loras_of(text: str, model: ModelEntry, models: Sequence[ModelEntry]) -> LoraSet:
    """Parses LoRAs. Of a name given twice the last weight counts; a weight of 0 means no LoRA."""
    asked: dict[str, Lora] = {}
    for written in text.replace(",", " ").split():
        name, colon, weight = written.partition(":")
        known = _find_lora(name, model, models)
        asked[known.name] = Lora(name=known.name, weight=_weight(written, weight) if colon else known.weight)
    loras = tuple(sorted(lora for lora in asked.values() if lora.weight))
    demand_few(loras, asked)
    return loras


def demand_few(loras: LoraSet, asked: Iterable[str]) -> None:
    """`asked`: the names, for the sentence. Raises BadParameter."""
    if len(loras) > MAX_LORAS:
        raise BadParameter("lora", " ".join(asked), "loras", high=MAX_LORAS)


def _find_lora(name: str, model: ModelEntry, models: Sequence[ModelEntry]) -> LoraEntry:
    for lora in model.loras:
        if lora.name.casefold() == name.casefold():
            return lora
    near = difflib.get_close_matches(name, [lora.name for lora in model.loras], n=1, cutoff=0.0)
    elsewhere = (
        entry.name for entry in models for lora in entry.loras if lora.name.casefold() == name.casefold()
    )
    raise UnknownLora(name, model.name, near[0] if near else "", next(elsewhere, ""))


def _weight(written: str, weight: str) -> float:
    if re.fullmatch(r"[+-]?[0-9](\.[0-9]{1,3})?", weight) and abs(float(weight)) <= MAX_LORA_WEIGHT:
        return float(weight)
    raise BadParameter("lora", written, "lora", *RANGES["lora"])


def triggered(text: str, loras: LoraSet, model: ModelEntry, what: str = "prompt") -> str:
    """Adds the model's prefix and the LoRAs' trigger words that the prompt lacks. Raises PromptTooLong, with `what`."""
    entries = {lora.name: lora for lora in model.loras}
    words = [model.prefix, *(entries[lora.name].trigger for lora in loras)]
    missing = [word for word in words if word and word.casefold() not in text.casefold()]
    text = ", ".join([*missing, text] if text else missing)
    if len(text) > PROMPT_LIMIT:
        raise PromptTooLong(len(text), PROMPT_LIMIT, what)
    return text


def aspect_of(value: str | None) -> tuple[int, int]:
    """Raises BadParameter."""
    if value is None:
        return (1, 1)
    if value in ASPECTS:
        return ASPECTS[value]
    match = re.fullmatch(r"([0-9]{1,4})[:x×/]([0-9]{1,4})", value)
    if match:
        wide, high = int(match.group(1)), int(match.group(2))
        if wide and high and Fraction(1, 3) <= Fraction(wide, high) <= 3:
            return (wide, high)
    raise BadParameter("ar", value, "aspect")


def _whole(name: str, value: str | int | None, low: float, high: float, *, default: int) -> int:
    if value is None:
        return default
    text = str(value).strip()
    # int() accepts thousands of digits, underscores and digits of other scripts; members mean none of these.
    if re.fullmatch(r"[0-9]{1,20}", text) and low <= int(text) <= high:
        return int(text)
    raise BadParameter(name, text, name, low, high)


def _guidance(value: str | float | None, default: float) -> float:
    if value is None:
        return default
    text = str(value).strip()
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", text) and 1 <= float(text) <= MAX_GUIDANCE:
        return float(text)
    raise BadParameter("cfg", text, "guidance", *RANGES["guidance"])
