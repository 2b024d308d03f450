"""Models with tables of words: what is drawn, what is told, and what is refused for nothing."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from bot.studio.errors import PromptRefused, UnknownWords
from bot.studio.orders.captions import Captions
from bot.studio.orders.variations import Change, remix_strength
from bot.studio.settings import BUNDLED_MODEL, Settings
from db import JobAction, Note, NoteKind
from db.server_rules import Draft
from generation.captions.grounds import GROUNDS
from generation.captions.reading import Reading, read_prompt
from generation.captions.vocabulary import Vocabulary
from generation.request import ModelName, Placement, PlannedPicture, Region
from tests.bot.conftest import LARGE, MIA, SMALL, Shop, an_order
from tests.drawings import drawing, start_from
from tests.generation.worker.requests import png

READER = replace(SMALL, name=ModelName("reader"), source="bundled", adapts_prompts=True)


@pytest.fixture
def readers(open_shop: Callable[[Settings], Shop], settings: Settings) -> Shop:
    """A shop with a model that reads prompts, beside models that don't."""
    return open_shop(replace(settings, models=(*settings.models, READER)))


@pytest.fixture
def captions() -> Captions:
    return Captions([LARGE, replace(READER, source=str(BUNDLED_MODEL))])


async def test_a_job_keeps_the_typed_prompt_and_its_card_tells_what_is_drawn(readers: Shop) -> None:
    job = await readers.admit(an_order("🦊❄️", model=READER.name))
    assert job.drawing.prompt.text == "🦊❄️"
    assert job.notes == (
        Note(kind=NoteKind.DRAWN, names=("a fox", "snow")),
        Note(kind=NoteKind.GROUND, names=("snow",)),
    )
    assert await readers.job(job) == job


async def test_words_that_are_left_out_are_told(readers: Shop) -> None:
    job = await readers.admit(an_order("a steampunk owl", model=READER.name))
    assert job.notes == (Note(kind=NoteKind.DRAWN_PARTLY, names=("an owl",)),)


@pytest.mark.parametrize("text", ["The fox", "a red apple on a blue background", "a cat, a dog"])
def test_a_prompt_in_the_models_own_words_has_no_note(text: str, captions: Captions) -> None:
    assert captions.adapted(an_order(text, model=READER.name)).notes == ()


@pytest.mark.parametrize("text", ["a cat, a dog and a bird", "a cat and a blue dog"])
def test_a_thing_or_colour_that_is_left_out_is_told(text: str, captions: Captions) -> None:
    (note,) = captions.adapted(an_order(text, model=READER.name)).notes
    assert note == Note(kind=NoteKind.DRAWN, names=("a cat and a dog",))


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("a (fox:1.3)", True),
        ("a [fox]", True),
        ("a fox::2 a star", True),
        ("a fox AND a star", False),
        ("a fox::1 a star::-0.5", False),
        ("a fox", False),
    ],
)
def test_weights_that_are_left_out_are_told(text: str, captions: Captions, *, is_told: bool) -> None:
    notes = captions.adapted(an_order(text, model=READER.name)).notes
    assert (Note(kind=NoteKind.UNWEIGHTED) in notes) is is_told


async def test_no_word_of_a_member_gets_into_a_note(readers: Shop) -> None:
    job = await readers.admit(an_order("a @everyone cat <script>", model=READER.name))
    assert job.notes == (Note(kind=NoteKind.DRAWN_PARTLY, names=("a cat",)),)


async def test_what_is_not_known_costs_nothing(readers: Shop) -> None:
    with pytest.raises(UnknownWords) as refusal:
        await readers.admit(an_order("a samurai", model=READER.name))
    assert refusal.value.words == "samurai"
    assert len(refusal.value.tries) == 3
    assert await readers.spent() == 0
    assert await readers.records.jobs.unfinished() == []


