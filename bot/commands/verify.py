"""/verify, and Verify of the menu "Picture…": whether this bot made a picture, and if so when, from what, and for whom."""

from collections.abc import Iterator
from typing import Any

import discord

from bot.attachments import fetched
from bot.client import Interaction
from bot.gallery.cards import loras_told
from bot.permissions import actor_of
from bot.studio import Actor, Moderator, NothingToVerify, TooHeavyToVerify
from bot.studio.pictures.verification import MAX_BYTES, Evidence, How, Verified
from bot.ui import Language, command, markdown, note, say_to
from db import Job
from generation import MemberId

_FETCH_SECONDS = 20.0
_MOST = 4
"""Pictures of one message that are examined."""


@command("command-verify")
async def verify(interaction: Interaction, picture: discord.Attachment) -> None:
    if picture.size > MAX_BYTES:
        raise TooHeavyToVerify(picture.size, MAX_BYTES)
    await _answer(interaction, [picture.url])


async def verify_message(interaction: Interaction, message: discord.Message) -> None:
    """Examines the pictures of a message. Raises as `_answer`."""
    uploaded = [each.url for each in message.attachments if may_be_picture(each)]
    await _answer(interaction, [*uploaded, *shown_in(message.components)])


def may_be_picture(file: discord.Attachment) -> bool:
    """Returns whether Discord calls the file a picture of allowed size: videos and archives are not downloaded."""
    return file.size <= MAX_BYTES and (file.content_type or "image/").startswith("image/")


async def _answer(interaction: Interaction, addresses: list[str]) -> None:
    """Examines the files. `addresses`: Discord's own URLs.

    Raises NothingToVerify when none of them is a picture, TooManyChecks, PictureGone, FileUnreachable.
    """
    if not addresses:
        raise NothingToVerify
    verification = interaction.client.parts.verification
    verification.spend_check(MemberId(interaction.user.id))
    # Downloads and examination may take longer than the three seconds that Discord waits.
    await interaction.response.defer(ephemeral=True, thinking=True)
    actor, say = actor_of(interaction), say_to(interaction)
    said: list[str] = []
    for number, address in enumerate(addresses):
        if len(said) == _MOST:
            said.append(say("verify-left", count=len(addresses) - number))
            break
        try:
            async with verification.turn:
                verified = await verification.examine(await fetched(address, MAX_BYTES, _FETCH_SECONDS))
        except (NothingToVerify, TooHeavyToVerify):
            continue
        said.append(_said(verified, actor, say))
    if not said:
        raise NothingToVerify
    await interaction.followup.send(view=note("\n\n".join(said)), ephemeral=True)


def shown_in(components: Any) -> Iterator[str]:
    """Yields URLs of files uploaded with the message and shown in its components. Other URLs are never fetched."""
    for each in components:
        if isinstance(each, discord.components.MediaGalleryComponent):
            yield from (item.media.url for item in each.items if item.media.attachment_id)
        yield from shown_in(getattr(each, "children", ()))


def _said(verified: Verified, actor: Actor, say: Language) -> str:
    best = verified.best
    if best is None:
        if verified.is_foreign:
            return say("verify-foreign")
        return say("verify-not-ours", was_changed=verified.was_changed)
    job = best.job
    same = [each for each in verified.evidence if (each.job and each.job.id) == (job and job.id)]
    certainty = "sure" if best.how in (How.CREDENTIALS, How.MARK) else "likely"
    made_at = (job.finished_at or job.created_at) if job else None
    *ways, last = dict.fromkeys(say("verify-way", how=each.how) for each in same)
    lines = [
        say("verify-made", certainty=certainty if job else "forgotten", at=made_at),
        say("verify-known-by", more=", ".join(ways), way=last),
    ]
    if verified.was_changed:
        lines.append(say("verify-changed"))
    if job is not None:
        lines += _about(job, _image_of(same), actor, say)
    # A likeness does not contradict: an upscaled picture looks like its source.
    signs = [each for each in verified.evidence if each.how is not How.LIKENESS]
    if others := {each.job.id for each in signs if each.job} - {job.id if job else None}:
        jobs = ", ".join(say("verify-job", job=each, picture=None) for each in sorted(others))
        lines.append(say("verify-others", jobs=jobs))
    return "\n".join(lines)


def _image_of(evidence: list[Evidence]) -> int | None:
    """Returns the picture's index when the signs agree on one; None for a grid."""
    numbers = {each.image for each in evidence if each.image is not None}
    is_grid = any(each.how is How.CREDENTIALS and each.image is None for each in evidence)
    return numbers.pop() if len(numbers) == 1 and not is_grid else None


def _about(job: Job, image: int | None, actor: Actor, say: Language) -> list[str]:
    drawing = job.drawing
    lines = [
        say(
            "verify-drawn",
            job=job.id,
            picture=None if image is None else image + 1,
            model=drawing.model,
            action=job.action,
            steps=drawing.steps,
            cfg=f"{drawing.guidance:g}",
            loras=loras_told(say, drawing.loras),
            seed=drawing.seed + (image or 0),
        )
    ]
    is_theirs = isinstance(actor, Moderator) and actor.guild_id == job.place.guild_id
    if is_theirs or actor.member == job.member:
        lines.append(say("verify-prompt", prompt=drawing.prompt.text or markdown.NO_WORDS))
        if drawing.prompt.negative:
            lines.append(say("verify-negative", negative=drawing.prompt.negative))
    if is_theirs:
        channel, name = job.place.channel_id, job.member_name
        lines.append(say("verify-asked-by", member=job.member, name=name, channel=channel))
    return lines
