"""The moderators' desk: a case from the flagged order to the answered appeal, and every button of a moderator."""

import asyncio
import re
import sqlite3
import time
from typing import Any

import pytest

from playground.people.person import Person, Use
from playground.world.errors import Refused
from playground.world.messages import Message
from tests.e2e.stage import Stage, job_of
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

FLAGGED = "a hunter killing a wolf"
DAY = 86_400.0


@pytest.fixture
def max_(stage: Stage) -> Person:
    """A second moderator."""
    return stage.play.add_member("max", is_moderator=True)


def case_of(stage: Stage, member: Person) -> sqlite3.Row:
    """Returns the member's newest case."""
    return stage.rows("SELECT * FROM cases WHERE member = ? ORDER BY id DESC", member.id)[0]


@pytest.fixture(autouse=True)
def calm(stage: Stage) -> None:
    stage.age_verdicts()


async def card_of(stage: Stage, member: Person, *words: str) -> Message:
    """Returns the card in the moderators' channel about the member that contains these texts."""

    def fits(message: Message) -> bool:
        shown = message.texts
        return shown.startswith("### Case") and f"<@{member.id}>" in shown and all(w in shown for w in words)

    return await stage.play.wait_for_message(fits, "mod-log", stage.mia, timeout=60)


async def flagged(stage: Stage, member: Person) -> tuple[Message, Message]:
    """Returns a flagged order's gallery, and its card with the picture."""
    gallery = await stage.draw(member, FLAGGED, images=1)
    card = await card_of(stage, member, FLAGGED)
    await stage.play.world.changed.wait_until(lambda: thumbnails(stage, card) or None, 60)
    return gallery, card


def now(stage: Stage, message: Message) -> Message:
    found = stage.play.world.messages.get(message.channel_id, message.id)
    assert found is not None
    return found


def thumbnails(stage: Stage, card: Message) -> list[str]:
    return [each["media"]["url"] for each in now(stage, card).components if "media" in each]


async def press(person: Person, card: Message, label: str) -> Use:
    use = await person.click(card, label=label)
    await use.wait_for_answer()
    assert not use.failed
    return use


async def fill_in(person: Person, use: Use, **entries: str) -> Use:
    modal = await use.wait_for_modal()
    sent = await person.submit(modal, entries)
    await sent.wait_for_answer()
    assert not sent.failed
    return sent


async def followup(stage: Stage, person: Person, words: str, channel: str = "mod-log") -> str:
    """Returns the text of a message that only this person sees."""
    message = await person.wait_for_message(lambda m: m.is_ephemeral and words in m.texts, channel, 60)
    return message.texts


async def dm(person: Person, words: str) -> Message:
    return await person.wait_for_message(lambda m: words in m.texts, person.dm(), 60)


async def said(use: Use) -> str:
    message = await use.wait_for_message()
    assert message.is_ephemeral
    return message.texts


async def test_a_case_from_the_flagged_order_to_the_answered_appeal(stage: Stage, max_: Person) -> None:
    ada = stage.guest()
    gallery, card = await flagged(stage, ada)
    shown = now(stage, card).texts
    assert "flagged" in shown and "gore" in shown and "score 0." in shown and "read as" not in shown
    assert "1 order · 1 flagged · 0 refused · 0 strikes now" in shown
    assert "next is a warning" in shown

    # Time out: the modal opens and mia claims the case; sending the modal closes it.
    use = await press(stage.mia, card, "Time out")
    await card_of(stage, ada, "Claimed by Mia")
    late = await press(max_, card, "Remove")
    assert "is claimed by Mia" in await said(late)
    await fill_in(stage.mia, use, reason="swords are not for here", span="2h")
    summary = await followup(stage, stage.mia, f"<@{ada.id}> can't make pictures until")
    assert "notified by direct message" in summary and "Discord's own timeout is set too" in summary
    closed = await card_of(stage, ada, "**Closed** · Mia timed out")
    assert closed.id == card.id and closed.component(label="Remove") is None
    assert stage.play.world.messages.get(gallery.channel_id, gallery.id) is None
    assert not any(file.exists() for file in stage.files(job_of(gallery)))
    assert stage.play.world.guild.members[ada.id].timed_out_until

    notice = await dm(ada, "timed you out")
    assert "swords are not for here" in notice.texts and "1 strike now" in notice.texts

    # Appeal from the direct message. Only another moderator may answer it.
    await fill_in(ada, await press(ada, notice, "Appeal"), why="it was for a play")
    appeal = await stage.play.wait_for_message(
        lambda m: "### Appeal" in m.texts and f"<@{ada.id}>" in m.texts, "mod-log", stage.mia, timeout=60
    )
    assert "it was for a play" in appeal.texts
    assert "You acted in case" in await said(await press(stage.mia, appeal, "Overturn"))
    await fill_in(max_, await press(max_, appeal, "Overturn"), answer="fair enough")
    await dm(ada, "Your appeal in case")
    assert "**Overturned** by Max: fair enough" in now(stage, appeal).texts
    await card_of(stage, ada, "**Taken back.**")
    await stage.until(lambda: stage.play.world.guild.members[ada.id].timed_out_until is None)
    await stage.draw(ada, "a wooden sword", images=1)
    assert "appealed already" in await said(await press(ada, notice, "Appeal"))

    # Amend the case; the log contains every step.
    number = case_of(stage, ada)["number"]
    use = await stage.mia.slash("mod-log", "mod case", number=number, reason="a misunderstanding")
    assert "a misunderstanding" in await said(use)
    kinds = stage.rows(
        "SELECT kind FROM case_entries WHERE case_id = ? ORDER BY id", case_of(stage, ada)["id"]
    )
    assert [each["kind"] for each in kinds] == ["decided", "appealed", "answered", "amended"]
    acts = [each["action"] for each in stage.acts_about(ada)]
    assert acts == ["claim", "timeout", "discord-sanction", "appeal-overturned", "discord-lifted", "amend"]


