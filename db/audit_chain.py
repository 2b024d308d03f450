"""How the rows of the audit log hang together: each holds the hash of the one before. Pure; needs no database.

Persons and reasons stand in a row as commitments: the SHA-256 of a salt and the value. Salt and value are kept beside the chain;
once they are deleted nobody can tell whom the digest meant, not even by trying every Discord id, and every hash still holds.
"""

import hashlib
import json
import secrets
import sqlite3
from typing import Any

GENESIS = "0" * 64
"""What the first row has for the hash of the row before."""
_FORM = 1
"""Of what is hashed; a later form takes another number."""


def canonical(value: Any) -> str:
    """JSON in one way only: keys sorted, no spaces, no escapes but those that JSON demands."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def new_salt() -> str:
    """128 random bits, in hex. One for every commitment, so that two of the same person don't look alike."""
    return secrets.token_hex(16)


def commitment(salt: str, person: int, text: str) -> str:
    """SHA-256 in hex of the canonical JSON of the three. `text`: a name, or the reason."""
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
    """SHA-256 in hex of the canonical JSON of the form's number and these, in this order. `at`: unix seconds.

    `actor`, `member`, `reason`: commitments. `details`: canonical JSON, as text.
    """
    return _sha256(
        [_FORM, previous, number, at, guild_id, actor, action, member, subject, reason, details],
    )


def teach(connection: sqlite3.Connection) -> None:
    """The two as functions of SQL, for the migration that puts older rows into the chain."""
    connection.create_function("audit_commitment", 3, commitment, deterministic=True)
    connection.create_function("audit_hash", 10, row_hash, deterministic=True)


def _sha256(value: Any) -> str:
    # What no UTF-8 can hold (a lone surrogate) reaches no row: SQLite refuses it as text.
    return hashlib.sha256(canonical(value).encode()).hexdigest()
