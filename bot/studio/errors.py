"""Reasons that a request is not done: one tree under `Refusal`, whose leaves carry data and never prose.

A member gets the sentence of the leaf's class (see `bot/texts`) and is charged nothing. Other layers have their own trees:
`generation.queue.ticket.GenerationError`, `moderation.rate_limits`, `db.errors.StorageError`.
"""

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import dataclass_transform

from generation import JobId


@dataclass_transform(eq_default=False)
class Refusal(Exception):
    """Base of the errors that members get as an answer. Every class below it is a dataclass."""

    def __init_subclass__(cls) -> None:
        dataclass(eq=False)(cls)


def is_slip(written: str, known: str) -> bool:
    """Returns whether `written` is a likely misspelling of `known`. Without one, "did you mean" would be mockery."""
    return difflib.SequenceMatcher(None, written.casefold(), known.casefold()).ratio() >= 0.6


# ---- prompts and parameters


class PromptRefusal(Refusal):
    """A prompt, a parameter, a preset or a file can't be used as it is."""


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
    option: str  # the option it sets; "loras": too many of them
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
    nearest: str  # among the model's LoRAs; empty when it has none
    elsewhere: str  # a model with a LoRA of that name; empty when there is none

    @property
    def hint(self) -> str:
        if self.elsewhere:
            return "elsewhere"
        if not self.nearest:
            return "none"
        return "near" if is_slip(self.name, self.nearest) else "list"


class UnusableWeights(PromptRefusal):
    """The weights add up to nothing, as in `a::1 b::-1`, or there are too many parts."""

    limit: int  # parts


class UnknownWords(PromptRefusal):
    """The model has no word for what the prompt asks for."""

    words: str  # the member's
    tries: tuple[str, ...]  # prompts that the model draws well
    model: str


class UnknownPreset(PromptRefusal):
    name: str
    nearest: str  # among the member's presets; empty when they have none


class BadPresetName(PromptRefusal):
    name: str
    limit: int  # characters


class NestedPreset(PromptRefusal):
    """The preset's text contains `--preset`."""


class EmptyPreset(PromptRefusal):
    pass


class TooManyPresets(PromptRefusal):
    limit: int


class FileTooLarge(PromptRefusal):
    bytes: int
    limit: int
    is_picture: bool


class FileUnreachable(PromptRefusal):
    """Discord did not send the file, or not in time."""


class NoPromptInFile(PromptRefusal):
    """The file is neither a text in UTF-8 nor a PNG with its parameters, or it is empty."""


class PromptRefused(PromptRefusal):
    category: str
    field: str
    is_first: bool = False  # this member's first refusal in this server

    @property
    def where(self) -> str:
        """The fields that were refused: "prompt", "negative" or "both"."""
        return "both" if "+" in self.field else self.field


# ---- members' permissions


class MemberRefusal(Refusal):
    """The member may not do that, or not now."""


class MemberBlocked(MemberRefusal):
    until: float | None  # unix seconds
    reason: str


class TooManyRefused(MemberRefusal):
    """Too many of the member's prompts were refused: further ones are not screened for a while."""

    limit: int
    retry_after: float  # seconds


class RaidHolds(MemberRefusal):
    """Raid mode: the account or the membership is too young."""

    account_age: float | None  # required age in seconds
    member_age: float | None

    @property
    def ages(self) -> str:
        """The required ages: "account", "member" or "both"."""
        if self.account_age and self.member_age:
            return "both"
        return "account" if self.account_age else "member"


class Paused(MemberRefusal):
    reason: str


class KnownOnly(MemberRefusal):
    reason: str


class TooBusy(MemberRefusal):
    """There are more orders than the bot can answer in time."""


class NotYours(MemberRefusal):
    is_picture: bool  # otherwise a job


class NotAModerator(MemberRefusal):
    pass


class NotSenior(MemberRefusal):
    """Needs a permission that a moderator may lack: Manage Server."""


class NotYourData(MemberRefusal):
    pass


class DataTooLarge(MemberRefusal):
    """A member's data does not fit into a file that Discord accepts."""

    size: int  # bytes
    limit: int


class OnlyInServers(MemberRefusal):
    """Limits, blocks and the moderators' log are per server, so no command works in a direct message."""


class UnknownCommand(MemberRefusal):
    name: str


class UnusableOption(MemberRefusal):
    """Discord sent an option that its own clients would not: of another type, out of range, or without the thing it names."""

    name: str  # empty: the command itself


class UnreadablePress(MemberRefusal):
    """The custom_id of a button or form, or the form's fields, can't be read: it is altered, or another release's."""


