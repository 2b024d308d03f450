"""The views and actions of moderators, and that no other member has them."""

from typing import Any

import pytest

from playground.people.person import Person
from playground.world.errors import Refused
from playground.world.guild import Channel
from playground.world.messages import Message
from tests.e2e.stage import Stage, copy, job_of
from tests.openapi import needs_openapi

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

FORBIDDEN = "Only moderators can do that"
REFUSED = "a nude woman"


@pytest.fixture(autouse=True)
def calm(stage: Stage) -> None:
    stage.age_verdicts()


async def log(stage: Stage, **filters: Any) -> Message:
    use = await stage.mia.slash("gallery", "mod log", **filters)
    page = await use.wait_for_message()
    assert page.is_ephemeral
    return page


async def refused(stage: Stage, person: Person, channel: str = "gallery") -> None:
    use = await person.slash(channel, "imagine", prompt=REFUSED)
    assert "can't be drawn here" in await stage.private(use)


async def test_refusals_go_to_the_channel_that_the_moderators_chose(stage: Stage) -> None:
    gallery = stage.play.channel("gallery")
    use = await stage.mia.slash("gallery", "mod log-channel", channel=gallery)
    assert f"Everyone can read <#{gallery.id}>" in await stage.private(use)
    warning = await use.wait_for_message()
    await stage.press(stage.mia, warning, "Use it anyway")
    assert f"go to <#{gallery.id}>" in warning.texts
    ada = stage.guest()
    await refused(stage, ada)
    card = await stage.play.wait_for_message(
        lambda m: f"<@{ada.id}>" in m.texts and "Refused" in m.texts, gallery
    )
    assert REFUSED in card.texts
    use = await stage.mia.slash("gallery", "mod log-channel", channel=stage.play.channel("mod-log"))
    await stage.private(use)


async def test_the_log_shows_what_was_asked_and_why_it_was_refused(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "a quiet lake --no reeds", images=1)
    await refused(stage, ada)
    page = await log(stage, member=ada)
    assert "2 records" in page.texts
    assert page.texts.index(REFUSED) < page.texts.index("a quiet lake")
    assert "no: reeds" in page.texts
    assert "nudity" in page.texts
    assert "`nude`" in page.texts
    assert f"/{gallery.channel_id}/{gallery.id}" in page.texts
    assert job_of(gallery) in page.texts


async def test_the_log_is_filtered_by_member_channel_ruling_and_time(stage: Stage) -> None:
    ada = stage.guest()
    await refused(stage, ada)
    gallery = await stage.draw(ada, "plain water", images=1)
    after_dark = stage.play.channel("after-dark")
    use = await ada.slash(after_dark, "imagine", prompt="plain wine", images=1)
    await stage.gallery(use)

    refusals = (await log(stage, member=ada, ruling="refuse")).texts
    assert "1 record" in refusals
    assert REFUSED in refusals
    allowed = (await log(stage, member=ada, ruling="allow")).texts
    assert "2 records" in allowed
    there = (await log(stage, member=ada, channel=after_dark)).texts
    assert "plain wine" in there
    assert "plain water" not in there
    assert "3 records" in (await log(stage, member=ada, since="1h")).texts
    assert "Nothing matches" in (await log(stage, member=stage.guest())).texts
    assert gallery
    use = await stage.mia.slash("gallery", "mod log", since="soon")
    assert "`soon` is not a duration" in await stage.private(use)


async def test_the_log_has_pages(stage: Stage) -> None:
    ada = stage.guest()
    for i in range(7):
        use = await ada.slash("gallery", "imagine", prompt=f"{REFUSED} {i}")
        await stage.private(use)
    page = await log(stage, member=ada, ruling="refuse")
    assert "7 records" in page.texts
    assert [i for i in range(7) if f"{REFUSED} {i}" in page.texts] == [2, 3, 4, 5, 6]
    older = await stage.press(stage.mia, page, "Older")
    assert older.message is not None
    assert [i for i in range(7) if f"{REFUSED} {i}" in older.message.texts] == [0, 1]
    with pytest.raises(Refused, match="disabled"):
        await stage.press(stage.mia, older.message, "Older")
    newest = await stage.press(stage.mia, older.message, "Newest")
    assert newest.message is not None
    assert f"{REFUSED} 6" in newest.message.texts