async def test_the_known_part_of_a_prompt_is_offered_first(readers: Shop) -> None:
    with pytest.raises(UnknownWords) as refusal:
        await readers.admit(an_order("Pikachu eating pizza", model=READER.name))
    assert refusal.value.tries[0] == "a pizza"


def test_every_offer_is_known(captions: Captions) -> None:
    for number in range(60):
        with pytest.raises(UnknownWords) as refusal:
            captions.demand_known(an_order(f"qwertz{number}", model=READER.name))
        for text in refusal.value.tries:
            captions.demand_known(an_order(text, model=READER.name))


async def test_other_models_draw_what_was_typed(readers: Shop, captions: Captions) -> None:
    job = await readers.admit(an_order("a samurai in the snow", model=LARGE.name))
    assert job.notes == ()
    assert captions.drawn(drawing("a fox", model=LARGE.name), JobAction.IMAGINE) == ()


async def test_an_upscale_reads_no_prompt(captions: Captions) -> None:
    order = an_order("a samurai", model=READER.name, action=JobAction.UPSCALE)
    captions.demand_known(order)
    assert captions.adapted(order) == order


async def test_a_refused_prompt_is_refused_although_it_is_unknown_too(readers: Shop) -> None:
    await readers.rule_book.add(MIA, Draft(name="no samurai", any_of=("samurai",)), is_shadow=False)
    with pytest.raises(PromptRefused):
        await readers.admit(an_order("a samurai", model=READER.name))


async def test_what_is_drawn_is_screened_too(readers: Shop) -> None:
    await readers.rule_book.add(MIA, Draft(name="no wine", any_of=("wine",)), is_shadow=False)
    with pytest.raises(PromptRefused):
        await readers.admit(an_order("🍷", model=READER.name))
    assert (await readers.admit(an_order("🍷", model=LARGE.name))).notes == ()


def test_every_picture_has_a_plan_of_its_own(captions: Captions) -> None:
    four = drawing("un renard", "blurry, a cat", model=READER.name, seed=1000, images=4)
    plan = captions.drawn(four, JobAction.IMAGINE)
    assert len({each.prompt.text for each in plan}) == 4
    assert {each.prompt.negative for each in plan} == {"a cat"}
    third = replace(four, seed=1002, images=1)
    assert captions.drawn(third, JobAction.IMAGINE) == plan[2:3]


def test_weights_are_read_as_words(captions: Captions) -> None:
    plan = captions.drawn(drawing("fox::2 star::1 cat::-1", model=READER.name), JobAction.IMAGINE)
    assert plan[0].prompt.text.startswith("a fox and a star")
    assert plan[0].prompt.negative == "a cat"


def test_a_variation_keeps_the_ground_of_every_second_picture(captions: Captions) -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), GROUNDS["brown"]).save(content, "PNG")
    pictures = start_from(content.getvalue(), READER.variation_strength)
    four = drawing("a panda", model=READER.name, seed=0, images=4, pictures=pictures)
    plan = captions.drawn(four, JobAction.VARIATION)
    assert [each.prompt.text.endswith("brown background") for each in plan] == [True, False, True, False]


@pytest.mark.parametrize(("strength", "kept"), [(0.4, [True] * 4), (0.95, [False] * 4)])
def test_a_subtle_variation_keeps_the_ground_and_a_strong_one_throws_it(
    captions: Captions, strength: float, kept: list[bool]
) -> None:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), GROUNDS["brown"]).save(content, "PNG")
    pictures = start_from(content.getvalue(), strength)
    four = drawing("a panda", model=READER.name, seed=0, images=4, pictures=pictures)
    plan = captions.drawn(four, JobAction.VARIATION)
    assert [each.prompt.text.endswith("brown background") for each in plan] == kept
    assert any(each.is_mirrored for each in plan) is not kept[0]


