"""`python main.py doctor`: reports faults that would stop a start, the device, and the time of a picture.

Changes nothing, except that it fetches models that are not completely in the hub's cache.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.studio import Settings
from bot.studio.catalogue import CLASSES
from bot.studio.pictures.provenance import FOLDER, certificate_of, check_mark_key, credentials_of
from db import FILE_NAME, DatabaseMissing, StorageError
from db.state import size_text, state_of
from generation import Abilities, EmbeddingEntry, GuidanceKind, LoraEntry, ModelEntry
from generation.diagnostics import Card, Fetching, Finding, ModelReport
from generation.files.embedding_file import BrokenEmbeddingFile, inspect_embedding
from generation.files.hub_cache import bytes_in_cache, gigabytes
from generation.files.lora_file import BrokenLoraFile, inspect_lora
from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.provenance.certificate import CHAIN, KEY, load_certificate
from moderation.pictures.text import rapidocr
from startup import StartError

ROOM = 2 * 10**9
"""Bytes on the disk: room for about a thousand pictures."""


@dataclass(slots=True)
class Examination:
    """The result. `stops`: faults that would end `run`, as sentences; `troubles`: faults that `run` tolerates."""

    stops: list[str] = field(default_factory=list[str])
    troubles: list[str] = field(default_factory=list[str])

    @property
    def exit_code(self) -> int:
        return 2 if self.stops else 1 if self.troubles else 0


def examine(
    settings: Settings,
    *,
    has_token: bool,
    checkup: Callable[[Sequence[ModelEntry]], Iterable[Finding]],
    show: Callable[[str], None],
) -> Examination:
    """Examines the installation and shows each finding as a line, quick checks first."""
    found = Examination()
    _line(show, "Discord", settings.discord.api)
    _line(show, "DISCORD_TOKEN", "set" if has_token else "not set")
    if not has_token:
        found.troubles.append("DISCORD_TOKEN is not set: `run` needs it, the playground does not.")
    _storage(settings, found, show)
    _line(show, "metrics", settings.metrics.listen or "off")
    _line(show, "picture check", ", ".join(settings.pictures.detectors))
    _line(show, "text in pictures", _text_reader(settings))
    _certificate(settings, found, show)
    sound: list[ModelEntry] = []
    for entry in settings.resolved_models:
        try:
            inspect_model(entry)
        except StartError as broken:
            found.stops.append(str(broken))
            continue
        source = inspect_entry(entry)
        for name in filter(None, (source.to_fetch, *source.parts_to_fetch)):
            here = f"{gigabytes(bytes_in_cache(name))} are in the hub's cache"
            _line(show, "to fetch", f"{name}, for the model {entry.name!r}: {here}")
        sound.append(entry)
        found.troubles += [sentence for _, sentence in broken_loras(entry)]
        found.troubles += [sentence for _, sentence in broken_embeddings(entry)]
    for finding in checkup(sound):
        match finding:
            case Card():
                for name, text in _of_card(finding):
                    _line(show, name, text)
            case Fetching():
                done, total = gigabytes(finding.done), gigabytes(finding.total)
                _line(show, "fetching", f"{finding.name}: {done} of {total}")
            case ModelReport():
                entry = next(entry for entry in sound if entry.name == finding.name)
                show("")
                for name, text in _of_model(finding, entry, settings):
                    _line(show, name, text)
                found.troubles += unfit(entry, finding.abilities)
                if finding.why_not:
                    found.troubles.append(f"The model {finding.name!r} can't be used: {finding.why_not}")
    return found


def _text_reader(settings: Settings) -> str:
    """Returns whether what is written in pictures is read, or how to have it read."""
    if settings.pictures.read_text == "off":
        return "not read (pictures.read_text)"
    if not rapidocr.is_installed():
        return f"not read; to read it: {rapidocr.ADVICE}"
    return "read in all pictures" if settings.pictures.read_text == "all" else "read in uploads alone"


def inspect_data(data: Path) -> Path:
    """Returns the data folder, or the nearest parent that exists. Raises StartError when the folder can't be made."""
    named = f"The data folder {data} (data in the settings, or ATELIER_DATA) can't be used"
    try:
        there = next(folder for folder in (data, *data.parents) if folder.exists())
    except OSError as error:
        raise StartError(f"{named}: {error.strerror or error}.") from error
    if not there.is_dir():
        raise StartError(f"{named}: {there} is a file.")
    return there


def inspect_model(entry: ModelEntry) -> None:
    """Raises StartError when the model's folder can't be used."""
    named = f"The model {entry.name!r} in {entry.source} can't be used (models.{entry.name}.source)"
    try:
        inspect_entry(entry)
    except BrokenModelFolder as broken:
        raise StartError(f"{named}: {broken.reason} {broken.advice}") from broken
    except OSError as error:
        raise StartError(f"{named}: {error.strerror or error}.") from error


