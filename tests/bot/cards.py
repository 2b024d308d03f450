"""Test helpers for cards: a job and a gallery to show, and what a view holds in the form that Discord gets."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord
from hypothesis import settings

from bot.studio.orders.order import Gallery
from bot.texts import language
from db.images import StoredImage
from db.jobs import Job, JobAction, ReplyTarget
from generation.request import ImageSize, JobId, MemberId, ModelName
from playground.rest.api import Exchange
from tests.drawings import drawing
from tests.openapi import DESCRIPTION, Description, by_hand, references, walk

some = settings(max_examples=30, deadline=None)
LARGEST_ID = 2**63 - 1
JOB = JobId("22222aaaaa")
NOW = 1_790_000_000.0
SAY = language("en")


def a_job(text: str = "a fox", negative: str = "", **changes: Any) -> Job:
    usual: dict[str, Any] = {
        "model": ModelName("m" * 60),
        "size": ImageSize(width=1024, height=768),
        "steps": 100,
        "guidance": 12.3456,
    }
    pictures = changes.pop("pictures", ())
    drawn = drawing(text, negative, **usual | {"seed": 2**63 - 4, "images": 4, "pictures": pictures})
    job = Job(
        id=JOB,
        member=MemberId(LARGEST_ID),
        member_name="ada",
        action=JobAction.IMAGINE,
        place=ReplyTarget(guild_id=LARGEST_ID, channel_id=LARGEST_ID),
        drawing=drawn,
        created_at=NOW,
    )
    return replace(job, **changes)


def a_gallery(job: Job, count: int) -> Gallery:
    images = tuple(
        StoredImage(
            job=job.id,
            index=index,
            sha256="0" * 64,
            width=2048,
            height=1536,
            seed=job.drawing.seed + index,
            bytes=1,
            created_at=NOW,
        )
        for index in range(count)
    )
    return Gallery(job=job, images=images, grid=b"", grid_format="jpeg")


def message_of(view: discord.ui.LayoutView, names: Sequence[str] = ()) -> dict[str, Any]:
    attachments = [{"id": index, "filename": name} for index, name in enumerate(names)]
    return {"flags": 1 << 15, "components": view.to_components(), "attachments": attachments}


def problems(view: discord.ui.LayoutView, names: Sequence[str] = ()) -> list[str]:
    """Returns Discord's reasons to refuse a message with this view and files of these names."""
    exchange = Exchange(
        method="POST",
        path="/channels/1/messages",
        route="/channels/{channel_id}/messages",
        query={},
        headers={},
        body=message_of(view, names),
        files=(),
        status=500,  # the description has no rules for a 500 answer: only the request is checked
        answer=None,
        answer_headers={},
    )
    found = list(by_hand("card", exchange))
    if DESCRIPTION.is_file():
        found += Description.load(DESCRIPTION).judge(exchange)
    components = list(walk(view.to_components()))
    for button in components:
        if button["type"] == 2 and not (button.get("label") or button.get("emoji")):
            found.append("a button without label and emoji")
        if len(str(button.get("custom_id", "-"))) not in range(1, 101):
            found.append(f"a custom_id of {len(button['custom_id'])} characters")
    found += [
        f"a row of {len(row['components'])}"
        for row in components
        if row["type"] == 1 and len(row["components"]) > 5
    ]
    found += [
        f"{name} is uploaded and not shown"
        for name in names
        if f"attachment://{name}" not in references(components)
    ]
    found += ["an empty text" for each in components if each["type"] == 10 and not each["content"].strip()]
    return found


def texts_of(view: discord.ui.LayoutView) -> list[str]:
    return [each["content"] for each in walk(view.to_components()) if each["type"] == 10]


def labels_of(view: discord.ui.LayoutView) -> list[str]:
    return [
        each.get("label") or each["emoji"]["name"] for each in walk(view.to_components()) if each["type"] == 2
    ]


def custom_ids_of(view: discord.ui.LayoutView) -> list[str]:
    return [each["custom_id"] for each in walk(view.to_components()) if each["type"] == 2]