async def test_a_blocked_member_draws_nothing_until_the_block_is_lifted(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "before the block", images=1)
    running = await stage.imagine(ada, "running when it falls", steps=900)
    use = await stage.mia.slash("gallery", "mod block", member=ada, reason="too loud", duration="2h")
    assert f"<@{ada.id}> is blocked until" in await stage.private(use)
    await stage.card(running, lambda message: "Cancelled" in message.texts)

    use = await ada.slash("gallery", "imagine", prompt="after the block")
    text = await stage.private(use)
    assert "has blocked you" in text
    assert "too loud" in text
    assert "until <t:" in text
    assert "has blocked you" in await stage.private(await stage.press(ada, gallery, "V1"))
    assert stage.spent(ada) == 1

    use = await stage.mia.slash("gallery", "mod unblock", member=ada)
    assert "may make pictures again" in await stage.private(use)
    await stage.draw(ada, "after it was lifted", images=1)
    use = await stage.mia.slash("gallery", "mod unblock", member=ada)
    assert "not blocked" in await stage.private(use)
    assert [each["action"] for each in stage.acts_about(ada)] == ["block", "unblock"]


@pytest.mark.parametrize("way", ["by its id", "by a link", "with the message menu"])
async def test_a_moderator_takes_a_picture_down(stage: Stage, way: str) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "not for long", images=2)
    job, files = job_of(gallery), stage.files(job_of(gallery))
    link = f"https://discord.com/channels/{stage.play.world.guild.id}/{gallery.channel_id}/{gallery.id}"
    if way == "with the message menu":
        use = await stage.in_panel(stage.mia, gallery, "Remove")
    else:
        picture = job if way == "by its id" else f"look: {link}"
        use = await stage.mia.slash("gallery", "mod remove", picture=picture, reason="asked to")
    assert f"Removed: job {job}" in await stage.private(use)

    assert stage.play.world.messages.get(gallery.channel_id, gallery.id) is None
    rows = stage.rows("SELECT removed_by, removed_reason FROM images WHERE job = ?", job)
    assert [each["removed_by"] for each in rows] == [stage.mia.id] * 2
    if way != "with the message menu":
        assert rows[0]["removed_reason"] == "asked to"
    assert not any(file.exists() for file in files)
    [act] = stage.acts_about(ada)
    assert (act["action"], act["actor"], act["subject"]) == ("remove", stage.mia.id, f"job {job}")


async def test_a_removal_is_taken_back_as_far_as_that_goes(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "a lantern, kept out and let in again", images=1, seed=4)
    job = job_of(gallery)
    use = await stage.mia.slash("gallery", "mod remove", picture=job, reason="a slip")
    assert "`/mod restore` allows them again" in await stage.private(use)
    tries: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "Give at least one of `picture`, `since` and `style`"),
        ({"picture": "aaaaaaaaaa"}, "nothing to restore"),
        ({"picture": job}, "Pictures similar to 1 removed picture are allowed here again"),
        ({"picture": job}, "nothing to restore"),
    )
    for options, words in tries:
        use = await stage.mia.slash("gallery", "mod restore", reason="it was harmless", **options)
        assert words in await stage.private(use), options
    assert not any(file.exists() for file in stage.files(job)), "what was deleted stays deleted"
    assert [each["action"] for each in stage.acts_about(ada)] == ["remove", "restore"]


async def test_what_is_no_picture_cannot_be_taken_down(stage: Stage) -> None:
    for text in ("aaaaaaaaaa", "nonsense", "https://discord.com/channels/1/2/3"):
        use = await stage.mia.slash("gallery", "mod remove", picture=text)
        assert "I don't know the job" in await stage.private(use)
    words = await stage.ada.say("gallery", "just words")
    use = await stage.mia.message_menu("gallery", "Picture…", words)
    assert "no picture" in await stage.private(use)


