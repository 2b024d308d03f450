"""A job in the dispatcher's hands: from submit until its ticket is done and the worker has let go."""

from dataclasses import dataclass, field

from generation.protocol import JobEvent, Previewed, Stepped
from generation.queue.ticket import Running, Ticket
from generation.request import GenerationRequest, ImageSize, ModelName, Request

WorkKind = tuple[ModelName, ImageSize]
"""Orders of one kind share steps."""


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """An order, and what is left of it."""

    request: Request
    kind: WorkKind | None = field(init=False)  # None: no steps, such as an enlargement
    steps: float = field(init=False)  # picture-steps, of all of it
    is_draft: bool = field(init=False)
    left: float = 1.0  # the share that is to be done

    def __post_init__(self) -> None:
        request, drawing = self.request, self.request.drawing
        self.kind = (drawing.model, drawing.size) if isinstance(request, GenerationRequest) else None
        self.steps, self.is_draft = request.cost, request.is_draft


@dataclass(slots=True, kw_only=True, eq=False)
class Lease(Work):
    ticket: Ticket
    came: float  # when, by the dispatcher's clock
    is_started: bool = False
    done: int = 0  # picture-steps
    total: int = 0
    preview: bytes | None = None
    seconds: float | None = None  # until it is done, as told
    is_new: bool = True  # nothing was told yet
    forecast: float | None = None  # when it was new, uncorrected; None where that teaches nothing
    crashes: int = 0  # workers that died with it
    has_failed: bool = False
    runs_alone: bool = False  # on its last try: if it kills workers it takes no other job with it, and it gets all the memory

    def hear(self, event: JobEvent) -> None:
        match event:
            case Stepped(done=done, total=total):
                self.is_started, self.done, self.total, self.left = True, done, total, 1 - done / total
            case Previewed(picture=picture):
                self.preview = picture
            case _:
                self.is_started = True
        total = self.total or max(1, round(self.steps))
        self.ticket.show(Running(done=self.done, total=total, preview=self.preview, seconds=self.seconds))

    def rewind(self) -> None:
        self.is_started, self.done, self.total, self.preview = False, 0, 0, None
        self.left, self.is_new, self.forecast = 1.0, False, None
