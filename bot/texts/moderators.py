"""Small phrases that more than one card needs."""

from __future__ import annotations

from bot.texts import members as texts


def until(expires_at: float | None) -> str:
    return "until it is lifted" if expires_at is None else f"until {texts.moment(expires_at)}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