async def test_members_can_use_none_of_it_even_when_the_command_is_open_to_them(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    gallery = await stage.draw(ben, "safe from ada", images=1)
    with pytest.raises(Refused):
        await ada.slash("gallery", "mod log")
    commands: dict[str, dict[str, Any]] = {
        "mod log": {},
        "mod block": {"member": ben, "reason": "because"},
        "mod unblock": {"member": ben},
        "mod remove": {"picture": job_of(gallery)},
        "mod log-channel": {"channel": stage.play.channel("gallery")},
    }
    for name, options in commands.items():
        use = await ada.slash("gallery", name, force=True, **options)
        assert FORBIDDEN in await stage.private(use), name
    panel = await (await ada.message_menu("gallery", "Picture…", gallery)).wait_for_message()
    assert panel.component(label="Report") and not panel.component(label="Remove")
    press = f"atelier:1:picture-remove:{gallery.id}:0"
    forged = copy(panel)
    list(forged.components)[-1]["custom_id"] = press
    use = await stage.press_late(ada, forged, press)
    assert FORBIDDEN in await stage.private(use)
    assert stage.rows("SELECT 1 FROM blocks WHERE member = ?", ben.id) == []
    assert stage.files(job_of(gallery))[0].exists()


async def test_a_flood_of_refused_prompts_is_one_card_that_counts_and_hides_no_other(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    uses = [await ada.slash("gallery", "imagine", prompt=f"{REFUSED} {number}") for number in range(60)]
    await refused(stage, ben)
    answers = [await stage.private(use) for use in uses]
    assert sum("can't be drawn here" in each for each in answers) == 20
    assert sum("20 refused prompts within an hour" in each for each in answers) == 40

    def about(member: Person, message: Message) -> bool:
        return "**Refused**" in message.texts and f"<@{member.id}>" in message.texts

    await stage.play.wait_for_message(lambda m: about(ben, m), "mod-log", timeout=3)
    await stage.play.wait_for_message(lambda m: about(ada, m) and "20 refused prompts" in m.texts, "mod-log")
    cards = [each for each in await stage.mia.sees("mod-log") if about(ada, each)]
    assert len(cards) == 1
    assert len(stage.rows("SELECT 1 FROM verdicts WHERE member = ?", ada.id)) == 20


async def test_a_deleted_log_channel_gives_way_to_the_one_with_the_default_name(stage: Stage) -> None:
    world, ada = stage.play.world, stage.guest()
    channel = Channel(id=world.snowflakes.next(), name="gone-soon")
    channel.overwrites = stage.play.channel("mod-log").overwrites
    world.channels[channel.id] = channel
    stage.play.gateway.dispatch("CHANNEL_CREATE", channel.json(world.guild.id), world.guild.id)
    use = await stage.mia.slash("gallery", "mod log-channel", channel=channel)
    assert f"go to <#{channel.id}>" in await stage.private(use)
    await refused(stage, ada)
    await stage.play.wait_for_message(lambda m: f"<@{ada.id}>" in m.texts, channel)
    del world.channels[channel.id]
    stage.play.gateway.dispatch("CHANNEL_DELETE", channel.json(world.guild.id), world.guild.id)
    ben = stage.guest()
    await refused(stage, ben)
    await stage.play.wait_for_message(lambda m: f"<@{ben.id}>" in m.texts, "mod-log")
    told = [each for each in await stage.mia.sees("mod-log") if "is deleted" in each.texts]
    assert len(told) == 1
    use = await stage.mia.slash("gallery", "mod log-channel", channel=stage.play.channel("mod-log"))
    await stage.private(use)


@needs_openapi
async def test_every_exchange_was_as_discord_describes_it(stage: Stage) -> None:
    stage.verify()
