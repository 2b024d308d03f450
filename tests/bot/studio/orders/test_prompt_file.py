"""A prompt in a file: reading it from a text or a PNG, the precedence of typed values, and files that are not prompts."""

import io
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from bot.studio.errors import (
    BadParameter,
    EmptyPrompt,
    NoPromptInFile,
    PromptTooLong,
    Refusal,
    UnknownModel,
    UnknownParameter,
)
from bot.studio.orders.inline import SEED_LIMIT
from bot.studio.orders.order import Order
from bot.studio.orders.parameters import (
    ASPECTS,
    PROMPT_LIMIT,
    PromptInput,
    compose,
    read,
    with_file,
)
from bot.studio.orders.prompt_file import MAX_TEXT, prompt_in_file
from db import Note, NoteKind
from generation.files.images import parameters_of, to_jpeg, to_png
from generation.request import (
    Lora,
    LoraEntry,
    LoraName,
    ModelEntry,
    ModelName,
    Prompt,
)
from tests.bot.conftest import ADA, LARGE, SMALL
from tests.drawings import drawing

pytestmark = pytest.mark.slow

PIXEL = LoraEntry(name=LoraName("pixel"), source="x", trigger="pixel art")
WITH_LORA = replace(SMALL, loras=(PIXEL,))
MODELS = [WITH_LORA, LARGE]


def ordered(
    content: bytes, prompt: str = ".", presets: dict[str, str] | None = None, **options: object
) -> Order:
    """Composes the order as /imagine does."""
    typed = read(PromptInput(prompt=prompt, **options))  # type: ignore[arg-type]  # options of any kind
    held = prompt_in_file(content, typed, MODELS, WITH_LORA)
    return compose(with_file(typed, held, presets or {}), ADA, MODELS, WITH_LORA, presets or {})


def a_png(text: str = "", **changes: Any) -> bytes:
    """Returns a PNG as the bot stores it. `text` replaces its parameters."""
    usual: dict[str, Any] = {"model": SMALL.name, "prompt": Prompt(text="a fox in snow", negative="rain")}
    usual |= {"size": SMALL.size_for((3, 2)), "steps": 7, "guidance": 3.5, "seed": 40}
    drawn = drawing(**usual | changes)
    return to_png(Image.new("RGB", (8, 8)), text or parameters_of(drawn, 2, "DDIM") + ", Job: aaaaaaaaaa-3")


# ---- a text


def test_a_text_is_the_prompt_and_what_is_typed_stands_behind_it() -> None:
    content = "\ufeffa fox\r\nin snow --ar 3:2\n--steps 5 --no rain".encode()
    order = ordered(content)
    assert (order.drawing.prompt.text, order.drawing.prompt.negative) == ("a fox in snow", "rain")
    assert (order.drawing.size, order.drawing.steps, order.drawing.images) == (SMALL.size_for((3, 2)), 5, 4)
    order = ordered(content, "at night --steps 9 --no fog", images=1)
    assert (order.drawing.prompt.text, order.drawing.prompt.negative) == ("a fox in snow at night", "fog")
    assert (order.drawing.steps, order.drawing.images, order.source) == (9, 1, "/imagine")


@pytest.mark.parametrize("typed", [".", "…", "-", " ... ", "--seed 7"])
def test_who_has_nothing_to_add_types_a_dot(typed: str) -> None:
    assert ordered(b"a fox", typed).drawing.prompt.text == "a fox"
    assert ordered(b"a fox", "🦊").drawing.prompt.text == "a fox 🦊", "that is something"


def test_presets_count_in_a_file_and_beside_it() -> None:
    presets = {"ink": "in ink --steps 3", "dusk": "at dusk --steps 4 --cfg 2"}
    assert ordered(b"a fox --preset ink", presets=presets).drawing.prompt.text == "a fox, in ink"
    order = ordered(b"a fox --steps 9 --preset ink", "on a hill", presets, preset="dusk")
    assert order.drawing.prompt.text == "a fox, in ink on a hill, at dusk"
    assert ordered(b"a fox", ".", presets, preset="ink").drawing.prompt.text == "a fox in ink"
    assert (order.drawing.steps, order.drawing.guidance) == (4, 2.0), (
        "what was asked for now wins over what the file says"
    )


def test_parameters_alone_are_worth_a_file_and_no_prompt() -> None:
    assert ordered(b"--ar 3:2", "a fox").drawing.size == SMALL.size_for((3, 2))
    with pytest.raises(EmptyPrompt):
        ordered(b"--ar 3:2")