# ---- jobs and pictures


class PictureRefusal(Refusal):
    """There is no such job or picture, or the action is not possible for it."""


class NoSuchJob(PictureRefusal):
    job: JobId | str

    @property
    def is_message(self) -> bool:
        """Whether a message was named by its id, not a job."""
        return str(self.job).isdecimal()


class PictureGone(PictureRefusal):
    pass


class NotRunning(PictureRefusal):
    pass


class MessageStays(PictureRefusal):
    """The pictures are deleted, but Discord refuses to delete their message."""

    link: str


class TooLarge(PictureRefusal):
    """The picture can't be enlarged further."""

    side: int
    limit: int


class NothingToVerify(PictureRefusal):
    """There is no picture, or no file that can be read as one."""


class TooManyChecks(PictureRefusal):
    """The member had too many pictures verified."""

    limit: int  # a minute
    retry_after: float  # seconds


class TooHeavyToVerify(PictureRefusal):
    bytes: int
    limit: int


# ---- cases and moderators' acts


class CaseRefusal(Refusal):
    """A moderator's act can't be done."""


class BadDuration(CaseRefusal):
    text: str


class NoSuchMember(CaseRefusal):
    """The named account is a bot, or is unknown."""


class NothingSaid(CaseRefusal):
    """The command needs at least one of its options and got none."""

    command: str  # with dashes: "mod-restore"


class NoSuchCase(CaseRefusal):
    number: int  # 0: the case was not named by number


class CaseTaken(CaseRefusal):
    """Another moderator has claimed the case and has not decided yet."""

    number: int
    by: str
    free_in: float  # seconds


class CaseClosed(CaseRefusal):
    number: int
    by: str
    outcome: str
    at: float  # unix seconds
    is_refused: bool = False  # the case is about pictures that were never shown


class SecondNeeded(CaseRefusal):
    """A moderator can't confirm a ban that they proposed."""

    number: int


class SeniorNeeded(CaseRefusal):
    number: int


class AsLongAsABan(CaseRefusal):
    """Where a ban takes two moderators, one alone sets nothing that lasts as long."""

    limit: float  # seconds


class OwnCase(CaseRefusal):
    """Moderators may not decide about themselves."""


class AboveYou(CaseRefusal):
    """Moderators may not act on the server's owner, or on a member with a role above their own."""

    is_owner: bool


class RolesUnknown(CaseRefusal):
    """Discord did not answer which roles the member has, so it is unknown whether the moderator may act on them."""


class LogChannelClosed(CaseRefusal):
    """The bot lacks a permission that it needs in the log channel."""

    channel: int
    name: str  # of the permission, as "send-messages"


class NothingToAmend(CaseRefusal):
    """The case is not decided, or its sanctions have ended."""

    number: int
    is_open: bool


class NothingToPardon(CaseRefusal):
    number: int


class NothingToRestore(CaseRefusal):
    """None of these pictures is blocked from being generated again."""


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
    """A moderator has already approved the picture."""


class TooManyReports(CaseRefusal):
    limit: int
    retry_after: float  # seconds


class NoHead(CaseRefusal):
    """The text is not a head of the audit log."""

    text: str


# ---- servers' settings


class ServerRefusal(Refusal):
    """A server's rule or policy can't be set like that."""


class RuleProblem(StrEnum):
    TOO_MANY_RULES = "too-many-rules"
    NAME = "name"
    MINORS = "minors"
    NO_WORDS = "no-words"
    TOO_MANY_WORDS = "too-many-words"
    NO_WORD = "no-word"
    RESERVED_WORD = "reserved-word"  # has a meaning in the rules file


class RuleUnusable(ServerRefusal):
    problem: RuleProblem
    limit: int = 0  # maximum number, or characters
    count: int = 0
    word: str = ""


class RuleTaken(ServerRefusal):
    name: str


class NoSuchRule(ServerRefusal):
    name: str
    nearest: str  # empty when there is none


class NoSuchVersion(ServerRefusal):
    """The rule book has never had that version."""

    version: int
    newest: int


class RuleBreaksMust(ServerRefusal):
    """The rule would refuse a prompt that must always be allowed."""

    rule: str
    prompt: str
    count: int

    @property
    def more(self) -> int:
        return self.count - 1


class FixedCategory(ServerRefusal):
    """Categories refused on every server can't be configured."""

    category: str


class BadThreshold(ServerRefusal):
    value: float


class NothingChosen(ServerRefusal):
    """The scope has no choice to reset."""

    category: str  # empty: no choice at all
