"""An order: what a member asks for, in native types. The last values before Discord disappears, and before the database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from db.images import StoredImage
from db.jobs import Job, JobAction, Parent
from generation.request import Drawing, JobId, MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, and from where."""

    member: MemberId
    name: str
    guild_id: int | None
    channel_id: int
    parent_id: int | None = None  # the channel that a thread belongs to
    is_age_restricted: bool = False  # whether the channel is
    is_moderator: bool = False
    is_senior: bool = False  # a moderator who may also manage the server
    account_at: float | None = None  # unix seconds; when the account was made
    joined_at: float | None = None  # when they became a member


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request with its member and place. Accepted, it becomes a Job."""

    asker: Actor
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


# ---- why an order is not accepted; each has one sentence in bot/texts/members.py


class Refusal(Exception):
    """Base of what a member is told instead of a picture. It costs nothing."""


@dataclass(eq=False)
class EmptyPrompt(Refusal):
    pass


@dataclass(eq=False)
class PromptTooLong(Refusal):
    length: int
    limit: int
    what: str = "prompt"


@dataclass(eq=False)
class UnknownParameter(Refusal):
    name: str
    nearest: str


@dataclass(eq=False)
class BadParameter(Refusal):
    name: str
    value: str
    wanted: str


@dataclass(eq=False)
class UnknownModel(Refusal):
    name: str
    nearest: str


@dataclass(eq=False)
class UnknownLora(Refusal):
    name: str
    model: str
    nearest: str  # of the model's; empty where it has none
    elsewhere: str  # a model that has one of that name; empty where none has


@dataclass(eq=False)
class UnusableWeights(Refusal):
    """`a::1 b::-1` weighs nothing in all, or there are too many parts."""

    limit: int  # parts


@dataclass(eq=False)
class PromptRefused(Refusal):
    category: str
    field: str
    is_first: bool = False  # of this member in this server


@dataclass(eq=False)
class MemberBlocked(Refusal):
    until: float | None  # unix seconds
    reason: str


@dataclass(eq=False)
class NotYours(Refusal):
    what: str


@dataclass(eq=False)
class NotAModerator(Refusal):
    pass


@dataclass(eq=False)
class NoSuchJob(Refusal):
    job: JobId | str


@dataclass(eq=False)
class PictureGone(Refusal):
    pass


@dataclass(eq=False)
class NotRunning(Refusal):
    pass


@dataclass(eq=False)
class TooLarge(Refusal):
    """The picture can't be enlarged further."""

    side: int
    limit: int


@dataclass(eq=False)
class BadDuration(Refusal):
    text: str
