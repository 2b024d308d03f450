import pytest

from moderation.policy import presets
from moderation.prompts.filter import PromptFilter
from moderation.prompts.public_figures import figures, load_figures
from moderation.prompts.rules import Rules
from moderation.verdict import Category, Ruling


@pytest.fixture(scope="module")
def named(rules: Rules) -> PromptFilter:
    return PromptFilter(rules, names=load_figures())


@pytest.mark.parametrize(
    "prompt",
    [
        "a photo of Donald Trump riding a bear",
        "Emma Watson reading in a library",
        "BEYONCÉ on a stage",
        "E.m.m.a W.a.t.s.o.n in a park",
        "Timothée Chalamet as a knight",
        "Ｓｃａｒｌｅｔｔ Ｊｏｈａｎｓｓｏｎ portrait",
    ],
)
def test_a_name_alone_is_flagged(named: PromptFilter, prompt: str) -> None:
    verdict = named.check({"prompt": prompt})
    assert (verdict.ruling, verdict.category, verdict.rule) == (
        Ruling.FLAG,
        Category.REAL_PERSON,
        "public figures",
    )


@pytest.mark.parametrize("policy", presets())
@pytest.mark.parametrize(
    "prompt",
    [
        "Emma Watson naked on a beach",
        "seductive photo of scarlett johansson",
        "Donald Trump beheaded",
        "emma watson, <lora:nude_v1:1>",
    ],
)
def test_a_name_beside_nude_sexual_or_gory_words_is_refused_by_every_policy(
    named: PromptFilter, policy: str, prompt: str
) -> None:
    verdict = named.check({"prompt": prompt}, policy=presets()[policy])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)


def test_the_name_in_one_field_and_the_rest_in_another(named: PromptFilter) -> None:
    verdict = named.check({"prompt": "emma watson", "style": "topless"}, policy=presets()["mature"])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)
    assert {"emma watson", "topless"} <= set(verdict.words)


@pytest.mark.parametrize(
    "prompt",
    [
        "a castle by Zaha Hadid",
        "a landscape in the style of Bob Ross",
        "the edge of a forest",
        "an ice cube in a glass",
        "a drake on a pond",
        "a dove and a river",
        "jack and jill on a hill",
        "a rose garden in Paris",
    ],
)
def test_artists_and_everyday_words_are_no_names(named: PromptFilter, prompt: str) -> None:
    assert named.check({"prompt": prompt}).ruling is Ruling.ALLOW


def test_mature_allows_a_name_alone(named: PromptFilter) -> None:
    assert named.check({"prompt": "emma watson"}, policy=presets()["mature"]).ruling is Ruling.ALLOW


def test_an_owner_adds_names() -> None:
    own = load_figures(more=["zorp quux"])
    assert [name.words for name in own.found(["a", "photo", "of", "zorp", "quux"])] == ["zorp quux"]


def test_a_common_first_name_before_a_listed_last_name_counts() -> None:
    some = figures(["zoe abcd", "zoe efgh", "zoe ijkl", "bob mnop"])
    assert [name.words for name in some.found(["zoe", "mnop", "smiles"])] == ["zoe mnop"]
    assert some.found(["bob", "abcd", "smiles"]) == []


@pytest.mark.parametrize(
    "prompt", ["a photo of Robert Zxelinger at a desk", "emma vaszkowski eating noodles"]
)
def test_a_given_name_before_a_word_that_english_does_not_have_is_a_name(
    named: PromptFilter, prompt: str
) -> None:
    assert named.check({"prompt": prompt}).category is Category.REAL_PERSON


@pytest.mark.parametrize(
    "prompt",
    [
        "Harry Potter flying on a broom",
        "jason voorhees in a canoe",
        "a parade for the great tit",
        "Juan camina por la playa al atardecer",
        "mary and her dog in a park",
    ],
)
def test_characters_sentences_and_other_languages_name_nobody(named: PromptFilter, prompt: str) -> None:
    assert named.check({"prompt": prompt}).category is not Category.REAL_PERSON


def test_names_in_their_own_script_are_known(named: PromptFilter) -> None:
    for prompt in ("特朗普在吃冰淇淋", "Владимир Путин на коне", "портрет Путина"):
        assert named.check({"prompt": prompt}).category is Category.REAL_PERSON


def test_a_character_is_nobody_even_before_a_listed_last_name() -> None:
    some = figures(["tom abcd", "tom efgh", "tom ijkl", "-tom riddle", "bob riddle"])
    assert some.found(["tom", "riddle"]) == []
    assert [name.words for name in some.found(["tom", "abcd"])] == ["tom abcd"]