async def test_two_moderators_press_two_buttons_at_once_and_one_is_told_who_acted(
    stage: Stage, max_: Person
) -> None:
    ada = stage.guest()
    gallery, card = await flagged(stage, ada)
    first, second = await asyncio.gather(
        stage.mia.click(card, label="Remove"), max_.click(card, label="Approve")
    )
    await asyncio.gather(first.wait_for_answer(), second.wait_for_answer())
    case = await closed_case(stage, ada)
    loser = second if case["acted_by"] == stage.mia.id else first
    winner = "Mia removed it" if loser is second else "Max approved it"
    assert f"is decided already: {winner}" in await said(loser)
    if case["outcome"] == "remove":
        await stage.until(lambda: stage.play.world.messages.get(gallery.channel_id, gallery.id) is None)
    else:
        assert stage.files(job_of(gallery))[0].exists()


async def closed_case(stage: Stage, member: Person) -> sqlite3.Row:
    await stage.until(lambda: case_of(stage, member)["outcome"])
    return case_of(stage, member)


async def test_the_cards_picture_is_blurred_past_recognition(stage: Stage) -> None:
    _, card = await flagged(stage, stage.guest())
    [picture] = {stage.row("SELECT picture FROM cases WHERE card_message_id = ?", card.id)["picture"]}
    assert picture[:2] == b"\xff\xd8" and len(picture) < 20_000
    assert len(thumbnails(stage, card)) == 1


async def test_who_takes_no_direct_messages_is_told_at_their_next_order(stage: Stage) -> None:
    ada = stage.guest()
    ada.close_dm()
    use = await stage.mia.slash("gallery", "mod warn", member=ada, reason="be kind")
    assert "see the notice when they next use me" in await said(use)
    await stage.imagine(ada, "a fox", images=1)
    told = await ada.wait_for_message(lambda m: m.is_ephemeral and "warned you" in m.texts, "gallery", 60)
    assert "be kind" in told.texts
    await fill_in(ada, await press(ada, told, "Appeal"), why="I was")
    assert stage.rows("SELECT 1 FROM appeals WHERE member = ?", ada.id)


async def test_a_blocked_member_is_told_with_the_refusal(stage: Stage) -> None:
    ada = stage.guest()
    ada.close_dm()
    await said(await stage.mia.slash("gallery", "mod timeout", member=ada, duration="1h", reason="hush"))
    stage.play.world.time_out(
        stage.play.world.guild.members[ada.id], None
    )  # Discord's client would hide the command
    use = await ada.slash("gallery", "imagine", prompt="a fox")
    assert "has blocked you" in await stage.private(use)
    told = await ada.wait_for_message(lambda m: "timed you out" in m.texts, "gallery", 60)
    assert told.component(label="Appeal")


