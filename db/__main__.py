"""`python -m db status | migrate | backup [FILE] | export MEMBER | forget MEMBER | forget-server SERVER | audit`.

Every command works on the bot's data folder, which the bot's settings name; `--config FILE` names other settings, `--data FOLDER`
another folder. Exit code 0: done. 1: the audit log is broken. 2: the command failed. With 1 and 2, one sentence is printed to
standard error.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import tomllib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from db.audit import head_path
from db.audit_check import Head, check_audit, export_audit
from db.backup import back_up, backup_name
from db.database import Database
from db.departures import Departures
from db.erasure import ErasureRequest, Erasures
from db.errors import DatabaseBroken
from db.folder_lock import folder_lock
from db.member_export import MemberExport
from db.migrate import FILE_NAME, migrate
from db.state import opened, size_text, state_of
from generation import MemberId
from startup import StartError

PROJECT = Path(__file__).resolve().parents[1]

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments, argparse.Namespace(data=None, config=None))
    path = Path(FILE_NAME)
    try:
        path = (options.data or data_folder(options.config, os.environ)) / FILE_NAME
        return options.run(path, options)
    except StartError as error:
        print(error, file=sys.stderr)
    except FileExistsError as error:
        print(f"{error} exists already; choose another name.", file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or path}: {error.strerror or error}.", file=sys.stderr)
    return 2


def data_folder(config: Path | None, environment: Mapping[str, str]) -> Path:
    """Returns the data folder of a bot with these settings, without reading the other settings.

    `config` must exist; None stands for config.toml beside main.py, where there is one. Raises StartError.
    """
    if data := environment.get("ATELIER_DATA"):
        return Path(data).expanduser()
    if config is None:
        config = PROJECT / "config.toml"
        if not config.exists():
            return Path("data")
    try:
        data = tomllib.loads(config.read_text(encoding="utf-8-sig")).get("data", "data")
    except OSError as error:
        raise StartError(f"The settings in {config} can't be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise StartError(f"The settings in {config} are broken: not valid TOML: {error}.") from error
    if not isinstance(data, str):
        raise StartError(f"The settings in {config} are broken at data: must be a string.")
    return Path(data).expanduser()


def _parser() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=argparse.SUPPRESS,
        help="the folder that holds the database (default: $ATELIER_DATA, or the settings' `data`)",
    )
    where.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the bot's settings (default: config.toml beside main.py, where there is one)",
    )
    parser = argparse.ArgumentParser(
        prog="python -m db", parents=[where], description="Looks after Atelier's database."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        run: Callable[[Path, argparse.Namespace], int], name: str, help: str
    ) -> Callable[..., object]:
        added = commands.add_parser(name, parents=[where], help=help)
        added.set_defaults(run=run)
        return added.add_argument

    member = {"type": _member, "metavar": "MEMBER", "help": "the member's Discord id, a number"}
    command(_status, "status", "version, jobs by state, size, integrity")
    command(_migrate, "migrate", "create the database, or bring it up to this release")
    backup = command(_backup, "backup", "copy the database, also while the bot runs")
    backup("file", nargs="?", type=Path, metavar="FILE", help="default: beside the database")
    command(_export, "export", "a member's data as /privacy export gives it, as JSON")("member", **member)
    command(_forget, "forget", "forget a member as /privacy delete does; the running bot does it")(
        "member", **member
    )
    command(_forget_server, "forget-server", "forget a server and everything in it; the running bot does it")(
        "server", type=_member, metavar="SERVER", help="the server's Discord id, a number"
    )
    audit = command(_audit, "audit", "check the log of what moderators did; also as a file")
    audit(
        "--head",
        type=_head,
        metavar="NUMBER:HASH",
        help="a head noted earlier, which the log must still hold",
    )
    audit("--export", type=_table, metavar="FILE", help="a new file, .json or .csv")
    return parser


def _head(text: str) -> Head:
    head = Head.parse(text)
    if head is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no head; one looks like 12:3fa9c07d")
    return head


def _table(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in (".json", ".csv"):
        raise argparse.ArgumentTypeError(f"{text!r} must end with .json or .csv")
    return path


def _member(text: str) -> MemberId:
    if not (text.isascii() and text.isdigit() and int(text) < 2**63):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a Discord id; an id is a number such as 80351110224678912"
        )
    return MemberId(int(text))


def _status(path: Path, _: argparse.Namespace) -> int:
    state = state_of(path)
    is_current = state.version == state.known
    print(f"database   {path}")
    print(
        f"version    {state.version} of {state.known}{'' if is_current else ': run `python -m db migrate`'}"
    )
    print(f"size       {size_text(state.bytes)}")
    if state.version:
        print("jobs       " + ", ".join(f"{count} {name}" for name, count in state.jobs.items()))
        print(f"pictures   {state.pictures} ({size_text(state.picture_bytes)})")
    if state.faults:
        raise DatabaseBroken(path=path, reason="; ".join(state.faults[:5]))
    print("integrity  ok")
    return 0


def _migrate(path: Path, _: argparse.Namespace) -> int:
    # A bot of an earlier release must not run on with a database that it does not know.
    with folder_lock(path):
        done = migrate(path)
    if done.before == done.after:
        print(f"{path} is at version {done.after}; nothing to do.")
    elif done.before == 0:
        print(f"{path} created at version {done.after}.")
    else:
        print(
            f"{path} brought from version {done.before} to {done.after}. The copy made before: {done.backup}"
        )
    return 0


def _backup(path: Path, options: argparse.Namespace) -> int:
    with opened(path):
        pass  # checks that the file is a database of Atelier
    target: Path = options.file or backup_name(path, "backup")
    back_up(path, target)
    print(f"{target} written. The pictures are files of their own, in {path.parent / 'images'}.")
    print(
        "So are the keys that mark and sign them. `python main.py backup` copies the whole data folder into one file."
    )
    return 0


def _forget(path: Path, options: argparse.Namespace) -> int:
    member: MemberId = options.member

    async def forget(db: Database) -> bool:
        now = time.time()
        if not await Erasures(db).has_left(ErasureRequest(member=member, asked_at=now)):
            return False
        async with db.transaction() as tx:
            await Erasures(db).ask(tx, member, now)
        return True

    if _with_database(path, forget):
        print(
            f"{member} will be forgotten within a minute or two by the bot that runs, or at its next start."
        )
    else:
        print(f"There is nothing about {member}.")
    return 0


def _forget_server(path: Path, options: argparse.Namespace) -> int:
    server: int = options.server

    async def forget(db: Database) -> bool:
        departures = Departures(db)
        if server not in await departures.servers():
            return False
        async with db.transaction() as tx:
            await departures.note(tx, server, time.time())
        return True

    if _with_database(path, forget):
        print(
            f"The server {server} will be forgotten within a minute or two by the bot that runs, or at its next start."
        )
    else:
        print(f"There is nothing about the server {server}.")
    return 0


def _export(path: Path, options: argparse.Namespace) -> int:
    exported = _with_database(path, lambda db: MemberExport(db).export(options.member))
    print(json.dumps(exported, ensure_ascii=False, indent=2))
    return 0


def _with_database(path: Path, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Runs `work` on an existing, current database. `Database.open` alone would create or migrate the file."""
    with opened(path, is_current=True):
        pass

    async def run() -> T:
        async with Database.open(path) as db:
            return await work(db)

    return asyncio.run(run())


def _audit(path: Path, options: argparse.Namespace) -> int:
    checked = check_audit(path, options.head)
    if options.export is not None:
        print(f"{export_audit(path, options.export)} rows written to {options.export}.")
    if checked.fault:
        print(checked.fault, file=sys.stderr)
        return 1
    if checked.head is None:
        print("The audit log is empty.")
        return 0
    print(f"The audit log is whole: {checked.rows} rows. Its head is {checked.head}")
    if checked.forgotten:
        print(f"{checked.forgotten} persons and reasons in it were forgotten; the chain holds without them.")
    if checked.kept is None:
        print(
            f"There is no {head_path(path).name} beside the database: rows missing at the end would not be noticed."
        )
    print(
        "Who can write to this folder could write the whole log anew, and that can't be seen from here. Note the head somewhere "
        "else (/mod audit posts it in Discord) and give it with --head."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
