"""Why what should be added to a prompt is not. Each has one sentence in bot/texts/prompts.py."""

from __future__ import annotations

from dataclasses import dataclass

from bot.studio.orders.order import Refusal


@dataclass(eq=False)
class FileTooLarge(Refusal):
    bytes: int
    limit: int
    is_picture: bool


@dataclass(eq=False)
class FileUnreachable(Refusal):
    """Discord did not hand it over, or not in time."""


@dataclass(eq=False)
class NoPromptInFile(Refusal):
    """Neither a text in UTF-8 nor a PNG that says how it was drawn; or there is nothing in it."""


@dataclass(eq=False)
class UnknownPreset(Refusal):
    name: str
    nearest: str  # of the member's; empty where they have none


@dataclass(eq=False)
class BadPresetName(Refusal):
    name: str
    limit: int  # characters


@dataclass(eq=False)
class NestedPreset(Refusal):
    """A preset whose text asks for a preset."""


@dataclass(eq=False)
class EmptyPreset(Refusal):
    pass


@dataclass(eq=False)
class TooManyPresets(Refusal):
    limit: int