async def test_a_report_becomes_a_case_once(stage: Stage, max_: Person) -> None:
    ada, ben = stage.guest(), stage.guest()
    gallery = await stage.draw(ada, "something that ben dislikes", images=1)
    use = await stage.in_panel(ben, gallery, "Report")
    use = await fill_in(ben, use, reason="I find it ugly")
    assert "The moderators will look at it" in await said(use)
    card = await card_of(stage, ada, "reported", "I find it ugly")
    use = await fill_in(ben, await stage.in_panel(ben, gallery, "Report"), reason="again")
    assert "reported that picture already" in await said(use)
    await fill_in(max_, await stage.in_panel(max_, gallery, "Report"), reason="me too")
    await card_of(stage, ada, "me too")
    assert len(stage.rows("SELECT 1 FROM cases WHERE job = ?", job_of(gallery))) == 1
    await press(stage.mia, card, "Approve")
    use = await fill_in(stage.mia, await stage.in_panel(stage.mia, gallery, "Report"), reason="")
    assert "approved that picture already" in await said(use)
    words = await ben.say("gallery", "just words")
    assert "There is no picture" in await said(await ben.message_menu("gallery", "Picture…", words))


async def test_a_first_refusal_is_an_explanation_even_where_a_moderator_warns(stage: Stage) -> None:
    ada = stage.guest()
    use = await ada.slash("gallery", "imagine", prompt="a nude woman on a rock")
    told = await stage.private(use)
    assert "reads as nudity. Put clothes on the people in it" in told
    assert "The first time does not count against you." in told
    card = await stage.play.wait_for_message(
        lambda m: "a nude woman on a rock" in m.texts and f"<@{ada.id}>" in m.texts,
        "mod-log",
        stage.mia,
        timeout=60,
    )
    await press(stage.mia, card, "Open a case")
    card = await card_of(stage, ada, "a nude woman on a rock")
    assert "this is their first refusal, which gives no strike" in card.texts
    await fill_in(stage.mia, await press(stage.mia, card, "Warn"), reason="please read the rules")
    assert "gives no strike" in await followup(stage, stage.mia, f"<@{ada.id}> is warned")
    assert "it gives no strike" in (await dm(ada, "please read the rules")).texts
    assert stage.rows("SELECT * FROM strikes WHERE member = ?", ada.id) == []
    again = await ada.slash("gallery", "imagine", prompt="a nude woman on a rock")
    assert "does not count" not in await stage.private(again)


async def test_a_refusal_becomes_a_case_at_the_press_of_its_button(stage: Stage) -> None:
    ada = stage.guest()
    await stage.private(await ada.slash("gallery", "imagine", prompt="a nude woman"))
    card = await stage.play.wait_for_message(
        lambda m: f"<@{ada.id}>" in m.texts and "**Refused**" in m.texts, "mod-log", timeout=60
    )
    assert stage.rows("SELECT 1 FROM cases WHERE member = ?", ada.id) == []
    await press(stage.mia, card, "Open a case")
    case = await card_of(stage, ada, "refused", "a nude woman")
    assert case.id == card.id and case.component(label="Remove") is None
    await fill_in(stage.mia, await press(stage.mia, case, "Warn"), reason="not here")
    await dm(ada, "warned you")
    assert case_of(stage, ada)["outcome"] == "warn"


async def test_a_ban_takes_two_where_the_server_says_so_and_is_lifted(stage: Stage, max_: Person) -> None:
    ada = stage.guest()
    use = await stage.mia.slash("mod-log", "mod desk", second_for_bans=True)
    assert "needs a second moderator" in await said(use)
    try:
        use = await stage.mia.slash("mod-log", "mod ban", member=ada, reason="raids")
        assert "Another moderator must confirm it" in await said(use)
        card = await card_of(stage, ada, "Mia proposes a ban: raids")
        again = await stage.mia.slash("mod-log", "mod ban", member=ada, reason="raids")
        assert "another moderator must confirm it" in await said(again)
        assert ada.id not in stage.play.world.guild.bans
        await fill_in(max_, await press(max_, card, "Confirm ban"))
        await followup(stage, max_, "is banned from making pictures until it is lifted")
        await stage.until(lambda: ada.id in stage.play.world.guild.bans)
        assert "by Max: raids" in (stage.play.world.guild.bans[ada.id] or "")
        await card_of(stage, ada, "**Closed** · Max banned", "Discord's own ban")
    finally:
        await said(await stage.mia.slash("mod-log", "mod desk", second_for_bans=False))


