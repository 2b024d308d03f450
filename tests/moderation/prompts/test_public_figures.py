import pytest

from moderation.policy import Action, Change, presets, standard
from moderation.prompts.filter import FIGURES, STYLES, PromptFilter
from moderation.prompts.public_figures import figures, load_figures
from moderation.prompts.rules import Rules
from moderation.verdict import Category, Ruling


@pytest.fixture(scope="module")
def named(rules: Rules) -> PromptFilter:
    return PromptFilter(rules, names=load_figures())


@pytest.mark.parametrize(
    ("prompt", "ruling"),
    [
        ("a photo of Donald Trump riding a bear", Ruling.FLAG),
        ("Wladimir Putin auf einem Pferd", Ruling.FLAG),
        ("trump and Emma Watson eating noodles", Ruling.FLAG),
        ("Emma Watson reading in a library", Ruling.ALLOW),
        ("BEYONCÉ on a stage", Ruling.ALLOW),
        ("E.m.m.a W.a.t.s.o.n in a park", Ruling.ALLOW),
        ("Timothée Chalamet as a knight", Ruling.ALLOW),
        ("Ｓｃａｒｌｅｔｔ Ｊｏｈａｎｓｓｏｎ portrait", Ruling.ALLOW),
    ],
)
def test_a_person_in_the_picture_is_told_and_flagged_in_politics(
    named: PromptFilter, prompt: str, ruling: Ruling
) -> None:
    verdict = named.check({"prompt": prompt})
    assert (verdict.ruling, verdict.category, verdict.rule) == (ruling, Category.REAL_PERSON, FIGURES)


@pytest.mark.parametrize(
    ("action", "ruling"),
    [(Action.FLAG, Ruling.FLAG), (Action.REFUSE, Ruling.REFUSE), (Action.ALLOW, Ruling.ALLOW)],
)
def test_what_a_server_says_holds_for_each_person_in_the_picture(
    named: PromptFilter, action: Action, ruling: Ruling
) -> None:
    policy = standard().amended(Category.REAL_PERSON, Change(action=action))
    for prompt in ("Emma Watson in a library", "Donald Trump in a library"):
        assert named.check({"prompt": prompt}, policy=policy).ruling is ruling
    assert named.check({"prompt": "a library by Zaha Hadid"}, policy=policy).ruling is Ruling.ALLOW


def test_family_shows_no_real_person(named: PromptFilter) -> None:
    verdict = named.check({"prompt": "Emma Watson in a library"}, policy=presets()["family"])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)


@pytest.mark.parametrize("policy", presets())
@pytest.mark.parametrize(
    "prompt",
    [
        "Emma Watson naked on a beach",
        "seductive photo of scarlett johansson",
        "Donald Trump beheaded",
        "emma watson, <lora:nude_v1:1>",
        "nude photograph by emma watson",  # makes no pictures: the name is no author
    ],
)
def test_a_name_beside_what_is_compromising_is_refused_by_every_policy(
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


@pytest.mark.parametrize(
    "prompt",
    [
        "a castle at dawn, art by greg rutkowski and alphonse mucha and Karl Vornheim",
        "an elf in a forest, concept art, smooth, sharp focus, illustration, greg rutkowski, wlop, zaha hadid",
        "a street in the style of the works of Ridley Scott and Denis Villeneuve",
        "an inn by Juliana Vossberg, Robert Zxelinger and friends",
        "a quiet street, movie still, David Lynch film, wide shot",
        "an astronaut, Rumiko Takahashi drawing",
        "a portrait photographed by Annie Leibovitz, 85mm",
        "lovecraft, paul carrick, ilya kuvshinov, anna dittmann, makoto shinkai",
    ],
)
def test_a_style_reference_is_counted_and_no_person(named: PromptFilter, prompt: str) -> None:
    for policy in presets().values():
        verdict = named.check({"prompt": prompt}, policy=policy)
        assert (verdict.ruling, verdict.category, verdict.rule) == (Ruling.ALLOW, Category.NONE, STYLES)


@pytest.mark.parametrize(
    "prompt",
    [
        "Emma Watson, intricate, elegant, art by artgerm and greg rutkowski",
        "a still from a film by Wes Anderson starring Scarlett Johansson",
        "concept art, sharp focus, 8k, emma watson as a knight",
        "Andy Warhol eating a hamburger",
        "Andy Warhol painting a wall",
        "a portrait of Frank Gehry in his office",
        "oil painting of taylor swift by Ilya Repin",
    ],
)
def test_a_person_beside_an_author_is_in_the_picture(named: PromptFilter, prompt: str) -> None:
    verdict = named.check({"prompt": prompt})
    assert (verdict.category, verdict.rule) == (Category.REAL_PERSON, FIGURES)


def test_super_mario_who_drinks_is_no_name(named: PromptFilter) -> None:
    assert named.check({"prompt": "super mario chugging a beer"}).rule == ""


@pytest.mark.parametrize("policy", presets())
@pytest.mark.parametrize(
    "prompt",
    ["jeff goldblum cooking crystal meth and selling it", "tom hanks selling heroin to his neighbours"],
)
def test_a_name_beside_a_crime_is_refused_by_every_policy(
    learned_screen: PromptFilter, policy: str, prompt: str
) -> None:
    verdict = learned_screen.check({"prompt": prompt}, policy=presets()[policy])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)
    someone = prompt.replace("jeff goldblum", "a man").replace("tom hanks", "a man")
    assert learned_screen.check({"prompt": someone}).category is not Category.REAL_PERSON


def test_a_person_with_what_is_harmless_in_its_sentence_is_only_told(learned_screen: PromptFilter) -> None:
    for prompt in ("keanu reeves with a gun in a western movie", "emma watson killing a dragon with a sword"):
        verdict = learned_screen.check({"prompt": prompt})
        assert (verdict.ruling, verdict.category) == (Ruling.ALLOW, Category.REAL_PERSON)


@pytest.mark.parametrize(
    "prompt",
    [
        "a dog held by Donald Trump",
        "a baby kissed by Joe Biden",
        "a woman standing by Donald Trump",
        "running after Joe Biden",
        "photographed Donald Trump in prison",
    ],
)
def test_by_names_no_author_of_what_is_done(named: PromptFilter, prompt: str) -> None:
    assert named.check({"prompt": prompt}).ruling is Ruling.FLAG


@pytest.mark.parametrize("prompt", ["a painting by Donald Trump", "a tower designed by Donald Trump"])
def test_who_makes_something_is_its_author(named: PromptFilter, prompt: str) -> None:
    assert named.check({"prompt": prompt}).rule == STYLES
