"""Notes on a job's card about how its model reads the prompt. Only the worker has the model's tokenizer, so it tells that."""

from collections.abc import Iterator
from dataclasses import replace

from db import Job, Note, NoteKind
from generation import Notation, Reading

_IGNORED = {Notation.WEIGHTS: NoteKind.WEIGHTS, Notation.BREAKS: NoteKind.BREAKS}
_KINDS = {*_IGNORED.values(), NoteKind.CUT, NoteKind.NEGATIVE_CUT}


def noted(job: Job, reading: Reading | None) -> Job:
    """Returns the job with the notes of this reading, in place of an earlier one's. None: the worker has not read it yet."""
    if reading is None:
        return job
    others = (note for note in job.notes if note.kind not in _KINDS)
    return replace(job, notes=(*others, *_notes(reading)))


def _notes(reading: Reading) -> Iterator[Note]:
    for notation in reading.ignored:
        yield Note(kind=_IGNORED[notation])
    if reading.read < reading.tokens:
        yield Note(kind=NoteKind.CUT, names=(str(reading.read), str(reading.tokens)))
    if reading.negative_read < reading.negative_tokens:
        names = (str(reading.negative_read), str(reading.negative_tokens))
        yield Note(kind=NoteKind.NEGATIVE_CUT, names=names)
