"""An order's path through both processes in the log: every line has its id, none its prompt."""

import json
from pathlib import Path
from typing import Any

import pytest

from playground.world.messages import Message
from tests.e2e.stage import Options, Stage, job_of, on_stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

WORDS = ("quokka", "zeppelin", "xylograph")
# Longer than CLIP's limit: diffusers then logs a warning with the omitted text.
PROMPT = f"a {WORDS[0]} in a {WORDS[1]} " + "over hills and far away " * 12 + WORDS[2]


async def drawn(stage: Stage) -> list[Message]:
    """Draws an order, orders from its buttons, and an order that fails in the worker."""
    ada = stage.guest()
    gallery = await stage.draw(ada, PROMPT, negative=WORDS[1], images=2)
    varied = await stage.gallery(await stage.press(ada, gallery, "V1"))
    failed = await stage.imagine(ada, f"{WORDS[0]} and {WORDS[1]} --lora lost", images=1)
    await stage.card(failed, lambda message: "No picture was made" in message.texts)
    cancelled = await stage.imagine(ada, f"{WORDS[2]} forever", steps=900, images=1)
    card = await stage.card(cancelled, lambda message: "%" in message.texts)
    await stage.press(ada, card, "Cancel")
    await stage.card(cancelled, lambda message: "Cancelled" in message.texts)
    return [gallery, varied]


async def test_the_log_of_bot_and_worker_follows_a_job_and_never_tells_its_prompt(
    tmp_path: Path, model: Path
) -> None:
    async with on_stage(
        tmp_path, model, Options(log="json", log_file=str(tmp_path / "atelier.log"))
    ) as stage:
        jobs = [job_of(message) for message in await drawn(stage)]
        await stage.until(lambda: all(f'"{job}"' in stage.said() for job in jobs))
        await stage.stop()
        said = stage.said()
    for name, package in (("atelier.log", "bot"), ("atelier-worker.log", "generation")):
        found = [json.loads(line)["logger"] for line in (tmp_path / name).read_text("utf-8").splitlines()]
        assert any(each.startswith(package) for each in found)
    lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    assert not [line for line in lines if line["level"] == "debug"]
    for word in WORDS:
        assert word not in said.casefold()
    for job in jobs:
        own = [line for line in lines if line.get("job") == job]
        assert {line["logger"].split(".")[0] for line in own} == {"bot", "generation"}
        loggers = {line["logger"] for line in own}
        assert {"bot.gallery.delivery", "generation.worker.loop"} <= loggers
        assert [line["event"] for line in own if line["logger"] == "bot.gallery.delivery"][-1] == "delivered"
    # A line without a job in its context must not name a job in its text either.
    assert not [line for line in lines if "job" not in line and any(job in line["event"] for job in jobs)]
