"""Every card is a message that Discord accepts, with any text of members, and the members' text stays in its place."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.cases import cards as case_cards
from bot.gallery import cards
from bot.gallery.remix_form import form_of
from bot.gallery.results import factors_of
from bot.studio.orders.variations import Remixable
from bot.texts import markdown
from bot.ui.components import note
from db.jobs import Job, JobAction, Parent, Upload, UploadId
from db.verdicts import VerdictRecord
from generation.abilities import Abilities, Guidance, GuidanceKind
from generation.queue.ticket import Download, Progress, Running, Waiting
from generation.request import InputPicture, JobId, MemberId, Role
from moderation.verdict import Category, Ruling, Verdict
from tests.bot.cards import (
    JOB,
    LARGEST_ID,
    NOW,
    SAY,
    a_gallery,
    a_job,
    custom_ids_of,
    labels_of,
    problems,
    some,
    texts_of,
)
from tests.bot.conftest import GUILD
from tests.bot.markdown import long_words, read
from tests.drawings import grown_from
from tests.openapi import walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
few = hypothesis_settings(some, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])

ON = [
    "Vary subtle",
    "Vary strong",
    "Vary region",
    "Zoom out 1.5×",
    "Zoom out 2×",
    "Make square",
    "⬅️",
    "➡️",
    "⬆️",
    "⬇️",
]
"""The buttons that go on from a single picture which is no square."""


progresses = st.one_of(
    st.builds(Waiting, place=st.integers(1, 10**6), seconds=st.none() | st.floats(0, 10**7)),
    st.builds(
        Running, done=st.integers(0, 400), total=st.integers(0, 400), preview=st.none() | st.just(b"jpeg")
    ),
)
jobs = st.builds(
    a_job,
    long_words,
    long_words,
    action=st.sampled_from(JobAction),
    pictures=st.just(()) | st.integers(0, 3).map(lambda image: grown_from(JOB, image)),
)


@some
@given(jobs, progresses, st.integers(0, 10**6), st.booleans())
def test_a_running_jobs_card_is_a_message(
    job: Job, progress: Progress, number: int, is_spoiler: bool
) -> None:
    view, files = cards.progress_card(SAY, job, progress, number, is_spoiler=is_spoiler)
    assert problems(view, [file.filename for file in files]) == []
    assert custom_ids_of(view) == [f"atelier:1:cancel:{JOB}:0", f"atelier:1:ping:{JOB}:0"]


def test_each_preview_has_a_name_of_its_own_and_hides_where_the_pictures_will() -> None:
    running = Running(done=1, total=2, preview=b"jpeg")
    cards_made = [cards.progress_card(SAY, a_job(), running, number, is_spoiler=True) for number in range(3)]
    assert len({files[0].filename for _, files in cards_made}) == 3
    [item] = [
        item
        for each in walk(cards_made[0][0].to_components())
        if each["type"] == 12
        for item in each["items"]
    ]
    assert item["spoiler"] is True


@some
@given(jobs, st.integers(1, 4), st.booleans())
def test_a_gallery_is_a_message(job: Job, count: int, is_spoiler: bool) -> None:
    view = cards.gallery_card(SAY, a_gallery(job, count), "grid.jpg", is_spoiler=is_spoiler)
    assert problems(view, ["grid.jpg"]) == []
    [media] = [each for each in walk(view.to_components()) if each["type"] == 12]
    assert [item["spoiler"] for item in media["items"]] == [is_spoiler]


@given(st.integers(0, 400), st.integers(0, 200))
def test_a_bar_is_as_long_whatever_is_done(done: int, total: int) -> None:
    line = cards.progress_line(SAY, Running(done=done, total=total, preview=None))
    assert re.fullmatch(r"`[█░]{12}` (\d{1,2}|100)%", line)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Waiting(place=1, seconds=None), "Next in the queue"),
        (Waiting(place=1, seconds=3.2), "Next in the queue, about 4 s to go"),
        (Waiting(place=12, seconds=None), "Place 12 in the queue"),
        (Waiting(place=12, seconds=600), "Place 12 in the queue, about 10 min to go"),
        (
            Waiting(place=3, seconds=None, download=Download(done=1_234_567_890, total=6_900_000_000)),
            "Downloading the model: 1.2 of 6.9 GB. Your pictures come afterwards.",
        ),
        (
            Waiting(place=3, seconds=None, download=Download(done=0, total=350_000_000)),
            "Downloading the model: 0 of 350 MB. Your pictures come afterwards.",
        ),
    ],
)
def test_who_waits_is_told_where_and_how_long(progress: Waiting, line: str) -> None:
    assert cards.progress_line(SAY, progress) == line


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_gallery_has_a_button_for_each_picture_and_no_more(count: int) -> None:
    job = a_job(drawing=replace(a_job().drawing, images=count))
    names = [str(number) for number in range(1, count + 1)]
    view = cards.gallery_card(SAY, a_gallery(job, count), "x.jpg", is_spoiler=False)
    on = ON if count == 1 else []
    assert labels_of(view) == [
        *(f"U{n}" for n in names),
        "🔄",
        *(f"V{n}" for n in names),
        *("🗑️", "Remix", "Send to my DMs"),
        *on,
    ]
    assert custom_ids_of(view)[:count] == [f"atelier:1:up:{JOB}:{n}" for n in range(count)]


def test_a_gallery_offers_only_what_its_model_can_do() -> None:
    free = Guidance(kind=GuidanceKind.NONE, argument="")
    can = Abilities(pipeline="FluxPipeline", takes_negative=False, guidance=free)
    view = cards.gallery_card(SAY, a_gallery(a_job(), 2), "x.jpg", can, is_spoiler=False)
    assert labels_of(view) == ["U1", "U2", "🔄", "🗑️", "Send to my DMs"]
    assert "cfg" not in "\n".join(texts_of(view))
    able = cards.gallery_card(
        SAY, a_gallery(a_job(), 2), "x.jpg", replace(can, starts_by="FluxImg2ImgPipeline"), is_spoiler=False
    )
    assert labels_of(able) == ["U1", "U2", "🔄", "V1", "V2", "🗑️", "Remix", "Send to my DMs"]


def test_a_single_picture_goes_on_where_its_model_can() -> None:
    one = a_gallery(a_job(drawing=replace(a_job().drawing, images=1)), 1)
    can = Abilities(pipeline="x", starts_by="y")
    view = cards.gallery_card(SAY, one, "x.png", can, is_spoiler=False)
    assert labels_of(view) == ["U1", "🔄", "V1", "🗑️", "Remix", "Send to my DMs", "Vary subtle", "Vary strong"]
    view = cards.gallery_card(SAY, one, "x.png", replace(can, masks_by="z"), is_spoiler=False)
    assert labels_of(view) == ["U1", "🔄", "V1", "🗑️", "Remix", "Send to my DMs", *ON]
    view = cards.gallery_card(SAY, one, "x.png", factors=(2, 4), is_spoiler=False)
    assert labels_of(view)[-2:] == ["Upscale 2×", "Upscale 4×"]
    square = replace(one, images=(replace(one.images[0], width=1536),))
    view = cards.gallery_card(SAY, square, "x.png", is_spoiler=False)
    assert "Make square" not in labels_of(view) and "Zoom out 2×" in labels_of(view)
    assert not problems(cards.gallery_card(SAY, one, "x.png", is_spoiler=False), ["x.png"])


def test_what_would_be_too_large_is_not_offered() -> None:
    one = a_gallery(a_job(), 1)

    def offered(side: int, action: JobAction = JobAction.UPSCALE) -> list[int]:
        image = replace(one.images[0], width=side, height=64)
        return factors_of(replace(one, job=replace(one.job, action=action), images=(image,)), usual=2)

    assert [offered(side) for side in (512, 513, 1024, 1025)] == [[2, 4], [2], [2], []]
    assert offered(512, JobAction.IMAGINE) == [4], "U1 doubles it"


def test_a_creative_upscale_is_offered_where_its_model_can_and_has_no_u_afterwards() -> None:
    one = a_gallery(a_job(drawing=replace(a_job().drawing, images=1)), 1)
    view = cards.gallery_card(SAY, one, "x.png", factors=(4,), is_spoiler=False, is_creative=True)
    assert labels_of(view)[-2:] == ["Upscale 4×", "Upscale creative"]
    pictures = grown_from(JOB, 2, role=Role.CREATIVE)
    job = a_job(action=JobAction.CREATIVE, pictures=pictures)
    job = replace(job, drawing=replace(job.drawing, images=1))
    view = cards.gallery_card(SAY, a_gallery(job, 1), "x.png", is_spoiler=False)
    assert labels_of(view) == ["🔄", "V1", "🗑️", "Remix", "Send to my DMs", *ON]
    assert "picture 3, upscaled with new details" in texts_of(view)[0]
    assert "100 steps" in texts_of(view)[-1]
    assert custom_ids_of(cards.ended_card(SAY, job, "No.")) == [f"atelier:1:reroll:{JOB}:0"]


def test_a_card_says_of_what_its_pictures_were_made() -> None:
    upload = Upload(id=UploadId("aaaaaaaaaa"))
    start = InputPicture(source=upload, role=Role.START)

    def head(action: JobAction, *pictures: InputPicture[Upload] | InputPicture[Parent]) -> str:
        return texts_of(cards.first_card(SAY, a_job(action=action, pictures=pictures), 1, is_ready=True))[0]

    assert head(JobAction.IMAGINE, start).endswith("· from a supplied picture")
    assert head(JobAction.VARIATION, start).endswith("· variations of a supplied picture")
    assert head(JobAction.IMAGINE, replace(start, blended=3)).endswith("· a blend of 3 supplied pictures")
    again = head(JobAction.REROLL, replace(start, blended=2))
    assert again.endswith("· a blend of 2 supplied pictures · re-roll")

    sent = InputPicture(source=upload, role=Role.REFERENCE)
    own = InputPicture(source=Parent(job=JobId("aaaaaaaaaa"), image=1), role=Role.REFERENCE)
    assert head(JobAction.IMAGINE, sent).endswith("· edited from a supplied picture")
    assert head(JobAction.IMAGINE, *[sent] * 3).endswith("· edited from 3 supplied pictures")
    assert head(JobAction.REROLL, *[sent] * 3).endswith("· from 3 supplied pictures · re-roll")
    assert head(JobAction.REMIX, own).endswith("· edited from picture 2")
    assert head(JobAction.REMIX, own, sent).endswith("· edited from picture 2 and a supplied picture")
    assert head(JobAction.REMIX, own, sent, sent).endswith("· edited from picture 2 and 2 supplied pictures")


def test_a_gallery_names_the_class_of_its_models_licence() -> None:
    gallery = a_gallery(a_job(), 1)
    told = cards.gallery_card(SAY, gallery, "x.png", licence="non-commercial", is_spoiler=False)
    assert f"· {gallery.job.drawing.model} (not for commercial use) ·" in texts_of(told)[-1]
    unsaid = cards.gallery_card(SAY, gallery, "x.png", is_spoiler=False)
    assert f"· {gallery.job.drawing.model} · " in texts_of(unsaid)[-1]


@pytest.mark.parametrize("takes_negative", [True, False])
async def test_a_remix_form_asks_for_no_negative_prompt_that_the_model_ignores(takes_negative: bool) -> None:
    form = form_of(SAY, Remixable(job=a_job(), images=(0,), takes_negative=takes_negative))
    assert ("'negative'" in str(form.to_dict())) is takes_negative


def test_in_direct_messages_nothing_is_sent_there_again() -> None:
    alone = a_job(place=replace(a_job().place, guild_id=None))
    shown = cards.gallery_card(SAY, a_gallery(alone, 2), "x.jpg", is_spoiler=False)
    assert "Send to my DMs" not in labels_of(shown)
    sent = cards.gallery_card(SAY, a_gallery(a_job(), 2), "x.jpg", is_spoiler=False, has_buttons=False)
    assert labels_of(sent) == []


def test_an_upscaled_picture_is_varied_or_deleted() -> None:
    job = a_job(action=JobAction.UPSCALE, pictures=grown_from(JOB, 2, role=Role.UPSCALE))
    job = replace(job, drawing=replace(job.drawing, images=1))
    view = cards.gallery_card(SAY, a_gallery(job, 1), "x.png", is_spoiler=False)
    assert labels_of(view) == ["V1", "🗑️", "Remix", "Send to my DMs", *ON]
    assert "picture 3" in texts_of(view)[0]


def test_a_gallery_says_how_it_can_be_drawn_again() -> None:
    text = "\n".join(
        texts_of(cards.gallery_card(SAY, a_gallery(a_job(negative="blurry"), 4), "x.jpg", is_spoiler=False))
    )
    for part in (f"seed {2**63 - 4}", "m" * 60, "100 steps", "12.3456", "blurry", JOB, f"<@{LARGEST_ID}>"):
        assert part in text


@some
@given(jobs, st.text(min_size=1, max_size=300))
def test_the_other_cards_are_messages(job: Job, sentence: str) -> None:
    assert problems(cards.first_card(SAY, job, 10**6, is_ready=True)) == []
    assert problems(cards.ended_card(SAY, job, f"It failed. {sentence}")) == []
    assert problems(cards.kept_card(SAY, job, f"It is kept. {sentence}")) == []
    assert problems(cards.first_card(SAY, job, 1, is_ready=False)) == []
    assert problems(note(f"Done. {sentence}")) == []


def test_who_gets_no_picture_can_try_again_except_of_an_upscale() -> None:
    assert custom_ids_of(cards.ended_card(SAY, a_job(), "No.")) == [f"atelier:1:reroll:{JOB}:0"]
    assert custom_ids_of(cards.ended_card(SAY, a_job(action=JobAction.UPSCALE), "No.")) == []


@some
@given(long_words, long_words, st.integers(1, 4))
def test_a_prompt_does_not_leave_its_place_on_a_card(text: str, negative: str, count: int) -> None:
    """The text after a prompt reads the same as after a harmless prompt."""
    gallery = a_gallery(a_job(text or "x", negative or "x"), count)
    # the same length, because the card's layout may depend on it
    harmless = a_gallery(a_job("x" * len(markdown.plain(text)) or "x", "x"), count)
    for hostile_text, harmless_text in zip(
        texts_of(cards.gallery_card(SAY, gallery, "x.jpg", is_spoiler=False)),
        texts_of(cards.gallery_card(SAY, harmless, "x.jpg", is_spoiler=False)),
        strict=True,
    ):
        assert read(hostile_text).live == read(harmless_text).live
        assert hostile_text.count("\n") == harmless_text.count("\n")


# ---- texts for moderators


CONTROL = "a \x00fox\x1b[31m\x07 in\x7f \x9bsnow \ud83e" + "x" * 300


def test_no_control_character_reaches_a_card() -> None:
    record = VerdictRecord(
        id=1,
        at=NOW,
        member=MemberId(1),
        member_name=CONTROL,
        guild_id=GUILD,
        channel_id=1,
        source="/imagine",
        prompt=CONTROL,
        negative=CONTROL,
        job=None,
        message_id=None,
        verdict=Verdict(
            ruling=Ruling.REFUSE,
            category=Category.SPAM,
            score=1.0,
            rule="a rule",
            words=(CONTROL,),
            field="prompt",
            normal_form=CONTROL,
        ),
    )
    job = a_job(CONTROL, CONTROL)
    views = [
        case_cards.review_card(SAY, record, count=1, since=record.at),
        cards.gallery_card(SAY, a_gallery(job, 4), "grid.png", is_spoiler=False),
        cards.first_card(SAY, job, 1, is_ready=True),
        cards.ended_card(SAY, job, "It ended."),
    ]
    for view in views:
        shown = [str(value) for each in walk(view.to_components()) for value in each.values()]
        assert shown and not [
            text for text in shown if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)
        ]


def test_the_alt_text_is_the_prompt_in_short() -> None:
    view = cards.gallery_card(SAY, a_gallery(a_job(CONTROL), 1), "grid.png", is_spoiler=False)
    (gallery,) = [each for each in walk(view.to_components()) if each["type"] == 12]
    alt = gallery["items"][0]["description"]
    assert alt.startswith("a fox [31m in snow xxx") and len(alt) == 200 and alt.endswith("…")


def test_a_gallery_says_what_is_withheld_and_its_buttons_keep_their_numbers() -> None:
    gallery = a_gallery(a_job(), 4)
    gallery = replace(gallery, images=(gallery.images[0], *gallery.images[2:]))
    components = str(cards.gallery_card(SAY, gallery, "a.jpg", is_spoiler=False).to_components())
    assert (
        "One picture of 4 showed content that is not allowed here. It is left out and not charged."
        in components
    )
    assert [f"'label': 'U{number}'" in components for number in range(1, 5)] == [True, False, True, True]
    assert f"atelier:1:up:{JOB}:2" in components
    whole = str(cards.gallery_card(SAY, a_gallery(a_job(), 4), "a.jpg", is_spoiler=False).to_components())
    assert "left out" not in whole
    two = replace(gallery, images=gallery.images[:2])
    assert "2 pictures of 4" in str(cards.gallery_card(SAY, two, "a.jpg", is_spoiler=False).to_components())
    assert not problems(cards.gallery_card(SAY, two, "a.jpg", is_spoiler=False), ["a.jpg"])
