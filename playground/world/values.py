"""Plain values that every part of the playground uses: JSON, time and snowflakes."""

import asyncio
import datetime
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

Json = dict[str, Any]
Clock = Callable[[], float]  # seconds since 1970, like time.time

T = TypeVar("T")

_HALF_PAIR = re.compile("[\ud800-\udfff]")

DISCORD_EPOCH = 1_420_070_400.0  # seconds; the first second of 2015


class Snowflakes:
    """A generator of Discord ids: milliseconds since 2015 shifted by 22 bits, always increasing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 1 << 22

    def next(self) -> int:
        fresh = int((self._clock() - DISCORD_EPOCH) * 1000) << 22
        self._last = max(fresh, self._last + 1)
        return self._last

    def pass_over(self, snowflake: int) -> None:
        """Prevents this id and all lower ids from being generated."""
        self._last = max(self._last, snowflake)


class ChangeSignal:
    """A signal that wakes every waiting task after a change. Each task finds out by itself what changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait_until(self, look: Callable[[], T | None], timeout: float) -> T:
        """Calls `look` after every change and returns its first result that is not None. Raises TimeoutError after `timeout`
        seconds."""
        async with asyncio.timeout(timeout):
            while True:
                event = self._event
                found = look()
                if found is not None:
                    return found
                await event.wait()


def timestamp(seconds: float) -> str:
    """Returns the time in ISO 8601 as Discord writes it, with microseconds and an offset."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="microseconds")


def parse_json(text: str) -> Any:
    """Parses JSON from outside. Half a surrogate pair becomes U+FFFD, because no text with it can be sent again.

    Raises ValueError.
    """
    value = json.loads(text)
    if "\\u" in text and _HALF_PAIR.search(plain := json.dumps(value, ensure_ascii=False)):
        return json.loads(_HALF_PAIR.sub("\ufffd", plain))
    return value


def as_dict(value: object) -> Json:
    """Returns the value if it is a JSON object, otherwise an empty object."""
    return cast(Json, value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Returns the value if it is a JSON array, otherwise an empty array."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_dicts(value: object) -> list[Json]:
    return [as_dict(item) for item in as_list(value)]


def as_id(value: object) -> int:
    """Returns the snowflake of a string or number, or 0 for any other value."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 21 else 0


def without_none(pairs: Iterable[tuple[str, Any]]) -> Json:
    return {key: value for key, value in pairs if value is not None}