def test_the_longest_file_that_is_read_holds_the_longest_prompt_in_any_script() -> None:
    text = "𒀀" * PROMPT_LIMIT
    assert ordered(text.encode()).drawing.prompt.text == text
    with pytest.raises(PromptTooLong) as refusal:
        ordered(text.encode(), "and more")
    assert refusal.value.what == "with-file"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n\t ",
        "\ufeff".encode(),
        b"a fox \x00 in snow",
        b"\x1b[31m red",
        b"\xff\xfea\x00 \x00f\x00o\x00x\x00",  # UTF-16
        "ein schöner Fuchs".encode("latin-1"),
        b"%PDF-1.7\n\x80\x81",
        b"x" * (MAX_TEXT + 1),
        to_jpeg(Image.new("RGB", (8, 8))),
        to_png(Image.new("RGB", (8, 8))),
        to_png(Image.new("RGB", (8, 8)), "x" * 6000),
        b"\x89PNG\r\n\x1a\n and nothing else",
    ],
)
def test_what_is_no_text_and_no_png_with_its_parameters_is_refused(content: bytes) -> None:
    with pytest.raises(NoPromptInFile):
        ordered(content, "a fox")


def test_what_is_wrong_in_a_file_is_told_as_if_it_had_been_typed() -> None:
    for content, refusal in (
        (b"a fox --stepz 3", UnknownParameter),
        (b"a fox --steps many", BadParameter),
        (b"a fox --model nobody", UnknownModel),
    ):
        with pytest.raises(refusal):
            ordered(content)


# ---- a text beside a picture

SIDECAR = b"""a red fox in snow
Negative prompt: lowres, gore, child, nude
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 123, Size: 512x768, Model hash: abc, Model: other, Version: v1.9"""


def test_a_text_with_parameters_is_read_as_such() -> None:
    drawing = ordered(SIDECAR).drawing
    assert (drawing.prompt.text, drawing.prompt.negative) == (
        "a red fox in snow",
        "lowres, gore, child, nude",
    )
    assert (drawing.seed, drawing.images, drawing.size) == (123, 1, SMALL.size_for((2, 3)))


@pytest.mark.parametrize("form", ["png", "txt"])
def test_without_a_prompt_a_file_goes_with_a_typed_one(form: str) -> None:
    text = "\n" + SIDECAR.decode().partition("\n")[2]
    content = to_png(Image.new("RGB", (8, 8)), text) if form == "png" else text.encode()
    with pytest.raises(NoPromptInFile):
        ordered(content)
    drawing = ordered(content, "an owl").drawing
    assert (drawing.prompt.text, drawing.prompt.negative) == ("an owl", "lowres, gore, child, nude")
    assert drawing.seed == 123


def test_a_files_loras_are_taken_where_they_are_known_and_counted_where_not() -> None:
    text = f"a red fox <lora:pixel:.8> <lora:Add Detail v1.2:0.5>\n{SIDECAR.decode().splitlines()[-1]}"
    order = ordered(to_png(Image.new("RGB", (8, 8)), text))
    assert order.drawing.loras == (Lora(name=LoraName("pixel"), weight=0.8),)
    assert order.drawing.prompt.text.endswith("a red fox")
    assert order.notes == (Note(kind=NoteKind.LORAS, names=("1",)),)


def test_a_jpeg_with_parameters_is_read() -> None:
    exif, out = Image.Exif(), io.BytesIO()
    comment = b"UNICODE\0" + SIDECAR.decode().encode("utf-16-be")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    assert ordered(out.getvalue()).drawing.prompt.text == "a red fox in snow"


# ---- a PNG


def test_a_png_of_ours_is_ordered_again_as_the_one_picture_that_it_is() -> None:
    order = ordered(a_png())
    assert (order.drawing.prompt.text, order.drawing.prompt.negative) == ("a fox in snow", "rain")
    assert (order.drawing.model, order.drawing.size, order.drawing.steps, order.drawing.guidance) == (
        SMALL.name,
        SMALL.size_for((3, 2)),
        7,
        3.5,
    )
    assert (order.drawing.seed, order.drawing.images) == (42, 1)
    assert order.drawing.pictures == ()


def test_what_is_typed_wins_over_a_pngs_settings() -> None:
    order = ordered(a_png(), "at night --seed 5 --ar 1:1 --no fog --images 3", steps=4, guidance=2.0)
    assert (order.drawing.prompt.text, order.drawing.prompt.negative) == ("a fox in snow at night", "fog")
    assert (order.drawing.seed, order.drawing.images, order.drawing.steps, order.drawing.guidance) == (
        5,
        3,
        4,
        2.0,
    )
    assert order.drawing.size == SMALL.size_for((1, 1))


