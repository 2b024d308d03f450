"""Formats log lines of the bot and of the worker as text or JSON. A line has the id of its job, and never the prompt."""

import logging
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal, TextIO, get_args

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


class _Lines(logging.StreamHandler[TextIO]):
    """The log handler. Opening the log again replaces it."""


def of_job(job: JobId, prompt: Prompt | None = None) -> AbstractContextManager[None]:
    """Adds the job's id to lines logged inside the block. `prompt` is removed from them, in case a library's error quotes it."""
    texts = (prompt.text, prompt.negative) if prompt else ()
    return bound_contextvars(job=job, **{_HIDDEN: texts})


def open_log(form: str, level: str, stream: TextIO | None = None) -> None:
    """Opens the log of the whole process, including the lines of other libraries. `stream`: default is standard error."""
    where = stream or sys.stderr
    handler = _Lines(where)
    handler.setFormatter(_formatter(form, is_coloured=where.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [*(each for each in root.handlers if not isinstance(each, _Lines)), handler]
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