def unfit(entry: ModelEntry, abilities: Abilities | None) -> Iterator[str]:
    """Yields what the model's entry asks of it and it can't do."""
    if abilities is None:
        return
    named = f"The model {entry.name!r}"
    if abilities.advice:
        yield f"{named}: {abilities.advice}"
    if abilities.multiple and entry.multiple % abilities.multiple:
        key = f"models.{entry.name}.multiple"
        yield f"{named} draws sizes that are multiples of {abilities.multiple} ({key}, now {entry.multiple})."
    if abilities.steps and entry.steps > 2 * abilities.steps:
        key = f"models.{entry.name}.steps"
        yield f"{named} is distilled for {abilities.steps} steps ({key}, now {entry.steps})."


def broken_loras(entry: ModelEntry) -> Iterator[tuple[LoraEntry, str]]:
    """Yields the LoRAs that can't be used, each with a sentence. Only the files' headers are read."""

    def named(lora: LoraEntry) -> str:
        key = f"models.{entry.name}.loras.{lora.name}.source"
        return f"The LoRA {lora.name!r} of the model {entry.name!r} can't be used ({key})"

    for lora in entry.loras:
        try:
            inspect_lora(lora.source, entry.source)
        except BrokenLoraFile as broken:
            yield lora, f"{named(lora)}: {broken}"
        except OSError as error:
            yield lora, f"{named(lora)}: {lora.source}: {error.strerror or error}."


def broken_embeddings(entry: ModelEntry) -> Iterator[tuple[EmbeddingEntry, str]]:
    """Yields the embeddings that can't be used, each with a sentence. Only the files' headers are read."""
    for embedding in entry.embeddings:
        key = f"models.{entry.name}.embeddings.{embedding.name}.source"
        named = f"The embedding {embedding.name!r} of the model {entry.name!r} can't be used ({key})"
        try:
            inspect_embedding(embedding.source, entry.source)
        except BrokenEmbeddingFile as broken:
            yield embedding, f"{named}: {broken}"
        except OSError as error:
            yield embedding, f"{named}: {embedding.source}: {error.strerror or error}."


def without_broken_files(settings: Settings, warn: Callable[[str], None]) -> Settings:
    """Returns the settings without the LoRAs and embeddings that can't be used, so that they are not offered.

    `warn` takes a sentence for each.
    """
    entries: list[ModelEntry] = []
    for entry, resolved in zip(settings.models, settings.resolved_models, strict=True):
        loras, embeddings = dict(broken_loras(resolved)), dict(broken_embeddings(resolved))
        for sentence in (*loras.values(), *embeddings.values()):
            warn(f"{sentence} It is not offered.")
        entries.append(
            replace(
                entry,
                loras=tuple(each for each in entry.loras if each not in loras),
                embeddings=tuple(each for each in entry.embeddings if each not in embeddings),
            )
        )
    return replace(settings, models=tuple(entries))


def _line(show: Callable[[str], None], name: str, text: str) -> None:
    show(f"{name:<14} {text}")


def _storage(settings: Settings, found: Examination, show: Callable[[str], None]) -> None:
    data = settings.data.resolve()
    _line(show, "data", str(data))
    try:
        there = inspect_data(data)
    except StartError as broken:
        found.stops.append(str(broken))
        return
    free = shutil.disk_usage(there).free
    _line(show, "disk", f"{size_text(free)} free")
    if free < ROOM:
        found.troubles.append(f"The disk that holds {there} has {size_text(free)} left.")
    path = data / FILE_NAME
    try:
        state = state_of(path)
    except DatabaseMissing:
        _line(show, "database", "none yet: the first start makes it")
    except StorageError as error:
        _line(show, "database", "can't be used")
        found.stops.append(str(error))
    else:
        jobs = ", ".join(f"{count} {name}" for name, count in state.jobs.items() if count) or "no jobs"
        update = "" if state.version == state.known else f", which the next start brings to {state.known}"
        _line(show, "database", f"{size_text(state.bytes)}, version {state.version}{update}; {jobs}")
        limit, size = settings.retention.picture_bytes, size_text(state.picture_bytes)
        of = f" of {size_text(limit)}" if limit else ""
        _line(show, "pictures", f"{state.pictures} ({size}{of})")
        if settings.retention.is_nearly_full(state.picture_bytes):
            found.troubles.append(
                f"The pictures take {size}{of} (pictures_gib): above that the oldest are deleted."
            )
        if state.faults:
            found.troubles.append(f"The database {path} is damaged: {'; '.join(state.faults[:3])}.")