def test_another_model_draws_a_png_in_its_own_terms() -> None:
    for order in (
        ordered(a_png(), "--model large"),
        ordered(a_png(), model="Large"),
    ):
        assert (order.drawing.model, order.drawing.steps, order.drawing.guidance) == (
            LARGE.name,
            LARGE.steps,
            LARGE.guidance,
        )
        assert (order.drawing.seed, order.drawing.loras) == (42, ())
    gone = ordered(a_png(model=ModelName("gone"), steps=99))
    assert (gone.drawing.model, gone.drawing.steps, gone.drawing.prompt.text) == (
        SMALL.name,
        SMALL.steps,
        "a fox in snow",
    )


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [
        ("DPM++ 2M Karras", "DPM++ 2M Karras"),
        ("DPM++ 2M, Schedule type: Karras", "DPM++ 2M Karras"),
        ("UniPC, Schedule type: Automatic", "UniPC"),
        ("Euler a", "UniPC"),
        ("DDIM", "UniPC"),
    ],
)
def test_a_files_scheduler_is_taken_where_the_model_has_it(sampler: str, scheduler: str) -> None:
    text = f"a fox\nSteps: 9, Sampler: {sampler}, CFG scale: 4, Seed: 7, Size: 64x64, Model: small"
    assert ordered(text.encode()).drawing.scheduler == scheduler
    assert ordered(text.encode(), "--scheduler UniPC").drawing.scheduler == "UniPC"


def test_a_pngs_loras_are_worn_where_they_are_still_there() -> None:
    loras = tuple(Lora(name=LoraName(name), weight=0.75) for name in ("pixel", "gone"))
    order = ordered(a_png(loras=loras, prompt=Prompt(text="pixel art, a fox")))
    assert order.drawing.loras == (Lora(name=LoraName("pixel"), weight=0.75),)
    assert order.drawing.prompt.text == "pixel art, a fox"
    assert ordered(a_png(loras=loras), "--lora pixel:0").drawing.loras == ()
    assert ordered(a_png(loras=loras), "--model large").drawing.loras == ()


@pytest.mark.parametrize(
    "model", [WITH_LORA, LARGE, replace(SMALL, side=512, multiple=8), replace(SMALL, side=768)]
)
@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_size_that_was_chosen_from_the_list_comes_back(model: ModelEntry, aspect: str) -> None:
    size = model.size_for(ASPECTS[aspect])
    content = a_png(size=size, model=model.name)
    typed = PromptInput(prompt=".")
    held = prompt_in_file(content, typed, [model], model)
    assert compose(with_file(typed, held, {}), ADA, [model], model).drawing.size == size


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_any_size_of_another_tool_becomes_one_that_could_be_typed(wide: int, high: int) -> None:
    text = f"a fox\nSteps: 7, Size: {wide}x{high}, Seed: {SEED_LIMIT + wide}, Model: other"
    order = ordered(a_png(text))
    assert order.drawing.size.width * order.drawing.size.height <= 2 * SMALL.side**2
    assert order.drawing.seed <= SEED_LIMIT


@pytest.mark.parametrize(
    "fields",
    ["Size: 0x0", "Size: 9x", "Size: x", "Size: ٣x٣", "Seed: -1", "Seed: ٣", "Seed: " + "9" * 30, "Model: "],
)
def test_fields_that_make_no_sense_are_left_out(fields: str) -> None:
    order = ordered(a_png(f"a fox\nSteps: 7, {fields}"))
    assert (order.drawing.prompt.text, order.drawing.size) == ("a fox", SMALL.size_for((1, 1)))


@given(st.text(max_size=300), st.binary(max_size=300))
def test_nothing_in_a_file_is_worse_than_a_refusal(text: str, content: bytes) -> None:
    for each in (a_png(text or "x"), text.encode("utf-8", "replace"), content):
        with suppress(Refusal):
            ordered(each, "a hill")


def test_what_is_compressed_without_end_is_not_unpacked() -> None:
    out, text = io.BytesIO(), PngInfo()
    text.add_text("parameters", "a fox " * 20_000_000, zip=True)
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=text)
    assert len(out.getvalue()) < 2**20
    with pytest.raises(NoPromptInFile):
        ordered(out.getvalue())
