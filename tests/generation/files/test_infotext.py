import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from generation.files.images import parameters_of, to_png
from generation.files.infotext import looks_like_infotext, read_infotext, read_picture
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


@pytest.mark.parametrize("text", ["", "\n", "Steps: 20", "a fox\nSteps", "<lora:x:y>"])
def test_what_says_little_is_no_error(text: str) -> None:
    read = read_infotext(text)
    assert read.negative == ""


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read_infotext(text)


# ---- other programs' files

FIELDS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 123, Size: 512x768, Model: small, Version: v1.9"
GRAPH: dict[str, Any] = {
    "6": {"inputs": {"text": "a red fox", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
    "7": {"inputs": {"text": "blur", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
    "5": {"inputs": {"width": 512, "height": 768, "batch_size": 1}, "class_type": "EmptyLatentImage"},
    "3": {
        "inputs": {"seed": 5, "steps": 20, "cfg": 7, "positive": ["6", 0], "negative": ["7", 0]},
        "class_type": "KSampler",
    },
}
FLUX_GRAPH: dict[str, Any] = {
    "6": {"inputs": {"text": ["9", 0]}, "class_type": "CLIPTextEncode"},
    "9": {"inputs": {"value": "a red fox"}, "class_type": "PrimitiveStringMultiline"},
    "26": {"inputs": {"guidance": 3.5, "conditioning": ["6", 0]}, "class_type": "FluxGuidance"},
    "33": {"inputs": {"text": "blur"}, "class_type": "CLIPTextEncode"},
    "8": {"inputs": {"positive": ["26", 0], "negative": ["33", 0]}, "class_type": "ControlNetApplyAdvanced"},
    "31": {"inputs": {"seed": 5, "positive": ["8", 0], "negative": ["8", 1]}, "class_type": "KSampler"},
}
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description><exif:UserComment><rdf:Alt>
<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"""


def png(**texts: object) -> bytes:
    out, info = io.BytesIO(), PngInfo()
    for name, text in texts.items():
        written = text if isinstance(text, str) else json.dumps(text)
        info.add_itxt(
            {"xmp": "XML:com.adobe.xmp"}.get(name, name.replace("_", "-") if name == "sd_metadata" else name),
            written,
        )
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def with_exif(form: str, tag: int, value: bytes | str) -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    if tag == ExifTags.Base.UserComment:
        exif.get_ifd(ExifTags.IFD.Exif)[tag] = value
    else:
        exif[tag] = value
    Image.new("RGB", (8, 8)).save(out, form, exif=exif)
    return out.getvalue()


SWARM = {
    "prompt": "a red fox",
    "negativeprompt": "blur",
    "model": "sdxl",
    "seed": 123,
    "width": 512,
    "height": 768,
}
INVOKE = {"positive_prompt": "a red fox", "negative_prompt": "blur", "seed": 123, "width": 512, "height": 768}
FOOOCUS = {
    "prompt": "a red fox",
    "negative_prompt": "blur",
    "seed": "123",
    "resolution": "(512, 768)",
    "base_model": "j",
}
NOVEL = {
    "prompt": "a red fox",
    "uc": "blur",
    "seed": 123,
    "width": 512,
    "height": 768,
    "scale": 5,
    "steps": 28,
}
DRAW_THINGS = {"c": "a red fox", "uc": "blur", "seed": 123, "size": "512x768", "scale": 4.5, "steps": 20}
A1111 = f"a red fox\nNegative prompt: blur\n{FIELDS}"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(png(parameters=A1111), id="A1111"),
        pytest.param(png(parameters={"sui_image_params": SWARM}), id="SwarmUI"),
        pytest.param(png(parameters=FOOOCUS, fooocus_scheme="fooocus"), id="Fooocus"),
        pytest.param(png(invokeai_metadata=INVOKE), id="InvokeAI"),
        pytest.param(
            png(sd_metadata={"image": {**INVOKE, "prompt": [{"prompt": "a red fox", "weight": 1}]}}),
            id="InvokeAI 2",
        ),
        pytest.param(png(Software="NovelAI", Description="a red fox", Comment=NOVEL), id="NovelAI"),
        pytest.param(png(xmp=XMP.format(json.dumps(DRAW_THINGS).replace('"', "&quot;"))), id="Draw Things"),
        pytest.param(
            png(prompt=GRAPH | {"3": {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"], "seed": 123}}}),
            id="ComfyUI",
        ),
        *(
            pytest.param(
                with_exif(form, ExifTags.Base.UserComment, b"UNICODE\0" + A1111.encode(order)),
                id=f"{form} {order}",
            )
            for form in ("JPEG", "WEBP")
            for order in ("utf-16-be", "utf-16-le")
        ),
        pytest.param(
            with_exif("JPEG", ExifTags.Base.UserComment, b"ASCII\0\0\0" + A1111.encode()), id="JPEG ASCII"
        ),
    ],
)
def test_what_another_program_wrote_is_told_apart(content: bytes) -> None:
    read = read_picture(content)
    assert read is not None
    assert (read.prompt, read.negative) == ("a red fox", "blur")
    assert (read.fields["Seed"], read.fields["Size"]) == ("123", "512x768")


def test_a_comfyui_graph_is_followed_to_its_words() -> None:
    for read in (
        read_picture(png(prompt=FLUX_GRAPH, workflow={})),
        read_picture(with_exif("WEBP", ExifTags.Base.Make, "Prompt:" + json.dumps(FLUX_GRAPH))),
    ):
        assert read is not None
        assert (read.prompt, read.negative, read.fields["Seed"]) == ("a red fox", "blur", "5")


@pytest.mark.parametrize(
    "graph",
    [
        {},
        {"3": {"inputs": {"positive": ["6", 0], "negative": ["6", 0]}}},
        {"3": {"inputs": {"positive": ["3", 0], "negative": ["3", 0]}}},  # a circle
        {"6": {"inputs": {"text": "a red fox"}}},  # no sampler says what it is
        {"3": 7, "4": {"inputs": 7}, "5": {"inputs": {"positive": [], "negative": [{}]}}},
    ],
)
def test_a_graph_without_words_has_no_prompt(graph: object) -> None:
    assert read_picture(png(prompt=graph, workflow={})) is None


@pytest.mark.parametrize(
    "parameters", ["{", "{}", "[]{", '{"prompt": 7.5e', '{"steps": 20}', '{"a": ' * 5000, "{" + "x" * 2**20]
)
def test_json_that_says_nothing_is_never_a_prompt(parameters: str) -> None:
    read = read_picture(png(parameters=parameters))
    assert read is None or parameters.startswith("[")


@pytest.mark.parametrize(
    "text",
    [
        f"\nNegative prompt: blur, rain\n{FIELDS}",
        "Negative prompt: blur, rain",
        f"Negative prompt: blur, rain\n{FIELDS}",
    ],
)
def test_what_is_negative_stays_negative_without_a_prompt(text: str) -> None:
    read = read_infotext(text)
    assert (read.prompt, read.negative) == ("", "blur, rain")
    assert looks_like_infotext(text)


def test_tags_of_loras_are_taken_however_they_are_named() -> None:
    read = read_infotext(f"a <lora:pixel:.8> fox <lora:Add Detail v1.2:0.5><lora:x> <lora:y:1:0.5>\n{FIELDS}")
    assert read.prompt == "a fox"
    assert read.loras == (("pixel", 0.8), ("Add Detail v1.2", 0.5), ("x", 1.0), ("y", 1.0))


@pytest.mark.parametrize("text", ["a fox", "a fox\nSteps up", "Steps: many", "the negative prompt: a fox"])
def test_a_typed_prompt_does_not_look_like_parameters(text: str) -> None:
    assert not looks_like_infotext(text)


@given(
    st.dictionaries(
        st.sampled_from(["parameters", "prompt", "Comment", "xmp", "invokeai_metadata"]), st.text(max_size=80)
    )
)
def test_any_text_in_a_picture_is_read(texts: dict[str, str]) -> None:
    read_picture(
        png(
            **{
                name: text.replace("\0", "").encode("utf-8", "replace").decode()
                for name, text in texts.items()
            }
        )
    )


def test_a_picture_without_texts_has_no_parameters() -> None:
    assert read_picture(to_png(Image.new("RGB", (8, 8)))) is None
