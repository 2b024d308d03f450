"""The command line: `run`, `playground`, `doctor`, `fetch`, `backup` and `restore`.

Builds the parts from the settings and handles signals; no other logic.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot import app
from bot.cases.server_check import examine_servers
from bot.connection import ShortOutages
from bot.studio import PROJECT, LoggingSettings, Settings, doctor, load
from bot.studio.pictures.provenance import FOLDER, Provenance
from db import FILE_NAME, Archived, Database, StorageError, restore_archive, write_archive
from db.errors import storage_error
from db.folder_lock import folder_lock
from db.state import chosen_log_channels
from generation import diagnostics
from generation.logs import LEVELS, open_log
from moderation import PromptFilter
from moderation.classifier.classifier import load_classifier
from moderation.pictures.check import PictureCheck
from moderation.pictures.registry import load_detectors, load_reader
from moderation.prompts.golden_prompts import read_golden_prompts
from moderation.prompts.named_people import read_named_people
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import load_rules
from startup import StartError

log = logging.getLogger("atelier")

_NO_TOKEN = (
    "There is no token. Set DISCORD_TOKEN to your bot's token (Developer Portal → your application → Bot), "
    "or try the bot without an account: make demo"
)

SWITCH_SECONDS = 0.001
"""Seconds that a busy thread may delay the event loop's thread. With Python's default of 5 ms, members would notice the delay."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "run":
                settings = _settings(options.config)
                if options.log_level:
                    settings = replace(settings, logging=replace(settings.logging, level=options.log_level))
                _open_log(settings.logging)
                # A gateway reconnect is normal for discord.py, and its INFO lines are many.
                logging.getLogger("discord").setLevel(logging.WARNING)
                for name in ("discord.client", "discord.shard"):
                    logging.getLogger(name).addFilter(ShortOutages())
                asyncio.run(_run(settings, options.stop_with_stdin))
            case "playground":
                from playground.demo import demo

                open_log("text", options.log_level or "info")
                asyncio.run(demo(options.port, options.data, options.config))
            case "backup":
                return _back_up(_settings(options.config).data, options.file)
            case "restore":
                return _restore(_settings(options.config).data, options.file)
            case "fetch":
                _fetch(options)
            case _:
                return _doctor(_settings(options.config))
    except StartError as error:
        print(f"atelier: {error}", file=sys.stderr)
        # A service manager does not start the bot again after 2: there the owner must change something.
        return 1 if error.may_pass else 2
    except KeyboardInterrupt:
        return 130
    return 0


async def _run(settings: Settings, stop_with_stdin: bool) -> None:
    # Removed from the environment: the worker and the libraries that it loads must not see the token.
    token = os.environ.pop("DISCORD_TOKEN", "").strip()
    if not token:
        raise StartError(_NO_TOKEN)
    sys.setswitchinterval(SWITCH_SECONDS)
    for entry in settings.resolved_models:
        doctor.inspect_model(entry)
    settings = doctor.without_broken_files(settings, log.error)
    screen = _screen(settings)
    pictures = _picture_check(settings)
    # Objects loaded now stay until the end. A garbage collection over them would block the loop for tens of milliseconds.
    gc.collect()
    gc.freeze()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if stop_with_stdin:
        loop.add_reader(sys.stdin, stop.set)
    try:
        doctor.inspect_data(settings.data.absolute())
        path = settings.data / FILE_NAME
        with folder_lock(path):
            async with Database.open(path) as database:
                # Opened after the database: when the database is lost, no file is written.
                provenance = Provenance.open(settings.provenance, settings.data)
                await app.run(settings, database, screen, pictures, provenance, token, stop)
    except OSError as error:
        path = Path(error.filename or settings.data)
        raise storage_error(error, path) or StartError(f"{path}: {error.strerror or error}") from error


def _open_log(settings: LoggingSettings) -> None:
    try:
        open_log(settings.format, settings.level, file=settings.file)
    except OSError as error:
        raise StartError(
            f"The log can't be written to {settings.file}: {error.strerror}. Change logging.file."
        ) from error


def _settings(path: Path | None) -> Settings:
    if path is None and (PROJECT / "config.toml").exists():
        path = PROJECT / "config.toml"
    settings = load(path, os.environ)
    if settings.generation.hub_cache:
        # The worker and huggingface_hub read it from there.
        os.environ["HF_HUB_CACHE"] = str(Path(settings.generation.hub_cache).expanduser())
    return settings


