"""One job in the worker, with its pictures from waiting to done. Bookkeeping: no queue, no device."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from generation.request import GenerationRequest, JobId
from generation.worker.denoise.slots import Slot
from generation.worker.models.loading import Model
from generation.worker.output.decode import Arriving
from generation.worker.tiled_picture import TiledPicture


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    request: GenerationRequest
    model: Model | None = None  # set at the first seat
    slots: dict[int, Slot] = field(default_factory=dict[int, Slot])  # by picture, until it is decoded
    pictures: dict[int, Arriving] = field(default_factory=dict[int, Arriving])  # decoded
    tiled: TiledPicture | None = None  # set at the first seat, if the pictures are tiles of one
    total: int = 0  # steps of one picture
    last_preview: float = float("-inf")  # monotonic seconds
    device_seconds: float = 0.0
    seat_seconds: float = 0.0  # for its prompt and start picture; become device seconds with the next step
    accounted: int = 0  # pictures whose device seconds are all known

    @property
    def id(self) -> JobId:
        return self.request.job

    @property
    def seated_model(self) -> Model:
        assert self.model is not None
        return self.model

    @property
    def unseated(self) -> Sequence[int]:
        """Returns the pictures that may be seated next."""
        taken, tiles = len(self.slots) + len(self.pictures), self.request.tiles  # seats are taken in order
        if not tiles or taken == len(tiles):
            return range(taken, self.request.parts)
        turn = tiles[taken].turn
        if any(tiles[index].turn != turn for index in self.slots):  # it starts from what they draw
            return range(0)
        return range(taken, sum(tile.turn <= turn for tile in tiles))

    @property
    def steps_done(self) -> int:
        return sum(slot.step for slot in self.slots.values()) + self.total * len(self.pictures)

    @property
    def steps_total(self) -> int:
        return self.total * self.request.parts

    @property
    def is_denoised(self) -> bool:
        return self.steps_done == self.steps_total

    @property
    def is_drawn(self) -> bool:
        """Returns whether all pictures are decoded and accounted for. On a GPU the second is later than the first."""
        return self.accounted == self.request.parts


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """A picture of a job, seated and not yet decoded."""

    job: Job
    index: int
    slot: Slot

    @property
    def model(self) -> Model:
        return self.job.seated_model


def seats_of(jobs: Iterable[Job]) -> list[Seat]:
    return [Seat(job, index, slot) for job in jobs for index, slot in job.slots.items()]


def jobs_of(seats: Iterable[Seat]) -> list[Job]:
    """Returns each job once."""
    return list(dict.fromkeys(seat.job for seat in seats))
