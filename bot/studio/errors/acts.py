"""Refusals of moderators' acts and of servers' settings."""

from enum import StrEnum

from bot.studio.errors.refusal import Refusal

# ---- cases and moderators' acts


class CaseRefusal(Refusal):
    """A moderator's act can't be done."""


class BadDuration(CaseRefusal):
    text: str


class BadDate(CaseRefusal):
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


class CaseGrew(CaseRefusal):
    """Orders have joined the case that the moderator's card does not show."""

    number: int
    count: int  # of those orders


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
    """Moderators may not act on the server's owner, or on a member with a role or a level above their own."""

    is_owner: bool
    is_level: bool = False  # a moderators' level is above theirs, not a role


class NoDiscordBan(CaseRefusal):
    """Discord's own ban was asked for, and the moderator or the bot lacks the permission."""

    obstacle: str
    power: str = "ban"
    case: int = 0


class HelpersPropose(CaseRefusal):
    """A helper can't do that: helpers see, and propose with the buttons of a case."""


class HeadNeeded(CaseRefusal):
    """The server has chosen roles for heads: only they ban and change rules."""


class BanNeedsHead(CaseRefusal):
    """Where only heads ban, other moderators set nothing that lasts as long."""

    limit: float  # seconds


class ProposedAlready(CaseRefusal):
    """A helper does not replace the proposal of a moderator."""

    number: int
    by: str


class ProposalChanged(CaseRefusal):
    """The moderator's card does not show the proposal that waits now."""

    number: int


class NothingProposed(CaseRefusal):
    number: int


class LevelForEveryone(CaseRefusal):
    """A role that everyone has, or that a bot has for itself, can't make moderators."""


class RolesUnknown(CaseRefusal):
    """Discord did not answer which roles the member has, so it is unknown whether the moderator may act on them."""


class LogChannelClosed(CaseRefusal):
    """The bot lacks a permission that it needs in the log channel."""

    channel: int
    name: str  # of the permission, as "send-messages"


class RoleSilent(CaseRefusal):
    """The bot can't mention the role, or it is that of all members."""

    is_everyone: bool


class QuietHoursUnclear(CaseRefusal):
    """Quiet hours need a begin and an end, which differ."""


class NoneOpen(CaseRefusal):
    """None of the cases on the list is open for this moderator any more."""


class NoSuchReason(CaseRefusal):
    """The server keeps no reason of that name."""

    name: str


class ReasonUnusable(CaseRefusal):
    """A kept reason's name or text is empty or too long."""

    name_limit: int  # characters
    text_limit: int


class TooManyReasons(CaseRefusal):
    limit: int


class NoSuchNote(CaseRefusal):
    number: int


class NotYourNote(CaseRefusal):
    """Another moderator wrote the note."""

    by: str


class TooManyNotes(CaseRefusal):
    limit: int


class BothSaid(CaseRefusal):
    """The command takes one of two options and got both."""

    first: str
    second: str


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


class RuleOfFileUnusable(RuleUnusable):
    number: int = 0  # the rule's place in the file, from 1


class RuleFileProblem(StrEnum):
    NO_LIST = "no-list"
    ENTRY = "entry"  # a rule lacks a field, or has one that is none of its own or of another kind
    TWICE = "twice"  # two rules have one name


class RuleFileUnusable(ServerRefusal):
    """The file is no list of rules."""

    problem: RuleFileProblem
    number: int = 0  # the rule's place in the file, from 1
    name: str = ""  # of the field or of the rule


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
