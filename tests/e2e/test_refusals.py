"""Refusals: one sentence, visible to the member only, free of charge."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from playground.world.errors import Refused
from tests.e2e.stage import Options, Stage, on_stage
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

NUDE = "a nude woman"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, model: Path) -> AsyncGenerator[Stage]:
    """A stage for tests that need no picture, so no test waits for the worker."""
    options = Options(images_a_minute=6, jobs_in_line=2, max_waiting=8, slots=1)
    async with on_stage(tmp_path_factory.mktemp("refusals"), model, options) as stage:
        yield stage


@pytest.mark.parametrize(
    ("prompt", "options", "sentence"),
    [
        ("   ", {}, "There is no prompt"),
        ("--ar 3:2 --seed 4", {}, "There is no prompt"),
        ("x" * 4000, {}, "The prompt has 4,000 characters; at most 1,000 fit"),
        ("a cat", {"negative": "x" * 4000}, "The negative prompt has 4,000 characters"),
        ("a cat --ar 0:7", {}, "`--ar` can't be `0:7`"),
        ("a cat --ar 9:1", {}, "`--ar` can't be `9:1`"),
        ("a cat --seed 18446744073709551616", {}, "`--seed` can't be `18446744073709551616`"),
        ("a cat --seed -2", {}, "`--seed` can't be `-2`"),
        ("a cat --steps 5000", {}, "`--steps` can't be `5000`"),
        ("a cat --cfg nan", {}, "`--cfg` can't be `nan`"),
        ("a cat --images 5", {}, "`--images` can't be `5`"),
        ("a cat --seed", {}, "`--seed` has no value"),
        ("a cat --sede 4", {}, "There is no parameter `--sede`. Did you mean `--seed`?"),
        ("a cat --model tinny", {}, "There is no model `tinny` here. Did you mean `tiny`?"),
        ("a cat --lora pixl:0.5", {}, "There is no LoRA `pixl` for the model `tiny`. Did you mean `pixel`?"),
        ("a cat --lora pixel:9", {}, "`--lora` can't be `pixel:9`: it takes a LoRA's name"),
        (
            "a cat",
            {"model": "twin", "lora": "pixel"},
            "The model `tiny` has it: choose that with `--model tiny`",
        ),
        ("a cat", {"model": "sdxxl"}, "There is no model `sdxxl` here"),
    ],
)
async def test_what_makes_no_sense_is_said_in_private_and_makes_no_job(
    stage: Stage, prompt: str, options: dict[str, Any], sentence: str
) -> None:
    ada = stage.guest()
    use = await ada.slash("gallery", "imagine", prompt=prompt, **options)
    assert sentence in await stage.private(use)
    assert stage.rows("SELECT 1 FROM jobs WHERE member = ?", ada.id) == []
    assert stage.spent(ada) == 0
    assert use.answer_seconds < 3


async def test_discord_itself_keeps_options_within_their_range(stage: Stage) -> None:
    beyond: tuple[dict[str, Any], ...] = (
        {"seed": 2**64},
        {"steps": 0},
        {"images": 5},
        {"guidance": 31.0},
        {"aspect": "0:7"},
    )
    for options in beyond:
        with pytest.raises(Refused):
            await stage.ada.slash("gallery", "imagine", prompt="a cat", **options)


async def test_a_filtered_prompt_is_refused_recorded_and_shown_to_the_moderators(stage: Stage) -> None:
    ada = stage.guest()
    use = await ada.slash("gallery", "imagine", prompt=NUDE)
    text = await stage.private(use)
    assert "can't be drawn here: it reads as nudity" in text
    assert "Nothing was charged" in text
    verdict = stage.row("SELECT * FROM verdicts WHERE member = ?", ada.id)
    assert (verdict["prompt"], verdict["category"], verdict["job"]) == (NUDE, "nudity", None)
    assert stage.rows("SELECT 1 FROM jobs WHERE member = ?", ada.id) == []
    assert stage.spent(ada) == 0

    card = await stage.play.wait_for_message(
        lambda m: f"<@{ada.id}>" in m.texts, "mod-log", seen_by=stage.mia
    )
    for words in (NUDE, "Refused", "nudity", "`nude`", "/imagine"):
        assert words in card.texts
    assert all(NUDE not in message.texts for message in await ada.sees("gallery") if not message.is_ephemeral)


@pytest.mark.parametrize(
    ("prompt", "options"),
    [("a fair lady", {"negative": "clothes"}), ("a fair lady --no clothes", {}), ("a n.u.d.e lady", {})],
)
async def test_the_filter_reads_the_negative_prompt_too_and_sees_through_disguises(
    stage: Stage, prompt: str, options: dict[str, Any]
) -> None:
    ada = stage.guest()
    text = await stage.private(await ada.slash("gallery", "imagine", prompt=prompt, **options))
    assert "can't be drawn here" in text
    assert ("negative" in text) == ("clothes" in f"{prompt}{options}")
    assert stage.rows("SELECT 1 FROM jobs WHERE member = ?", ada.id) == []


async def test_who_has_used_up_their_images_is_told_when_again(stage: Stage) -> None:
    ada = stage.guest()
    await stage.imagine(ada, "five", steps=900, images=4)
    text = await stage.private(await ada.slash("gallery", "imagine", prompt="too many", images=3))
    found = re.search(r"again in (\d+) s", text)
    assert found, text
    assert 0 < int(found[1]) <= 60
    assert stage.spent(ada) == 4
    assert len(stage.rows("SELECT 1 FROM jobs WHERE member = ?", ada.id)) == 1
    # An order that still fits the limit is accepted.
    await stage.imagine(ada, "two more", steps=900, images=2)


async def test_who_has_enough_jobs_in_line_is_told_so(stage: Stage) -> None:
    ada = stage.guest()
    for i in range(2):
        await stage.imagine(ada, f"job {i}", steps=900, images=1)
    text = await stage.private(await ada.slash("gallery", "imagine", prompt="a third", images=1))
    assert "2 jobs in the queue already" in text
    assert "/queue" in text
    assert stage.spent(ada) == 2


async def test_two_orders_in_the_same_instant_cannot_both_take_what_is_left(stage: Stage) -> None:
    ada = stage.guest()
    uses = [await ada.slash("gallery", "imagine", prompt=f"at once {i}", images=4) for i in range(2)]
    messages = [await use.wait_for_message() for use in uses]
    assert sorted(message.is_ephemeral for message in messages) == [False, True]
    assert stage.spent(ada) == 4


async def test_a_full_line_takes_nobody_and_says_so(stage: Stage) -> None:
    while True:
        use = await stage.guest().slash("gallery", "imagine", prompt="one more", images=1, steps=150)
        message = await use.wait_for_message()
        if message.is_ephemeral:
            break
    assert "The queue is full" in message.texts
    assert len(stage.rows("SELECT 1 FROM jobs WHERE state IN ('queued', 'running')")) <= 8 + 2


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
