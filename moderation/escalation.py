"""The ladder of sanctions: the next sanction for a number of strikes. Pure code; the rows are stored elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from moderation.duration import seconds_in


class Sanction(StrEnum):
    WARN = "warn"
    TIMEOUT = "timeout"
    BAN = "ban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    sanction: Sanction
    seconds: float | None = None  # of a timeout or of a temporary ban; None: until lifted


@dataclass(eq=False)
class EscalationBroken(Exception):
    """A rung of the ladder can't be read."""

    rung: str
    wanted: str


def parse_escalation(rungs: Sequence[str]) -> tuple[Rung, ...]:
    """Parses rungs such as "warn", "timeout 1h", "ban", "ban 2w". The first is for the first strike, the last for all later ones.

    Raises EscalationBroken.
    """
    if not rungs:
        raise EscalationBroken("", "at least one rung")
    return tuple(_rung(text) for text in rungs)


def rung_for(ladder: Sequence[Rung], strikes: int) -> Rung:
    """Returns the next rung for a member with this many valid strikes."""
    return ladder[min(strikes, len(ladder) - 1)]


def _rung(text: str) -> Rung:
    word, _, span = text.strip().partition(" ")
    seconds = seconds_in(span) if span else None
    if (
        word not in tuple(Sanction)
        or (span and seconds is None)
        or (word == Sanction.WARN and span)
        or (word == Sanction.TIMEOUT and not span)
    ):
        raise EscalationBroken(text, 'one of "warn", "timeout 1h", "ban" or "ban 2w"')
    return Rung(sanction=Sanction(word), seconds=seconds)
