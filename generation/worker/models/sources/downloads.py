"""Fetches models' files beside the loop, so that other models' pictures go on meanwhile. Each model has a thread of its own.

A thread can't be stopped, but it holds no state that must survive: the next worker goes on with the files that are here.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from generation.files.hub import fetch_missing
from generation.files.tensor_file import BrokenModelFolder
from generation.protocol import Downloading, Event
from generation.request import ModelEntry, ModelName

log = logging.getLogger(__name__)

_STEPS = 200
"""A report is left out until so large a part of the bytes is added: each one may change many cards."""


@dataclass(eq=False)
class Downloads:
    """Only the loop's thread calls it. `tell` is called by other threads too."""

    tell: Callable[[Event], None]
    _running: set[ModelName] = field(default_factory=set[ModelName], init=False)
    _failed: dict[ModelName, str] = field(default_factory=dict[ModelName, str], init=False)

    @property
    def is_busy(self) -> bool:
        """Returns whether a download runs, or has failed and `take_failures` was not called since."""
        return bool(self._running or self._failed)

    def begin(self, entry: ModelEntry) -> None:
        self._running.add(entry.name)
        name = f"download {entry.name}"
        threading.Thread(target=self._fetch, args=(entry,), daemon=True, name=name).start()

    def is_running(self, name: ModelName) -> bool:
        return name in self._running

    def take_failures(self) -> Iterator[tuple[ModelName, str]]:
        """Yields each model whose download has failed, once, and the reason as a sentence."""
        while self._failed:
            yield self._failed.popitem()

    def _fetch(self, entry: ModelEntry) -> None:
        told = Downloading(model=entry.name, done=-1, total=0)

        def tell(done: int, total: int) -> None:
            nonlocal told
            is_news = total != told.total or done - told.done > total / _STEPS
            if is_news and done < total:  # else its hashes are still computed
                told = Downloading(model=entry.name, done=done, total=total)
                self.tell(told)

        try:
            fetch_missing(entry, tell)
        except BrokenModelFolder as broken:
            self._failed[entry.name] = str(broken)
        except Exception as bug:  # the model's jobs must not wait for ever
            log.exception("fetching %s failed", entry.source)
            self._failed[entry.name] = f"{entry.source}: {type(bug).__name__}: {bug}"
        else:
            self._running.discard(entry.name)
            self.tell(Downloading(model=entry.name, done=told.total, total=told.total))
            return
        # The failure is there before: at no time is the model neither running nor failed.
        self._running.discard(entry.name)
