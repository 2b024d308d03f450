"""A server's own rules: applied together with the filter, versioned, tested against past prompts. No rule may break the golden
prompts."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bot.commands.mod.rules import outcome
from bot.studio.errors import NoSuchRule, PromptRefused, RuleBreaksMust, RuleTaken, RuleUnusable
from bot.studio.screening import server_rules
from bot.studio.settings import Settings
from bot.texts import language
from db.server_rules import Draft, ServerRule
from moderation.verdict import Category, Ruling
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

CLOWNS = Draft(name="no clowns", any_of=("clown", "circus act"))


async def add(shop: Shop, draft: Draft = CLOWNS, *, is_shadow: bool = False) -> ServerRule:
    rule, _ = await shop.rule_book.add(MIA, draft, is_shadow=is_shadow)
    return rule


async def hits(shop: Shop, rule: ServerRule) -> int:
    return (await shop.records.server_rules.hits(GUILD)).get(rule.id, 0)


@pytest.mark.parametrize("text", ["a clown", "two CLOWNS", "a cl0wn", "a c l o w n", "a great circus act"])
async def test_a_rule_refuses_in_its_server_alone_however_it_is_disguised(shop: Shop, text: str) -> None:
    rule = await add(shop)
    with pytest.raises(PromptRefused) as refused:
        await shop.admit(an_order(text))
    assert "this server's own rules" in (language("en").sentence(refused.value) or "")
    assert await hits(shop, rule) == 1
    await shop.admit(an_order(text, replace(ADA, guild_id=GUILD + 1)))


async def test_a_rule_that_flags_opens_a_case(shop: Shop) -> None:
    await add(shop, replace(CLOWNS, ruling=Ruling.FLAG, category=Category.HARASSMENT))
    await shop.admit(an_order("a clown"))
    [case] = await shop.records.cases.page(GUILD)
    assert (case.verdict.rule, case.verdict.category) == ("server: no clowns", Category.HARASSMENT)


async def test_a_rule_makes_nothing_laxer(shop: Shop) -> None:
    await add(shop, replace(CLOWNS, ruling=Ruling.FLAG))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude clown"))


async def test_a_shadow_rule_only_logs(shop: Shop) -> None:
    rule = await add(shop, is_shadow=True)
    await shop.admit(an_order("a clown"))
    await shop.admit(an_order("a fox"))
    assert await hits(shop, rule) == 1
    assert await shop.records.cases.page(GUILD) == []


async def test_the_words_beside_and_the_exceptions_count(shop: Shop) -> None:
    await add(shop, replace(CLOWNS, with_any_of=("balloon",), unless=("clown fish",)))
    await shop.admit(an_order("a clown"))
    await shop.admit(an_order("a clown fish and a balloon"))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a clown with a balloon"))


async def test_rules_hold_after_a_restart(
    shop: Shop, open_shop: Callable[[Settings], Shop], settings: Settings
) -> None:
    await add(shop)
    with pytest.raises(PromptRefused):
        await open_shop(settings).admit(an_order("a clown"))


async def test_every_version_of_the_book_can_be_read_again(shop: Shop) -> None:
    book = shop.records.server_rules
    await add(shop)
    await add(shop, replace(CLOWNS, name="no mimes", any_of=("mime",)))
    assert await shop.rule_book.remove(MIA, "no clowns") == 3
    await shop.admit(an_order("a clown"))
    await add(shop)
    assert await book.version(GUILD) == 4
    names = [[rule.name for rule in await book.at_version(GUILD, version)] for version in range(5)]
    assert names == [
        [],
        ["no clowns"],
        ["no clowns", "no mimes"],
        ["no mimes"],
        ["no mimes", "no clowns"],
    ]
    actions = [each.act for each in reversed(await shop.records.audit.page(GUILD))]
    assert actions == ["rule-add", "rule-add", "rule-remove", "rule-add"]


async def test_names_are_a_servers_own_and_are_used_once(shop: Shop) -> None:
    await add(shop)
    with pytest.raises(RuleTaken):
        await add(shop)
    with pytest.raises(NoSuchRule) as unknown:
        await shop.rule_book.remove(MIA, "no clown")
    assert unknown.value.nearest == "no clowns"


@pytest.mark.parametrize(
    "draft",
    [
        replace(CLOWNS, any_of=()),
        replace(CLOWNS, name=""),
        replace(CLOWNS, any_of=("..",)),
        replace(CLOWNS, any_of=("0..9999 years",)),
        replace(CLOWNS, any_of=("@nudity",)),
        replace(CLOWNS, any_of=("x" * 61,)),
        replace(CLOWNS, any_of=tuple(f"word{i}" for i in range(51))),
        replace(CLOWNS, category=Category.MINORS),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_with_a_sentence(shop: Shop, draft: Draft) -> None:
    with pytest.raises(RuleUnusable) as unusable:
        await add(shop, draft)
    assert (language("en").sentence(unusable.value) or "").startswith("That rule can't be used: ")
    assert await shop.records.server_rules.version(GUILD) == 0


async def test_no_rule_refuses_what_must_be_allowed_unless_it_only_watches(shop: Shop) -> None:
    foxes = Draft(name="no foxes", any_of=("fox",))
    with pytest.raises(RuleBreaksMust) as broken:
        await add(shop, foxes)
    assert broken.value.prompt == "a fox in the snow"
    await add(shop, foxes, is_shadow=True)


async def test_a_dry_run_says_what_a_rule_would_have_done(shop: Shop) -> None:
    rules = shop.rule_book
    for actor, text in ((ADA, "a clown"), (BEN, "a sad clown"), (BEN, "a fox")):
        await shop.admit(an_order(text, actor, images=1))
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude clown", BEN))
    await shop.block(ADA)
    run = await rules.dry_run(GUILD, CLOWNS, 5000)
    assert (run.read, run.hits, run.hits_of_good, run.must) == (4, 3, 2, ())
    assert outcome(language("en"), run, Ruling.REFUSE).startswith(
        "Would have refused 3 of 4, 2 by members in good standing."
    )
    assert (await rules.dry_run(GUILD, CLOWNS, 2)).read == 2
    assert (await rules.dry_run(GUILD + 1, CLOWNS, 5000)).read == 0
    assert await shop.records.server_rules.version(GUILD) == 0


async def test_a_dry_run_reads_page_after_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.studio.screening.server_rules._PAGE", 2)
    for number in range(3):
        with pytest.raises(PromptRefused):
            await shop.admit(an_order(f"a nude clown {number}"))
    run = await shop.rule_book.dry_run(GUILD, CLOWNS, 5000)
    assert (run.read, run.hits) == (3, 3)


async def test_a_book_is_built_in_another_thread_and_not_kept_when_it_is_out_of_date(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(shop)
    built, go_on = list[threading.Thread](), threading.Event()
    original = server_rules._book  # pyright: ignore[reportPrivateUsage]

    def slow(rules: Sequence[ServerRule]) -> object:
        built.append(threading.current_thread())
        go_on.wait(10)
        return original(rules)

    monkeypatch.setattr(server_rules, "_book", slow)
    verdict = asyncio.create_task(shop.rule_book.judge(GUILD, {"prompt": "a mime"}))
    await until(lambda: bool(built))
    await add(shop, Draft(name="no mimes", any_of=("mime",)))
    go_on.set()
    await verdict
    assert built[0] is not threading.main_thread()
    assert (await shop.rule_book.judge(GUILD, {"prompt": "a mime"})).verdict.ruling is Ruling.REFUSE


async def test_only_so_many_servers_books_are_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_rules, "_BOOKS", 2)
    for server in (GUILD, 2, 3, GUILD, 4):
        await shop.rule_book.judge(server, {"prompt": "a clown"})
    assert [*shop.rule_book._books] == [GUILD, 4]  # pyright: ignore[reportPrivateUsage]


async def test_the_audit_log_can_forget_a_rules_name(shop: Shop) -> None:
    rule = await add(shop)
    await shop.rule_book.remove(MIA, rule.name)
    for entry in await shop.records.audit.page(GUILD):
        assert (entry.subject, entry.reason) == (f"rule {rule.id}", rule.name)