async def test_discords_own_powers_are_used_where_both_have_them(stage: Stage, max_: Person) -> None:
    ada = stage.guest()
    use = await stage.mia.slash("gallery", "mod ban", member=ada, reason="spam", duration="1d")
    text = await said(use)
    assert "Discord's own ban is set too" in text and "notified by direct message" in text
    assert ada.id in stage.play.world.guild.bans
    text = await said(await stage.mia.slash("gallery", "mod unban", member=ada, reason="sorry"))
    assert "may make pictures again" in text and "Discord's own ban is lifted too" in text
    assert ada.id not in stage.play.world.guild.bans
    text = await said(await stage.mia.slash("gallery", "mod timeout", member=max_, duration="1h", reason="x"))
    assert "is not set: their role is as high as yours" in text
    await said(
        await stage.mia.slash("gallery", "mod pardon", number=case_of(stage, max_)["number"], reason="x")
    )
    stage.play.fail_next("PUT", "/guilds/…/bans/…", status=403, code=50013)
    ben = stage.guest()
    text = await said(await stage.mia.slash("gallery", "mod ban", member=ben, reason="spam"))
    assert "Discord does not let me" in text
    assert "has blocked you" in await stage.private(await ben.slash("gallery", "imagine", prompt="a fox"))


async def test_discords_own_sanction_holds_as_long_as_any_case_in_force_needs_it(stage: Stage) -> None:
    async def use(command: str, **options: Any) -> str:
        return await said(await stage.mia.slash("gallery", f"mod {command}", reason="spam", **options))

    def timed_out_for(member: Person) -> float:
        return (stage.play.world.guild.members[member.id].timed_out_until or 0) - time.time()

    ada, ben = stage.guest(), stage.guest()
    await use("timeout", member=ada, duration="7d")
    week = case_of(stage, ada)["number"]
    said_now = await use("timeout", member=ada, duration="1h")
    hour = case_of(stage, ada)["number"]
    assert "An earlier sanction still holds, until" in said_now and timed_out_for(ada) > 6 * DAY
    await use("pardon", number=week)
    assert 0 < timed_out_for(ada) <= 3600
    await use("timeout", member=ada, duration="7d")
    week = case_of(stage, ada)["number"]
    assert f"Discord's own timeout stays: case {week} is still in force" in await use("pardon", number=hour)
    assert timed_out_for(ada) > 6 * DAY
    assert "Discord's own timeout is lifted too" in await use("unban", member=ada)
    assert timed_out_for(ada) < 0

    await use("ban", member=ben)
    await use("ban", member=ben, duration="1d")
    first, second = (
        row["number"] for row in stage.rows("SELECT number FROM cases WHERE member = ? ORDER BY id", ben.id)
    )
    assert f"case {first} is still in force" in await use("pardon", number=second)
    assert ben.id in stage.play.world.guild.bans
    assert "stays" not in await use("pardon", number=first)
    assert ben.id not in stage.play.world.guild.bans


async def test_the_ladder_does_what_it_says(stage: Stage) -> None:
    ada = stage.guest()
    for words in ("is warned", "can't make pictures until", "can't make pictures until"):
        use = await stage.mia.slash("gallery", "mod strike", member=ada, reason="again")
        assert words in await said(use)
    numbers = [row["number"] for row in stage.rows("SELECT number FROM cases WHERE member = ?", ada.id)]
    use = await stage.mia.slash("gallery", "mod cases", member=ada)
    listed = await said(use)
    assert all(f"**{number}**" in listed for number in numbers)
    use = await stage.mia.slash("gallery", "mod pardon", number=numbers[-1], reason="mercy")
    assert "is pardoned" in await said(use)
    strikes = stage.rows("SELECT 1 FROM strikes WHERE member = ? AND pardoned_at IS NULL", ada.id)
    assert len(strikes) == 2
    assert "no strike that counts" in await said(
        await stage.mia.slash("gallery", "mod pardon", number=numbers[-1], reason="mercy")
    )
    assert "no case 999999" in await said(await stage.mia.slash("gallery", "mod case", number=999_999))


async def test_a_purge_takes_down_a_members_pictures(stage: Stage) -> None:
    ada = stage.guest()
    delivery = [await stage.draw(ada, f"spam {number}", images=1) for number in range(2)]
    running = await stage.imagine(ada, "spam that is not ready", steps=900, images=1)
    use = await stage.mia.slash("gallery", "mod purge", since="1h", reason="spam", member=ada)
    assert "3 orders taken down" in await said(use)
    for gallery in delivery:
        assert stage.play.world.messages.get(gallery.channel_id, gallery.id) is None
        assert not any(file.exists() for file in stage.files(job_of(gallery)))
    # Deleted, or without pictures when it was posted at the same moment.
    await stage.until(lambda: running.message is None or "Cancelled" in running.message.texts)


