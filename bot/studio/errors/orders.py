"""Refusals of prompts, members and pictures."""

from bot.studio.errors.refusal import Refusal, is_slip
from generation import MAX_PARTS, MAX_WORD_WEIGHT, JobId, WeightFault

# ---- prompts and parameters


def _listed(models: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in models[:5])


class PromptRefusal(Refusal):
    """A prompt, a parameter, a preset or a file can't be used as it is."""


class EmptyPrompt(PromptRefusal):
    pass


class PromptTooLong(PromptRefusal):
    length: int
    limit: int
    what: str = (
        "prompt"  # or "negative", "preset", "suffix", "style", "with-preset", "with-file", "with-style"
    )


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


class ModelCannot(PromptRefusal):
    """The model can't do what the order needs."""

    model: str
    # "text" (draw from a prompt alone), "start" (from a picture), "mask" or "style" (of a picture), "creative" (redraw its tiles)
    what: str
    can_start: bool
    able: tuple[str, ...] = ()  # names of models that can

    @property
    def others(self) -> str:
        """The names of models that can do it; empty if none is known."""
        return _listed(self.able)


class CannotEdit(PromptRefusal):
    """No model that the order may take changes so many pictures by an instruction."""

    model: str  # that the member named, or that drew the job before; empty: none
    count: int  # pictures
    able: tuple[str, ...] = ()  # names of models that take so many
    most: int = 0  # pictures that any model takes
    best: tuple[str, ...] = ()  # names of models that take those

    @property
    def others(self) -> str:
        """The names of models that can do it; empty if none is known."""
        return _listed(self.able)

    @property
    def largest(self) -> str:
        """The names of models that take the most pictures; empty if none takes any."""
        return _listed(self.best)


class CannotSketch(PromptRefusal):
    """No model that the order may take follows a control picture of this kind."""

    model: str  # that the member named, that drew the job before, or that takes control maps of the kind; empty: none
    kind: str  # as in generation.ControlKind
    able: tuple[str, ...] = ()  # names of models that can
    needs_map: bool = False  # the model takes control maps of the kind, and makes none

    @property
    def others(self) -> str:
        """The names of models that can do it; empty if none is known."""
        return _listed(self.able)


class PaidAccess(PromptRefusal):
    model: str  # its licence forbids paid access


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


class UnknownScheduler(PromptRefusal):
    name: str
    model: str
    nearest: str  # among the model's schedulers; empty when members can't choose one


class TooManyOrders(PromptRefusal):
    """A prompt with permutations or `--repeat` makes more orders than one prompt may."""

    limit: int


class UnusableWeights(PromptRefusal):
    """The weights add up to nothing, as in `a::1 b::-1`, there are too many parts, or a word weighs too much."""

    fault: WeightFault
    written: str  # the characters at fault
    column: int  # of the first of them; the text's first is 1
    field: str = "prompt"  # or "negative"

    @property
    def limit(self) -> float:
        """The greatest number of parts, or the greatest weight of words."""
        return MAX_PARTS if self.fault is WeightFault.PARTS else MAX_WORD_WEIGHT


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


class EmptySuffix(PromptRefusal):
    pass


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
    verdict: int = 0  # the record whose prompt its author may edit and send again; 0: none
    options: str = ""  # typed with that prompt, as inline parameters
    remixed: tuple[JobId, int] | None = None  # the job and picture of a refused remix
    texts: tuple[str, ...] = ()  # of that remix: its prompt, and its negative prompt if there is one

    @property
    def where(self) -> str:
        """The fields that were refused: "prompt", "negative" or "both"; "picture" or "picture-too" with a text in a picture."""
        fields = self.field.split("+")
        if "written" in fields:
            return "picture" if len(fields) == 1 else "picture-too"
        return "both" if len(fields) > 1 else self.field


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
    until: float | None = None  # unix seconds

    @property
    def ages(self) -> str:
        """The required ages: "account", "member" or "both"."""
        if self.account_age and self.member_age:
            return "both"
        return "account" if self.account_age else "member"


class Paused(MemberRefusal):
    reason: str
    until: float | None = None  # unix seconds


class KnownOnly(MemberRefusal):
    reason: str
    until: float | None = None  # unix seconds


class TooBusy(MemberRefusal):
    """There are more orders than the bot can answer in time."""


class NotYours(MemberRefusal):
    is_picture: bool  # otherwise a job


class NoSuchPrompt(MemberRefusal):
    """The prompt behind a button is deleted, or is not this member's in this server."""


class NotAModerator(MemberRefusal):
    pass


class NotSenior(MemberRefusal):
    """Needs a permission that a moderator may lack: Manage Server."""

    or_head: bool = False  # a role of the level head is enough


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


class NotDone(PictureRefusal):
    """The job has no pictures to show: it waits, runs, failed or was cancelled."""

    link: str  # to its message; empty: never posted
    is_running: bool  # or waiting


class NotShownHere(PictureRefusal):
    """The pictures were ordered in a channel that may show more than this place."""

    is_direct: bool  # the place: direct messages, or a channel


class MessagesClosed(PictureRefusal):
    """The member takes no direct messages from the bot."""


class NotRunning(PictureRefusal):
    pass


class MessageStays(PictureRefusal):
    """The pictures are deleted, but Discord refuses to delete their message."""

    link: str


class TooLarge(PictureRefusal):
    """The picture can't be enlarged further."""

    side: int
    limit: int


class IsSquare(PictureRefusal):
    """A picture that is square can't be made square."""


class NothingToVerify(PictureRefusal):
    """There is no picture, or no file that can be read as one."""


class TooManyChecks(PictureRefusal):
    """The member had too many pictures verified."""

    limit: int  # a minute
    retry_after: float  # seconds


class TooHeavyToVerify(PictureRefusal):
    bytes: int
    limit: int
