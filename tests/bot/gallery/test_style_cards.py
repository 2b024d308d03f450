"""What cards tell of styles: of the picture that a job is drawn in the style of, and of a saved style."""

from dataclasses import replace

import pytest

from bot.commands.style_cards import WHOLE, style_card
from bot.gallery.cards import ended_card
from bot.studio.errors import PictureGone
from bot.texts import ENGLISH, language
from db.jobs import Parent, PictureSource, Upload, UploadId
from db.styles import LONGEST_LORAS, LONGEST_WORDS, Style
from generation.request import InputPicture, JobId, MemberId, Role, StyleId
from tests.bot.cards import a_job, problems, texts_of

SAY = language(ENGLISH)
SENT, OF_GALLERY = Upload(id=UploadId("aaaaabbbbb")), Parent(job=JobId("ffffffffff"), image=2)
STYLE = Style(
    id=StyleId(7),
    guild_id=1,
    name="ink",
    version=2,
    member=MemberId(5),
    words="w" * LONGEST_WORDS,
    loras="l" * LONGEST_LORAS,
    upload=None,
    saved_at=0.0,
)


def head(text: str, *pictures: tuple[PictureSource, Role]) -> str:
    job = a_job(text, pictures=tuple(InputPicture(source=source, role=role) for source, role in pictures))
    return texts_of(ended_card(SAY, job, ""))[0]


@pytest.mark.parametrize("source", [SENT, OF_GALLERY])
@pytest.mark.parametrize(
    ("text", "role"), [("a fox", Role.STYLE), ("a fox, In the style of image 1", Role.REFERENCE)]
)
def test_a_picture_whose_style_alone_counts_is_told_as_one(
    text: str, role: Role, source: PictureSource
) -> None:
    said = head(text, (source, role))
    assert "In the style of a picture." in said
    assert "supplied" not in said and "picture 3" not in said


def test_other_pictures_that_a_prompt_refers_to_are_counted_without_it() -> None:
    said = head("a hat, in the style of image 2", (SENT, Role.REFERENCE), (SENT, Role.REFERENCE))
    assert "from a supplied picture" in said and "In the style of a picture." in said
    said = head("a hat of image 1", (SENT, Role.REFERENCE), (SENT, Role.REFERENCE))
    assert "from 2 supplied pictures" in said and "In the style" not in said
    assert "from a supplied picture" in head("in the style of image 10", (SENT, Role.REFERENCE))


async def no_picture(_: Style) -> tuple[bytes, bool]:
    raise PictureGone


async def test_one_style_is_shown_with_all_its_words_and_a_page_of_them_fits_a_message() -> None:
    view, _ = await style_card(SAY, [STYLE], no_picture, WHOLE, longest=LONGEST_WORDS)
    assert STYLE.words in "".join(texts_of(view)) and STYLE.loras in "".join(texts_of(view))
    page = [replace(STYLE, id=StyleId(number), name="n" * 32) for number in range(5)]
    view, _ = await style_card(SAY, page, no_picture, WHOLE, "title")
    assert not problems(view)
