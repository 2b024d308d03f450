"""Formats log lines of the bot and of the worker as text or JSON. A line has the id of its job, and never the prompt."""

import logging
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal, TextIO, get_args

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor

from generation.prompt import Prompt
from generation.request import JobId

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)

_HIDDEN = "_hidden"
_SHORT = 3
"""Characters. A prompt this short occurs inside many words and reveals nothing, so it is not hidden."""


FILE_BYTES = 10_000_000
FILES_KEPT = 5
"""Older files of the log, `NAME.1` to `NAME.5`."""


class _Lines(logging.StreamHandler[TextIO]):
    """The handler of a stream. Opening the log again replaces it."""


class _Files(RotatingFileHandler):
    """The handler of a file that is readable by its owner alone. Opening the log again replaces it."""

    def _open(self) -> Any:
        Path(self.baseFilename).touch(0o600)
        return super()._open()


def of_job(job: JobId, prompt: Prompt | None = None) -> AbstractContextManager[None]:
    """Adds the job's id to lines logged inside the block. `prompt` is removed from them, in case a library's error quotes it."""
    texts = (prompt.text, prompt.negative) if prompt else ()
    return bound_contextvars(job=job, **{_HIDDEN: texts})


def open_log(form: str, level: str, stream: TextIO | None = None, *, file: str = "") -> None:
    """Opens the log of the whole process, including the lines of other libraries.

    `stream`: default is standard error. `file`: also writes there, and starts a new file every FILE_BYTES; empty: none.
    Raises OSError for a file that can't be written.
    """
    where = stream or sys.stderr
    handlers: list[logging.Handler] = [_Lines(where)]
    handlers[0].setFormatter(_formatter(form, is_coloured=where.isatty()))
    if file:
        handlers.append(_Files(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"))
        handlers[-1].setFormatter(_formatter(form, is_coloured=False))
    root = logging.getLogger()
    ours = [each for each in root.handlers if isinstance(each, _Lines | _Files)]
    root.handlers[:] = [*(each for each in root.handlers if each not in ours), *handlers]
    for each in ours:
        if isinstance(each, _Files):
            each.close()
    root.setLevel(level.upper())


def _formatter(form: str, *, is_coloured: bool) -> logging.Formatter:
    before: Sequence[Processor] = [
        merge_contextvars,
        add_logger_name,
        add_log_level,
        ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso"),
        # Converts exceptions to text here: structlog's other ways to print an exception show local variables, which include
        # prompts.
        structlog.processors.format_exc_info,
        _hide,
    ]
    end: Processor = structlog.dev.ConsoleRenderer(colors=is_coloured, pad_event_to=0, pad_level=False)
    if form == "json":
        end = structlog.processors.JSONRenderer(ensure_ascii=False)
    processors = [ProcessorFormatter.remove_processors_meta, end]
    return ProcessorFormatter(foreign_pre_chain=before, processors=processors)


def _hide(logger: object, method: str, event: EventDict) -> EventDict:
    """Removes the job's prompt from every line above DEBUG."""
    texts: Sequence[str] = event.pop(_HIDDEN, ())
    if event.get("level") != "debug":
        for text in sorted(texts, key=len, reverse=True):
            for form in {text, repr(text)[1:-1], ascii(text)[1:-1]}:
                if len(text) > _SHORT:
                    for key, value in event.items():
                        if isinstance(value, str):
                            event[key] = value.replace(form, "[prompt]")
    return event
