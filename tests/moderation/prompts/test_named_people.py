"""The owner's list of real persons: added and excepted names, consents, and the limits of both."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.classifier.classifier import load_classifier
from moderation.policy import Action, Change, presets, standard
from moderation.prompts.filter import PromptFilter
from moderation.prompts.named_people import Consent, NamedPeople, NamedPeopleBroken, read_named_people
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import Rules
from moderation.verdict import Category, Ruling

LIST = """
add = ["Wanda Quill", "Çağla Özgür"]
never = ["Vera Nimmermehr"]
except = ["Emma Stone"]

[[consent]]
name = "Taylor Swift"
said_yes = "she did, by letter"
when = 2026-11-01

[[consent]]
name = "Bo Mossgrove"
said_yes = "Bo, in this server"
when = 2026-10-02
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> NamedPeople:
    file = tmp_path_factory.mktemp("people") / "people.toml"
    file.write_text(LIST, "utf-8")
    return read_named_people(file)


@pytest.fixture(scope="module")
def screen(rules: Rules, people: NamedPeople) -> PromptFilter:
    return PromptFilter(
        rules, load_classifier(), load_figures(more=people.names(rules)), excused=people.excused(rules)
    )


def test_the_file_says_who_agreed_and_when(people: NamedPeople) -> None:
    assert people.added == ("Wanda Quill", "Çağla Özgür")
    assert people.consents[0] == Consent(
        name="Taylor Swift", said_yes="she did, by letter", when=date(2026, 11, 1)
    )


@pytest.mark.parametrize(
    "text", ["wanda quill on a horse", "a portrait of WÁNDA QUÎLL", "çağla özgür at the sea"]
)
def test_an_added_name_is_flagged_however_it_is_written(
    screen: PromptFilter, learned_screen: PromptFilter, text: str
) -> None:
    verdict = screen.check({"prompt": text})
    assert (verdict.ruling, verdict.category) == (Ruling.FLAG, Category.REAL_PERSON)
    assert learned_screen.check({"prompt": text}).category is not Category.REAL_PERSON


@pytest.mark.parametrize("name", ["taylor swift", "emma stone", "bo mossgrove", "T a y l o r Swift"])
@pytest.mark.parametrize("action", [Action.AS_FOUND, Action.REFUSE])
def test_a_consent_or_an_exception_makes_a_name_alone_allowed(
    screen: PromptFilter, name: str, action: Action
) -> None:
    policy = standard().amended(Category.REAL_PERSON, Change(action=action))
    verdict = screen.check({"prompt": f"{name} playing the piano on a stage"}, policy=policy)
    assert verdict.category is not Category.REAL_PERSON


@pytest.mark.parametrize("policy", presets())
def test_a_name_that_is_never_drawn_is_refused_alone(screen: PromptFilter, policy: str) -> None:
    verdict = screen.check({"prompt": "a portrait of Vera Nimmermehr"}, policy=presets()[policy])
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)


def test_whoever_else_is_named_beside_them_is_flagged(screen: PromptFilter) -> None:
    verdict = screen.check({"prompt": "taylor swift and barack obama"})
    assert (verdict.ruling, verdict.category) == (Ruling.FLAG, Category.REAL_PERSON)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["taylor swift", "emma stone", "bo mossgrove", "wanda quill"]),
    st.sampled_from(
        ["{} topless", "nude {}", "{} having sex", "{} beheaded", "{} in lingerie", "porn with {}"]
    ),
    st.sampled_from(sorted(presets())),
    st.sampled_from(Action),
    st.sampled_from([category for category in Category if category not in (Category.NONE, Category.MINORS)]),
)
def test_no_consent_and_no_policy_allows_a_name_beside_what_is_sexual_nude_or_gory(
    screen: PromptFilter, name: str, form: str, preset: str, action: Action, category: Category
) -> None:
    policy = presets()[preset].amended(category, Change(action=action))
    verdict = screen.check({"prompt": form.format(name)}, policy=policy)
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.REAL_PERSON)


def test_no_file_is_nobody() -> None:
    assert read_named_people(None) == NamedPeople()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("add = [", "line 1"),
        (f"add = {'[' * 5000}", "line 1"),
        (f"\nadd = {'9' * 5000}", "line 2"),
        (f"add = [0x{'f' * 5000}]", "add"),
        ("add = 'a\0b'", "line 1"),
        ('names = ["A B"]', "top level"),
        ('add = "A B"', "add"),
        ("add = [1]", "add"),
        ('except = ["…"]', "except"),
        ("consent = 3", "consent"),
        ('[[consent]]\nname = "A B"', "consent 1"),
        ('[[consent]]\nname = "A B"\nsaid_yes = " "\nwhen = 2026-11-01', "consent 1"),
        ('[[consent]]\nname = "A B"\nsaid_yes = "me"\nwhen = "today"', "consent 1"),
        ('[[consent]]\nname = "A B"\nsaid_yes = "me"\nwhen = "2026-11-01"', "consent 1"),
        ('[[consent]]\nname = "A B"\nsaid_yes = "me"\nwhen = 2026-11-01T10:00:00', "consent 1"),
        ('[[consent]]\nname = "A B"\nsaid_yes = "me"\nwhen = 2026-11-01\nby = "x"', "consent 1"),
    ],
)
def test_a_broken_list_is_told_with_its_place(tmp_path: Path, text: str, where: str) -> None:
    file = tmp_path / "people.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(NamedPeopleBroken) as broken:
        read_named_people(file)
    assert broken.value.where == where
    assert "write add = " in str(broken.value)
