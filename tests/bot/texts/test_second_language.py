"""A second language is a folder, with no change of code."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import discord
import pytest

from bot import texts
from bot.commands.own import history
from bot.gallery import cards
from bot.gallery.remix_form import form_of
from bot.gallery.resume import resume
from bot.studio.errors import BadParameter, NotRunning
from bot.studio.orders.variations import Remixable
from bot.texts import ENGLISH, language
from db.jobs import ReplyTarget
from playground.server import Playground
from tests.bot.cards import a_gallery, a_job, labels_of, problems, texts_of
from tests.bot.conftest import ADA, Shop, an_order, client_of, ended
from tests.bot.test_sync import logged_in, told
from tests.bot.texts.test_catalogue import strangers
from tests.openapi import Judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

POLISH = """
command-imagine = Obrazki z opisu
    .prompt = Co ma być na obrazku
command-queue = Twoje zadania w kolejce
menu-picture = Obraz…
mod-choice-open = otwarte
gallery-waiting = Miejsce { ID($place) }{ gallery-to-go }
gallery-upscale = P{ $picture }
gallery-cancel = Anuluj
gallery-try-again = Jeszcze raz
gallery-foot = -# { $steps ->
    [one] { $steps } krok
    [few] { $steps } kroki
   *[many] { $steps } kroków
}
remix-prompt = Co widać
queue-none = Nic.
history-none = Jeszcze nic.
error-not-running = To zadanie już nie czeka.
wait-minutes = { $count ->
    [one] { $count } minuta
    [few] { $count } minuty
   *[many] { $count } minut
}
"""


@pytest.fixture
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Adds a language without most of the texts to the unchanged English. Yields the path of its file."""
    folder = tmp_path / "texts"
    file = folder / "pl" / "some.ftl"
    file.parent.mkdir(parents=True)
    file.write_text(POLISH, encoding="utf-8")
    (folder / ENGLISH).symlink_to(texts.FOLDER / ENGLISH)
    monkeypatch.setattr(texts, "FOLDER", folder)
    language.cache_clear()
    yield file
    language.cache_clear()


def say_instead(file: Path, old: str, new: str) -> None:
    file.write_text(POLISH.replace(old, new), encoding="utf-8")
    language.cache_clear()


@pytest.mark.usefixtures("polish")
def test_a_folder_is_a_language() -> None:
    assert language("pl")("gallery-cancel") == "Anuluj"
    assert language("pl").sentence(NotRunning()) == "To zadanie już nie czeka."
    assert language("pl-PL") is not language("de"), "of a country's own the language is taken"
    assert language("de").name == ENGLISH


@pytest.mark.usefixtures("polish")
@pytest.mark.parametrize(
    ("minutes", "words"), [(2, "2 minuty"), (5, "5 minut"), (22, "22 minuty"), (25, "25 minut")]
)
def test_it_has_its_own_plural_forms(minutes: int, words: str) -> None:
    """Also when a sentence of another language contains the duration."""
    assert language("pl")("gallery-to-go", seconds=minutes * 60.0) == f", about {minutes} min to go"
    assert language("pl")("gallery-waiting", place=3, seconds=minutes * 60.0) == (
        f"Miejsce 3, about {words} to go"
    )


@pytest.mark.usefixtures("polish")
def test_what_it_lacks_is_said_in_english() -> None:
    polish, english = language("pl"), language(ENGLISH)
    assert polish("history-title") == english("history-title"), "a sentence"
    assert polish("remix-prompt.hint") == english("remix-prompt.hint"), "a part of one that it has"
    error = BadParameter("ar", "7", "aspect")
    assert polish.sentence(error) == english.sentence(error), "an error's"
    assert polish("gallery-waiting", place=2, seconds=None) == "Miejsce 2", (
        "what a sentence of its own refers to"
    )


@pytest.mark.usefixtures("polish")
async def test_cards_forms_and_lists_speak_it(shop: Shop) -> None:
    say, job = language("pl"), a_job()
    view = cards.gallery_card(say, a_gallery(job, 2), "x.jpg", is_spoiler=False)
    assert problems(view, ["x.jpg"]) == []
    assert labels_of(view)[:2] == ["P1", "P2"]
    assert texts_of(view)[-1] == "-# 100 kroków"
    assert labels_of(cards.ended_card(say, job, "Nie.")) == ["Jeszcze raz"]
    assert labels_of(cards.first_card(say, job, 2, is_ready=True)) == ["Anuluj", "Ping me"]
    assert "Co widać" in str(form_of(say, Remixable(job=job, images=(0,))).to_dict())
    view, _ = await history.page(say, shop.records.jobs, shop.stored_pictures, ADA.member, history.NEWEST)
    assert texts_of(view) == ["Jeszcze nic."]


