"""The hash chain of the audit log: each row holds the hash of the row before. Pure functions, no database.

A row holds persons and reasons as commitments: the SHA-256 of a salt and the value. Salt and value are kept outside the chain.
Once both are deleted, the person can't be found from the digest, even by trying every Discord id. Every hash still holds.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""The first row's value for the hash of the row before."""
_FORM = 1
"""Version of the hashed form; a later form takes another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Number and hash (or the hash's beginning) of a row of the chain, noted outside the database."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """Reads "12:3f0a…" or "12 3f0a…" with at least eight digits of the hash; returns None for other text."""
        number, _, digest = text.strip().lower().replace(" ", ":").partition(":")
        is_hex = 8 <= len(digest) <= 64 and not set(digest) - set("0123456789abcdef")
        return (
            cls(number=int(number), hash=digest) if number.isascii() and number.isdigit() and is_hex else None
        )


DAMAGED = Head(number=0, hash="")
"""What a damaged head file says: rows are counted from 1."""


def canonical(value: Any) -> str:
    """Returns JSON in one fixed form: sorted keys, no spaces, only the escapes that JSON requires."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def new_salt() -> str:
    """Returns 128 random bits in hex. Each commitment has its own salt, so two commitments to one person differ."""
    return secrets.token_hex(16)


def commitment(salt: str, person: int, text: str) -> str:
    """Returns the SHA-256, in hex, of the canonical JSON of the three arguments. `text`: a name or a reason."""
    return _sha256([salt, person, text])


def row_hash(
    previous: str,
    number: int,
    at: float,
    guild_id: int,
    actor: str,
    action: str,
    member: str | None,
    subject: str,
    reason: str | None,
    details: str,
) -> str:
    """Returns the SHA-256, in hex, of the canonical JSON of `_FORM` and the arguments, in this order. `at`: unix seconds.

    `actor`, `member`, `reason`: commitments. `details`: canonical JSON, as text.
    """
    return _sha256(
        [_FORM, previous, number, at, guild_id, actor, action, member, subject, reason, details],
    )


def teach(connection: sqlite3.Connection) -> None:
    """Registers `commitment` and `row_hash` as SQL functions, for the migration that adds older rows to the chain."""
    connection.create_function("audit_commitment", 3, commitment, deterministic=True)
    connection.create_function("audit_hash", 10, row_hash, deterministic=True)


def _sha256(value: Any) -> str:
    # Text that UTF-8 can't hold (a lone surrogate) reaches no row: SQLite refuses it.
    return hashlib.sha256(canonical(value).encode()).hexdigest()
