"""Ages in words: of minors, of adults, and numbers that are no ages."""

import pytest

from moderation.prompts.filter import PromptFilter
from moderation.verdict import Category


@pytest.mark.parametrize(
    "prompt",
    [
        "twenty-one year old woman in lingerie",
        "a forty two year old man shirtless in underwear",
        "femme de trente-deux ans en lingerie",
        "femme de vingt et un ans en lingerie",
        "mujer de treinta y dos años en lencería",
        "donna di trenta sei anni in lingerie",
        "mulher de trinta e cinco anos de lingerie",
        "a hundred and six year old witch, sexy",
        "a girl of one hundred years, lingerie",
        "two years of marriage, intimate dinner in lingerie",
        "one year later, woman in lingerie",
    ],
)
def test_a_part_of_a_number_is_no_age(screen: PromptFilter, prompt: str) -> None:
    assert screen.check({"prompt": prompt}).category is not Category.MINORS


@pytest.mark.parametrize(
    "prompt",
    [
        "a girl of six, feet in the water, lingerie",
        "a girl who is eight, in lingerie",
        "zwölfjähriges mädchen im bikini",
        "sweet sixteen, sexy girl",
    ],
)
def test_these_are_ages(screen: PromptFilter, prompt: str) -> None:
    assert screen.check({"prompt": prompt}).category is Category.MINORS