def test_a_message_that_english_lacks_is_found(polish: Path) -> None:
    assert strangers("pl") == []
    say_instead(polish, "queue-none = Nic.", "queue-unknown = Nic.")
    assert strangers("pl") == ["pl: queue-unknown is no message"]
    say_instead(polish, "Nic.", "Nic, { $name }.")
    assert strangers("pl") == ["pl: queue-none is not given ['name']"]
    say_instead(polish, ".prompt", ".promt")
    assert strangers("pl") == ["pl: command-imagine has no ['promt']"]


def localized(command: dict[str, Any], key: str) -> object:
    return command.get(f"{key}_localizations")


async def test_discords_menus_are_told_in_it_and_again_when_it_changes(
    polish: Path, shop: Shop, play: Playground, judge: Judge
) -> None:
    async with logged_in(shop, play):
        pass
    async with logged_in(shop, play):
        pass
    [first] = told(judge)
    commands = {each["name"]: each for each in first}
    assert localized(commands["Picture…"], "name") == {"pl": "Obraz…"}
    assert localized(commands["queue"], "description") == {"pl": "Twoje zadania w kolejce"}
    options = {each["name"]: each for each in commands["imagine"]["options"]}
    assert localized(options["prompt"], "description") == {"pl": "Co ma być na obrazku"}
    assert not localized(options["steps"], "description"), "what it lacks is not sent twice"
    subcommands = {each["name"]: each for each in commands["mod"]["options"]}
    [state] = [each for each in subcommands["cases"]["options"] if each["name"] == "state"]
    assert {"pl": "otwarte"} in [localized(each, "name") for each in state["choices"]]
    say_instead(polish, "Twoje zadania w", "Twoja")
    async with logged_in(shop, play):
        pass
    again = {each["name"]: each for each in told(judge)[1]}
    assert localized(again["queue"], "description") == {"pl": "Twoja kolejce"}


def buttons_of(message: Any) -> set[str]:
    return {str(each.get("label")) for each in message.components if each["type"] == 2}


@pytest.mark.usefixtures("polish")
async def test_a_member_is_answered_in_theirs_and_a_channel_in_the_servers(
    busy: Shop, play: Playground
) -> None:
    ada = play.person("ada")
    ada = replace(ada, user=replace(ada.user, locale="pl"))
    async with client_of(busy, play) as client:
        await client.login(play.token)
        connection = asyncio.create_task(client.connect())
        await client.wait_until_ready()
        answer = await (await ada.slash("gallery", "queue")).wait_for_message()
        assert [each["content"] for each in answer.components if each["type"] == 10] == ["Nic."]
        card = await (await ada.slash("gallery", "imagine", prompt="a fox", images=2)).wait_for_message()
        gallery = await play.wait_for_message(lambda each: each.id == card.id and "V2" in buttons_of(each))
        assert "U1" in buttons_of(gallery), "everybody in the channel reads it"
        await client.close()
        await ended(connection)


@pytest.mark.usefixtures("polish")
async def test_after_a_restart_a_card_is_finished_in_the_servers_language(
    busy: Shop, play: Playground
) -> None:
    play.world.guild.locale = "pl"
    place = ReplyTarget(guild_id=play.world.guild.id, channel_id=play.channel("gallery").id)
    actor = replace(ADA, guild_id=place.guild_id, channel_id=place.channel_id)
    await busy.studio.admit(an_order(actor=actor), place)
    busy.clock.now += 1
    async with client_of(busy, play) as client:
        await client.login(play.token)
        connection = asyncio.create_task(client.connect())
        sweeping = asyncio.create_task(resume(client, client.parts, client.delivery))
        assert await play.wait_for_message(lambda each: {"P1", "P2"} <= buttons_of(each))
        [guild] = client.guilds
        assert guild.preferred_locale is discord.Locale.polish
        await client.close()
        await ended(sweeping)
        await ended(connection)
