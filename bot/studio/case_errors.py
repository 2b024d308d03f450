"""Why the moderators' desk refuses. Each has one sentence in bot/texts/moderators.py."""

from __future__ import annotations

from dataclasses import dataclass

from bot.studio.orders.order import Refusal


@dataclass(eq=False)
class NoSuchCase(Refusal):
    number: int


@dataclass(eq=False)
class CaseTaken(Refusal):
    """Another moderator is on it, and has not acted yet."""

    number: int
    by: str
    free_in: float  # seconds


@dataclass(eq=False)
class CaseClosed(Refusal):
    number: int
    by: str
    outcome: str
    at: float  # unix seconds
    is_refused: bool = False  # the case was about what nobody got to see


@dataclass(eq=False)
class SecondNeeded(Refusal):
    """Whoever proposed a ban can't confirm it."""

    number: int


@dataclass(eq=False)
class SeniorNeeded(Refusal):
    number: int


@dataclass(eq=False)
class NotSenior(Refusal):
    """It takes more than being a moderator."""


@dataclass(eq=False)
class OwnCase(Refusal):
    """A moderator may not decide on themselves."""


@dataclass(eq=False)
class NothingToAmend(Refusal):
    number: int
    what: str


@dataclass(eq=False)
class NothingToPardon(Refusal):
    number: int


@dataclass(eq=False)
class NothingToRestore(Refusal):
    """No picture is kept from coming back there."""


@dataclass(eq=False)
class NotYourCase(Refusal):
    pass


@dataclass(eq=False)
class AppealedAlready(Refusal):
    number: int


@dataclass(eq=False)
class NoSuchAppeal(Refusal):
    pass


@dataclass(eq=False)
class AppealAnswered(Refusal):
    number: int
    by: str
    decision: str


@dataclass(eq=False)
class OwnDecision(Refusal):
    """Who acted can't answer the appeal."""

    number: int


@dataclass(eq=False)
class ReportedAlready(Refusal):
    pass


@dataclass(eq=False)
class ReviewedAlready(Refusal):
    """A moderator has let the picture stand."""


@dataclass(eq=False)
class TooManyReports(Refusal):
    limit: int
    retry_after: float  # seconds


@dataclass(eq=False)
class RaidHolds(Refusal):
    """Raid mode: the account or the membership is too young."""

    account_age: float | None  # seconds that are asked for
    member_age: float | None


@dataclass(eq=False)
class Paused(Refusal):
    reason: str


@dataclass(eq=False)
class KnownOnly(Refusal):
    reason: str


@dataclass(eq=False)
class RuleUnusable(Refusal):
    problem: str
    remedy: str


@dataclass(eq=False)
class RuleTaken(Refusal):
    name: str


@dataclass(eq=False)
class NoSuchRule(Refusal):
    name: str
    nearest: str  # empty where there is none


@dataclass(eq=False)
class RuleBreaksMust(Refusal):
    """The rule would refuse what must always be allowed."""

    rule: str
    prompt: str
    count: int


@dataclass(eq=False)
class NobodysChoice(Refusal):
    """What is refused on every server can't be configured."""

    category: str


@dataclass(eq=False)
class BadThreshold(Refusal):
    value: float


@dataclass(eq=False)
class NothingChosen(Refusal):
    """There is nothing to take back there."""

    category: str  # empty: nothing at all


@dataclass(eq=False)
class NobodyThere(Refusal):
    """What was named is a bot, or nobody."""


@dataclass(eq=False)
class NothingSaid(Refusal):
    """A command that needs one of its options, and got none."""

    wanted: str
