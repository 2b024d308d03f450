"""Typed orders through the local Discord: a refused prompt is edited, and several orders are asked about and taken."""

from dataclasses import replace
from typing import Any

import pytest
from discord.http import Route

from bot.client import Atelier
from bot.gallery import typed_cards
from bot.gallery.typed_cards import block
from bot.studio.errors.orders import PromptRefused
from bot.studio.orders.offered_models import OfferedModels
from bot.studio.orders.several import REPEATED
from bot.studio.styles.server_styles import StyleInput
from playground.people.person import Person, Use
from playground.server import Playground
from playground.world.messages import Message
from tests.bot.cards import JOB, SAY, labels_of, problems, texts_of
from tests.bot.conftest import ADA, MIA, Shop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


async def said(use: Use) -> str:
    """Returns the text of an answer that only the member sees."""
    message = await use.wait_for_message()
    assert message.is_ephemeral
    return message.texts


async def imagined(person: Person, prompt: str, **options: Any) -> Message:
    use = await person.slash("gallery", "imagine", prompt=prompt, **options)
    return await use.wait_for_message()


async def pressed(person: Person, message: Message, label: str) -> Use:
    use = await person.click(message, label=label)
    await use.wait_for_answer()
    assert not use.failed
    return use


async def posted(atelier: Atelier, play: Playground, custom_id: str, text: str) -> Message:
    """Posts a message as an earlier process did: discord.py in this process has never seen its button."""
    button = {"type": 2, "style": 2, "label": "press me", "custom_id": custom_id}
    components = [{"type": 10, "content": text}, {"type": 1, "components": [button]}]
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=play.channel("gallery").id)
    await atelier.http.request(route, json={"flags": 1 << 15, "components": components})
    return await play.wait_for_message(
        lambda each: (
            (found := each.component(custom_id=custom_id)) is not None and found["label"] == "press me"
        )
    )


async def prompts(shop: Shop, member: int) -> list[str]:
    rows = await shop.records.database.reader.all(
        "SELECT prompt FROM jobs WHERE member = ? ORDER BY created_at, rowid", (member,)
    )
    return [row["prompt"] for row in rows]


def values(form: Any) -> dict[str, str | None]:
    return {each["component"]["custom_id"]: each["component"].get("value") for each in form.components}


