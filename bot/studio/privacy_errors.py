"""Why what concerns members' data and the audit log is refused. Each has one sentence in bot/texts/privacy.py."""

from __future__ import annotations

from dataclasses import dataclass

from bot.studio.orders.order import Refusal


@dataclass(eq=False)
class NoHead(Refusal):
    """What was given as the audit log's head is none."""

    text: str


@dataclass(eq=False)
class DataTooLarge(Refusal):
    """What is kept about a member does not fit into a file that Discord takes."""

    size: int  # bytes
    limit: int


@dataclass(eq=False)
class NotYourData(Refusal):
    pass
