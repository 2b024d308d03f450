"""Why something is not done: one tree under `Refusal`, whose leaves carry data and never prose.

A member is told the sentence of the leaf's class (see `bot/texts`), and it costs them nothing. Other layers have trees of their
own: `generation.queue.ticket.GenerationError`, `moderation.rate_limits`, `db.errors.StorageError`.
"""

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import dataclass_transform

from generation import JobId


@dataclass_transform(eq_default=False)
class Refusal(Exception):
    """Base of what a member is told instead of what they asked for. Every class below it is a dataclass."""

    def __init_subclass__(cls) -> None:
        dataclass(eq=False)(cls)


def is_slip(written: str, known: str) -> bool:
    """Near enough to be a slip of the keyboard: "did you mean" about anything else is mockery."""
    return difflib.SequenceMatcher(None, written.casefold(), known.casefold()).ratio() >= 0.6


# ---- prompts and their parameters


class PromptRefusal(Refusal):
    """A prompt, a parameter, a preset or a file that can't be used as it is."""


class EmptyPrompt(PromptRefusal):
    pass


class PromptTooLong(PromptRefusal):
    length: int
    limit: int
    what: str = "prompt"  # or "negative", "preset", "with-preset", "with-file"


class UnknownParameter(PromptRefusal):
    name: str
    nearest: str

    @property
    def is_near(self) -> bool:
        return is_slip(self.name, self.nearest)


class BadParameter(PromptRefusal):
    name: str
    value: str  # empty: none was given
    option: str  # that it sets; "loras": too many of them
    low: float = 0
    high: float = 0  # 0: the option has no range, or the model decides it

    @property
    def has_value(self) -> bool:
        return bool(self.value)


class UnknownModel(PromptRefusal):
    name: str
    nearest: str

    @property
    def is_near(self) -> bool:
        return is_slip(self.name, self.nearest)


class UnknownLora(PromptRefusal):
    name: str
    model: str
    nearest: str  # of the model's; empty where it has none
    elsewhere: str  # a model that has one of that name; empty where none has

    @property
    def hint(self) -> str:
        if self.elsewhere:
            return "elsewhere"
        if not self.nearest:
            return "none"
        return "near" if is_slip(self.name, self.nearest) else "list"


class UnusableWeights(PromptRefusal):
    """`a::1 b::-1` weighs nothing in all, or there are too many parts."""

    limit: int  # parts


class UnknownPreset(PromptRefusal):
    name: str
    nearest: str  # of the member's; empty where they have none


class BadPresetName(PromptRefusal):
    name: str
    limit: int  # characters


class NestedPreset(PromptRefusal):
    """A preset whose text asks for a preset."""


class EmptyPreset(PromptRefusal):
    pass


class TooManyPresets(PromptRefusal):
    limit: int


class FileTooLarge(PromptRefusal):
    bytes: int
    limit: int
    is_picture: bool


class FileUnreachable(PromptRefusal):
    """Discord did not hand it over, or not in time."""


class NoPromptInFile(PromptRefusal):
    """Neither a text in UTF-8 nor a PNG that says how it was drawn; or there is nothing in it."""


class PromptRefused(PromptRefusal):
    category: str
    field: str
    is_first: bool = False  # of this member in this server

    @property
    def where(self) -> str:
        """ "prompt", "negative" or "both"."""
        return "both" if "+" in self.field else self.field


# ---- members and what they may


class MemberRefusal(Refusal):
    """The member may not do that, or not now."""


class MemberBlocked(MemberRefusal):
    until: float | None  # unix seconds
    reason: str


class RaidHolds(MemberRefusal):
    """Raid mode: the account or the membership is too young."""

    account_age: float | None  # seconds that are asked for
    member_age: float | None

    @property
    def ages(self) -> str:
        """Which of the two are asked for."""
        if self.account_age and self.member_age:
            return "both"
        return "account" if self.account_age else "member"


class Paused(MemberRefusal):
    reason: str


class KnownOnly(MemberRefusal):
    reason: str


class NotYours(MemberRefusal):
    is_picture: bool  # otherwise a job


class NotAModerator(MemberRefusal):
    pass


class NotSenior(MemberRefusal):
    """It takes more than being a moderator."""


