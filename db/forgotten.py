"""The list of forgotten members beside the database, as hashes: a backup that is restored must forget them again.

One line for each request: salt, hash, and its time in unix seconds. The database of an older backup knows neither the request nor
that it was carried out, so the list is kept outside it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from generation import MemberId


@dataclass(frozen=True, slots=True)
class Forgotten:
    salt: str
    digest: str
    at: float  # unix seconds; when the member asked

    def __str__(self) -> str:
        return f"{self.salt} {self.digest} {self.at!r}"

    @classmethod
    def parse(cls, line: str) -> Forgotten | None:
        """Returns None for a line that was cut by a crash."""
        try:
            salt, digest, at = line.split()
            return cls(salt, digest, float(at)) if len(digest) == 64 else None
        except ValueError:
            return None


def list_path(database: Path) -> Path:
    """Returns the path of the list beside the database."""
    return database.with_name("forgotten.txt")


def read(path: Path) -> list[Forgotten]:
    """Returns the entries; an empty list without a file."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := Forgotten.parse(line))]


def append(path: Path, entries: Iterable[Forgotten]) -> None:
    """Adds the entries; they are on the disk when this returns."""
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        # A line that a crash cut stays a line of its own.
        file.write("".join(f"\n{entry}" for entry in entries))
        file.flush()
        os.fsync(file.fileno())


def note(path: Path, member: MemberId, at: float) -> None:
    """Adds the member's request of that time (unix seconds)."""
    known = read(path)
    salt = known[-1].salt if known else secrets.token_hex(16)
    append(path, [Forgotten(salt, digest_of(member, salt), at)])


def digest_of(member: MemberId, salt: str) -> str:
    return hmac.digest(bytes.fromhex(salt), str(member).encode(), hashlib.sha256).hex()


def recognised(entries: Iterable[Forgotten], members: Iterable[MemberId]) -> dict[MemberId, float]:
    """Returns the members that the entries name, and the time of the newest request of each."""
    by_salt: dict[str, dict[str, float]] = {}
    for entry in entries:
        times = by_salt.setdefault(entry.salt, {})
        times[entry.digest] = max(entry.at, times.get(entry.digest, entry.at))
    found: dict[MemberId, float] = {}
    for member in members:
        for salt, times in by_salt.items():
            if (at := times.get(digest_of(member, salt))) is not None:
                found[member] = max(at, found.get(member, at))
    return found