@pytest.mark.timeout(500)
async def test_raid_mode_and_the_panic_switch_hold_over_a_restart(stage: Stage) -> None:
    young, old = stage.guest(), stage.play.add_member("oldtimer", age=30 * DAY)
    card_member = stage.guest()
    _, card = await flagged(stage, card_member)
    use = await stage.mia.slash("gallery", "mod raid", state="on", account_age="7d", member_age="1d")
    assert "Raid mode is on" in await said(use)
    await stage.play.wait_for_message(lambda m: "Raid mode is on" in m.texts, "mod-log", timeout=60)
    try:
        await stage.stop()
        await stage.start()
        refusal = await stage.private(await young.slash("gallery", "imagine", prompt="a fox"))
        assert "raid mode" in refusal and "1 week" in refusal
        # The worker restarts with the bot and loads its libraries again.
        await stage.gallery(await stage.imagine(old, "a fox", images=1), 200)
        # A card from before the restart still works.
        await press(stage.mia, card, "Approve")
        assert (await closed_case(stage, card_member))["outcome"] == "approve"
        await said(await stage.mia.slash("gallery", "mod raid", state="off"))
        await stage.draw(young, "a fox", images=1)
        await said(await stage.mia.slash("gallery", "mod panic", mode="pause", reason="spam wave"))
        refusal = await stage.private(await old.slash("gallery", "imagine", prompt="a fox"))
        assert "paused picture making" in refusal and "spam wave" in refusal
        await said(await stage.mia.slash("gallery", "mod panic", mode="known"))
        assert "made pictures here for a while" in await stage.private(
            await young.slash("gallery", "imagine", prompt="a fox")
        )
        await said(await stage.mia.slash("gallery", "mod panic", mode="family"))
        assert "can't be drawn here" in await stage.private(
            await young.slash("gallery", "imagine", prompt=FLAGGED)
        )
    finally:
        await said(await stage.mia.slash("gallery", "mod raid", state="off"))
        await said(await stage.mia.slash("gallery", "mod panic", mode="open"))
    noted = {row["action"] for row in stage.rows("SELECT action FROM audit")}
    assert {"raid-on", "raid-off", "panic-pause", "panic-known", "panic-family", "panic-open"} <= noted


async def test_a_servers_rule_is_tried_out_added_and_removed(stage: Stage) -> None:
    ada = stage.guest()
    await stage.draw(ada, "a jester in motley", images=1)
    use = await stage.mia.slash("gallery", "mod rule test", words="jester")
    assert re.search(r"Would have refused 1 of \d+, 1 by members in good standing", await said(use))
    await stage.draw(ada, "another jester", images=1)
    use = await stage.mia.slash("gallery", "mod rule add", name="jesters", words="jester, harlequin")
    assert "`jesters` refuses from now on" in await said(use)
    try:
        refusal = await stage.private(await ada.slash("gallery", "imagine", prompt="a j e s t e r"))
        assert "this server's own rules" in refusal
        listed = await said(await stage.mia.slash("gallery", "mod rule list"))
        assert "**jesters** · refuses · fired 1 time" in listed
        use = await stage.mia.slash("gallery", "mod rule add", name="jesters", words="jester")
        assert "is a rule called `jesters` already" in await said(use)
        use = await stage.mia.slash("gallery", "mod rule add", name="foxes", words="fox")
        assert "which must always be allowed" in await said(use)
    finally:
        assert "is removed" in await said(await stage.mia.slash("gallery", "mod rule remove", name="jesters"))
    await stage.draw(ada, "a last jester", images=1)


async def test_members_press_none_of_it(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    with pytest.raises(Refused):
        await ada.slash("gallery", "mod warn", member=ben, reason="because")
    for name, options in {
        "mod warn": {"member": ben, "reason": "because"},
        "mod case": {"number": 1},
        "mod panic": {"mode": "pause"},
        "mod raid": {"state": "on"},
        "mod rule add": {"name": "x", "words": "x"},
        "mod purge": {"since": "1h", "reason": "x"},
        "mod restore": {"since": "1h", "reason": "x"},
    }.items():
        use = await ada.slash("gallery", name, force=True, **options)
        assert "Only moderators can do that" in await stage.private(use), name
    assert stage.rows("SELECT 1 FROM cases WHERE member = ?", ben.id) == []


async def test_the_figures(stage: Stage) -> None:
    text = await said(await stage.mia.slash("gallery", "mod stats", since="1d"))
    assert "### The last day" in text and "**Cases**" in text and f"<@{stage.mia.id}>" in text


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
