"""A real person beside violence, politicians whose "style" is asked for, and characters of fiction."""

import pytest

from moderation.policy import presets
from moderation.prompts.filter import FIGURES, STYLES, VIOLENCE, PromptFilter
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import Rules
from moderation.verdict import Category, Ruling


@pytest.fixture(scope="module")
def named(rules: Rules) -> PromptFilter:
    return PromptFilter(rules, names=load_figures())


@pytest.mark.parametrize(
    "prompt",
    [
        "Obama shot by a sniper",
        "a sniper shooting Barack Obama",
        "Donald Trump being shot on a stage",
        "Joe Biden shot in the head",
        "Emma Watson brutally beaten",
        "taylor swift is stabbed with a knife by a clown",
        "a clown stabbing Taylor Swift",
        "Emma Watson lies dead in the street",
        "the corpse of former president Obama",
        "dead Donald Trump on a table",
        "Tom Hanks covered in blood",
        "an assassination attempt, Donald Trump on a stage",
        "a mob lynching Barack Obama",
        "Scarlett Johansson hanging from the gallows",
        "a gun pointed at Angela Merkel",
        "Emma Watson tied up and gagged in a cellar",
        "killing the old senator Bernie Sanders",
        "beating up Joe Biden",
        "Kamala Harris crying while tied to a chair",
        "Taylor Swift's corpse",
        "a headless Barack Obama",
        "Obama is shot",
        "a man who shot Donald Trump",
        "crosshairs on Barack Obama",
    ],
)
@pytest.mark.parametrize("policy", presets())
def test_violence_done_to_a_real_person_is_refused_by_every_policy(
    named: PromptFilter, policy: str, prompt: str
) -> None:
    verdict = named.check({"prompt": prompt}, policy=presets()[policy])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)


def test_moderators_see_that_it_was_violence(named: PromptFilter) -> None:
    assert VIOLENCE in named.check({"prompt": "Obama shot by a sniper"}).words


@pytest.mark.parametrize(
    "prompt",
    [
        "scarlett johansson hanging a picture on the wall",
        "keanu reeves with a gun in a western movie",
        "keanu reeves shooting a gun in a western movie",
        "Emma Watson shot by a photographer in Paris",
        "Emma Watson, shot on film, 35mm",
        "tom hanks shot from below, in the rain",
        "photographer shooting Emma Watson in a studio",
        "the walking dead norman reedus on a horse",
        "shaun of the dead simon pegg with a cricket bat",
        "uma thurman in kill bill",
        "emma watson as an assassin with a hood",
        "brad pitt hugging a dog",
        "emma stone burning a letter",
        "keanu reeves with a dead fish",
        "taylor swift in a burning red dress",
        "tom hanks, poisoned apple, fairy tale",
        "close up shot Emma Watson",
    ],
)
def test_a_person_who_is_not_harmed_is_only_told(named: PromptFilter, prompt: str) -> None:
    verdict = named.check({"prompt": prompt})
    assert (verdict.ruling, verdict.category, verdict.rule) == (Ruling.ALLOW, Category.REAL_PERSON, FIGURES)


@pytest.mark.parametrize(
    "prompt",
    [
        "a portrait in the style of Donald Trump",
        "a man in Vladimir Putin style",
        "an orange cat inspired by Donald Trump",
        "a hairdresser, Angela Merkel aesthetic",
        "a cartoon in the manner and style of Barack Obama",
    ],
)
def test_the_style_of_a_politician_is_a_person_in_the_picture(named: PromptFilter, prompt: str) -> None:
    verdict = named.check({"prompt": prompt})
    assert (verdict.ruling, verdict.category) == (Ruling.FLAG, Category.REAL_PERSON)


@pytest.mark.parametrize(
    "prompt",
    ["a castle in the style of Zaha Hadid", "a song in the style of Taylor Swift", "a tower by Donald Trump"],
)
def test_of_others_it_is_a_style(named: PromptFilter, prompt: str) -> None:
    assert named.check({"prompt": prompt}).rule == STYLES


@pytest.mark.parametrize(
    "name",
    [
        "Lara Croft",
        "Samus Aran",
        "Wednesday Addams",
        "Triss Merigold",
        "Ahsoka Tano",
        "Jill Valentine",
        "Geralt of Rivia",
        "Laurie Strode",
        "Clarice Starling",
        "Bucky Barnes",
    ],
)
def test_a_character_is_no_real_person(named: PromptFilter, name: str) -> None:
    for prompt in (f"a portrait of {name}", f"{name} standing in the rain"):
        assert named.check({"prompt": prompt}).category is not Category.REAL_PERSON
