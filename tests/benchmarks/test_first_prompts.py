"""The table of first prompts: its rows, and what counts as right."""

from dataclasses import replace

from benchmarks.first_prompts.__main__ import First, is_right, judged, read_first
from bot.studio.settings import BUNDLED_MODEL
from generation.captions.reading import Reading, Thing
from generation.captions.vocabulary import vocabulary_of

CAT_AND_YARN = First("a cat with yarn", (frozenset({"cat", "yarn"}), frozenset({"tiger"})), ())


def test_there_are_two_hundred_different_prompts_of_known_things_and_scenes() -> None:
    rows, vocabulary = read_first(), vocabulary_of(str(BUNDLED_MODEL))
    assert vocabulary is not None
    assert len({row.text for row in rows}) == len(rows) == 200
    assert {name for row in rows for each in row.wanted for name in each} <= vocabulary.by_name.keys()
    assert {scene for row in rows for scene in row.scenes} <= {"", *vocabulary.scenes}


def test_both_of_a_pair_or_an_alternative_are_right() -> None:
    pair = Reading(things=(Thing("yarn"), Thing("cat")))
    assert is_right(CAT_AND_YARN, pair)
    assert not is_right(CAT_AND_YARN, replace(pair, things=(Thing("cat"),)))
    assert is_right(CAT_AND_YARN, Reading(things=(Thing("tiger"),)))
    assert not is_right(CAT_AND_YARN, Reading())


def test_not_known_is_right_only_where_it_is_wanted() -> None:
    unknown = First("a samurai", (frozenset(),), ())
    assert is_right(unknown, Reading(unknown=("samurai",), is_subject_known=False))
    assert not is_right(unknown, Reading(things=(Thing("cat"),)))


def test_the_issues_shares_are_reached() -> None:
    vocabulary = vocabulary_of(str(BUNDLED_MODEL))
    assert vocabulary is not None
    shares = judged(read_first()[1::2], vocabulary)
    for kind, least in (("things", 0.85), ("scenes", 0.6), ("not known", 0.9)):
        right, of = map(int, shares[kind].split(" of "))
        assert right >= least * of, kind
