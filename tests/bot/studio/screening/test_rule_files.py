"""A server's rules are edited in one step and taken from a file, all or none; versions keep what they were."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.errors import (
    NoSuchRule,
    PromptRefused,
    RuleBreaksMust,
    RuleFileUnusable,
    RuleOfFileUnusable,
    RuleProblem,
    RuleTaken,
    RuleUnusable,
)
from bot.studio.screening.rule_files import read_rules, write_rules
from bot.texts import language
from db.server_rules import Draft
from moderation.duration import DAY
from moderation.verdict import Category, Ruling
from tests.bot.conftest import GUILD, MIA, Shop, an_order
from tests.bot.desk import actions

CLOWNS = Draft(name="no clowns", any_of=("clown", "circus act"))
MIMES = Draft(
    name="mimes",
    any_of=("mime",),
    with_any_of=("street",),
    unless=("mime type",),
    category=Category.HATE,
    ruling=Ruling.FLAG,
)


async def test_an_edited_rule_is_one_version_and_the_earlier_one_is_kept(shop: Shop) -> None:
    await shop.rule_book.add(MIA, CLOWNS, is_shadow=False)
    await shop.rule_book.add(MIA, MIMES, is_shadow=True)
    wider = replace(CLOWNS, name="no jesters", any_of=("jester",))
    rule, version = await shop.rule_book.edit(MIA, "no clowns", wider, is_shadow=False)
    assert (rule.name, version) == ("no jesters", 3)
    book = shop.records.server_rules
    names = [[each.name for each in await book.at_version(GUILD, number)] for number in (2, 3)]
    assert names == [["no clowns", "mimes"], ["mimes", "no jesters"]]
    await shop.admit(an_order("a clown"))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a jester"))
    for name, draft, error in (
        ("no clowns", wider, NoSuchRule),
        ("no jesters", replace(wider, name="mimes"), RuleTaken),
        ("no jesters", replace(wider, any_of=("killer whale",)), RuleBreaksMust),
    ):
        with pytest.raises(error):
            await shop.rule_book.edit(MIA, name, draft, is_shadow=False)
    assert await book.version(GUILD) == 3
    assert (await actions(shop))[-1] == "rule-edit"


async def test_what_is_written_is_read_again(shop: Shop) -> None:
    for draft, is_shadow in ((CLOWNS, False), (MIMES, True)):
        await shop.rule_book.add(MIA, draft, is_shadow=is_shadow)
    content = write_rules(await shop.records.server_rules.live(GUILD))
    assert read_rules(content) == [(CLOWNS, False), (MIMES, True)]
    taken = await shop.rule_book.take(MIA, read_rules(content))
    assert (taken.added, taken.changed, taken.same, taken.version) == (0, 0, 2, 2)
    elsewhere = await shop.rule_book.take(replace(MIA, guild_id=1), read_rules(content))
    assert (elsewhere.added, elsewhere.version) == (2, 1)


async def test_a_file_adds_and_replaces_and_leaves_the_others(shop: Shop) -> None:
    await shop.rule_book.add(MIA, CLOWNS, is_shadow=False)
    await shop.rule_book.add(MIA, replace(MIMES, name="kept"), is_shadow=True)
    wider = replace(CLOWNS, any_of=("clown", "jester"))
    taken = await shop.rule_book.take(MIA, [(wider, False), (MIMES, False)])
    assert (taken.added, taken.changed, taken.same, taken.version) == (1, 1, 0, 3)
    live = await shop.records.server_rules.live(GUILD)
    assert {each.name for each in live} == {"kept", "mimes", "no clowns"}
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a jester"))


@pytest.mark.parametrize(
    ("bad", "error", "said"),
    [
        (replace(MIMES, any_of=("..",)), RuleOfFileUnusable, "Rule 2 of the file, and so none of it"),
        (replace(MIMES, any_of=("killer whale",), with_any_of=()), RuleBreaksMust, "`mimes` would refuse"),
    ],
)
async def test_one_rule_that_can_not_be_used_leaves_all_out(
    shop: Shop, bad: Draft, error: type[Exception], said: str
) -> None:
    bad = replace(bad, ruling=Ruling.REFUSE)
    with pytest.raises(error) as refused:
        await shop.rule_book.take(MIA, [(CLOWNS, False), (bad, False)])
    assert said in (language("en").sentence(refused.value) or "")
    assert await shop.records.server_rules.live(GUILD) == []


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (b"clown, mime", "no list of rules"),
        (b"\xff\xfe", "no list of rules"),
        (b"[]", "no list of rules"),
        ({"name": "x", "words": ["y"]}, "no list of rules"),
        ([{"name": "x"}], "Rule 1 of the file: `words`"),
        ([{"name": "x", "words": ["y"]}, {"name": "z", "words": "y"}], "Rule 2 of the file: `words`"),
        ([{"name": "x", "words": ["y"], "colour": "red"}], "Rule 1 of the file: `colour`"),
        ([{"name": "x", "words": ["y"], "ruling": "allow"}], "Rule 1 of the file: `ruling`"),
        ([{"name": "x", "words": ["y"], "category": "fun"}], "Rule 1 of the file: `category`"),
        ([7], "Rule 1 of the file is none"),
        ([{"name": "x", "words": ["y"]}] * 2, "Two rules of the file are called `x`"),
    ],
    ids=str,
)
def test_a_file_that_is_none_gets_a_sentence(rules: Any, said: str) -> None:
    content = rules if isinstance(rules, bytes) else json.dumps(rules).encode()
    with pytest.raises(RuleFileUnusable) as unusable:
        read_rules(content)
    assert said in (language("en").sentence(unusable.value) or "")


def test_a_file_of_too_many_rules_is_refused_before_they_are_compared() -> None:
    rules = [{"name": str(number), "words": ["y"]} for number in range(101)]
    assert len(read_rules(json.dumps(rules[:100]).encode())) == 100
    with pytest.raises(RuleUnusable) as unusable:
        read_rules(json.dumps(rules).encode())
    assert unusable.value.problem is RuleProblem.TOO_MANY_RULES


async def test_rules_that_find_no_room_are_not_tried(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.rule_book.add(MIA, CLOWNS, is_shadow=False)
    monkeypatch.setattr("bot.studio.screening.server_rules.MOST_RULES", 1)
    same = await shop.rule_book.take(MIA, [(CLOWNS, True)])
    assert same.changed == 1, "a rule that replaces another needs no room"
    with pytest.raises(RuleUnusable) as unusable:
        await shop.rule_book.take(MIA, [(replace(MIMES, any_of=("..",)), False)])
    assert unusable.value.problem is RuleProblem.TOO_MANY_RULES


async def test_what_a_rule_did_last_week_is_counted_apart(shop: Shop) -> None:
    rule, _ = await shop.rule_book.add(MIA, CLOWNS, is_shadow=True)
    await shop.admit(an_order("a clown", images=1))
    shop.clock.now += 8 * DAY
    await shop.admit(an_order("two clowns", images=1))
    book = shop.records.server_rules
    assert await book.hits(GUILD) == {rule.id: 2}
    assert await book.hits_since(GUILD, shop.clock.now - 7 * DAY) == {rule.id: 1}
    assert await book.hits_since(1, 0) == {}
