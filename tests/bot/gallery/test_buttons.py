"""A button's state is its custom_id: it can be read back exactly, and no other custom_id is accepted as a button."""

import re
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.mod import log as mod_log
from bot.commands.mod.log import Question
from bot.commands.own import history
from bot.gallery.cards import GalleryButton
from bot.studio.orders.order import GalleryAction
from bot.ui.pagination import Page, PageButton
from db.ids import ALPHABET, new_job_id
from generation.request import JobId
from moderation.verdict import Ruling

SNOWFLAKE = st.integers(0, 2**64 - 1)
job_ids = st.text(ALPHABET, min_size=10, max_size=10).map(JobId)
questions = st.builds(
    Question,
    member=SNOWFLAKE,
    channel=SNOWFLAKE,
    ruling=st.sampled_from(["", *(ruling.word for ruling in Ruling)]),
    # a long period may begin before 1970: "9999w"
    since=st.integers(-(10**10), 10**10),
    before=st.integers(0, 10**18),
)


def custom_id_of(item: discord.ui.DynamicItem[Any]) -> str:
    return item.custom_id


def pattern_of(kind: type[discord.ui.DynamicItem[Any]]) -> re.Pattern[str]:
    """Returns the pattern that discord.py matches against a pressed button's custom_id."""
    return kind.__discord_ui_compiled_template__


@given(st.sampled_from(GalleryAction), job_ids, st.integers(0, 3))
def test_a_press_comes_back_from_its_custom_id(press: GalleryAction, job: JobId, image: int) -> None:
    custom_id = custom_id_of(GalleryButton(press, job, image))
    found = pattern_of(GalleryButton).fullmatch(custom_id)
    assert found is not None and len(custom_id) <= 100
    assert found.groups() == (press, job, str(image))


def test_every_new_job_has_buttons() -> None:
    for _ in range(50):
        assert pattern_of(GalleryButton).fullmatch(f"atelier:1:up:{new_job_id()}:0")


@pytest.mark.parametrize(
    "custom_id",
    [
        "atelier:1:up:aaaaaaaaaa:4",
        "atelier:1:up:aaaaaaaaaa:00",
        "atelier:1:up:aaaaaaaaaa",
        "atelier:1:up:aaaaaaaaa1:0",
        "atelier:1:up:AAAAAAAAAA:0",
        "atelier:1:up:aaaaaaaaa:0",
        "atelier:1:ban:aaaaaaaaaa:0",
        "atelier:2:up:aaaaaaaaaa:0",
        "other:1:up:aaaaaaaaaa:0",
        "x atelier:1:up:aaaaaaaaaa:0",
        "atelier:1:up:aaaaaaaaaa:0\n",
        "",
    ],
)
def test_other_custom_ids_are_not_ours(custom_id: str) -> None:
    assert pattern_of(GalleryButton).fullmatch(custom_id) is None
    assert pattern_of(PageButton).fullmatch(custom_id) is None


@given(questions)
def test_a_question_comes_back_from_its_button(question: Question) -> None:
    custom_id = custom_id_of(PageButton(Page.LOG, question.cursor))
    found = pattern_of(PageButton).fullmatch(custom_id)
    assert found is not None and len(custom_id) <= 100
    assert (found[1], Question.of(found[2])) == (Page.LOG, question)


@given(job_ids | st.just(history.NEWEST))
def test_a_page_of_history_comes_back_from_its_button(cursor: str) -> None:
    found = pattern_of(PageButton).fullmatch(custom_id_of(PageButton(Page.HISTORY, cursor)))
    assert found is not None
    assert found.groups() == (Page.HISTORY, cursor)


@given(questions, job_ids)
def test_no_button_is_taken_for_one_of_another_kind(question: Question, job: JobId) -> None:
    page = custom_id_of(PageButton(Page.LOG, question.cursor))
    assert pattern_of(GalleryButton).fullmatch(page) is None
    assert (
        pattern_of(PageButton).fullmatch(custom_id_of(GalleryButton(GalleryAction.UPSCALE, job, 0))) is None
    )


def test_every_ruling_has_a_letter_of_its_own() -> None:
    assert len({ruling.word[0] for ruling in Ruling}) == len(Ruling)
    assert mod_log.PAGE * 2 + 1 < 40
