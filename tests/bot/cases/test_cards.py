"""A case's card shows the effect of its buttons and the outcome of the case, also when no picture was posted."""

from typing import Any

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from bot.cases.cards import Dossier, case_card, notice
from bot.studio.cases.cases import Decision
from bot.studio.errors import CaseClosed, PromptRefused
from bot.texts import language
from bot.ui.components import LONGEST_TEXTS, View
from bot.ui.components import card as card_of
from db.cases import Case, Outcome
from moderation.duration import DAY
from tests.bot.cards import labels_of, problems, texts_of
from tests.bot.conftest import BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import APPROVE, REMOVE, case_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def card(shop: Shop, case_id: int) -> tuple[str, list[str]]:
    """Returns the card's current text and buttons."""
    case = await shop.records.cases.get(case_id)
    assert case is not None
    standing, rung = await shop.casework.standing(GUILD, case.member)
    entries = await shop.records.entries.of_case(case.id)
    has_look = await shop.records.banned.has_look(case.id)
    job = await shop.records.jobs.get(case.job) if case.job else None
    strike = await shop.records.strikes.of_case(case.id)
    dossier = Dossier(
        case=case,
        standing=standing,
        rung=rung,
        entries=entries,
        job=job,
        has_look=has_look,
        has_strike=strike is not None and strike.is_live(shop.clock.now),
    )
    view, files = case_card(language("en"), dossier)
    assert problems(view, [file.filename for file in files]) == []
    return "\n".join(texts_of(view)), labels_of(view)


async def withheld(shop: Shop, text: str = "show refused") -> Case:
    """Returns the case of an order whose pictures were all refused."""
    job, _ = await shop.refused(text, actor=BEN, images=1)
    return await case_of(shop, job)


def told(case: Case) -> str:
    return "\n".join(texts_of(notice_of(case)))


def notice_of(case: Case) -> View:
    return notice(language("en"), case, "Ateliers", strike_until=None, strikes=0, can_appeal=True)


async def test_where_nothing_was_posted_the_buttons_are_about_the_refusal(busy: Shop) -> None:
    case = await withheld(busy)
    words, labels = await card(busy, case.id)
    assert labels[:2] == ["Wrongly refused", "Rightly refused"]
    assert "0 flagged · 0 refused · pictures of 1 order flagged or refused · " in words
    assert "No picture was posted or kept" in words and "can't be restored" in words
    assert "similar pictures are refused here from now on" in words
    done = await busy.casework.decide(case.id, MIA, REMOVE)
    assert "mia called the refusal right" in (await card(busy, case.id))[0]
    assert "the check was right" in told(done.case)
    with pytest.raises(CaseClosed) as late:
        await busy.casework.decide(case.id, MIA, APPROVE)
    assert "mia called the refusal right" in (language("en").sentence(late.value) or "")


async def test_who_was_wrongly_refused_is_told_and_may_order_again(busy: Shop) -> None:
    case = await withheld(busy)
    done = await busy.casework.decide(case.id, MIA, APPROVE)
    assert (done.case.told_at, done.strikes) == (None, 0), "there is something to tell"
    assert "the check was wrong" in told(done.case) and "may order again" in told(done.case)
    assert labels_of(notice_of(done.case)) == [], "there is nothing to appeal"
    assert "mia called the refusal wrong" in (await card(busy, case.id))[0]


async def test_the_card_of_a_likeness_says_that_the_removed_one_may_come_back_too(busy: Shop) -> None:
    first = (await busy.draw("show waves1", images=1)).job
    await busy.takedown.remove(first.id, MIA, "no")
    words, _ = await card(busy, (await withheld(busy, "show waves1")).id)
    assert f"Pictures similar to the removed job {first.id} are allowed again." in words


async def test_what_is_too_plain_to_be_known_again_is_not_said_to_be(busy: Shop) -> None:
    case = await withheld(busy)
    async with busy.records.database.transaction() as tx:
        await busy.records.banned.release(tx, case.id)
        await busy.records.banned.withhold(tx, case.id, 0, None)
    assert "refused here from now on" not in (await card(busy, case.id))[0]


async def test_one_of_four_withheld_leaves_the_buttons_about_what_was_posted(busy: Shop) -> None:
    job = (await busy.draw("show waves1 refused", images=2)).job
    case = await case_of(busy, job)
    assert (await card(busy, case.id))[1][:2] == ["Approve", "Remove"]


async def test_an_open_cases_card_says_that_its_pictures_are_gone(busy: Shop) -> None:
    job = (await busy.draw("show flagged", images=1)).job
    case = await case_of(busy, job)
    assert "removed already" not in (await card(busy, case.id))[0]
    await busy.takedown.remove(job.id, MIA, "too foxy")
    words, _ = await card(busy, case.id)
    assert "mia · removed: the pictures: too foxy" in words and "removed already" in words


async def test_a_lifted_block_is_not_said_to_be_taken_back_while_the_strike_counts(shop: Shop) -> None:
    ban = Decision(outcome=Outcome.BAN, reason="raids")
    case = (await shop.casework.sanction(MIA, BEN.member, "ben", ban)).case
    await shop.casework.unban(MIA, BEN.member, "mercy")
    words, _ = await card(shop, case.id)
    assert "**Lifted.** The strike still counts." in words and "Taken back" not in words
    await shop.casework.pardon(case.number, MIA, "mercy")
    assert "Taken back" in (await card(shop, case.id))[0]
    block = Decision(outcome=Outcome.BLOCK, reason="raids")
    case = (await shop.casework.sanction(MIA, BEN.member, "ben", block)).case
    await shop.casework.unban(MIA, BEN.member, "mercy")
    assert "Taken back" in (await card(shop, case.id))[0], "there is no strike"


async def test_the_card_of_a_proposed_ban_says_its_length(strict: Shop) -> None:
    weeks = Decision(outcome=Outcome.BAN, reason="raids", seconds=14 * DAY)
    case = (await strict.casework.sanction(MIA, BEN.member, "ben", weeks)).case
    assert "mia proposes a ban for 2 weeks: raids" in (await card(strict, case.id))[0]


async def test_a_refused_prompts_card_says_that_the_filter_stays_as_it_is(shop: Shop) -> None:
    with pytest.raises(PromptRefused):
        await shop.admit(an_order("a nude woman"))
    case = await shop.casework.open_refusal((await shop.log())[0].id, MIA)
    assert case is not None
    words, labels = await card(shop, case.id)
    assert labels[:2] == ["Wrongly refused", "Escalate"]
    assert "the same prompt is refused again" in words


@given(st.lists(st.text(max_size=3000), min_size=1, max_size=12))
def test_no_card_has_more_text_than_discord_takes(texts: list[str]) -> None:
    view = card_of(*(ui.TextDisplay[Any](text) for text in texts))
    lengths = [len(text) for text in texts_of(view)]
    assert sum(lengths) <= LONGEST_TEXTS
    if sum(map(len, texts)) <= LONGEST_TEXTS:
        assert lengths == [len(text) for text in texts], "nothing is shortened without need"
