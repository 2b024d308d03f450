"""run | playground | doctor: settings -> parts; signals; nothing else."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot import app, doctor
from bot.exposition import CannotListen
from bot.provenance import Provenance, ProvenanceBroken
from bot.settings import PROJECT, Settings, SettingsBroken, load
from db.database import Database
from db.errors import DatabaseBroken, DatabaseBusy, DatabaseLost, DatabaseTooNew, DiskFull, StorageError
from generation import checkup
from generation.logs import LEVELS, open_log
from generation.model_folder import BrokenModelFolder, inspect
from moderation.classifier import ModelBroken, load_classifier
from moderation.detectors import load_detectors
from moderation.figures import load_figures
from moderation.must import MustBroken, read_must
from moderation.people import PeopleBroken, read_people
from moderation.pictures import DetectorBroken, PictureCheck
from moderation.rules import RulesBroken, load_rules
from moderation.screen import Screen

log = logging.getLogger("atelier")

_NO_TOKEN = (
    "There is no token. Set DISCORD_TOKEN to your bot's token (Developer Portal → your application → Bot), "
    "or try the bot without an account: make demo"
)
_WRONG_TOKEN = (
    "Discord refuses the token in DISCORD_TOKEN. Copy it again from the Developer Portal → Bot → Reset Token."
)


SWITCH_SECONDS = 0.001
"""How long a thread that is busy keeps the event loop's from its turn; Python's own 5 ms are what members would feel first."""


class CannotStart(Exception):
    """Why, as a sentence that says what to do."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "run":
                settings = _settings(options.config)
                if options.log_level:
                    settings = replace(settings, logging=replace(settings.logging, level=options.log_level))
                open_log(settings.logging.format, settings.logging.level)
                # A gateway reconnect is an everyday matter to discord.py, and its INFO lines are many.
                logging.getLogger("discord").setLevel(logging.WARNING)
                asyncio.run(_run(settings, options.stop_with_stdin))
            case "playground":
                from playground.demo import demo

                open_log("text", options.log_level or "info")
                asyncio.run(demo(options.port, options.data, options.config))
            case _:
                return _doctor(_settings(options.config))
    except CannotStart as error:
        print(f"atelier: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


async def _run(settings: Settings, stop_with_stdin: bool) -> None:
    # Taken out of the environment: the worker, and what it loads, has no business with it.
    token = os.environ.pop("DISCORD_TOKEN", "").strip()
    if not token:
        raise CannotStart(_NO_TOKEN)
    sys.setswitchinterval(SWITCH_SECONDS)
    _inspect_models(settings)
    for entry in settings.resolved_models:
        for sentence in doctor.broken_loras(entry):
            log.error("%s Orders for it will fail; the others go on.", sentence)
    screen = _screen(settings)
    pictures = _picture_check(settings)
    # What is loaded now stays until the end. Looking through it for garbage would hold up the loop for tens of milliseconds.
    gc.collect()
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if stop_with_stdin:
        loop.add_reader(sys.stdin, stop.set)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        async with Database.open(settings.data / "atelier.sqlite3") as database:
            # Not before: where the database is lost, nothing is written.
            provenance = Provenance.open(settings.provenance, settings.data)
            await app.run(settings, database, screen, pictures, provenance, token, stop)
    except app.WrongToken as error:
        raise CannotStart(_WRONG_TOKEN) from error
    except app.DiscordUnreachable as error:
        raise CannotStart(f"Discord can't be reached at {error.api}: {error.reason}") from error
    except CannotListen as error:
        raise CannotStart(
            f"The metrics can't be offered at {error.listen}: {error.reason}. Change metrics.listen in the settings."
        ) from error
    except ProvenanceBroken as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(f"{error.filename or settings.data}: {error.strerror or error}") from error
    except StorageError as error:
        raise CannotStart(_storage_sentence(error)) from error


def _settings(path: Path | None) -> Settings:
    if path is None and (PROJECT / "config.toml").exists():
        path = PROJECT / "config.toml"
    try:
        return load(path, os.environ)
    except SettingsBroken as error:
        where = f" at {error.key}" if error.key else ""
        raise CannotStart(f"The settings in {error.source} are broken{where}: {error.reason}.") from error


def _inspect_models(settings: Settings) -> None:
    for entry in settings.resolved_models:
        try:
            inspect(entry.source)
        except BrokenModelFolder as error:
            raise CannotStart(
                f"The model {entry.name!r} in {error.source} can't be used: {error.reason}. {error.advice}"
            ) from error


def _screen(settings: Settings) -> Screen:
    path = Path(settings.moderation.rules) if settings.moderation.rules else None
    try:
        read_must(settings.moderation.must_file)
    except MustBroken as error:
        raise CannotStart(f"The prompts that must be refused or allowed are broken: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"The file moderation.must names can't be read: {error}.") from error
    try:
        people = read_people(settings.moderation.people_file)
    except PeopleBroken as error:
        raise CannotStart(f"The list of real persons is broken: {error}.") from error
    except OSError as error:
        raise CannotStart(
            f"The list of real persons in {settings.moderation.people} can't be read: {error.strerror}."
        ) from error
    try:
        rules = load_rules(path)
        names = load_figures(more=people.names(rules))
        return Screen(rules, load_classifier(), names, excused=people.excused(rules))
    except RulesBroken as error:
        raise CannotStart(f"The moderation rules are broken: {error}") from error
    except ModelBroken as error:
        raise CannotStart(f"The prompt filter can't start: {error}.") from error
    except OSError as error:
        raise CannotStart(f"The moderation rules in {path} can't be read: {error.strerror}.") from error


def _picture_check(settings: Settings) -> PictureCheck:
    try:
        return PictureCheck(load_detectors(settings.pictures.detectors, settings.pictures.safety_checker))
    except DetectorBroken as error:
        raise CannotStart(f"{str(error)[:1].upper()}{str(error)[1:]}") from error


def _storage_sentence(error: StorageError) -> str:
    match error:
        case DatabaseLost():
            return (
                f"The database {error.path} is missing or empty, but there are pictures in {error.pictures}. Put a backup of "
                "the database in its place. To start without these pictures, move their folder away. Nothing was changed."
            )
        case DatabaseTooNew():
            return (
                f"The database {error.path} is of version {error.version}, but this program knows {error.known}. "
                "Start the newer release again, or restore a backup. Nothing was changed."
            )
        case DatabaseBroken():
            return (
                f"The database {error.path} can't be used: {error.reason}. Move it to a safe place, together with the files "
                "beside it that end with -wal and -shm, and put a backup in its place. The pictures stay where they are."
            )
        case DatabaseBusy():
            return f"Another program holds the database {error.path}. Is the bot running already?"
        case DiskFull():
            return f"The disk that holds {error.path} is full. Make room and start again."
        case _:
            return f"The database can't be used: {error}"


def _doctor(settings: Settings) -> int:
    """0: all is well; 1: something is broken that a start would live with; 2: a start would fail."""
    stops: list[str] = []
    for part in (_screen, _picture_check):
        try:
            part(settings)
        except CannotStart as error:
            stops.append(str(error))
    found = doctor.examine(
        settings,
        has_token=bool(os.environ.get("DISCORD_TOKEN", "").strip()),
        checkup=checkup.examine,
        storage_sentence=_storage_sentence,
        show=partial(print, flush=True),
    )
    found.stops[:0] = stops
    for sentence in (*found.troubles, *found.stops):
        print(f"atelier: {sentence}", file=sys.stderr)
    return found.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="main.py", description="Atelier: pictures for a Discord community")
    parser.add_argument("--config", type=Path, help="default: config.toml beside main.py, where there is one")
    parser.add_argument("--log-level", choices=LEVELS, help="in place of the settings'")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the bot; needs DISCORD_TOKEN")
    run.add_argument(
        "--stop-with-stdin",
        action="store_true",
        help="stop when standard input closes: a parent's death ends it",
    )
    commands.add_parser(
        "doctor", help="what would stop a start, what the card can do, how long a picture takes"
    )
    play = commands.add_parser("playground", help="the bot and a Discord on localhost; no account needed")
    play.add_argument("--port", type=int, default=8377)
    play.add_argument("--data", type=Path, default=Path("demo-data"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
