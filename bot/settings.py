"""config.toml and the environment, read once, as frozen values. An unknown key is an error that names the nearest."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

from bot.exposition import address_of
from generation.logs import FORMATS, LEVELS
from generation.request import ModelEntry, ModelName
from moderation.allowance import Limits
from moderation.detectors import NAMES as DETECTORS
from moderation.ladder import LadderBroken, parse_ladder
from moderation.policy import STANDARD, presets

PROJECT = Path(__file__).resolve().parent.parent
BUNDLED_MODEL = PROJECT / "models" / "bundled"

MAX_LORA_WEIGHT = 2.0
"""Either way. Beyond, pictures fall apart."""

DISCORD_API = "https://discord.com/api/v10"


@dataclass(eq=False)
class SettingsBroken(Exception):
    """The settings can't be used. `key` is dotted, as in "limits.images_a_day"."""

    source: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    api: str = DISCORD_API  # ATELIER_DISCORD_API overrides it
    ready_timeout: float = 2.0  # seconds to wait for late guilds at start


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings:
    default_model: str = "emoji"
    slots: int = 16  # pictures denoised at once at the most
    pinned_rows: int = (
        0  # rows of every step, so that a seed gives the same picture to the bit; 0: as many as there are
    )
    max_waiting: int = 200  # jobs in line at the most, over all members
    member_running: int = 8  # pictures of one member that are worked on at once at the most
    preview_seconds: float = 1.5  # least time between two previews of a job
    patience: float = 120.0  # seconds without a sign of life before the worker is started again
    retries: int = 2  # how often a job is tried again after the worker died
    upscale_factor: int = 2
    memory_gib: float = 0.0  # for the models on the device; 0: three quarters of what is free at start
    model_wait: float = 60.0  # seconds that a model is waited for before others in use make room for it
    server_weights: Mapping[str, float] = field(
        default_factory=dict[str, float]
    )  # by server id; others have 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationSettings:
    rules: str = ""  # a file of rules; empty: the ones that are shipped
    policy: str = STANDARD  # the preset of servers that chose none with /server policy
    log_channel: str = "mod-log"  # its name, where the moderators chose no channel with /mod log-channel
    ladder: tuple[str, ...] = ("warn", "timeout 1h", "timeout 1d", "ban")  # one rung a strike that counts
    strike_days: int = 90  # how long a strike counts
    claim_seconds: int = 180  # how long a moderator who began to act on a case has it for themselves
    reports_an_hour: int = 5  # by one member
    must: str = ""  # a file of prompts that must always be refused or allowed; empty: the one that is shipped

    people: str = ""  # a file of real persons' names and consents, besides the names that are shipped

    @property
    def people_file(self) -> Path | None:
        return Path(self.people) if self.people else None

    @property
    def must_file(self) -> Path | None:
        return Path(self.must) if self.must else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """Days; 0: for ever."""

    prompts_days: int = 90  # what was asked and what the filter said, for /mod log
    pictures_days: int = 0  # since they were made; for ever, or their buttons die
    jobs_days: int = 0  # orders, since they ended; their buttons go with them
    cases_days: int = 365  # since they were decided
    sanctions_days: int = 180  # strikes, timeouts and bans, since they ended
    audit_days: int = 730  # names and reasons in the audit log; never 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesSettings:
    detectors: tuple[str, ...] = (
        "opennsfw",
    )  # what looks at every picture; also "nudenet", "safety-checker"
    safety_checker: str = ""  # the weights of "safety-checker": a folder or hub name in diffusers' layout


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceSettings:
    certificate: str = ""  # PEM, the whole chain, its own first; empty: one is made in the data folder
    key: str = ""  # its private key, PEM without a password


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    listen: str = ""  # "127.0.0.1:9464": GET /metrics answers there; empty: nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings:
    format: str = "text"  # or "json"
    level: str = "info"  # --log-level overrides it