async def test_a_refused_prompt_comes_back_to_be_edited_with_its_options(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada = play.person("ada")
    refused = await imagined(
        ada, "a nude {woman} --steps 5", negative="fog", aspect="3:2", images=1, model="large"
    )
    assert refused.is_ephemeral and "it reads as nudity" in refused.texts
    assert "--ar 3:2 --steps 5 --model large --images 1" in refused.texts
    form = await (await pressed(ada, refused, "Edit")).wait_for_modal()
    kept = "--ar 3:2 --steps 5 --model large --images 1"
    assert values(form) == {"prompt": f"a nude \\{{woman\\}} {kept}", "negative": "fog"}
    # Sent unchanged, it is refused anew.
    assert "it reads as nudity" in await said(await ada.submit(form))
    card = await (await ada.submit(form, {"prompt": f"a \\{{woman\\}} in a coat {kept}"})).wait_for_message()
    assert not card.is_ephemeral and "a {woman} in a coat" in card.texts
    [row] = await shop.records.database.reader.all("SELECT * FROM jobs", ())
    assert (row["prompt"], row["negative"], row["model"]) == ("a {woman} in a coat", "fog", "large")
    assert (row["steps"], row["images"], row["width"] > row["height"]) == (5, 1, True)
    assert len(await shop.log(atelier.guilds[0].id)) == 3


async def test_a_refused_prompt_keeps_its_style_and_is_edited_without_the_styles_words(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada = play.person("ada")
    actor = replace(ADA, guild_id=atelier.guilds[0].id)
    saved = await shop.styles.save(actor, StyleInput(name="ink", words="in black ink"))
    refused = await imagined(ada, "a nude woman --style ink --images 1")
    form = await (await pressed(ada, refused, "Edit")).wait_for_modal()
    assert values(form)["prompt"] == "a nude woman --style ink --images 1"
    text = "a woman in a coat --style ink --images 1"
    await (await ada.submit(form, {"prompt": text})).wait_for_message()
    [row] = await shop.records.database.reader.all("SELECT * FROM jobs", ())
    assert (row["prompt"], row["style"]) == ("a woman in a coat, in black ink", saved.id)


async def test_a_refused_prompt_is_its_authors_in_its_server_alone(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    await imagined(ada, "a nude woman")
    [record] = await shop.log(atelier.guilds[0].id)
    message = await posted(atelier, play, f"atelier:1:edit:{record.id}", "refused")
    assert "not stored any more" in await said(await ben.click(message, label="press me"))
    form = await (await pressed(ada, message, "press me")).wait_for_modal()
    assert values(form) == {"prompt": "a nude woman", "negative": None}
    async with shop.records.database.transaction() as tx:
        await tx.all("UPDATE verdicts SET guild_id = 7 RETURNING id", ())
    assert "not stored any more" in await said(await ada.click(message, label="press me"))
    missing = await posted(atelier, play, f"atelier:1:edit:{record.id + 1}", "refused")
    assert "not stored any more" in await said(await ada.click(missing, label="press me"))


async def test_several_orders_are_counted_and_taken_after_a_press(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada = play.person("ada")
    question = await imagined(ada, "a {red, blue} `cat` --images 1", negative="fog", steps=4)
    assert question.is_ephemeral
    assert "This makes 2 orders of 1 picture. They are 2 of the 20 pictures" in question.texts
    assert await prompts(shop, ada.id) == []
    await pressed(ada, question, "Draw")
    await until(lambda: "All 2 orders are in the queue" in question.texts)
    assert await prompts(shop, ada.id) == ["a red `cat`", "a blue `cat`"]
    for colour in ("red", "blue"):
        card = await play.wait_for_message(
            lambda each, c=colour: f"a {c} " in each.texts and not each.is_ephemeral
        )
        job = next(
            iter(
                await shop.records.database.reader.all("SELECT * FROM jobs WHERE message_id = ?", (card.id,))
            )
        )
        assert (job["negative"], job["steps"], job["images"], job["token"]) == ("fog", 4, 1, "")
    # The card's buttons are those of any other.
    await pressed(ada, card, "Cancel")
    assert question.component(label="Draw") is None


async def test_what_the_limits_do_not_take_is_told_before_and_not_charged(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada = play.person("ada")
    question = await imagined(ada, "a cat --repeat 4 --images 1")
    assert "This makes 4 orders of 1 picture" in question.texts
    assert "Only the first 3 orders fit now: at most 3 of your jobs" in question.texts
    use = await pressed(ada, question, "Draw")
    await until(lambda: "3 of 4 orders are in the queue" in question.texts)
    assert await prompts(shop, ada.id) == ["a cat"] * 3
    sources = [record.source for record in await shop.log(atelier.guilds[0].id)]
    assert sources == [REPEATED, REPEATED, "/imagine"]
    assert await shop.records.jobs.in_line(ada.id) == 3  # pyright: ignore[reportArgumentType]  # a member's id
    # Now none fits: the limit itself is told, and there is no question.
    assert "You have 3 jobs in the queue already" in (await imagined(ada, "a {red, blue} cat")).texts
    assert not use.failed


async def test_pictures_beyond_the_minute_are_told_before(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    question = await imagined(play.person("ada"), "a {red, green, blue} cat")
    assert "12 of the 20 pictures" in question.texts
    assert "Only the first 2 orders fit now: the others exceed your images for this minute" in question.texts


async def test_each_of_several_orders_is_screened(shop: Shop, play: Playground, atelier: Atelier) -> None:
    ada = play.person("ada")
    question = await imagined(ada, "a {red, nude, blue} woman --images 1")
    await pressed(ada, question, "Draw")
    await until(lambda: "1 of 3 orders" in question.texts)
    assert await prompts(shop, ada.id) == ["a red woman"]
    refused = await play.wait_for_message(lambda each: "it reads as nudity" in each.texts)
    assert refused.is_ephemeral and refused.component(label="Edit") is not None


async def test_cancel_orders_nothing(shop: Shop, play: Playground, atelier: Atelier) -> None:
    ada = play.person("ada")
    question = await imagined(ada, "a {red, blue} cat")
    await pressed(ada, question, "Cancel")
    await until(lambda: "Cancelled" in question.texts)
    assert await prompts(shop, ada.id) == [] and question.component(label="Draw") is None


async def test_a_question_of_an_earlier_process_is_answered_for_its_member_alone(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada, ben = play.person("ada"), play.person("ben")
    text = block("a {red, blue} cat --images 1")
    message = await posted(atelier, play, f"atelier:1:draw:{ada.id}", text)
    assert "not yours" in await said(await ben.click(message, label="press me"))
    empty = await posted(atelier, play, f"atelier:1:draw:{ben.id}", "no block")
    assert "can't be read" in await said(await ben.click(empty, label="press me"))
    dismiss = await posted(atelier, play, f"atelier:1:dismiss:{ada.id}", text)
    assert "not yours" in await said(await ben.click(dismiss, label="press me"))
    assert await prompts(shop, ben.id) == []
    await pressed(ada, message, "press me")
    await until(lambda: "All 2 orders are in the queue" in message.texts)
    assert await prompts(shop, ada.id) == ["a red cat", "a blue cat"]


async def test_too_many_orders_are_refused_without_a_question(
    shop: Shop, play: Playground, atelier: Atelier
) -> None:
    ada = play.person("ada")
    assert "more than 20 orders" in (await imagined(ada, "{a, b}" * 5)).texts
    assert "from 1 to 20" in (await imagined(ada, "a cat --r 21")).texts
    assert await prompts(shop, ada.id) == []


@pytest.mark.parametrize(
    ("words", "is_editable"),
    [
        ({}, True),
        ({"options": "--no " + "x" * 2900}, True),
        ({"options": "--no " + "x" * 3000}, False),
        ({"remixed": (JOB, 1), "texts": ("a" * 1400, "b" * 1500)}, True),
        ({"remixed": (JOB, 1), "texts": ("a" * 1600, "b" * 1500)}, False),
    ],
)
def test_a_refusal_of_any_length_is_a_message(words: dict[str, Any], is_editable: bool) -> None:
    refused = PromptRefused("sexual", "prompt", verdict=7, **words)
    view = typed_cards.refusal(SAY, "It can't be drawn here. " * 250, refused)
    assert problems(view) == []
    texts = texts_of(view)
    assert sum(map(len, texts)) <= 4000 and texts[0].startswith("It can't be drawn here.")
    assert bool(labels_of(view)) is is_editable
    blocks = [block(each) for each in [*words.get("texts", ()), *filter(None, [words.get("options")])]]
    assert [each for each in texts if each.startswith("```")] == (blocks if is_editable else [])


def test_the_block_holds_any_text() -> None:
    for text in ("a `b` c", "```\na\n```", "``````", "a\nb"):
        found = typed_cards._BLOCK.fullmatch(block(text))  # pyright: ignore[reportPrivateUsage]
        assert found is not None and found[1].replace(typed_cards._MARK, "`") == text  # pyright: ignore[reportPrivateUsage]
        assert "```" not in found[1]


async def test_where_access_is_paid_for_an_order_without_a_model_takes_one_that_allows_it(
    shop: Shop, play: Playground, atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    default, *others = shop.settings.models
    models = (replace(default, licence_class="non-commercial"), *others)
    monkeypatch.setattr(
        shop.studio, "offered", OfferedModels(replace(shop.settings, models=models), shop.records)
    )
    guild = play.world.guild.id
    await shop.casework.set_paid(replace(MIA, guild_id=guild), True)
    await imagined(play.person("ada"), "a quiet hill")
    (job,) = await shop.records.database.reader.all("SELECT model FROM jobs")
    assert job["model"] == others[0].name
