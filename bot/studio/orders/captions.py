"""Prompts for models with tables of words: what is drawn instead of the prompt, and what such a model does not know.

The tables are in the model's folder (`generation.captions`). A job keeps the prompt as it was typed.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from bot.studio.errors import UnknownWords
from bot.studio.orders.order import Order
from db import Job, JobAction, Note, NoteKind
from generation import BadWeights, Drawing, ModelEntry, ModelName, PlannedPicture, Prompt, Role
from generation.captions.caption import described, nouns, throw
from generation.captions.completion import completions, openings
from generation.captions.grounds import ground_of
from generation.captions.ideas import ideas
from generation.captions.reading import Reading, read_prompt
from generation.captions.spelling import phrase_of
from generation.captions.vocabulary import Vocabulary, vocabulary_of
from generation.files.images import PictureError

TRIES = 3
"""Prompts that are offered instead of an unknown one."""
_REMEMBERED = 256  # prompts
_WORDS_SHOWN = 60  # characters
_ROUGH = 0.6
"""Beyond this share of what a variation leaves, a remix keeps only a rough outline. See Change in variations.py."""


@dataclass(frozen=True, slots=True)
class _Read:
    vocabulary: Vocabulary
    reading: Reading


class Captions:
    """Reads the prompts of models that adapt them, and leaves those of others alone."""

    def __init__(self, models: Iterable[ModelEntry]) -> None:
        models = tuple(models)
        self._strengths = {entry.name: entry.variation_strength for entry in models}
        found = {entry.name: vocabulary_of(entry.source) for entry in models if entry.adapts_prompts}
        self._vocabularies = {name: each for name, each in found.items() if each is not None}
        # An order reads its prompt four times until its pictures are posted: some milliseconds each on the event loop's thread.
        self._reading = lru_cache(maxsize=_REMEMBERED)(self._read_anew)

    def adapted(self, order: Order) -> Order:
        """Adds what will be drawn to an order: for its screening, and as a note for its card."""
        if (
            read := self._read(order.drawing.prompt, order.drawing.model, order.action)
        ) is None or not read.reading.is_known:
            return order
        reading, vocabulary = read.reading, read.vocabulary
        shown = described(reading, vocabulary)
        notes = list(order.notes)
        if reading.unknown or reading.is_cut or not _is_said(shown, order.drawing.prompt.text):
            kind = NoteKind.DRAWN_PARTLY if reading.unknown else NoteKind.DRAWN
            notes.append(Note(kind=kind, names=tuple(shown.split(", "))))
        if _is_weighted(order.drawing.prompt):
            notes.append(Note(kind=NoteKind.UNWEIGHTED))
        if reading.scene and reading.things and not reading.ground and not vocabulary.has_backdrops:
            notes.append(Note(kind=NoteKind.GROUND, names=(reading.scene,)))
        return replace(order, drawn=shown, notes=tuple(notes))

    def ideas(self, model: ModelName, count: int) -> list[str]:
        """Returns different prompts that the model draws well; other ones each time."""
        return ideas(self._vocabularies.get(model), Random(), count)

    def suggestions(self, typed: str, model: ModelName, language: str) -> list[str]:
        """Returns longer prompts that begin with the typed one; empty for a model that reads every prompt as it is.

        `language`: of the member, as "de".
        """
        vocabulary = self._vocabularies.get(model)
        if vocabulary is None:
            return []
        return completions(typed, vocabulary, language) if typed.strip() else openings(vocabulary, language)

    def demand_known(self, order: Order) -> None:
        """Raises UnknownWords if the model has no word for what the prompt is about."""
        if (
            read := self._read(order.drawing.prompt, order.drawing.model, order.action)
        ) is None or read.reading.is_known:
            return
        reading, vocabulary = read.reading, read.vocabulary
        words = " ".join(reading.unknown)[:_WORDS_SHOWN]
        # What the prompt names beside its subject comes first. The same prompt gets the same offers.
        near = [nouns(reading, vocabulary)] if reading.things or reading.scene else []
        dice = Random(order.drawing.prompt.text)
        others = dice.sample(vocabulary.tries, min(TRIES, len(vocabulary.tries)))
        tries = tuple(dict.fromkeys([*near, *others]))[:TRIES]
        raise UnknownWords(words, tries, order.drawing.model)

    def drawn(
        self, drawing: Drawing[bytes], action: JobAction, *, is_supplied: bool = False
    ) -> tuple[PlannedPicture, ...]:
        """Returns the plan of a job's pictures; empty if the prompt is drawn as it was typed.

        `is_supplied`: it starts from a member's own picture, which is not mirrored and keeps its ground.
        """
        if (read := self._read(drawing.prompt, drawing.model, action)) is None or not read.reading.is_known:
            return ()
        start = drawing.picture(Role.START)
        if start is not None and start.placement is not None:
            # Such a model draws objects in the middle of a plain ground: it would draw another one around or beside the picture.
            return (PlannedPicture(prompt=Prompt(text="")),) * drawing.images
        ground = ""
        own = self._strengths[drawing.model]
        # Less than the model's own variation: also the ground and the side stay. More of one: no picture keeps the ground.
        is_slight = start is not None and start.strength < own
        is_strong = action is JobAction.VARIATION and start is not None and start.strength > own
        # A remix says by its words what changes; what they leave open stays.
        is_remix = action is JobAction.REMIX
        is_rough = is_remix and start is not None and start.strength > own + (1 - own) * _ROUGH
        if start is not None and (is_supplied or not (is_strong or is_rough)):
            with suppress(PictureError):  # the worker tells
                ground = ground_of(start.source)
        negative = self._negative(drawing.prompt, read.vocabulary)
        thrown = [
            throw(
                read.reading,
                read.vocabulary,
                drawing.seed + index,
                parent=ground,
                is_fixed=is_supplied or is_slight or drawing.is_masked or (is_remix and not is_rough),
                is_reworded=is_remix and not drawing.is_masked,
            )
            for index in range(drawing.images)
        ]
        return tuple(
            PlannedPicture(prompt=Prompt(text=each.caption, negative=negative), is_mirrored=each.is_mirrored)
            for each in thrown
        )

    def described(self, job: Job) -> str:
        """Returns what is drawn instead of the job's prompt; empty if that is the prompt."""
        read = self._read(job.drawing.prompt, job.drawing.model, job.action)
        return described(read.reading, read.vocabulary) if read and read.reading.is_known else ""

    def _read(self, prompt: Prompt, model: ModelName, action: JobAction) -> _Read | None:
        vocabulary = self._vocabularies.get(model)
        if vocabulary is None or action is JobAction.UPSCALE or not prompt.text:
            return None
        return _Read(vocabulary, self._reading(prompt.asked, model))

    def _read_anew(self, text: str, model: ModelName) -> Reading:
        return read_prompt(text, self._vocabularies[model])

    @staticmethod
    def _negative(prompt: Prompt, vocabulary: Vocabulary) -> str:
        """Returns the things that the picture should not show. Other words, such as "blurry", mean nothing to the model."""
        return nouns(read_prompt(prompt.left_out, vocabulary), vocabulary) if prompt.left_out else ""


def _is_weighted(prompt: Prompt) -> bool:
    """Returns whether the prompt gives words or parts weights. A part that it leaves out is no such part."""
    try:
        parts = [part for part in prompt.parts if part.share >= 0]
    except BadWeights:
        return False
    return len({part.weight for part in parts}) > 1 or any(part.words.has_weights for part in parts)


def _is_said(shown: str, typed: str) -> bool:
    """Returns whether the prompt has the words that are drawn, so that a note would repeat them."""
    return set(phrase_of(shown).split()) - {"a", "an", "and"} <= set(phrase_of(typed).split())