BUNDLED = ModelEntry(
    name=ModelName("emoji"),
    source="bundled",
    licence="MIT (pictures: Fluent Emoji, MIT)",
    description="The small model that comes with Atelier: emoji-style objects",
    side=128,
    multiple=16,
    steps=20,
    max_steps=50,
    guidance=4.0,
    enlarge=4,
    variation_strength=0.6,
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
    logging: LoggingSettings = LoggingSettings()
    models: tuple[ModelEntry, ...] = field(default=(BUNDLED,))

    @property
    def resolved_models(self) -> tuple[ModelEntry, ...]:
        """With "bundled" replaced by the folder that it stands for."""
        return tuple(
            replace(entry, source=str(BUNDLED_MODEL)) if entry.source == "bundled" else entry
            for entry in self.models
        )

    @property
    def default_model(self) -> ModelEntry:
        return next(entry for entry in self.models if entry.name == self.generation.default_model)


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Raises SettingsBroken. `path` may be absent from the disk only when it is None."""
    source = str(path) if path else "the defaults"
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsBroken(source, "", error.strerror or str(error)) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsBroken(source, "", f"not valid TOML: {error}") from error
    if api := environment.get("ATELIER_DISCORD_API"):
        raw.setdefault("discord", {})["api"] = api.rstrip("/")
    if data := environment.get("ATELIER_DATA"):
        raw["data"] = data
    settings = _build(Settings, raw, "", source)
    return _checked(settings, source)


def _checked(settings: Settings, source: str) -> Settings:
    names = [entry.name for entry in settings.models]
    if not names:
        raise SettingsBroken(source, "models", "at least one model is needed")
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise SettingsBroken(source, "models", f"two models are called {doubled!r}")
    if settings.generation.default_model not in names:
        raise SettingsBroken(
            source,
            "generation.default_model",
            f"there is no model {settings.generation.default_model!r}; there are: {', '.join(names)}",
        )
    for key in ("images_a_minute", "images_a_day", "jobs_in_line"):
        if getattr(settings.limits, key) < 1:
            raise SettingsBroken(source, f"limits.{key}", "must be 1 or more")
    for key in ("strike_days", "claim_seconds", "reports_an_hour"):
        if getattr(settings.moderation, key) < 1:
            raise SettingsBroken(source, f"moderation.{key}", "must be 1 or more")
    for entry in fields(RetentionSettings):
        least = 1 if entry.name == "audit_days" else 0
        if getattr(settings.retention, entry.name) < least:
            raise SettingsBroken(source, f"retention.{entry.name}", f"must be {least} or more")
    if settings.moderation.policy not in presets():
        raise SettingsBroken(source, "moderation.policy", f"must be one of: {', '.join(presets())}")
    try:
        parse_ladder(settings.moderation.ladder)
    except LadderBroken as error:
        raise SettingsBroken(
            source, "moderation.ladder", f"{error.rung!r} is no rung; it takes {error.wanted}"
        ) from error
    detectors = settings.pictures.detectors
    if not detectors or len(set(detectors)) < len(detectors) or not set(detectors) <= set(DETECTORS):
        known = ", ".join(DETECTORS)
        raise SettingsBroken(
            source, "pictures.detectors", f"must name at least one, and each once, of: {known}"
        )
    if bool(settings.provenance.certificate) != bool(settings.provenance.key):
        raise SettingsBroken(
            source, "provenance", "certificate and key belong together: give both or neither"
        )
    for key in ("slots", "max_waiting", "member_running", "preview_seconds", "patience"):
        if getattr(settings.generation, key) <= 0:
            raise SettingsBroken(source, f"generation.{key}", "must be above 0")
    for key in ("memory_gib", "model_wait"):
        if not 0 <= getattr(settings.generation, key) < float("inf"):
            raise SettingsBroken(source, f"generation.{key}", "must be 0 or more")
    if not 0 <= settings.generation.pinned_rows <= 128:
        raise SettingsBroken(source, "generation.pinned_rows", "must be 0, or from 1 to 128")
    for server, weight in settings.generation.server_weights.items():
        if not server.isdecimal() or weight <= 0:
            raise SettingsBroken(
                source, f"generation.server_weights.{server}", "must be a server's id = a number above 0"
            )
    if settings.generation.upscale_factor not in (2, 4):
        raise SettingsBroken(source, "generation.upscale_factor", "must be 2 or 4")
    if settings.metrics.listen:
        try:
            address_of(settings.metrics.listen)
        except ValueError as error:
            raise SettingsBroken(
                source, "metrics.listen", "must be an address and a port, as 127.0.0.1:9464"
            ) from error
    for key, known in (("format", FORMATS), ("level", LEVELS)):
        if getattr(settings.logging, key) not in known:
            raise SettingsBroken(source, f"logging.{key}", f"must be one of: {', '.join(known)}")
    for entry in settings.models:
        # `--model NAME` inside a prompt takes one word.
        if not re.fullmatch(r"[\w.-]{1,60}", entry.name):
            raise SettingsBroken(
                source, f"models.{entry.name}", "a name is one word of letters, digits, - . _"
            )
        if entry.side < entry.multiple or entry.multiple < 8 or not 1 <= entry.steps <= entry.max_steps:
            raise SettingsBroken(
                source, f"models.{entry.name}", "side, multiple or steps make no sense together"
            )
        if entry.dtype not in ("", "float32", "bfloat16", "float16"):
            raise SettingsBroken(source, f"models.{entry.name}.dtype", "must be float32, bfloat16 or float16")
        if entry.enlarge not in (1, 2, 4):
            raise SettingsBroken(source, f"models.{entry.name}.enlarge", "must be 1, 2 or 4")
        if not 0 < entry.variation_strength <= 1:
            raise SettingsBroken(
                source, f"models.{entry.name}.variation_strength", "must be above 0 and at most 1"
            )
        _check_loras(entry, source)
    return settings


def _check_loras(entry: ModelEntry, source: str) -> None:
    names = [lora.name.casefold() for lora in entry.loras]
    for lora in entry.loras:
        key = f"models.{entry.name}.loras.{lora.name}"
        # `--lora NAME:WEIGHT` is one word, and PEFT names modules after it.
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", lora.name):
            raise SettingsBroken(source, key, "a name is one word of letters, digits, - _")
        if names.count(lora.name.casefold()) > 1:
            raise SettingsBroken(source, key, "two LoRAs of this model have that name")
        if not 0 < abs(lora.weight) <= MAX_LORA_WEIGHT:
            raise SettingsBroken(
                source,
                f"{key}.weight",
                f"must be from -{MAX_LORA_WEIGHT:g} to {MAX_LORA_WEIGHT:g}, and not 0",
            )


def _build(kind: type, raw: Any, key: str, source: str) -> Any:
    """A dataclass of `kind` from a TOML table, checked against the annotations."""
    if not isinstance(raw, dict):
        raise SettingsBroken(source, key, "must be a table")
    known = {f.name for f in fields(kind)}
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in raw.items():
        dotted = f"{key}.{name}" if key else name
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise SettingsBroken(source, dotted, f"unknown key; the nearest is {near[0]!r}")
        values[name] = _value(hints[name], value, dotted, source)
    try:
        return kind(**values)
    except TypeError as error:
        missing = str(error).partition(": ")[2] or str(error)
        raise SettingsBroken(source, key, f"missing: {missing}") from error


def _value(hint: Any, value: Any, key: str, source: str) -> Any:
    if hint == tuple[str, ...]:
        texts = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise SettingsBroken(source, key, "must be a list of strings")
        return tuple(cast("list[str]", texts))
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise SettingsBroken(source, key, f"must be a list of [[{key}]] tables")
        return tuple(_build(get_args(hint)[0], entry, key, source) for entry in value)
    if is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, key, source)
    if hint == Mapping[str, float]:
        if not isinstance(value, dict):
            raise SettingsBroken(source, key, "must be a table")
        return {name: _value(float, one, f"{key}.{name}", source) for name, one in value.items()}
    if hint is Path:
        if not isinstance(value, str):
            raise SettingsBroken(source, key, "must be a string")
        return Path(value).expanduser()
    plain: Any = getattr(hint, "__supertype__", hint)  # a NewType's values are its supertype's
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) != (plain is bool) or not isinstance(value, plain):
        raise SettingsBroken(source, key, f"must be {_word(plain)}")
    return value


def _word(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}.get(
        kind, kind.__name__
    )
