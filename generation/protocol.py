"""What the bot's process and a worker process say to each other.

Frames on a byte stream: four bytes of length, big-endian, then one msgpack-encoded message. Pixels never cross: pictures are
encoded in the worker. The same frames would serve a worker on another machine.
"""

import msgspec

from generation.request import GenerationRequest, ImageSize, JobId, ModelEntry, ModelName, UpscaleRequest

MAX_FRAME = 64 * 1024 * 1024
"""Bytes. Four enlarged pictures stay far below; more is a broken stream."""


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of every message; the tag is the class's name."""


# ---- bot -> worker


class Configure(Message, frozen=True):
    """The first message: which models there are. `preview_seconds` is the least time between two previews of a job."""

    models: tuple[ModelEntry, ...]
    default: ModelName
    preview_seconds: float = 1.0
    slots: int = 16  # pictures begun at once; as many again for drafts and for members who have none
    memory_gib: float = 0.0  # for the models on the device; 0: three quarters of what is free at start
    model_wait: float = 60.0  # seconds that a model is waited for before others in use make room for it
    pinned_rows: int = 0  # every step has exactly so many rows, and a picture is the same to the bit; 0: as many as there are
    log_format: str = "text"  # or "json": one object a line
    log_level: str = "info"


class Generate(Message, frozen=True):
    request: GenerationRequest


class Upscale(Message, frozen=True):
    request: UpscaleRequest


class Cancel(Message, frozen=True):
    job: JobId


class Ping(Message, frozen=True):
    number: int


class Stop(Message, frozen=True):
    """Finish nothing more and exit."""


# ---- worker -> bot


class Ready(Message, frozen=True):
    """Configured, the default model is resident."""

    device: str  # what the card calls itself
    seconds: float  # how long loading took


class ModelBroken(Message, frozen=True):
    """A model could not be loaded. Jobs for it fail one by one with the same reason until it is tried again; told at each try."""

    model: ModelName
    reason: str


class Swapped(Message, frozen=True):
    """Models were loaded or made room, after the start. What was loaded is not broken any more."""

    loaded: ModelName | None
    evicted: tuple[ModelName, ...]
    seconds: float  # in which the device did nothing else
    resident_bytes: int  # of all models on the device, from now on


class Pong(Message, frozen=True):
    number: int


class Vitals(Message, frozen=True):
    """What only the worker knows, once a second at most and only while there is news. Counts are since the last one."""

    silent_seconds: (
        float  # since the loop's turn began; 0 while it waits for orders, loads or computes on a CPU
    )
    slots: int  # pictures seated now
    steps: int  # of batches
    rows: int  # of those steps
    device_seconds: dict[str, float]  # by what was done: "step", "decode", "enlarge"


class JobEvent(Message, frozen=True):
    """Base of what happens to a job."""

    job: JobId


class Started(JobEvent, frozen=True):
    """The job's first slot is seated."""


class Stepped(JobEvent, frozen=True):
    """One step is done, or the device is at it."""

    done: int  # picture-steps done
    total: int  # picture-steps in all


class Previewed(JobEvent, frozen=True):
    """The job's grid as it stood a moment ago; at most every `preview_seconds`."""

    picture: bytes  # JPEG


class StepCost(Message, frozen=True):
    """What steps of one model and size cost, as measured; told when it has changed."""

    model: ModelName
    size: ImageSize
    fixed: float  # seconds of a step, whatever is in it
    a_picture: float  # seconds more for each picture
    at_once: int  # pictures worth putting into one step


class Finished(JobEvent, frozen=True):
    pictures: tuple[bytes, ...]  # PNG with its parameters inside, one a picture
    device_seconds: float


class Failed(JobEvent, frozen=True):
    """`kind`: "memory", "model", "lora", "input" or "bug". Only "memory" and "bug" are worth another try."""

    kind: str
    reason: str


class Cancelled(JobEvent, frozen=True):
    pass


class Strained(Message, frozen=True):
    """Memory was short, and the worker made do; or it has been enough for a while, and something is as before.

    `action`: "halved", "tiled", "aside", "apart", "streamed" (see generation/worker/models/offload.py) or "relaxed".
    """

    action: str
    detail: str  # for the log: what was being done, of which model


Order = Configure | Generate | Upscale | Cancel | Ping | Stop
_OfJob = Started | Stepped | Previewed | Finished | Failed | Cancelled
Event = Ready | ModelBroken | Swapped | Strained | Pong | Vitals | StepCost | _OfJob

encode = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_event = msgspec.msgpack.Decoder(Event).decode


def frame(message: Message) -> bytes:
    body = encode(message)
    return len(body).to_bytes(4, "big") + body
