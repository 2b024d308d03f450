"""A job in the dispatch's hands: from submit until its ticket is done and the worker has let go."""

from __future__ import annotations

from dataclasses import dataclass, field

from generation.forecast import Work
from generation.request import Request
from generation.ticket import Ticket


@dataclass(slots=True, eq=False, kw_only=True)
class Lease:
    request: Request
    ticket: Ticket
    is_started: bool = False
    done: int = 0  # picture-steps
    total: int = 0
    preview: bytes | None = None
    seconds: float | None = None  # until it is done, forecast
    crashes: int = 0  # workers that died with it
    failures: int = 0
    work: Work = field(init=False)

    def __post_init__(self) -> None:
        self.work = Work.of(self.request)

    @property
    def left(self) -> float:
        """The share that is still to be done."""
        return 1 - self.done / self.total if self.total else 1.0

    def rewind(self) -> None:
        self.is_started, self.done, self.total, self.preview = False, 0, 0, None
