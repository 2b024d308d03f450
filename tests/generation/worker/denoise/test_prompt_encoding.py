"""Long and weighted prompts, against AUTOMATIC1111's rules written down the slow way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from generation.prompt import Notation, Reading, words_of
from generation.protocol import Finished, Generate, Started
from generation.request import ModelName
from generation.worker.denoise.prompt_encoding import MAX_CHUNKS
from generation.worker.models.loading import Model
from tests.generation.worker.company import draw_in_company
from tests.generation.worker.denoise.test_inpaint import pixels
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order
from tests.generation.worker.test_loop import Stage

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

BREAK = None
Pieces = Sequence[tuple[str, float] | None]
"""Texts with their weights, and `BREAK`."""

LONG = " ".join(["a red fox jumps over the lazy dog, and then it sleeps in the tall grass,"] * 6)
"""342 tokens: in these tiny models each letter is one."""


def chunks_of(tokenizer: Any, pieces: Pieces) -> list[list[tuple[int, float]]]:
    """Fills chunks of 75 tokens. One that is full ends behind its last comma, if that is one of its last 20 tokens."""
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    runs: list[list[tuple[int, float]]] = [[]]
    for piece in pieces:
        if piece is None:
            runs.append([])
        else:
            runs[-1] += [
                (token, piece[1]) for token in tokenizer(piece[0], add_special_tokens=False).input_ids
            ]
    chunks: list[list[tuple[int, float]]] = []
    for number, run in enumerate(runs):
        if not run and (number < len(runs) - 1 or not chunks):
            chunks.append([])
        while run:
            end = 75
            if len(run) > 75 and run[75][0] != comma:
                commas = [at for at in range(55, 75) if run[at][0] == comma]
                end = commas[-1] + 1 if commas else 75
            chunks.append(run[:end])
            run = run[end:]
    return chunks


def reference(pipe: Any, pieces: Pieces, least: int = 1) -> tuple[Tensor, Tensor | None]:
    """Returns the embeddings of one prompt in at least so many chunks, and the pooled embedding of XL."""
    is_xl = hasattr(pipe, "tokenizer_2")
    widths: list[Tensor] = []
    pooled = None
    for each in ("", "_2") if is_xl else ("",):
        tokenizer, encoder = getattr(pipe, f"tokenizer{each}"), getattr(pipe, f"text_encoder{each}")
        chunks = chunks_of(tokenizer, pieces)
        chunks += [[]] * (least - len(chunks))
        encoded: list[Tensor] = []
        for chunk in chunks:
            fill = [tokenizer.pad_token_id] * (75 - len(chunk))
            ids = [tokenizer.bos_token_id, *(token for token, _ in chunk), tokenizer.eos_token_id, *fill]
            out = encoder(torch.tensor([ids]), output_hidden_states=True)
            z = out.hidden_states[-2][0] if is_xl else out.last_hidden_state[0]
            if each == "_2" and not encoded:
                pooled = out.text_embeds[0]
            weights = torch.tensor([1.0, *(weight for _, weight in chunk), *[1.0] * (76 - len(chunk))])
            heavy = z * weights[:, None]
            encoded.append(heavy if torch.equal(heavy, z) else heavy * (z.mean() / heavy.mean()))
        widths.append(torch.vstack(encoded))
    return torch.hstack(widths), pooled


@pytest.fixture(scope="module", params=["sd", "sdxl"])
def one(request: pytest.FixtureRequest) -> Model:
    loaded = model(request.getfixturevalue(f"{request.param}_folder"))
    loaded.pipe.set_progress_bar_config(disable=True)
    # A new norm's output has the mean 0, which nothing can restore; that of a trained one has another.
    for name, parameter in loaded.pipe.text_encoder.named_parameters():
        if name.endswith("final_layer_norm.bias"):
            parameter.data += 0.2
    return loaded


def close(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and float((found - expected).abs().max()) < 1e-5 * float(
        expected.abs().max()
    )


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (LONG, [(LONG, 1.0)]),
        (LONG.replace(",", ""), [(LONG.replace(",", ""), 1.0)]),
        ("x" * 75 + ", y", [("x" * 75 + ", y", 1.0)]),
        ("x" * 74 + ", y", [("x" * 74 + ", y", 1.0)]),
        ("a, " + "x" * 70 + ", " + "y" * 20, [("a, " + "x" * 70 + ", " + "y" * 20, 1.0)]),
        ("(red:1.3) apple", [("red", 1.3), (" apple", 1.0)]),
        ("((red)) [blue] apple", [("red", 1.1 * 1.1), ("", 1.0), ("blue", 1 / 1.1), ("apple", 1.0)]),
        ("(a (b:1.5) c:0.5), (d:-0.2)", [("a", 0.5), ("b", 0.75), ("c", 0.5), (",", 1.0), ("d", -0.2)]),
        ("a cat BREAK a dog", [("a cat", 1.0), BREAK, ("a dog", 1.0)]),
        ("BREAK a BREAK BREAK b BREAK", [BREAK, ("a", 1.0), BREAK, BREAK, ("b", 1.0), BREAK]),
        (f"(first:1.4), {LONG} (last:0.6)", [("first", 1.4), (f", {LONG} ", 1.0), ("last", 0.6)]),
        (f"(x BREAK {LONG}:1.2)", [("x", 1.2), BREAK, (LONG, 1.2)]),
    ],
)
def test_prompts_are_encoded_in_chunks_and_weighed_as_automatic1111_does(
    one: Model, text: str, pieces: Pieces
) -> None:
    clip = one.family.clip
    assert clip is not None
    with torch.inference_mode():
        expected, pooled = reference(one.pipe, pieces)
        (found, own_pooled), *_ = clip.encode(
            words_of(text), words_of(""), False, clip.chunks([words_of(text)])
        )
    assert close(found, expected)
    assert (own_pooled is None) == (pooled is None)
    assert pooled is None or own_pooled is None or close(own_pooled, pooled)


@pytest.mark.parametrize(
    "negative", ["", "blurry", "x" * 75], ids=["without a negative prompt", "with one", "with a full one"]
)
def test_a_prompt_without_notation_that_fits_is_encoded_to_the_bit_as_by_the_pipeline(
    one: Model, negative: str
) -> None:
    text = "two cups of tea, please"
    with torch.inference_mode():
        found = one.family.encode(words_of(text), words_of(negative), True, 1)
        encoded: Any = one.pipe.encode_prompt(
            text,
            device=one.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
            negative_prompt=negative or None,
        )
    texts, pooled = encoded[:2], encoded[2:] or (None, None)
    for (own, own_pooled), row, pool in zip(found, texts, pooled, strict=True):
        assert torch.equal(own, row[0])
        assert pool is None or (own_pooled is not None and torch.equal(own_pooled, pool[0]))


def test_three_hundred_tokens_are_drawn_to_the_last_word(one: Model) -> None:
    """M19 of the known cases."""
    texts: list[tuple[str, str, Pieces]] = [
        (f"{LONG} east", "blurry", [(f"{LONG} east", 1.0)]),
        (f"{LONG} west", "", [(f"{LONG} west", 1.0)]),
        (f"{LONG} (west:1.5)", LONG, [(LONG, 1.0), ("west", 1.5)]),
        ("(fox:1.3)", f"{LONG} rain", [("fox", 1.3)]),
    ]
    orders = [
        (one, order(f"{i}", text=text, negative=negative, steps=4 + i % 2, guidance=5.0))
        for i, (text, negative, _) in enumerate(texts)
    ]
    drawn = [slot.sample for slot in draw_in_company(orders, seed=1)]
    for sample, (_, _, pieces), (_, request) in zip(drawn, texts, orders, strict=True):
        expected = by_the_pipeline(one, pieces, request.drawing)
        assert float((sample - expected).abs().max()) < 1e-4 * float(expected.abs().max())
    pair = [
        (one, order(word, text=f"{LONG} {word}", guidance=5.0))
        for word in ("east", "west")  # they differ after token 342
    ]
    east, west = (slot.sample for slot in draw_in_company(pair, seed=2))
    assert float((east - west).abs().max()) > 1e-3


@pytest.mark.parametrize("folder", ["sd_folder", "sdxl_folder"])
def test_the_loop_draws_long_and_short_prompts_at_the_same_time(
    request: pytest.FixtureRequest, folder: str
) -> None:
    stage = Stage(request.getfixturevalue(folder))
    orders = [order("long", text=f"{LONG} end"), order("short")]
    stage.say(*(Generate(request=each) for each in orders))
    stage.finish()
    assert {event.job: event.reading and event.reading.tokens for event in stage.of(Started)} == {
        "long": 342 + 3,
        "short": 7,
    }
    one = stage.loop.model_cache.take(ModelName("tiny"))
    for finished in stage.of(Finished):
        (asked,) = (each.drawing for each in orders if each.job == finished.job)
        pieces: Pieces = [(asked.prompt.text, 1.0)]
        expected = by_the_pipeline(one, pieces, asked, output_type="pil")
        assert np.abs(pixels(finished.pictures[0]) - np.asarray(expected).astype(int)).max() <= 1


def by_the_pipeline(one: Model, wanted: Pieces, drawing: Any, output_type: str = "latent") -> Any:
    """Returns what diffusers' pipeline draws from the reference's embeddings."""
    negative: Pieces = [(drawing.prompt.negative, 1.0)]
    is_xl = hasattr(one.pipe, "tokenizer_2")
    with torch.inference_mode():
        least = max(len(chunks_of(one.pipe.tokenizer, each)) for each in (wanted, negative))
        shown, pooled = reference(one.pipe, wanted, least)
        unwanted, pooled_unwanted = reference(one.pipe, negative, least)
        if is_xl and not drawing.prompt.negative:
            assert pooled_unwanted is not None
            unwanted, pooled_unwanted = torch.zeros_like(unwanted), torch.zeros_like(pooled_unwanted)
        more: dict[str, Any] = {}
        if pooled is not None and pooled_unwanted is not None:
            more = {
                "pooled_prompt_embeds": pooled[None],
                "negative_pooled_prompt_embeds": pooled_unwanted[None],
            }
        return one.pipe(
            prompt_embeds=shown[None],
            negative_prompt_embeds=unwanted[None],
            num_inference_steps=drawing.steps,
            guidance_scale=drawing.guidance,
            generator=torch.Generator().manual_seed(drawing.seed),
            height=drawing.size.height,
            width=drawing.size.width,
            output_type=output_type,
            **more,
        ).images[0]


def test_the_parts_of_a_prompt_have_as_many_chunks_as_the_longest_text(one: Model) -> None:
    drawing = order(text="(fox:1.2)::2 a BREAK b AND weeds :-1", negative=LONG).drawing
    rows = one.conditioner.rows(drawing.prompt, 5.0, drawing.size)
    assert [tuple(row.text.shape[:1]) for row in rows] == [(6 * 77,)] * 4
    with torch.inference_mode():
        expected, _ = reference(one.pipe, [("fox", 1.2)], least=6)
    assert close(rows[0].text, expected)


def test_a_prompt_beyond_the_last_chunk_is_cut_there_and_told(one: Model) -> None:
    text = "x" * 5000
    drawing = order(text=text, negative="BREAK" * 3).drawing
    rows = one.conditioner.rows(drawing.prompt, 5.0, drawing.size)
    assert rows[0].text.shape[0] == MAX_CHUNKS * 77
    reading = one.reading(drawing)
    assert (reading.tokens, reading.read) == (5000, MAX_CHUNKS * 75)


@pytest.mark.parametrize("text", ["(a:-1)", "((fox:0):0)", "(a fox:-10) [[[b]]]", "(x:0.0001)" * 3])
def test_weights_that_cancel_each_other_out_give_numbers(one: Model, text: str) -> None:
    drawing = order(text=text).drawing
    (row, _) = one.conditioner.rows(drawing.prompt, 5.0, drawing.size)
    assert bool(torch.isfinite(row.text).all())
    assert float(row.text.abs().max()) < 1000


def test_bert_reads_its_window_and_weighs_nothing(bundled_folder: Path) -> None:
    one = model(bundled_folder)
    assert one.family.clip is None
    drawing = order(text="(a red fox:1.3) BREAK in the snow", negative="bad").drawing
    plain = order(text="a red fox in the snow", negative="bad").drawing
    rows, expected = (one.conditioner.rows(each.prompt, 5.0, each.size) for each in (drawing, plain))
    assert all(torch.equal(row.text, own.text) for row, own in zip(rows, expected, strict=True))
    assert rows[0].text.shape[0] == 20


LENGTHY = "(a red fox:1.3) BREAK " + "x" * 90
NEGATIVE = "y" * 600
ALL = tuple(Notation)


@pytest.mark.parametrize(
    ("folder", "guidance", "expected"),
    [
        ("sd", 5.0, Reading(tokens=97, read=97, negative_tokens=600, negative_read=600)),
        ("sdxl", 1.0, Reading(tokens=97, read=97)),
        # The window of their longest encoder: BERT's 20, and diffusers' limits of T5, which also counts the blanks here.
        (
            "bundled",
            5.0,
            Reading(tokens=97, read=18, negative_tokens=1, negative_read=1, ignored=ALL),
        ),
        ("sd3", 5.0, Reading(tokens=101, read=101, negative_tokens=601, negative_read=255, ignored=ALL)),
        ("flux", 5.0, Reading(tokens=101, read=101, ignored=ALL)),
    ],
)
def test_a_model_tells_how_much_of_a_prompt_it_reads_and_what_it_cannot_follow(
    request: pytest.FixtureRequest, folder: str, guidance: float, expected: Reading
) -> None:
    one = model(request.getfixturevalue(f"{folder}_folder"))
    assert one.reading(order(text=LENGTHY, negative=NEGATIVE, guidance=guidance).drawing) == expected
    plain = one.reading(order(text="a fox", guidance=guidance).drawing)
    assert (plain.read, plain.ignored) == (plain.tokens, ())
