"""The moderators' desk in sentences: its refusals, and what was decided in words; spans of time, written and read."""

from __future__ import annotations

from bot import texts
from bot.case_errors import (
    AppealAnswered,
    AppealedAlready,
    BadThreshold,
    CaseClosed,
    CaseTaken,
    KnownOnly,
    NobodysChoice,
    NobodyThere,
    NoSuchAppeal,
    NoSuchCase,
    NoSuchRule,
    NothingChosen,
    NothingSaid,
    NothingToAmend,
    NothingToPardon,
    NothingToRestore,
    NotSenior,
    NotYourCase,
    OwnCase,
    OwnDecision,
    Paused,
    RaidHolds,
    ReportedAlready,
    ReviewedAlready,
    RuleBreaksMust,
    RuleTaken,
    RuleUnusable,
    SecondNeeded,
    SeniorNeeded,
    TooManyReports,
)
from bot.orders import BadDuration
from db.cases import Outcome
from moderation.duration import seconds_in
from moderation.ladder import Rung, Sanction

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


def sentence(error: Exception) -> str | None:
    """What is said instead of doing it; None for what is not the desk's."""
    match error:
        case NoSuchCase():
            what = f"no case {error.number}" if error.number else "no such case"
            return f"There is {what} in this server. `/mod cases` lists them."
        case CaseTaken():
            return (
                f"Case {error.number} is in the hands of {texts.plain(error.by)} already. "
                f"If nothing comes of it, it is free again in {texts.duration(error.free_in)}."
            )
        case CaseClosed():
            return (
                f"Case {error.number} is decided already: "
                f"{texts.plain(error.by)} {did(error.outcome, is_refused=error.is_refused)} "
                f"({texts.moment(error.at)}). `/mod case` amends it."
            )
        case SecondNeeded():
            return f"You proposed the ban in case {error.number} yourself: another moderator must confirm it."
        case SeniorNeeded():
            return f"Case {error.number} was escalated: it takes the Manage Server permission to decide it."
        case NobodysChoice():
            return f"That is nobody's choice: what concerns {error.category} is the same on every server."
        case BadThreshold():
            return f"A threshold is from 0.01 to 1, where 1 is never; {error.value:g} is none."
        case NothingChosen():
            what = f" about {error.category}" if error.category else ""
            return (
                f"Nothing was chosen{what} there, so nothing changes. `/server policy show` shows what holds."
            )
        case NotSenior():
            return "That takes the Manage Server permission."
        case OwnCase():
            return "That is about yourself: another moderator must decide it."
        case NothingToAmend():
            return f"Case {error.number} has no {error.what} that could be amended."
        case NothingToPardon():
            return (
                f"Case {error.number} has nothing to pardon: no strike that counts, and no block that runs."
            )
        case NothingToRestore():
            return "No picture of that is kept from coming back here, so there is nothing to restore."
        case NotYourCase():
            return "That case is not about you."
        case AppealedAlready():
            return f"Case {error.number} has been appealed already. An appeal is answered once."
        case NoSuchAppeal():
            return "There is no such appeal in this server."
        case AppealAnswered():
            return (
                f"The appeal in case {error.number} is answered already: "
                f"{error.decision}, by {texts.plain(error.by)}."
            )
        case OwnDecision():
            return f"You acted in case {error.number} yourself: another moderator must answer the appeal."
        case ReportedAlready():
            return "You have reported that picture already. The moderators have it."
        case ReviewedAlready():
            return "A moderator has looked at that picture already and let it stand."
        case TooManyReports():
            return (
                f"You have reported {error.limit} pictures within an hour, which is the most. "
                f"Again in {texts.duration(error.retry_after)}."
            )
        case RaidHolds():
            return (
                "This server is in raid mode: for now only "
                f"{_ages(error.account_age, error.member_age)} can make pictures. Nothing was charged."
            )
        case Paused():
            return f"The moderators have paused picture making in this server.{_why(error.reason)} Nothing was charged."
        case KnownOnly():
            return (
                "For now only members who have made pictures here for a while can make new ones."
                f"{_why(error.reason)} Nothing was charged."
            )
        case RuleUnusable():
            return f"That rule can't be used: {texts.plain(error.problem)}. {texts.plain(error.remedy).capitalize()}."
        case RuleTaken():
            return f"There is a rule called `{texts.code(error.name)}` already. Remove it first, or choose another name."
        case NoSuchRule():
            near = f" Did you mean `{texts.code(error.nearest)}`?" if error.nearest else ""
            return f"This server has no rule called `{texts.code(error.name)}`.{near}"
        case RuleBreaksMust():
            more = f" and {error.count - 1} more" if error.count > 1 else ""
            return (
                f"The rule `{texts.code(error.rule)}` would refuse `{texts.code(error.prompt)}`{more}, "
                "which must always be allowed. Make it narrower, or try it as a shadow rule."
            )
        case NobodyThere():
            return "That is a bot, or nobody I know."
        case NothingSaid():
            return f"Say at least one of {error.wanted}."
        case _:
            return None


def did(outcome: str, *, is_refused: bool) -> str:
    """After a moderator's name; "warned" and what follows take the member's behind them.

    `is_refused`: nothing was posted, so there was nothing to let stand or to remove.
    """
    words = _DID_WITH_REFUSALS if is_refused else _DID
    return words[Outcome(outcome)] if outcome in tuple(Outcome) else outcome


def span(seconds: float) -> str:
    """ "2 weeks", "3 days", "1 hour": in the largest unit that is whole."""
    for unit, name in ((604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            count = int(seconds // unit)
            return f"{count} {name}" + ("s" if count > 1 else "")
    return texts.duration(seconds)


def rung(rung: Rung) -> str:
    match rung.sanction:
        case Sanction.WARN:
            return "a warning"
        case Sanction.TIMEOUT:
            return f"a timeout of {span(rung.seconds or 0)}"
        case Sanction.BAN:
            return "a ban" + (f" for {span(rung.seconds)}" if rung.seconds else "")


def until(expires_at: float | None) -> str:
    return "until it is lifted" if expires_at is None else f"until {texts.moment(expires_at)}"


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


def seconds_of(text: str) -> float:
    """Seconds in "30m", "12h", "7d" or "2w". Raises BadDuration."""
    seconds = seconds_in(text)
    if seconds is None:
        raise BadDuration(text)
    return seconds


def _why(reason: str) -> str:
    return f" Reason: {texts.plain(reason)}" if reason else ""


def _ages(account: float | None, member: float | None) -> str:
    parts = [
        f"accounts older than {span(account)}" if account else "",
        f"members for more than {span(member)}" if member else "",
    ]
    return " that have been ".join(part for part in parts if part)
