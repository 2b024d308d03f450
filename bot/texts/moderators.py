"""The moderators' desk in sentences: its refusals, and what was decided in words; spans of time, written and read."""

from __future__ import annotations

from bot.studio.errors import (
    BadDuration,
)
from bot.texts import members as texts
from db.blocks import Block
from db.cases import Outcome
from moderation.duration import seconds_in
from moderation.escalation import Rung, Sanction

_DID = {
    Outcome.APPROVE: "let it stand",
    Outcome.REMOVE: "removed it",
    Outcome.WARN: "warned",
    Outcome.TIMEOUT: "timed out",
    Outcome.BAN: "banned",
    Outcome.BLOCK: "blocked",
}
_DID_WITH_REFUSALS = _DID | {
    Outcome.APPROVE: "called the refusal wrong",
    Outcome.REMOVE: "called the refusal right",
}


def did(outcome: str, *, is_refused: bool) -> str:
    """After a moderator's name; "warned" and what follows take the member's behind them.

    `is_refused`: nothing was posted, so there was nothing to let stand or to remove.
    """
    words = _DID_WITH_REFUSALS if is_refused else _DID
    return words[Outcome(outcome)] if outcome in tuple(Outcome) else outcome


def seconds_of(text: str) -> float:
    """Seconds in "30m", "12h", "7d" or "2w". Raises BadDuration."""
    seconds = seconds_in(text)
    if seconds is None:
        raise BadDuration(text)
    return seconds


def rung(rung: Rung) -> str:
    match rung.sanction:
        case Sanction.WARN:
            return "a warning"
        case Sanction.TIMEOUT:
            return f"a timeout of {texts.span(rung.seconds or 0)}"
        case Sanction.BAN:
            return "a ban" + (f" for {texts.span(rung.seconds)}" if rung.seconds else "")


def until(expires_at: float | None) -> str:
    return "until it is lifted" if expires_at is None else f"until {texts.moment(expires_at)}"


def earlier(block: Block | None) -> str:
    return f"An earlier sanction holds {until(block.expires_at)}." if block else ""


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def can_return(plain: int) -> str:
    """Of pictures that were removed and have no fingerprint; empty where there are none."""
    if not plain:
        return ""
    are, them = ("is", "it") if plain == 1 else ("are", "them")
    return (
        f"{count(plain, 'picture')} {are} too plain to be known again: what looks like {them} can come back."
    )
