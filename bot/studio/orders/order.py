"""An order: a member's request in native types, free of Discord and not yet in the database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.studio.errors import NoSuchJob
from db import Job, JobAction, Note, PictureSource, StoredImage
from generation import Drawing, InputPicture, JobId, MemberId, Role

IN_STYLE_OF = "in the style of image"
"""What a prompt says of a style's picture to a model that takes pictures to refer to; its number follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The member who acts, and the channel they act in."""

    member: MemberId
    name: str
    guild_id: int | None
    channel_id: int
    parent_id: int | None = None  # the channel that a thread belongs to
    is_age_restricted: bool = False  # whether the channel is age-restricted
    account_at: float | None = None  # unix seconds; creation of the account
    joined_at: float | None = None  # unix seconds; when they joined the server


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderator(Actor):
    """A member who may act on others in their server, or change its settings."""

    guild_id: int
    is_senior: bool = False  # a head: has Manage Server too, or a role of that level
    is_helper: bool = False  # sees and proposes: a moderator must confirm each decision
    may_ban: bool = (
        True  # and change rules. False: the server has chosen roles for heads, and this is none of them
    )


def demand_known(job: Job | None, named: JobId | str, actor: Actor) -> Job:
    """Returns the job when the actor may know of it: their own, or one of their server.

    Every act on a job passes here, because a button's custom_id can name any job. Raises NoSuchJob.
    """
    if job is None or (job.member != actor.member and job.place.guild_id != actor.guild_id):
        raise NoSuchJob(named)
    return job


def is_enlarged(job: Job) -> bool:
    """Returns whether the job's picture is an enlarged one, so that it has no U buttons of its own."""
    return job.action is JobAction.UPSCALE or job.drawing.picture(Role.CREATIVE) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request with its member and place. Once accepted, it becomes a Job."""

    actor: Actor
    source: str  # its origin: "/imagine", "button V2", ...
    action: JobAction
    drawing: Drawing[PictureSource]
    notes: tuple[Note, ...] = ()
    typed: str = ""  # the options of a typed order, as inline parameters
    style: str = ""  # the name of a style that is still to be put behind the prompt
    is_style_usual: bool = False  # it is the member's default, and left out where it can't be used
    picture_text: str = ""  # what is written in pictures that are not stored yet
    is_for_server: bool = (
        False  # what it has is kept for all channels: the strictest of their policies judges it
    )
    drawn: str = (
        ""  # what is drawn instead of the prompt, if the model reads it with its tables; screened too
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """A finished job's pictures, ready to post."""

    job: Job
    images: tuple[StoredImage, ...]
    grid: bytes
    grid_format: str  # "jpeg", "webp" or "png"
    single: bytes | None = None  # the PNG, when there is only one picture


def pictures_of_style(drawing: Drawing[PictureSource]) -> Sequence[InputPicture[PictureSource]]:
    """Returns the pictures whose style alone counts: that of an adapter, and those that the prompt tells to be one."""
    named = re.findall(rf"{IN_STYLE_OF} (\d+)\b", drawing.prompt.text, re.IGNORECASE)
    told = [each for number, each in enumerate(drawing.references, start=1) if str(number) in named]
    return [*(each for each in drawing.pictures if each.role is Role.STYLE), *told]


class GalleryAction(StrEnum):
    """The action of a button on a card or gallery."""

    UPSCALE = "up"
    VARY = "vary"
    SUBTLE = "subtle"
    STRONG = "strong"
    REGION = "region"  # shows the numbered cells; see bot/gallery/region.py
    CELLS = "cells"  # opens the form that asks for them
    DRAW = "drawregion"  # gives the link to the page where a region is drawn; see bot/mask_page/
    DRAWN = "drawn"  # opens the form for what was drawn there
    UPSCALE_2 = "up2"
    UPSCALE_4 = "up4"
    CREATIVE = "creative"  # enlarges, and draws the details anew
    ZOOM_LITTLE = "zoom15"
    ZOOM_MUCH = "zoom20"
    PAN_LEFT = "left"
    PAN_RIGHT = "right"
    PAN_UP = "above"
    PAN_DOWN = "below"
    SQUARE = "square"
    REROLL = "reroll"
    REMIX = "remix"  # opens a form; see bot/gallery/remix_form.py
    DELETE = "delete"
    CANCEL = "cancel"
    SHOW = "show"  # in /history, for pictures that could not be posted
    PING = "ping"  # mentions the member when the job ends, or no more
    SEND = "send"  # sends the pictures to the member's direct messages


VARYING: Mapping[GalleryAction, float] = {
    GalleryAction.VARY: 0.0,
    GalleryAction.SUBTLE: -1 / 3,
    GalleryAction.STRONG: 0.5,
}
"""Buttons that vary a picture, and the strength beyond the model's own variation: from 0 (none) to 1 (a new picture). Below 0 it
is the share of the own strength that is taken away.
"""

FACTORS: Mapping[GalleryAction, int] = {
    GalleryAction.UPSCALE: 0,
    GalleryAction.UPSCALE_2: 2,
    GalleryAction.UPSCALE_4: 4,
}
"""Buttons that enlarge a picture, and the factor; 0: that of the settings."""
