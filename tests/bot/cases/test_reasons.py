"""Ready reasons: the case holds the server's text, and the member reads their own language."""

from dataclasses import replace

import discord
import pytest

from bot.cases.cards import notice
from bot.cases.deciding.reasons import BUILT_IN
from bot.client import Atelier
from bot.studio.cases.cases import Decision
from bot.studio.desk.kept_reasons import MOST_REASONS
from bot.studio.errors import NoSuchReason, ReasonUnusable, TooManyReasons
from bot.texts import ENGLISH, language
from db.cases import Outcome
from generation.request import JobId, MemberId
from playground.server import Playground
from tests.bot.conftest import ADA, GUILD, MIA, Shop
from tests.bot.gallery.test_cards import texts_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def keep_spam(shop: Shop) -> None:
    await shop.reason_book.save(MIA, "  Spam ", "This is spam.")
    await shop.reason_book.save(MIA, "spam", "Das ist Spam.", "de")


async def test_a_reason_is_read_in_the_language_of_its_reader(shop: Shop, atelier: Atelier) -> None:
    await keep_spam(shop)
    text, code = await atelier.reasons.read(GUILD, "server:spam")
    assert (text, code) == ("This is spam.", "server:spam")
    decision = Decision(outcome=Outcome.WARN, reason=text, kept_reason=code)
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", decision)).case
    assert case.reason == "This is spam."
    assert await atelier.reasons.of_case(case, "de") == "Das ist Spam."
    assert await atelier.reasons.of_case(case, "fr") == "This is spam."
    amended = await shop.casework.amend(case.number, MIA, reason="not spam, but rude", seconds=None)
    assert await atelier.reasons.of_case(amended, "de") == "not spam, but rude"
    await shop.reason_book.delete(MIA, "spam")
    assert await atelier.reasons.of_case(case, "de") == "This is spam.", "the decision keeps its text"


async def test_what_was_typed_counts_before_the_menu(shop: Shop, atelier: Atelier) -> None:
    assert await atelier.reasons.read(GUILD, "my own words", "atelier:spam") == ("my own words", "")
    text, code = await atelier.reasons.read(GUILD, "", "atelier:spam")
    assert (code, "spam" in text) == ("atelier:spam", True)
    assert await atelier.reasons.read(GUILD, "", "-") == ("", "")
    assert await atelier.reasons.read(GUILD, "server:gone") == ("server:gone", "")


async def test_the_menu_offers_the_servers_reasons_and_the_built_in_ones(
    shop: Shop, atelier: Atelier
) -> None:
    for number in range(MOST_REASONS):
        await shop.reason_book.save(MIA, f"rule {number}", f"Rule {number} forbids that.")
    with pytest.raises(TooManyReasons):
        await shop.reason_book.save(MIA, "one more", "One more.")
    await shop.reason_book.save(MIA, "rule 0", "Rule 0 is new.")
    ready = await atelier.reasons.choices(GUILD, "en-US")
    assert ready["server:rule 0"] == "Rule 0 is new."
    assert len(ready) == MOST_REASONS + len(BUILT_IN) <= 24, "with the first line, a menu has 25"
    assert all(ready.values())


async def test_unusable_and_unknown_reasons_are_refused(shop: Shop) -> None:
    for name, text in ((" ", "text"), ("x" * 31, "text"), ("name", " "), ("name", "x" * 301)):
        with pytest.raises(ReasonUnusable):
            await shop.reason_book.save(MIA, name, text)
    with pytest.raises(NoSuchReason):
        await shop.reason_book.delete(MIA, "spam")


async def test_a_members_message_is_in_the_language_of_their_last_use(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    [guild] = atelier.guilds
    member = MemberId(5)
    assert atelier.locales.of(guild.id, member) == guild.preferred_locale.value
    atelier.locales.note(member, discord.Locale.german.value)
    assert atelier.locales.of(guild.id, member) == "de"


async def test_a_notice_counts_the_orders_of_its_case(shop: Shop) -> None:
    case = (await shop.casework.sanction(MIA, ADA.member, "ada", Decision(outcome=Outcome.WARN))).case
    case = replace(case, job=JobId("aaaaabbbbb"))
    view = notice(
        language(ENGLISH), case, "Ateliers", strike_until=None, strikes=1, can_appeal=True, orders=38
    )
    assert "The pictures of 38 orders are removed" in "\n".join(texts_of(view))