def _screen(settings: Settings) -> PromptFilter:
    moderation = settings.moderation
    read_golden_prompts(moderation.must_file)
    people = read_named_people(moderation.people_file)
    rules = load_rules(moderation.rules_file)
    names = load_figures(more=people.names(rules))
    return PromptFilter(rules, load_classifier(), names, excused=people.excused(rules))


def _picture_check(settings: Settings) -> PictureCheck:
    pictures = settings.pictures
    reader = None if pictures.read_text == "off" else load_reader()
    return PictureCheck(load_detectors(pictures.detectors, pictures.safety_checker), reader)


def _back_up(data: Path, target: Path | None) -> int:
    if target is None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        target = data.with_name(f"{data.name}-backup-{stamp}.tar")
    try:
        done = write_archive(data, target, [FOLDER])
    except FileExistsError as error:
        raise StartError(f"{error} exists already; choose another name.") from error
    except OSError as error:
        raise StartError(f"{error.filename or target}: {error.strerror or error}.") from error
    print(f"{done.path} written: the database, {done.pictures} pictures and the keys of provenance.")
    return _missing(done)


def _restore(data: Path, archive: Path) -> int:
    try:
        done = restore_archive(archive, data, [FOLDER])
    except OSError as error:
        raise StartError(
            f"{error.filename or archive}: {error.strerror or error}. Nothing was changed."
        ) from error
    print(
        f"{data} restored from {done.path}: the database, {done.pictures} pictures and the keys of provenance."
    )
    return _missing(done)


def _missing(done: Archived) -> int:
    if done.missing:
        print(
            f"atelier: {done.missing} pictures are not in it: their files were lost or damaged before.",
            file=sys.stderr,
        )
    return 1 if done.missing else 0


def _fetch(options: argparse.Namespace) -> None:
    # Imported here: huggingface_hub takes time to import, and only this command needs it.
    from bot.studio.fetch import fetch_model

    path: Path = options.config or PROJECT / "config.toml"
    _settings(path if path.exists() else None)  # it may name the hub's cache
    fetch_model(
        options.name,
        path,
        is_accepted=options.accept,
        is_default=options.default,
        ask=_ask if sys.stdin.isatty() else lambda _: False,
        show=partial(print, flush=True),
    )


def _ask(question: str) -> bool:
    try:
        return input(question).strip().casefold() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def _doctor(settings: Settings) -> int:
    """Prints the report. Returns 0: no trouble; 1: a fault that does not prevent a start; 2: a start would fail."""
    token = os.environ.get("DISCORD_TOKEN", "").strip()
    stops: list[str] = []
    for part in (_screen, _picture_check):
        try:
            part(settings)
        except StartError as error:
            stops.append(str(error))
    found = doctor.examine(
        settings,
        has_token=bool(token),
        checkup=diagnostics.examine,
        show=partial(print, flush=True),
    )
    found.stops[:0] = stops
    if token and not found.stops:
        try:
            found.troubles += asyncio.run(_servers(settings, token))
        except StartError as error:
            found.stops.append(str(error))
    for sentence in (*found.troubles, *found.stops):
        print(f"atelier: {sentence}", file=sys.stderr)
    return found.exit_code


async def _servers(settings: Settings, token: str) -> list[str]:
    """Returns what is missing in the bot's servers. Raises WrongToken."""
    try:
        chosen = chosen_log_channels(settings.data / FILE_NAME)
    except StorageError:  # no database yet, or an earlier version's
        chosen = {}
    default = settings.moderation.log_channel
    return await examine_servers(settings.discord.api, token, default, chosen, print)


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
    fetch = commands.add_parser("fetch", help="downloads a model and adds it to config.toml")
    fetch.add_argument("name", help="a name of docs/models.md, such as sdxl")
    fetch.add_argument(
        "--accept", action="store_true", help="you have read the model's licence and accept it"
    )
    fetch.add_argument("--default", action="store_true", help="it draws the orders that name no model")
    backup = commands.add_parser(
        "backup", help="the database, the pictures and the keys in one file, also while the bot runs"
    )
    backup.add_argument("file", nargs="?", type=Path, help="a new .tar file; default: beside the data folder")
    restore = commands.add_parser("restore", help="puts a backup into a data folder without a database")
    restore.add_argument("file", type=Path, help="what `backup` wrote")
    play = commands.add_parser("playground", help="the bot and a Discord on localhost; no account needed")
    play.add_argument("--port", type=int, default=8377)
    play.add_argument("--data", type=Path, default=Path("demo-data"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
