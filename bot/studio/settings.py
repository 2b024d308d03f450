"""Settings from config.toml and the environment, read once into frozen values. msgspec checks the types and ranges of fields."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, inspect

from generation import (
    SCHEDULERS,
    Format,
    Level,
    LicenceClass,
    ModelEntry,
    ModelName,
    find_scheduler,
    scheduler_names,
    unsuitable,
)
from generation.captions.vocabulary import vocabulary_of
from generation.files.distilled import with_own_defaults
from moderation import (
    NOT_UTF8,
    STANDARD,
    EscalationBroken,
    Limits,
    NotToml,
    Preset,
    line_of,
    parse_escalation,
    parse_toml,
)
from moderation.pictures.registry import Name as DetectorName
from startup import CONTROL, StartError, printable

PROJECT = Path(__file__).resolve().parents[2]
BUNDLED_MODEL = PROJECT / "models" / "bundled"

DISCORD_API = "https://discord.com/api/v10"

Days = Annotated[int, Meta(ge=0, le=36_500)]


@dataclass(eq=False)
class SettingsBroken(StartError):
    """The settings can't be used. `key` is dotted, as in "limits.images_a_day"; empty: the whole file.

    An entry of a list is named by its name, or by its number from 1. `reason` has no full stop.
    """

    source: str
    key: str
    reason: str

    def __str__(self) -> str:
        where = f" at {self.key}" if self.key else ""
        return printable(f"The settings in {self.source} are broken{where}: {self.reason}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    # ATELIER_DISCORD_API overrides it.
    api: str = DISCORD_API
    ready_timeout: Annotated[float, Meta(ge=0, le=600)] = 2.0  # seconds to wait for late guilds at start


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings:
    default_model: str = "emoji"
    # Pictures denoised at once. Drafts, and members with no running picture, may use as many again.
    slots: Annotated[int, Meta(ge=1, le=512)] = 16
    # Every step is padded to this many rows, so that a seed gives the same bits at any load; 0: no padding.
    pinned_rows: Annotated[int, Meta(ge=0, le=128)] = 0
    max_waiting: Annotated[int, Meta(ge=1, le=100_000)] = 200  # maximum of queued jobs, over all members
    # Pictures of one member that workers may have at once. A member's only job is sent however large it is.
    member_running: Annotated[int, Meta(ge=1, le=1000)] = 8
    # Minimum seconds between two previews of a job.
    preview_seconds: Annotated[float, Meta(gt=0, le=3600)] = 1.5
    # Seconds without a message before the worker is restarted.
    patience: Annotated[float, Meta(gt=0, le=86_400)] = 120.0
    retries: Annotated[int, Meta(ge=0, le=20)] = 2  # further tries of a job after its worker died
    upscale_factor: Literal[2, 4] = 2
    # GiB for the models on the device; 0: three quarters of the free memory at start.
    memory_gib: Annotated[float, Meta(ge=0, le=10_000)] = 0.0
    # The folder of the Hugging Face hub's cache; empty: HF_HUB_CACHE, or the usual one.
    hub_cache: str = ""
    # Seconds that a job waits for its model before a model in use is unloaded for it. At least a quarter of it passes between two
    # such unloads.
    model_wait: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    # Queue share by server id; other servers have 1.
    server_weights: Annotated[
        Mapping[str, float], Meta(description="a table of servers' ids, each = a number")
    ] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationSettings:
    rules: str = ""  # a file of rules; empty: the shipped rules
    policy: Preset = STANDARD  # for direct messages, and for servers without a choice by /server policy
    # The channel's name, used when the moderators chose no channel with /mod log-channel.
    log_channel: Annotated[str, Meta(min_length=1)] = "mod-log"
    # The sanction for each number of live strikes; the last one is for all further strikes.
    ladder: Annotated[tuple[str, ...], Meta(min_length=1)] = ("warn", "timeout 1h", "timeout 1d", "ban")
    strike_days: Annotated[int, Meta(ge=1, le=36_500)] = 90  # days that a strike counts
    # Seconds that a claimed case is reserved for the moderator who claimed it.
    claim_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 180
    reports_an_hour: Annotated[int, Meta(ge=1, le=10_000)] = 5  # per member
    must: str = ""  # a file of prompts that must always be refused or allowed; empty: the shipped file
    people: str = ""  # a file of real persons' names and consents, in addition to the shipped names

    @property
    def rules_file(self) -> Path | None:
        return Path(self.rules) if self.rules else None

    @property
    def people_file(self) -> Path | None:
        return Path(self.people) if self.people else None

    @property
    def must_file(self) -> Path | None:
        return Path(self.must) if self.must else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """Retention periods in days, and the limit on all pictures. 0 days: for ever; `audit_days` is at least 1."""

    prompts_days: Days = 90  # prompts and verdicts, since they were recorded
    pictures_days: Days = 0  # since they were made; the buttons of deleted pictures stop working
    # GiB of all pictures; above it the oldest are deleted, from 90 % the log warns. 0: no limit.
    pictures_gib: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    jobs_days: Days = 0  # orders, since they ended; their buttons are deleted with them
    cases_days: Days = 365  # since they were decided
    sanctions_days: Days = 180  # strikes, timeouts and bans, since they ended
    left_servers_days: Days = 30  # everything of a server, since the bot was removed from it
    audit_days: Annotated[int, Meta(ge=1, le=36_500)] = 730  # names and reasons in the audit log

    @property
    def picture_bytes(self) -> int | None:
        """The limit on all pictures; None: there is none."""
        return round(self.pictures_gib * 2**30) or None

    def is_nearly_full(self, picture_bytes: int) -> bool:
        """Returns whether the owner must be warned before the oldest pictures are deleted."""
        return self.picture_bytes is not None and picture_bytes >= 0.9 * self.picture_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesSettings:
    # The detectors that check every picture.
    detectors: Annotated[tuple[DetectorName, ...], Meta(min_length=1)] = ("opennsfw",)
    safety_checker: str = ""  # the weights of "safety-checker": a folder or hub name in diffusers' layout
    read_text: Literal["all", "uploads", "off"] = "all"  # in pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceSettings:
    certificate: str = ""  # PEM, the whole chain, own certificate first; empty: generated in the data folder
    key: str = ""  # its private key, PEM without a password


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    listen: str = ""  # "127.0.0.1:9464": serves GET /metrics there; empty: off


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskPageSettings:
    # "https://atelier.example.org": the page's address for members; empty: off.
    address: str = ""
    listen: str = "127.0.0.1:9465"  # where the bot serves it, behind the owner's proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings:
    format: Format = "text"
    level: Level = "info"  # --log-level overrides it
    file: str = ""  # written in addition to standard error; empty: none

    @property
    def worker_file(self) -> str:
        """The worker's own file: two processes can't rotate the same one."""
        path = Path(self.file)
        return str(path.with_stem(f"{path.stem}-worker")) if self.file else ""


BUNDLED = ModelEntry(
    name=ModelName("emoji"),
    source="bundled",
    licence="MIT (pictures: Fluent Emoji, MIT)",
    description="The small model that comes with Atelier: emoji-style objects",
    side=128,
    multiple=8,
    steps=20,
    max_steps=50,
    guidance=4.0,
    enlarge=4,
    variation_strength=0.9,
    licence_class="open",
    adapts_prompts=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    data: Path = Path("data")  # ATELIER_DATA overrides it
    discord: DiscordSettings = DiscordSettings()
    generation: GenerationSettings = GenerationSettings()
    limits: Limits = field(default_factory=Limits)
    moderation: ModerationSettings = ModerationSettings()
    retention: RetentionSettings = RetentionSettings()
    pictures: PicturesSettings = PicturesSettings()
    provenance: ProvenanceSettings = ProvenanceSettings()
    metrics: MetricsSettings = MetricsSettings()
    mask_page: MaskPageSettings = MaskPageSettings()
    logging: LoggingSettings = LoggingSettings()
    models: Annotated[tuple[ModelEntry, ...], Meta(min_length=1)] = (BUNDLED,)

    @property
    def resolved_models(self) -> tuple[ModelEntry, ...]:
        """The models, with "bundled" replaced by the folder of the bundled model."""
        return tuple(
            replace(entry, source=str(BUNDLED_MODEL)) if entry.source == "bundled" else entry
            for entry in self.models
        )

    @property
    def default_model(self) -> ModelEntry:
        return next(entry for entry in self.models if entry.name == self.generation.default_model)

    def model(self, name: ModelName) -> ModelEntry:
        """Returns the default model when there is none of that name any more."""
        return next((entry for entry in self.models if entry.name == name), self.default_model)

    def licence_class(self, name: ModelName) -> LicenceClass:
        """Returns that of a model; empty if it is not said, or the model has left the settings."""
        for entry in self.models:
            if entry.name == name:
                return entry.licence_class
        return ""


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Reads config.toml. A `path` must exist; None means the defaults. Raises SettingsBroken for the first fault.

    ATELIER_DISCORD_API and ATELIER_DATA in `environment` override both.
    """
    source = str(path) if path else "the defaults"
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = parse_toml(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise SettingsBroken(source, "", error.strerror or str(error)) from error
        except UnicodeDecodeError as error:
            raise SettingsBroken(source, "", f"{line_of(error)}: {NOT_UTF8}") from error
        except NotToml as error:
            raise SettingsBroken(source, "", f"{error.where}: not valid TOML: {error.problem}") from error
    settings = _converted(raw, source)
    if "models" in raw:
        pairs = zip(settings.models, raw["models"], strict=True)
        settings = replace(settings, models=tuple(with_own_defaults(entry, given) for entry, given in pairs))
    for key, reason in _faults(settings):
        raise SettingsBroken(source, key, reason)
    if api := environment.get("ATELIER_DISCORD_API"):
        if not _is_address(api):
            raise SettingsBroken("the environment", "ATELIER_DISCORD_API", f"must be {_ADDRESS}")
        settings = replace(settings, discord=replace(settings.discord, api=api.rstrip("/")))
    if data := environment.get("ATELIER_DATA"):
        try:
            settings = replace(settings, data=Path(data).expanduser())
        except RuntimeError as error:
            raise SettingsBroken("the environment", "ATELIER_DATA", _NO_HOME) from error
    return settings


_LONGEST_ADDRESS = 200
"""Characters. Discord's buttons take 512, and the link itself has up to 300."""
_ADDRESS = "an address that begins with http:// or https://"
_NO_HOME = "there is no home folder of that name"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or brackets that can't be
        return False


def _is_safe(address: str) -> bool:
    """Returns whether others on the way can't read what is sent there."""
    if not _is_address(address):
        return False
    parts = urlsplit(address)
    is_plain = not (parts.query or parts.fragment or parts.username) and len(address) <= _LONGEST_ADDRESS
    return is_plain and (parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1"))


def address_of(listen: str) -> tuple[str, int]:
    """Returns host and port of "127.0.0.1:9464" or "[::1]:9464". Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError(listen)
    return host, int(port)


def _has_words(entry: ModelEntry) -> bool:
    try:
        return vocabulary_of(str(BUNDLED_MODEL) if entry.source == "bundled" else entry.source) is not None
    except (OSError, ValueError, EOFError):
        return False


def _faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yields key and reason of faults that types can't express, such as conflicts between fields."""
    if not _is_address(settings.discord.api):
        yield "discord.api", f"must be {_ADDRESS}"
    names = [entry.name for entry in settings.models]
    if doubled := _doubled(names):
        yield "models", f"two models are called {doubled!r}"
    default = settings.generation.default_model
    if default not in names:
        yield "generation.default_model", f"there is no model {default!r}; there are: {', '.join(names)}"
    for server, weight in settings.generation.server_weights.items():
        if not (re.fullmatch("[0-9]{1,20}", server) and 0 < weight <= 1000):
            reason = "must be a server's id = a number above 0 and at most 1000"
            yield f"generation.server_weights.{server}", reason
    try:
        parse_escalation(settings.moderation.ladder)
    except EscalationBroken as error:
        yield "moderation.ladder", f"{error.rung!r} is no rung; it takes {error.wanted}"
    if doubled := _doubled(settings.pictures.detectors):
        yield "pictures.detectors", f"{doubled!r} is named twice"
    if bool(settings.provenance.certificate) != bool(settings.provenance.key):
        yield "provenance", "certificate and key belong together: give both or neither"
    try:
        address_of(settings.metrics.listen or "off:0")
    except ValueError:
        yield "metrics.listen", "must be an address and a port, as 127.0.0.1:9464"
    if settings.mask_page.address and not _is_safe(settings.mask_page.address):
        yield (
            "mask_page.address",
            "must begin with https://; http:// is for this machine alone, as http://127.0.0.1:9465",
        )
    try:
        address_of(settings.mask_page.listen)
    except ValueError:
        yield "mask_page.listen", "must be an address and a port, as 127.0.0.1:9465"
    for entry in settings.models:
        if entry.scheduler and (schedulers := scheduler_names()) and entry.scheduler not in schedulers:
            near = difflib.get_close_matches(entry.scheduler, schedulers, n=1, cutoff=0.0)[0]
            yield (
                f"models.{entry.name}.scheduler",
                f"diffusers has no such scheduler; the nearest is {near!r}",
            )
        yield from _scheduler_faults(entry)
        if entry.adapts_prompts and not _has_words(entry):
            yield f"models.{entry.name}.adapts_prompts", "the model's folder has no tables of words (words/)"
        if entry.side < entry.multiple:
            yield f"models.{entry.name}.side", f"must be at least its `multiple`, {entry.multiple}"
        if entry.steps > entry.max_steps:
            yield f"models.{entry.name}.steps", f"must be at most its `max_steps`, {entry.max_steps}"
        if doubled := _doubled([lora.name.casefold() for lora in entry.loras]):
            yield f"models.{entry.name}.loras.{doubled}", "two LoRAs of this model have that name"
        if doubled := _doubled([each.name.casefold() for each in entry.embeddings]):
            yield f"models.{entry.name}.embeddings.{doubled}", "two embeddings of this model have that name"
        for each, other in permutations(entry.embeddings, 2):
            # diffusers replaces a trigger wherever its letters stand.
            if each.word in other.word:
                reason = f"its trigger {each.word!r} is a part of the trigger of {other.name!r}"
                yield f"models.{entry.name}.embeddings.{each.name}", reason
        for lora in entry.loras:
            if not lora.weight:
                yield f"models.{entry.name}.loras.{lora.name}.weight", "must not be 0"


def _scheduler_faults(entry: ModelEntry) -> Iterator[tuple[str, str]]:
    key = f"models.{entry.name}.schedulers"
    if entry.scheduler and entry.schedulers:
        yield key, "give either `scheduler` or `schedulers`"
    if doubled := _doubled(entry.schedulers):
        yield key, f"{doubled!r} is named twice"
    for name in entry.schedulers:
        if name not in SCHEDULERS:
            near = find_scheduler(name) or difflib.get_close_matches(name, SCHEDULERS, n=1, cutoff=0.0)[0]
            yield key, f"there is no scheduler {name!r}; the nearest is {near!r}"
    if wrong := unsuitable(entry.schedulers, entry.source):
        yield key, f"{wrong!r} does not suit this model, which draws by flow matching"


def _doubled(names: Sequence[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)


# ---- from TOML

_ELSEWHERE = {
    "discord.token": "the token comes from the environment (DISCORD_TOKEN), never from a file",
    "generation.swaps_a_minute": "it was removed: model_wait alone decides how often models take turns. Delete the line. "
    "To make them take turns less often, raise model_wait",
    "models.sampler": "it is called scheduler now, the word of diffusers; its values are the same",
}
"""Keys of older files, or keys that belong elsewhere, with the remedy. Entries of a list have no names here."""


def _converted(raw: dict[str, Any], source: str) -> Settings:
    places = dict(_places(inspect.type_info(Settings), raw, "$", "", source))
    try:
        return msgspec.convert(raw, Settings, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).removesuffix("`").partition(" - at `")
        while path not in places:  # an entry of a list or table of plain values
            path = path[: path.rindex("[")]
        key, kind = places[path]
        missing = re.fullmatch(r"Object missing required field (`\w+`)", problem)
        reason = f"{missing[1]} is missing" if missing else f"must be {_wanted(kind, path)}"
        raise SettingsBroken(source, key, reason) from error


def _places(
    kind: inspect.Type, value: Any, path: str, key: str, source: str
) -> Iterator[tuple[str, tuple[str, inspect.Type]]]:
    """Yields (path, (key, type)) for every value of the file: msgspec's path, the dotted key, and its type.

    For example "$.models[0].side" and "models.emoji.side". Raises SettingsBroken for an unknown key and for control characters.
    """
    if isinstance(value, str) and CONTROL.search(value):
        raise SettingsBroken(source, key, "must hold no control characters and no line breaks")
    yield path, (key, kind)
    match kind:
        case inspect.DataclassType() if isinstance(value, dict):
            known = {each.name: each.type for each in kind.fields}
            for name, each in cast("dict[str, Any]", value).items():
                dotted = f"{key}.{name}" if key else name
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1)
                    hint = f"the nearest is {near[0]!r}" if near else f"there are: {', '.join(known)}"
                    reason = _ELSEWHERE.get(_header(f"{path}.{name}"), f"there is no such key; {hint}")
                    raise SettingsBroken(source, dotted, reason)
                yield from _places(known[name], each, f"{path}.{name}", dotted, source)
        case inspect.VarTupleType(item_type=inspect.DataclassType() as item) if isinstance(value, list):
            for index, each in enumerate(cast("list[Any]", value)):
                name: object = cast("dict[str, Any]", each).get("name") if isinstance(each, dict) else None
                dotted = f"{key}.{name if isinstance(name, str) else index + 1}"
                yield from _places(item, each, f"{path}[{index}]", dotted, source)
        case _:
            pass


def _to_path(kind: type, value: object) -> Path:
    if not (isinstance(value, str) and value):
        raise ValueError("no path")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(_NO_HOME) from error


def _wanted(kind: inspect.Type, path: str) -> str:
    match kind:
        case inspect.Metadata(extra_json_schema={"description": str(words)}):
            return words
        case inspect.LiteralType(values=values):
            return f"one of: {', '.join(str(value) for value in values if value != '')}"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(gt=gt, ge=ge, le=le):
            return "a whole number" + _range(gt, ge, le)
        case inspect.FloatType(gt=gt, ge=ge, le=le):
            return "a number" + _range(gt, ge, le)
        case inspect.VarTupleType(item_type=inspect.LiteralType() as item):
            return f"a list of at least {_wanted(item, path)}"
        case inspect.VarTupleType(item_type=item, min_length=least):
            what = f"[[{_header(path)}]] tables" if isinstance(item, inspect.DataclassType) else "strings"
            return f"a list of {what}" + (", at least one" if least else "")
        case inspect.CustomType():
            return "a string with a path; one that begins with ~ needs a home folder of that name"
        case inspect.StrType():
            return "a string" + (" that is not empty" if kind.min_length else "")
        case _:
            return "a table"


def _header(path: str) -> str:
    """Returns msgspec's path as a TOML table header: "$.models[0].loras" -> "models.loras"."""
    return re.sub(r"\[\d+\]", "", path).removeprefix("$.")


def _range(above: float | None, least: float | None, most: float | None) -> str:
    # As TOML writes them: no 1e+06.
    start = f" from {least:.10g} to" if above is None else f" above {above:.10g} and at most"
    return f"{start} {most:.10g}"