def _certificate(settings: Settings, found: Examination, show: Callable[[str], None]) -> None:
    folder = settings.data / FOLDER
    try:
        check_mark_key(folder)
        own = certificate_of(settings.provenance)
        if own is None and not (folder / KEY).exists():
            _line(show, "certificate", "none yet: the first start makes one")
            return
        certificate = own or load_certificate(folder / CHAIN, folder / KEY)
        credentials_of(certificate)
    except StartError as broken:
        found.stops.append(str(broken))
    except OSError as error:
        found.stops.append(f"{error.filename or folder}: {error.strerror or error}.")
    else:
        whose = "the owner's" if own else "made by the bot"
        _line(show, "certificate", f"{certificate.name}, until {certificate.expires:%Y-%m-%d} ({whose})")


def _of_card(card: Card) -> Iterator[tuple[str, str]]:
    yield "device", card.name
    yield "memory", f"{card.free / 2**30:.1f} of {card.total / 2**30:.1f} GiB free"
    bfloat16 = "has" if card.has_bfloat16 else "has no"
    yield "numbers", f"{card.dtype} where the model's entry says nothing; it {bfloat16} bfloat16 of its own"
    yield "torch", f"{card.torch}, diffusers {card.diffusers}"
    yield (
        "torch.compile",
        f"with {card.compiler}" if card.compiler else "not available: no compiler is installed",
    )


def _of_model(report: ModelReport, entry: ModelEntry, settings: Settings) -> Iterator[tuple[str, str]]:
    is_default = entry.name == settings.generation.default_model
    yield "model", f"{entry.name}{' (default)' if is_default else ''}: {_short(entry.source)}"
    yield "  licence", f"{entry.licence} ({CLASSES[entry.licence_class]})"
    if report.why_not:
        yield "  broken", report.why_not
        return
    yield "  kind", f"{report.pipeline}, loaded in {report.loading:.1f} s"
    if report.abilities is not None:
        yield "  can", ", ".join(_can(report.abilities))
        yield "  takes", ", ".join(_takes(report.abilities))
        yield "  default", ", ".join(_defaults(entry, report.abilities))
    if not report.is_batched:
        yield "  batches", "none: it draws its pictures by itself, one after the other"
    if report.steps:
        yield "  a step of", "   ".join(f"{rows} rows {_time(each)}" for rows, each in report.steps.items())
    if report.knee:
        curve = f"{_time(report.fixed)} and {_time(report.a_row)} a row"
        yield "  cost", f"{curve}; more than {report.knee} rows in a step are not worth it"
    if report.decoding:
        enlarged = f", enlarged {entry.enlarge} times" if entry.enlarge > 1 else ""
        yield "  decoding", f"{_time(report.decoding)} a picture{enlarged}"
    if report.order:
        yield (
            "  an order",
            f"{_time(report.order)} for four pictures of {entry.side} pixels in {entry.steps} steps, alone on the device",
        )
    if report.note:
        yield "  note", report.note


def _can(abilities: Abilities) -> Iterator[str]:
    if abilities.draws_text:
        yield "draw from a prompt"
    if abilities.starts:
        yield "vary and remix a picture" if abilities.has_strength else "edit a picture (remix)"
    if abilities.masks:
        yield "fill in a mask"
    if abilities.control_kinds:
        kinds = (
            f"{kind}{' (control maps only)' if kind in abilities.prepared_only else ''}"
            for kind in abilities.control_kinds
        )
        yield f"follow {' and '.join(kinds)} (/sketch)"
    if abilities.styles:
        yield "draw in the style of a picture"
    if not abilities.is_useful:
        yield "nothing that an order asks for"
    if not abilities.tells_steps:
        yield "not be cancelled before a picture is finished"


def _takes(abilities: Abilities) -> Iterator[str]:
    yield "a negative prompt" if abilities.takes_negative else "no negative prompt"
    match abilities.guidance.kind:
        case GuidanceKind.FREE:
            yield f"guidance ({abilities.guidance.argument}; off at {abilities.guidance.off:g})"
        case GuidanceKind.EMBEDDED:
            yield f"guidance ({abilities.guidance.argument}, as an input)"
        case GuidanceKind.NONE:
            yield "no guidance"
    if abilities.steps:
        yield f"{abilities.steps} steps (distilled)"
    if abilities.scale:
        yield f"a guidance of {abilities.scale:g} (distilled)"


def _defaults(entry: ModelEntry, abilities: Abilities) -> Iterator[str]:
    """Yields the values of orders that name none."""
    own = " (the model's own)"
    yield f"{entry.steps} steps{own if entry.steps == abilities.steps else ''}"
    if abilities.is_guided:
        yield f"guidance {entry.guidance:g}{own if entry.guidance == abilities.scale else ''}"


def _time(seconds: float) -> str:
    return (
        f"{seconds:.2g} s"
        if 1 <= seconds < 10
        else f"{seconds:.0f} s"
        if seconds >= 10
        else f"{1000 * seconds:.3g} ms"
    )


def _short(source: str) -> str:
    return Path(source).name if Path(source).is_dir() else source
