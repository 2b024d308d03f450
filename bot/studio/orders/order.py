"""An order: what a member asks for, in native types. The last values before Discord disappears, and before the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from db import Job, JobAction, Parent, StoredImage
from generation import Drawing, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, and from where."""

    member: MemberId
    name: str
    guild_id: int | None
    channel_id: int
    parent_id: int | None = None  # the channel that a thread belongs to
    is_age_restricted: bool = False  # whether the channel is
    account_at: float | None = None  # unix seconds; when the account was made
    joined_at: float | None = None  # when they became a member


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderator(Actor):
    """Who may act on others in their server, or choose what holds in it."""

    guild_id: int
    is_senior: bool = False  # may manage the server too


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request with its member and place. Accepted, it becomes a Job."""

    actor: Actor
    source: str  # how it reached the bot: "/imagine", "button V2", ...
    action: JobAction
    drawing: Drawing[Parent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """A finished job's pictures, ready to be posted."""

    job: Job
    images: tuple[StoredImage, ...]
    grid: bytes
    grid_format: str  # "jpeg", "webp" or "png"
    single: bytes | None = None  # the PNG, where there is one picture only


class GalleryAction(StrEnum):
    """What a button on a card or gallery does."""

    UPSCALE = "up"
    VARY = "vary"
    REROLL = "reroll"
    REMIX = "remix"  # opens a form; see bot/gallery/remix_form.py
    DELETE = "delete"
    CANCEL = "cancel"


VARYING: Mapping[GalleryAction, float] = {GalleryAction.VARY: 0.0}
"""Buttons that vary a picture, and how far beyond the model's own variation each goes: from 0, not at all, to 1, anything."""
