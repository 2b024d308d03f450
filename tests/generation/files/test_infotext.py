import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.files.images import parameters_of
from generation.files.infotext import read_infotext
from generation.request import (
    ImageSize,
    Lora,
    LoraName,
    ModelName,
)
from tests.drawings import drawing

line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80).map(
    lambda text: " ".join(text.split())
)


@given(
    line.filter(lambda text: text and "<lora:" not in text),
    line,
    line.filter(bool),
    st.integers(0, 2**53),
    st.lists(st.sampled_from(["pixel", "ink-2"]), unique=True),
)
def test_what_was_written_is_read(text: str, negative: str, model: str, seed: int, loras: list[str]) -> None:
    drawn = drawing(
        text,
        negative,
        model=ModelName(model),
        size=ImageSize(width=512, height=384),
        steps=20,
        guidance=6.5,
        seed=seed,
        images=4,
        loras=tuple(Lora(name=LoraName(name), weight=-0.75) for name in loras),
    )
    # as in a stored file: `bot.studio.pictures.provenance` adds the job
    read = read_infotext(parameters_of(drawn, 2, "DDIM") + ", Job: abcdefghij-3")
    assert (read.prompt, read.negative) == (text, negative)
    assert dict(read.loras) == dict.fromkeys(loras, -0.75)
    wanted = {"Steps": "20", "CFG scale": "6.5", "Seed": str(seed + 2), "Size": "512x384", "Model": model}
    assert wanted.items() <= read.fields.items()
    assert read.fields["Job"] == "abcdefghij-3"


def test_other_tools_prompts_of_several_lines_are_read() -> None:
    read = read_infotext(
        "a fox,\nin snow <lora:pixel:0.8>\nNegative prompt: blur,\nrain\nSteps: 20, Sampler: Euler a, Size: 512x512"
    )
    assert (read.prompt, read.negative) == ("a fox,\nin snow", "blur,\nrain")
    assert read.loras == (("pixel", 0.8),)
    assert read.fields["Sampler"] == "Euler a"


@pytest.mark.parametrize(
    "text", ["", "\n", "Steps: 20", "Negative prompt: a fox", "a fox\nSteps", "<lora:x:y>"]
)
def test_what_says_little_is_no_error(text: str) -> None:
    read = read_infotext(text)
    assert read.negative == ""


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read_infotext(text)