class NotYourData(MemberRefusal):
    pass


class DataTooLarge(MemberRefusal):
    """What is kept about a member does not fit into a file that Discord takes."""

    size: int  # bytes
    limit: int


# ---- jobs and pictures


class PictureRefusal(Refusal):
    """There is no such job or picture, or that can't be done with it."""


class NoSuchJob(PictureRefusal):
    job: JobId | str

    @property
    def is_message(self) -> bool:
        """Whether a message was named, by its id, and not a job."""
        return str(self.job).isdecimal()


class PictureGone(PictureRefusal):
    pass


class NotRunning(PictureRefusal):
    pass


class TooLarge(PictureRefusal):
    """The picture can't be enlarged further."""

    side: int
    limit: int


class NothingToVerify(PictureRefusal):
    """No picture at all, or nothing that can be read as one."""


class TooHeavyToVerify(PictureRefusal):
    bytes: int
    limit: int


# ---- cases, and what moderators do


class CaseRefusal(Refusal):
    """A moderator's act that can't be done."""


class BadDuration(CaseRefusal):
    text: str


class NobodyThere(CaseRefusal):
    """What was named is a bot, or nobody."""


class NothingSaid(CaseRefusal):
    """A command that needs one of its options, and got none."""

    command: str  # with dashes: "mod-restore"


class NoSuchCase(CaseRefusal):
    number: int  # 0: it was not named by its number


class CaseTaken(CaseRefusal):
    """Another moderator is on it, and has not acted yet."""

    number: int
    by: str
    free_in: float  # seconds


class CaseClosed(CaseRefusal):
    number: int
    by: str
    outcome: str
    at: float  # unix seconds
    is_refused: bool = False  # the case was about what nobody got to see


class SecondNeeded(CaseRefusal):
    """Whoever proposed a ban can't confirm it."""

    number: int


class SeniorNeeded(CaseRefusal):
    number: int


class OwnCase(CaseRefusal):
    """A moderator may not decide on themselves."""


class NothingToAmend(CaseRefusal):
    """It is not decided, or nothing of what was decided runs any more."""

    number: int
    is_open: bool


class NothingToPardon(CaseRefusal):
    number: int


class NothingToRestore(CaseRefusal):
    """No picture is kept from coming back there."""


class NotYourCase(CaseRefusal):
    pass


class AppealedAlready(CaseRefusal):
    number: int


class NoSuchAppeal(CaseRefusal):
    pass


class AppealAnswered(CaseRefusal):
    number: int
    by: str
    decision: str


class OwnDecision(CaseRefusal):
    """A moderator who acted in the case can't answer its appeal."""

    number: int


class ReportedAlready(CaseRefusal):
    pass


class ReviewedAlready(CaseRefusal):
    """A moderator has let the picture stand."""


class TooManyReports(CaseRefusal):
    limit: int
    retry_after: float  # seconds


class NoHead(CaseRefusal):
    """What was given as the audit log's head is none."""

    text: str


# ---- what a server chooses


class ServerRefusal(Refusal):
    """A server's rule or policy that can't be set like that."""


class RuleProblem(StrEnum):
    TOO_MANY_RULES = "too-many-rules"
    NAME = "name"
    MINORS = "minors"
    NO_WORDS = "no-words"
    TOO_MANY_WORDS = "too-many-words"
    NO_WORD = "no-word"
    RESERVED_WORD = "reserved-word"  # it means something in the rules file


class RuleUnusable(ServerRefusal):
    problem: RuleProblem
    limit: int = 0  # how many there may be, or characters
    count: int = 0
    word: str = ""


class RuleTaken(ServerRefusal):
    name: str


class NoSuchRule(ServerRefusal):
    name: str
    nearest: str  # empty where there is none


class RuleBreaksMust(ServerRefusal):
    """The rule would refuse what must always be allowed."""

    rule: str
    prompt: str
    count: int

    @property
    def more(self) -> int:
        return self.count - 1


class NobodysChoice(ServerRefusal):
    """What is refused on every server can't be configured."""

    category: str


class BadThreshold(ServerRefusal):
    value: float


class NothingChosen(ServerRefusal):
    """There is nothing to take back there."""

    category: str  # empty: nothing at all
