"""/verify and the message menu "Verify": whether this bot made a picture, when, from what, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
from discord import app_commands

from bot.client import Interaction
from bot.permissions import actor_of
from bot.studio.errors import NothingToVerify, PictureGone, TooHeavyToVerify
from bot.studio.orders.order import Actor
from bot.studio.pictures.verification import MAX_BYTES, Evidence, How, Verified
from bot.texts import markdown
from bot.texts import members as texts
from bot.texts import moderators as mod_texts
from bot.ui.components import note
from db.jobs import Job, JobAction

Interaction = Interaction
_MOST = 4
"""Pictures of one message."""
_PROMPT = 350  # characters

_BY = {
    How.CREDENTIALS: "its signed credentials (the file is unchanged)",
    How.MARK: "its invisible mark",
    How.PARAMETERS: "the parameters in the file, which anybody could write",
    How.LIKENESS: "its likeness to a picture of mine",
}


@app_commands.command(description="Did this bot make that picture? When, and from what?")
@app_commands.describe(picture="PNG, JPEG or WebP")
async def verify(interaction: Interaction, picture: discord.Attachment) -> None:
    if picture.size > MAX_BYTES:
        raise TooHeavyToVerify(picture.size, MAX_BYTES)
    await _answer(interaction, [picture.url])


@app_commands.context_menu(name="Verify")
async def verify_message(interaction: Interaction, message: discord.Message) -> None:
    uploaded = [each.url for each in message.attachments if _may_be_picture(each)]
    await _answer(interaction, [*uploaded, *_shown_in(message.components)])


def _may_be_picture(file: discord.Attachment) -> bool:
    """By what Discord says of it: films and archives are not fetched to be looked at."""
    return file.size <= MAX_BYTES and (file.content_type or "image/").startswith("image/")


async def _answer(interaction: Interaction, addresses: list[str]) -> None:
    """`addresses` are of Discord's own files. Raises NothingToVerify where none of them is a picture."""
    if not addresses:
        raise NothingToVerify
    # Reading and looking take longer than a press may wait on a slow day.
    await interaction.response.defer(ephemeral=True, thinking=True)
    actor = actor_of(interaction)
    said: list[str] = []
    for number, address in enumerate(addresses):
        if len(said) == _MOST:
            left = mod_texts.count(len(addresses) - number, "more file")
            said.append(f"-# {left} of this message I have not looked at: `/verify` takes one at a time.")
            break
        try:
            content = await interaction.client.http.get_from_cdn(address)
        except (discord.NotFound, discord.Forbidden) as error:
            raise PictureGone from error  # deleted meanwhile
        try:
            verified = await interaction.client.parts.verification.examine(content)
        except (NothingToVerify, TooHeavyToVerify):
            continue
        said.append(_said(verified, actor))
    if not said:
        raise NothingToVerify
    await interaction.followup.send(
        view=note("\n\n".join(said)), ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
    )


def _shown_in(components: Any) -> Iterator[str]:
    """What was uploaded with a message and is shown by its components. Nothing is fetched from any other address."""
    for each in components:
        if isinstance(each, discord.components.MediaGalleryComponent):
            yield from (item.media.url for item in each.items if item.media.attachment_id)
        yield from _shown_in(getattr(each, "children", ()))


def _said(verified: Verified, actor: Actor) -> str:
    best = verified.best
    if best is None:
        return _not_ours(verified)
    same = [each for each in verified.evidence if (each.job and each.job.id) == (best.job and best.job.id)]
    if best.job is None:
        text = "**This bot made it**, but the order behind it is not known any more."
    elif best.how in (How.CREDENTIALS, How.MARK):
        text = f"**This bot made it** {_when(best.job)}."
    else:
        text = f"**This bot probably made it** {_when(best.job)}."
    lines = [text, f"Known by {_ways(same)}."]
    if verified.was_changed:
        lines.append("The file was changed after it was signed.")
    if best.job is not None:
        lines += _about(best.job, _image_of(same), actor)
    # A likeness is no contradiction: an enlarged picture is like the one that it was made from.
    signs = [each for each in verified.evidence if each.how is not How.LIKENESS]
    others = {each.job.id for each in signs if each.job} - {best.job.id if best.job else None}
    if others:
        lines.append(f"-# Other signs point to {', '.join(f'job {job}' for job in sorted(others))}.")
    return "\n".join(lines)


def _not_ours(verified: Verified) -> str:
    if verified.is_foreign:
        return (
            "**Another Atelier bot** signed it, not this one. Its credentials say that an AI model drew it."
        )
    lines = [
        "**Nothing says that this bot made it**: it has no credentials, no mark and no parameters of this bot, and looks like "
        "none of its pictures."
    ]
    if verified.was_changed:
        lines = [
            "**It carries an Atelier's credentials, but was changed since**, so they say nothing any more."
        ]
    return "\n".join([*lines, "-# A crop, a rotation or a redrawing removes all signs: this is no proof."])


def _ways(evidence: list[Evidence]) -> str:
    ways = list(dict.fromkeys(_BY[each.how] for each in evidence))
    return ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])} and {ways[-1]}"


def _image_of(evidence: list[Evidence]) -> int | None:
    """The picture's number, where the signs agree on one; a grid has several."""
    numbers = {each.image for each in evidence if each.image is not None}
    is_grid = any(each.how is How.CREDENTIALS and each.image is None for each in evidence)
    return numbers.pop() if len(numbers) == 1 and not is_grid else None


def _when(job: Job) -> str:
    return f"on {texts.moment(job.finished_at or job.created_at)}"


def _about(job: Job, image: int | None, actor: Actor) -> list[str]:
    drawing = job.drawing
    parts = [f"job {job.id}" if image is None else f"picture {image + 1} of job {job.id}", drawing.model]
    if job.action is JobAction.UPSCALE:
        parts.append("upscaled")
    else:
        parts += [f"{drawing.steps} steps", f"cfg {drawing.guidance:g}"]
        parts += [f"LoRA {lora.name} {lora.weight:g}" for lora in drawing.loras]
    parts.append(f"seed {drawing.seed + (image or 0)}")
    lines = ["-# " + " · ".join(parts)]
    is_theirs = actor.is_moderator and actor.guild_id is not None and actor.guild_id == job.place.guild_id
    if is_theirs or actor.member == job.member:
        lines.append(f"> {markdown.short(markdown.plain(drawing.prompt.text), _PROMPT)}")
        if drawing.prompt.negative:
            lines.append(f"> negative: {markdown.short(markdown.plain(drawing.prompt.negative), _PROMPT)}")
    if is_theirs:
        lines.append(
            f"Asked for by <@{job.member}> ({markdown.plain(job.member_name)}) in <#{job.place.channel_id}>."
        )
    return lines
