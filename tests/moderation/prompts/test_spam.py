"""Spam: repeats and empty prompts are flagged. They are refused only when a policy says so, and playful prompts are not spam."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy import Action, Change, presets, standard
from moderation.prompts.spam import ALL, score, spam
from moderation.verdict import Category, Ruling


@pytest.mark.parametrize("name", presets())
def test_a_dozen_repeats_are_flagged_and_fewer_are_not(name: str) -> None:
    rulings = [spam("a fox", repeats, presets()[name]).ruling for repeats in range(40)]
    assert rulings == [Ruling.ALLOW] * 12 + [Ruling.FLAG] * 28


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?b=c",
        "http://a.example http://b.example/x.png",
        "discord.gg/abc123",
        "<@80351110224678912> <@&80351110224678913> <#197038439483310087>",
        "@everyone @here !!!",
        "www.example.com",
        "aaaaaaaaaaaaaaaa",
        "!!!!!!!!!!!!!!!!",
        "hahahahahahaha",
        "buy buy buy buy buy buy buy buy buy buy buy buy",
    ],
)
def test_what_asks_for_nothing_is_flagged(text: str) -> None:
    verdict = spam(text, 0, standard())
    assert (verdict.ruling, verdict.category) == (Ruling.FLAG, Category.SPAM)
    assert verdict.rule.startswith("spam: nothing but ")


@pytest.mark.parametrize(
    "text",
    [
        "a fox",
        "🦊",
        "🦊🦊🦊🦊",
        "a fox in the style of https://example.org/picture.png",
        "<@80351110224678912> as a knight",
        "aaah",
        "no no no no",
        "a very very very very very very long cat",
        "<:fox:197038439483310087>",
        "3.14159265358979",
        "...",
    ],
)
def test_what_asks_for_something_is_no_spam(text: str) -> None:
    assert spam(text, 0, standard()).ruling is Ruling.ALLOW


def test_a_server_may_refuse_it_or_leave_it_alone() -> None:
    for action in (Action.REFUSE, Action.ALLOW):
        policy = standard().amended(Category.SPAM, Change(action=action))
        assert spam("@everyone", 0, policy).ruling is action.ruling
    early = standard().amended(Category.SPAM, Change(flag=0.1, refuse=0.2))
    assert [spam("a fox", repeats, early).ruling for repeats in (1, 2, 4)] == [
        Ruling.ALLOW,
        Ruling.FLAG,
        Ruling.REFUSE,
    ]


@given(st.text(max_size=80), st.integers(0, 1000))
def test_the_score_is_between_0_and_1_and_grows_with_repeats(text: str, repeats: int) -> None:
    found, why = score(text, repeats)
    assert 0 <= found <= score(text, repeats + 1)[0] <= 1
    assert why
    assert score(text, ALL)[0] == 1
