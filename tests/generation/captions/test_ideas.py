"""Ideas for prompts."""

from dataclasses import replace
from random import Random

import pytest

from bot.studio.settings import BUNDLED_MODEL
from generation.captions.ideas import ideas
from generation.captions.reading import read_prompt
from generation.captions.vocabulary import Vocabulary, vocabulary_of


def tables() -> Vocabulary:
    found = vocabulary_of(str(BUNDLED_MODEL))
    assert found is not None
    return found


@pytest.mark.parametrize("has_backdrops", [False, True])
def test_every_idea_is_read_as_one_thing_that_the_model_draws_well(*, has_backdrops: bool) -> None:
    vocabulary = replace(tables(), has_backdrops=has_backdrops)
    well_drawn = {concept.name for concept in vocabulary.well_drawn}
    seen: set[str] = set()
    dice = Random(1)
    for _ in range(20):
        found = ideas(vocabulary, dice, len(well_drawn))
        assert len(set(found)) == len(well_drawn)
        for text in set(found) - seen:
            reading = read_prompt(text, vocabulary)
            assert [thing.concept in well_drawn for thing in reading.things] == [True], text
            assert reading.is_known and not reading.unknown, text
        seen |= set(found)
    assert len(seen) > 4 * len(well_drawn)
    assert any(read_prompt(text, vocabulary).scene for text in seen) == has_backdrops


def test_a_model_without_tables_gets_ideas_too() -> None:
    first, second = ideas(None, Random(1), 5), ideas(None, Random(2), 5)
    assert len(set(first)) == 5
    assert first != second
