"""The messages between the bot's process and a worker process.

A frame on the byte stream is four bytes of length, big-endian, then one msgpack-encoded message. Each finished picture has a
frame of its own: a PNG, not compressed up to 4096 x 4096 pixels. The same frames would work for a worker on another machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from generation.abilities import Abilities
from generation.prompt import Reading
from generation.request import (
    GenerationRequest,
    GuildId,
    ImageSize,
    JobId,
    ModelEntry,
    ModelName,
    UpscaleRequest,
)

MAX_FRAME = 64 * 1024 * 1024
"""Bytes. A picture of 4096 x 4096 pixels takes 48 MiB. A larger frame means a broken stream."""


@dataclass(eq=False)
class TooLarge(Exception):
    """A message exceeds MAX_FRAME, which the other end treats as a broken stream. No part of it was sent."""

    size: int  # bytes


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of every message. The tag is the name of the class."""


# ---- bot -> worker


class Configure(Message, frozen=True):
    """The first message: lists the models. `preview_seconds` is the minimum time between two previews of a job."""

    models: tuple[ModelEntry, ...]
    default: ModelName
    preview_seconds: float = 1.0
    slots: int = 16  # pictures in progress; as many extra for drafts and for members with no running picture
    memory_gib: float = 0.0  # for models on the device; 0: 75 % of the memory free at start
    model_wait: float = 60.0  # seconds that jobs wait for a model before it replaces models in use
    weights: dict[GuildId, float] = {}  # the share of each server; others have 1
    pinned_rows: int = 0  # rows of every step, which makes pictures equal to the bit; 0: as many as needed
    log_format: str = "text"  # or "json": one object a line
    log_level: str = "info"
    log_file: str = ""  # the worker's own; empty: standard error alone


class Generate(Message, frozen=True):
    request: GenerationRequest


class Upscale(Message, frozen=True):
    request: UpscaleRequest


class Cancel(Message, frozen=True):
    job: JobId


class Ping(Message, frozen=True):
    number: int


class Stop(Message, frozen=True):
    """An order to exit immediately, without finishing any job."""


# ---- worker -> bot


class Ready(Message, frozen=True):
    """The worker is configured, and the default model is loaded or being downloaded."""

    device: str  # the name that the card reports
    seconds: float  # loading time


class Downloading(Message, frozen=True):
    """Files of a model are being fetched from a hub. Its jobs wait, and all others go on.

    Sent when it begins, at most once a second while it goes on, and with `done` equal to `total` when all files are here. After a
    failure comes ModelBroken instead.
    """

    model: ModelName
    done: int  # bytes, those of earlier tries included
    total: int


class ModelAbilities(Message, frozen=True):
    """What a model can do. Sent before a model folder is loaded, and again after any model is loaded."""

    model: ModelName
    abilities: Abilities


class ModelBroken(Message, frozen=True):
    """A model could not be loaded. Each job for it fails with the same reason until loading is tried again. Sent at each try."""

    model: ModelName
    reason: str


class Swapped(Message, frozen=True):
    """Models were loaded or evicted after the start. A loaded model is no longer broken."""

    loaded: ModelName | None
    evicted: tuple[ModelName, ...]
    seconds: float  # time in which the device did nothing else
    resident_bytes: int  # of all models on the device, from now on


class Pong(Message, frozen=True):
    number: int


class Vitals(Message, frozen=True):
    """Values that only the worker knows. Sent at most once a second, and only if something changed. Counts start at the last
    Vitals.
    """

    silent_seconds: float  # since the loop's turn began; 0 while it waits, loads or computes on a CPU
    slots: int  # pictures seated now
    steps: int  # batch steps
    rows: int  # rows of those steps
    device_seconds: dict[str, float]  # by kind of work: "encode", "step", "decode", "enlarge"


class JobEvent(Message, frozen=True):
    """Base of the events of one job."""

    job: JobId


class Started(JobEvent, frozen=True):
    """The job's first slot is seated. `reading`: None for a job without a prompt."""

    reading: Reading | None = None


class Stepped(JobEvent, frozen=True):
    """One step is done, or the device is computing it."""

    done: int  # picture-steps done
    total: int  # picture-steps in total


class Previewed(JobEvent, frozen=True):
    """The job's grid a moment ago. Sent at most once every `preview_seconds`."""

    picture: bytes  # JPEG


class StepCost(Message, frozen=True):
    """The measured cost of steps of one model and size. Sent when it has changed."""

    model: ModelName
    size: ImageSize
    fixed: float  # seconds of a step without pictures
    a_picture: float  # additional seconds for each picture
    at_once: int  # useful number of pictures in one step


class Picture(Message, frozen=True):
    """One of the pictures of the Finished that follows. Both ends handle only the complete Finished."""

    content: bytes


class Finished(JobEvent, frozen=True):
    pictures: tuple[bytes, ...]  # PNG with its parameters inside, one for each picture
    device_seconds: float


class Failed(JobEvent, frozen=True):
    """A job failed. `kind` names what failed: "memory", "numbers" (they overflowed), "model", "download", "lora", "bug", or the
    part of the order that can't be used.

    These are "size", "steps", "scheduler", "weights", "start" (the model can't start from a picture), "mask", "reference",
    "style", or "input" (a picture that can't be read). Only "memory", "numbers" and "bug" are worth a retry.
    """

    kind: str
    reason: str


class Cancelled(JobEvent, frozen=True):
    pass


class Strained(Message, frozen=True):
    """The worker ran short of memory and changed how it works; or memory was enough for a while, and one such change was undone.

    `action`: "halved", "tiled", "aside", "apart", "streamed" (see generation/worker/models/offload.py) or "relaxed".
    """

    action: str
    detail: str  # for the log: the work in progress and its model


Order = Configure | Generate | Upscale | Cancel | Ping | Stop
_OfJob = Started | Stepped | Previewed | Finished | Failed | Cancelled
_OfModel = ModelAbilities | ModelBroken | Downloading
Event = Ready | _OfModel | Swapped | Strained | Pong | Vitals | StepCost | _OfJob

encode = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_event = msgspec.msgpack.Decoder(Event | Picture).decode


def frame(message: Message) -> bytes:
    """Raises TooLarge."""
    body = encode(message)
    if len(body) > MAX_FRAME:
        raise TooLarge(len(body))
    return len(body).to_bytes(4, "big") + body


def frames(event: Event) -> Sequence[bytes]:
    """Returns the frames of an event, to be written one after the other. Raises TooLarge."""
    if not isinstance(event, Finished):
        return [frame(event)]
    pictures = [frame(Picture(content=content)) for content in event.pictures]
    return [*pictures, frame(msgspec.structs.replace(event, pictures=()))]