@pytest.mark.parametrize(
    ("words", "change", "grounds"),
    [
        ("a blue panda", Change.MUCH, {"brown"}),
        ("a panda", Change.DETAILS, {"brown"}),
        ("a panda on green", Change.MUCH, {"green"}),
        ("a panda in the snow", Change.MUCH, {"light blue", ""}),
        ("a red panda on a brown background", Change.MUCH, {"brown"}),
    ],
)
def test_what_the_words_of_a_remix_leave_open_stays(
    captions: Captions, words: str, change: Change, grounds: set[str]
) -> None:
    plan = remixed(captions, words, change, GROUNDS["brown"])
    assert {ground_said(each) for each in plan} == grounds
    assert not any(each.is_mirrored for each in plan)


def test_a_remix_of_nearly_all_keeps_neither_ground_nor_side(captions: Captions) -> None:
    plan = remixed(captions, "a blue panda", Change.MOST, GROUNDS["brown"])
    assert "brown" not in {ground_said(each) for each in plan}
    assert any(each.is_mirrored for each in plan)


def test_a_remix_does_not_hide_a_thing_on_a_ground_of_its_new_colour(captions: Captions) -> None:
    for ground in ("blue", "light blue"):
        plan = remixed(captions, "a blue fox", Change.MUCH, GROUNDS[ground])
        assert not any("blue" in ground_said(each) for each in plan)


def remixed(
    captions: Captions, words: str, change: Change, ground: tuple[int, int, int]
) -> tuple[PlannedPicture, ...]:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), ground).save(content, "PNG")
    pictures = start_from(content.getvalue(), remix_strength(READER, change))
    four = drawing(words, model=READER.name, seed=0, images=4, pictures=pictures)
    return captions.drawn(four, JobAction.REMIX)


def ground_said(each: PlannedPicture) -> str:
    """Returns the caption's ground; empty for white."""
    return each.prompt.text.partition(" on a ")[2].removesuffix(" background")


def test_what_is_beyond_the_border_is_drawn_without_words(captions: Captions) -> None:
    (start,) = start_from(png((250, 250, 250)), 0.5)
    laid = replace(start, placement=Placement(left=0.5, top=0.0, width=1.0, height=1.0))
    two = drawing("a panda", model=READER.name, images=2, pictures=(laid,))
    assert [each.prompt.text for each in captions.drawn(two, JobAction.PAN)] == ["", ""]
    part = replace(start, region=Region(rows=3, columns=3, cells=(4,)))
    plan = captions.drawn(replace(two, pictures=(part,)), JobAction.REGION)
    assert len({each.prompt.text for each in plan}) == 1, "the ground stays"
    assert not any(each.is_mirrored for each in plan)


def test_nothing_is_thrown_beside_a_mask(captions: Captions) -> None:
    pictures = start_from(png((250, 250, 250)), 0.9, png())
    plan = captions.drawn(drawing("a panda", model=READER.name, seed=1, pictures=pictures), JobAction.REMIX)
    assert not plan[0].is_mirrored


def test_a_start_picture_that_is_none_is_the_workers_fault_to_tell(captions: Captions) -> None:
    pictures = start_from(b"no picture", 0.9)
    assert captions.drawn(drawing("a panda", model=READER.name, pictures=pictures), JobAction.REMIX)


def test_a_job_that_was_taken_before_the_tables_is_drawn_as_typed(captions: Captions) -> None:
    assert captions.drawn(drawing("a samurai", model=READER.name), JobAction.IMAGINE) == ()


async def test_an_orders_prompt_is_read_once(readers: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def read(text: str, vocabulary: Vocabulary) -> Reading:
        texts.append(text)
        return read_prompt(text, vocabulary)

    monkeypatch.setattr("bot.studio.orders.captions.read_prompt", read)
    for prompt in ("a fox in the snow", "an owl", "a fox in the snow"):
        job = await readers.admit(an_order(prompt, model=READER.name))
        assert readers.studio.captions.described(job)
    assert texts == ["a fox in the snow", "an owl"]
