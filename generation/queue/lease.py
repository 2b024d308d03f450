"""A job while the dispatcher has it: from submit until its ticket is done and the worker has released it."""

from dataclasses import dataclass, field

from generation.protocol import JobEvent, Previewed, Started, Stepped
from generation.queue.ticket import Running, Ticket
from generation.request import GenerationRequest, ImageSize, LoraSet, ModelName, Request

WorkKind = tuple[ModelName, ImageSize]
"""Steps of one kind cost the same."""


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """A job and its remaining work."""

    request: Request
    kind: WorkKind | None = field(init=False)  # None: it has no steps, for example an upscale
    loras: LoraSet = field(init=False)  # only jobs with equal ones share steps
    steps: float = field(init=False)  # picture-steps of the whole job
    at_once: int = field(init=False)  # pictures that may share a step
    is_draft: bool = field(init=False)
    left: float = 1.0  # the share that remains to be done

    def __post_init__(self) -> None:
        request, drawing = self.request, self.request.drawing
        is_drawn = isinstance(request, GenerationRequest)
        self.kind = (drawing.model, drawing.size) if is_drawn else None
        self.at_once = request.parts_at_once if is_drawn else 1
        self.loras = drawing.lora_set
        self.steps, self.is_draft = request.cost, request.is_draft


@dataclass(slots=True, kw_only=True, eq=False)
class Lease(Work):
    ticket: Ticket
    came: float  # time of arrival, by the dispatcher's clock
    is_started: bool = False
    done: int = 0  # picture-steps
    total: int = 0
    preview: bytes | None = None
    seconds: float | None = None  # until it is done, as last shown
    is_new: bool = True  # no estimate was shown yet
    forecast: float | None = None  # first forecast, uncorrected; None if it can't be learned from
    crashes: int = 0  # workers that died while they had it
    has_failed: bool = False
    runs_alone: bool = False  # its last try, after a lack of memory or crashes: it has all memory, and takes no other job down

    def hear(self, event: JobEvent) -> None:
        match event:
            case Stepped(done=done, total=total):
                self.is_started, self.done, self.total, self.left = True, done, total, 1 - done / total
            case Previewed(picture=picture):
                self.preview = picture
            case Started(reading=reading):
                self.is_started, self.ticket.reading = True, reading
            case _:
                self.is_started = True
        total = self.total or max(1, round(self.steps))
        self.ticket.show(Running(done=self.done, total=total, preview=self.preview, seconds=self.seconds))

    def rewind(self) -> None:
        self.is_started, self.done, self.total, self.preview = False, 0, 0, None
        self.left, self.is_new, self.forecast = 1.0, False, None
