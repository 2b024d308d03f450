"""Styles of a server: saved only when they may be drawn, put behind a prompt, judged with it, and recorded with the order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.studio.errors import (
    BadParameter,
    BadStyleName,
    EmptyPrompt,
    EmptyStyle,
    NotYours,
    NotYourStyle,
    OnlyInServers,
    PictureGone,
    PromptRefused,
    PromptTooLong,
    StyleTaken,
    StyleTakesWords,
    TooManyStyles,
    UnknownLora,
    UnknownStyle,
    UnusablePicture,
    UnusableWeights,
    UploadRefused,
)
from bot.studio.orders.defaults import Usual
from bot.studio.orders.order import Actor, Order
from bot.studio.orders.parameters import PROMPT_LIMIT, PromptInput, compose
from bot.studio.orders.several import compose_each
from bot.studio.styles import server_styles
from bot.studio.styles.applied import styled
from bot.studio.styles.server_styles import MOST, SAVING, ServerStyles, StyleInput
from db.audit import Act
from db.jobs import Note, NoteKind, Parent
from db.member_settings import MemberDefaults
from db.policies import Scope, ScopeKind
from db.styles import LONGEST_STYLE_NAME, LONGEST_WORDS, Style
from db.uploads import UploadId
from db.verdicts import UPLOAD
from generation.request import Lora, LoraEntry, LoraName, StyleId
from moderation.pictures.check import PictureCheck
from moderation.policy import MATURE, Action, Change
from moderation.verdict import Category, Ruling
from tests.bot.conftest import ADA, BEN, CHANNEL, GUILD, LARGE, MIA, SMALL, Shop
from tests.bot.painter import png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

INK = StyleInput(name=" Ink ", words="in black ink,  on paper")
PIXEL, BRUSH = (
    LoraEntry(name=LoraName(name), source="nowhere", weight=0.8, trigger=f"{name} art")
    for name in ("pixel", "brush")
)
DRAWS = replace(SMALL, loras=(PIXEL, BRUSH))
STYLE = Style(
    id=StyleId(7),
    guild_id=GUILD,
    name="ink",
    version=2,
    member=ADA.member,
    words="in ink",
    loras="pixel:0.5",
    upload=None,
    saved_at=0.0,
)


@pytest.fixture
def book(shop: Shop) -> ServerStyles:
    return shop.styles


async def fitted(shop: Shop, prompt: str, actor: Actor = ADA, **options: Any) -> Order:
    return await shop.studio.fit(compose(PromptInput(prompt=prompt, **options), actor, [SMALL, LARGE], SMALL))


async def content(picture: bytes) -> AsyncIterator[bytes]:
    yield picture


# ---- in an order


async def test_a_style_stands_behind_the_prompt_for_every_member_of_the_server(
    shop: Shop, book: ServerStyles
) -> None:
    saved = await book.save(ADA, INK)
    for order in (
        await fitted(shop, "a fox", style="ink"),
        await fitted(shop, "a fox --style INK", BEN),
        await fitted(shop, "--style ink a fox", style="another"),
    ):
        assert order.drawing.prompt.text == "a fox, in black ink, on paper"
        assert (order.drawing.style, order.style) == (saved.id, "")
    with pytest.raises(UnknownStyle):
        await fitted(shop, "a fox --style ink", replace(ADA, guild_id=GUILD + 1))


async def test_a_style_that_is_not_there_names_the_nearest_and_midjourneys_are_ignored(
    shop: Shop, book: ServerStyles
) -> None:
    with pytest.raises(UnknownStyle) as refusal:
        await fitted(shop, "a fox --style ink")
    assert refusal.value.nearest == ""
    await book.save(ADA, INK)
    with pytest.raises(UnknownStyle) as refusal:
        await fitted(shop, "a fox --style inc")
    assert refusal.value.nearest == "ink"
    order = await fitted(shop, "a fox --style RAW")
    assert order.notes == (Note(kind=NoteKind.IGNORED, names=("style",)),)
    with pytest.raises(EmptyPrompt):
        await fitted(shop, "--style raw")


async def test_the_words_alone_are_a_prompt_and_have_its_limits(shop: Shop, book: ServerStyles) -> None:
    await book.save(ADA, INK)
    assert (await fitted(shop, "--style ink")).drawing.prompt.text == "in black ink, on paper"
    with pytest.raises(PromptTooLong) as refusal:
        await fitted(shop, "x" * (PROMPT_LIMIT - 12) + " --style ink")
    assert refusal.value.what == "with-style"
    await book.save(ADA, StyleInput(name="light", words="fog::-1"))
    with pytest.raises(UnusableWeights):
        await fitted(shop, "a fox::1 --style light")


def test_its_loras_join_those_of_the_order_which_win() -> None:
    def drawn(prompt: str) -> Order:
        return styled(compose(PromptInput(prompt=prompt), ADA, [DRAWS], DRAWS), STYLE, [DRAWS])

    order = drawn("a fox --lora brush:0.3")
    assert order.drawing.loras == (Lora(name=BRUSH.name, weight=0.3), Lora(name=PIXEL.name, weight=0.5))
    assert order.drawing.prompt.text == "pixel art, brush art, a fox, in ink"
    assert drawn("a fox --lora pixel:1").drawing.loras == (Lora(name=PIXEL.name, weight=1.0),)
    with pytest.raises(UnknownLora):
        styled(compose(PromptInput(prompt="a fox"), ADA, [SMALL], SMALL), STYLE, [SMALL])
    many = tuple(replace(PIXEL, name=LoraName(f"l{number}")) for number in range(4))
    full = replace(DRAWS, loras=(PIXEL, *many))
    with pytest.raises(BadParameter):
        styled(compose(PromptInput(prompt="a fox", lora="l0 l1 l2 l3"), ADA, [full], full), STYLE, [full])


async def test_harmless_parts_that_are_refused_together_are_refused_when_they_come_together(
    shop: Shop, book: ServerStyles
) -> None:
    await book.save(ADA, StyleInput(name="mine", words="in lingerie"))
    order = compose(PromptInput(prompt="a child", style="mine"), BEN, [SMALL], SMALL)
    with pytest.raises(PromptRefused) as refusal:
        await shop.admit(order)
    assert refusal.value.category == "minors"
    assert (await shop.log())[0].prompt == "a child, in lingerie"


async def test_an_edited_prompt_keeps_its_style_and_gets_the_words_once(
    shop: Shop, book: ServerStyles
) -> None:
    (order,) = compose_each(PromptInput(prompt="a child --style mine --ar 3:2"), ADA, [DRAWS], DRAWS)
    assert order.typed == "--ar 3:2"
    assert styled(order, STYLE, [DRAWS]).typed == "--style ink --ar 3:2"
    saved = await book.save(ADA, INK)
    for prompt, left in (
        ("a fox, In black ink, on paper", "a fox"),
        ("in black ink, on paper", ""),
        ("a fox in black ink", "a fox in black ink"),
    ):
        assert await shop.studio.styles.without_words(GUILD, prompt, "--ar 3:2 --style INK") == left
        for options in ("--ar 3:2", "--style gone", ""):
            assert await shop.studio.styles.without_words(GUILD, prompt, options) == prompt
    usual = Usual(member=MemberDefaults(style="ink"))
    (again,) = compose_each(
        PromptInput(prompt="a fox, in black ink, on paper"), ADA, [SMALL], SMALL, usual=usual
    )
    drawing = (await shop.studio.fit(again)).drawing
    assert (drawing.prompt.text, drawing.style) == ("a fox, in black ink, on paper", saved.id)


async def test_a_default_style_that_the_server_lacks_is_left_out_with_a_note(
    shop: Shop, book: ServerStyles
) -> None:
    usual = Usual(member=MemberDefaults(style="ink"))
    (order,) = compose_each(PromptInput(prompt="a fox"), ADA, [SMALL], SMALL, usual=usual)
    found = await shop.studio.fit(order)
    assert (found.drawing, found.notes) == (order.drawing, (Note(kind=NoteKind.DEFAULTS, names=("style",)),))
    with pytest.raises(UnknownStyle):
        await shop.member_settings.change(ADA, MemberDefaults(style="ink"))
    await book.save(ADA, INK)
    await book.save(ADA, StyleInput(name="oil", words="in oil"))
    await shop.member_settings.change(ADA, MemberDefaults(style="INK"))
    usual = await shop.member_settings.usual(ADA)
    (order,) = compose_each(PromptInput(prompt="a fox"), ADA, [SMALL], SMALL, usual=usual)
    assert (await shop.studio.fit(order)).drawing.prompt.text == "a fox, in black ink, on paper"
    (order,) = compose_each(PromptInput(prompt="a fox --style oil"), ADA, [SMALL], SMALL, usual=usual)
    assert (await shop.studio.fit(order)).drawing.prompt.text == "a fox, in oil"


async def test_an_old_order_is_drawn_again_with_the_version_that_it_had(busy: Shop) -> None:
    first = await busy.styles.save(ADA, INK)
    gallery = await busy.fulfil(
        await busy.admit(compose(PromptInput(prompt="a fox", style="ink"), ADA, [SMALL], SMALL))
    )
    second = await busy.styles.save(ADA, StyleInput(name="ink", words="in blue ink"))
    assert (first.version, second.version) == (1, 2)
    job = await busy.job(gallery.job)
    assert job.drawing.style == first.id
    again = await busy.variations.reroll(job.id, BEN)
    varied = await busy.variations.variation(job.id, 0, BEN)
    remixed = await busy.variations.remix(job.id, 0, PromptInput(prompt="a cat, in black ink"), BEN)
    assert {each.drawing.style for each in (again, varied, remixed)} == {first.id}
    assert again.drawing.prompt == job.drawing.prompt
    other = await busy.studio.fit(
        await busy.variations.remix(job.id, 0, PromptInput(prompt="a cat --style ink"), BEN)
    )
    assert (other.drawing.style, other.drawing.prompt.text) == (second.id, "a cat, in blue ink")
    await busy.styles.delete(ADA, "ink")
    assert (await busy.variations.reroll(job.id, BEN)).drawing.prompt == job.drawing.prompt


# ---- saved


async def test_what_is_left_out_stays_and_a_name_has_one_owner(shop: Shop, book: ServerStyles) -> None:
    saved = await book.save(ADA, replace(INK, picture=None), content(png()))
    assert (saved.name, saved.words, saved.version) == ("ink", "in black ink, on paper", 1)
    edited = await book.save(ADA, StyleInput(name="INK", words="in ink"))
    assert (edited.words, edited.upload, edited.version) == ("in ink", saved.upload, 2)
    assert edited.upload is not None and await book.read_picture(edited)
    for actor in (BEN, MIA):
        with pytest.raises(StyleTaken):
            await book.save(actor, INK)
    with pytest.raises(OnlyInServers):
        await book.save(replace(ADA, guild_id=None), INK)


@pytest.mark.parametrize(
    "name", ["", " ", "two words", "a:b", "--ar", "-a", "x" * (LONGEST_STYLE_NAME + 1), "\u3164"]
)
async def test_a_name_is_one_word(book: ServerStyles, name: str) -> None:
    with pytest.raises(BadStyleName):
        await book.save(ADA, StyleInput(name=name, words="in ink"))


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (StyleInput(name="x"), EmptyStyle),
        (StyleInput(name="x", words=" . "), EmptyStyle),
        (StyleInput(name="x", words="x" * (LONGEST_WORDS + 1)), PromptTooLong),
        (StyleInput(name="x", words="in ink --ar 3:2"), StyleTakesWords),
        (StyleInput(name="x", words="in ink --style other"), StyleTakesWords),
        (StyleInput(name="x", loras="gone"), UnknownLora),
        (StyleInput(name="x", words="in ink --lora gone"), UnknownLora),
        (StyleInput(name="x", words="a nude woman"), PromptRefused),
        (StyleInput(name="nude", words="in ink"), PromptRefused),
    ],
)
async def test_what_could_not_be_drawn_is_not_kept(
    shop: Shop, book: ServerStyles, asked: StyleInput, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await book.save(ADA, asked)
    assert await book.like(GUILD, "") == []
    assert {each.source for each in await shop.log()} <= {SAVING}
    assert all(each.verdict.ruling is Ruling.REFUSE for each in await shop.log())


LENIENT = Scope(guild_id=GUILD, kind=ScopeKind.CHANNEL, channel_id=CHANNEL)
STRICT = replace(LENIENT, channel_id=CHANNEL + 1)
ALLOWED_THERE = Change(action=Action.ALLOW)
REFUSED_THERE = Change(action=Action.REFUSE)
HATEFUL = StyleInput(name="flag", words="a swastika on a flag")


@pytest.mark.parametrize("scope", [LENIENT, Scope(guild_id=GUILD, kind=ScopeKind.AGE_RESTRICTED)])
async def test_what_one_channel_alone_allows_is_not_kept_for_the_whole_server(
    shop: Shop, book: ServerStyles, scope: Scope
) -> None:
    """All channels list its words."""
    actor = replace(ADA, is_age_restricted=scope.kind is ScopeKind.AGE_RESTRICTED)
    await shop.policies.amend(MIA, scope, Category.HATE, ALLOWED_THERE)
    await shop.studio.judge(compose(PromptInput(prompt=HATEFUL.words or ""), actor, [SMALL], SMALL))
    with pytest.raises(PromptRefused):
        await book.save(actor, HATEFUL)


async def test_what_one_channel_alone_refuses_is_not_kept_and_not_drawn_there(
    shop: Shop, book: ServerStyles
) -> None:
    there = replace(ADA, channel_id=STRICT.channel_id)
    await shop.policies.amend(MIA, Scope(guild_id=GUILD), Category.HATE, ALLOWED_THERE)
    await book.save(ADA, HATEFUL)
    await shop.policies.amend(MIA, STRICT, Category.HATE, REFUSED_THERE)
    with pytest.raises(PromptRefused):
        await book.save(ADA, replace(HATEFUL, name="other"))
    for actor, is_refused in ((ADA, False), (there, True)):
        order = compose(PromptInput(prompt="a fox --style flag"), actor, [SMALL], SMALL)
        if not is_refused:
            await shop.admit(order)
            continue
        with pytest.raises(PromptRefused):
            await shop.admit(order)


async def test_the_picture_of_an_age_restricted_channel_is_not_kept_for_the_whole_server(busy: Shop) -> None:
    adults = replace(ADA, is_age_restricted=True)
    for kind in (ScopeKind.AGE_RESTRICTED, ScopeKind.CHANNEL):
        scope = Scope(guild_id=GUILD, kind=kind, channel_id=CHANNEL if kind is ScopeKind.CHANNEL else 0)
        await busy.policies.choose(MIA, scope, MATURE)
    job = (await busy.draw("show refused", adults, images=1)).job
    with pytest.raises(UploadRefused):
        await busy.styles.save(adults, StyleInput(name="look", picture=Parent(job=job.id, image=0)))
    assert await busy.styles.like(GUILD, "") == []
    assert UPLOAD in {each.source for each in await busy.log()}


async def test_a_picture_that_was_screened_is_not_looked_at_again_and_judged_by_what_holds_now(
    busy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    adults = replace(ADA, is_age_restricted=True)
    job = (await busy.draw("show waves1", images=1)).job
    alike = (await busy.draw("show waves1", BEN, images=1)).job
    saved = await busy.styles.save(ADA, StyleInput(name="look", picture=Parent(job=job.id, image=0)))
    check, looked = busy.studio.picture_screening.check, list[int]()

    class Counted:
        name = check.detectors[0].name

        def score(self, picture: Any) -> Any:
            looked.append(1)
            return check.detectors[0].score(picture)

    monkeypatch.setattr(busy.studio.picture_screening, "check", PictureCheck([Counted()]))
    for actor in (ADA, BEN, adults):
        assert (await busy.styles.shown_picture(saved, actor))[0]
    assert looked == [1]
    await busy.takedown.remove(alike.id, MIA, "spam")
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(saved, BEN)
    await busy.takedown.restore(MIA, "a mistake", job_id=alike.id)
    assert (await busy.styles.shown_picture(saved, BEN))[0]
    assert looked == [1]


async def test_loras_are_kept_with_their_weights_and_the_model_that_has_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = (SMALL, replace(LARGE, loras=(PIXEL, BRUSH)))
    monkeypatch.setattr(shop.studio, "settings", replace(shop.settings, models=models))
    saved = await shop.styles.save(ADA, StyleInput(name="x", words="in ink --lora brush:1.5", loras="pixel"))
    assert (saved.words, saved.loras) == ("in ink", "brush:1.5 pixel:0.8")


async def test_a_picture_is_read_screened_and_owned_like_every_upload(busy: Shop) -> None:
    with pytest.raises(UnusablePicture):
        await busy.styles.save(ADA, INK, content(b"no picture"))
    assert await busy.styles.like(GUILD, "") == []
    saved = await busy.styles.save(ADA, StyleInput(name="look"), content(png()))
    upload = await busy.records.uploads.get(saved.upload or UploadId(""))
    assert upload is not None and upload.member == ADA.member


async def test_a_gallery_picture_of_ones_own_becomes_the_reference(busy: Shop) -> None:
    job = (await busy.draw("show waves1", images=1)).job
    asked = StyleInput(name="waves", picture=Parent(job=job.id, image=0))
    saved = await busy.styles.save(ADA, asked)
    assert await busy.styles.read_picture(saved)
    with pytest.raises(NotYours):
        await busy.styles.save(BEN, replace(asked, name="mine"))
    with pytest.raises(PictureGone):
        await busy.styles.save(ADA, replace(asked, picture=Parent(job=job.id, image=3)))
    picture = await busy.styles.read_picture(saved)
    await busy.takedown.remove(job.id, MIA, "spam")
    with pytest.raises(UploadRefused):
        await busy.styles.save(ADA, StyleInput(name="again"), content(picture))
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(saved, BEN)


async def test_a_style_whose_file_is_lost_has_no_picture(busy: Shop) -> None:
    saved = await busy.styles.save(ADA, replace(INK, name="lost"), content(png()))
    assert await busy.styles.shown_picture(saved, BEN) == (await busy.styles.read_picture(saved), False)
    upload = await busy.records.uploads.get(saved.upload or UploadId(""))
    assert upload is not None
    busy.records.pictures.path_of(upload.sha256).unlink()
    with pytest.raises(PictureGone):
        await busy.styles.shown_picture(saved, BEN)


async def test_two_saves_at_once_keep_each_others_parts(busy: Shop) -> None:
    await busy.styles.save(ADA, StyleInput(name="ink", words="in oil"))
    await asyncio.gather(
        busy.styles.save(ADA, StyleInput(name="ink"), content(png())), busy.styles.save(ADA, INK)
    )
    newest = await busy.styles.named(ADA, "ink")
    assert (newest.version, newest.words) == (3, "in black ink, on paper")
    assert newest.upload is not None


async def test_a_member_and_a_server_have_so_many_and_no_more(
    shop: Shop, book: ServerStyles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_styles, "MOST", 2)
    monkeypatch.setattr(server_styles, "MOST_OF_SERVER", 3)
    assert MOST == 25
    for actor, name, error in (
        (ADA, "a", None),
        (ADA, "b", None),
        (ADA, "c", TooManyStyles),
        (ADA, "b", None),
        (BEN, "c", None),
        (BEN, "d", TooManyStyles),
    ):
        asked = StyleInput(name=name, words="in ink")
        if error is None:
            await book.save(actor, asked)
            continue
        with pytest.raises(error) as refusal:
            await book.save(actor, asked)
        assert refusal.value.is_own == (actor is ADA)
    await book.delete(ADA, "a")
    await book.save(BEN, StyleInput(name="d", words="in ink"))


async def test_the_owner_and_moderators_delete_and_the_latter_is_logged(
    shop: Shop, book: ServerStyles
) -> None:
    await book.save(ADA, INK)
    with pytest.raises(NotYourStyle):
        await book.delete(BEN, "ink")
    await book.delete(ADA, "Ink")
    assert await shop.records.audit.page(GUILD) == []
    with pytest.raises(UnknownStyle):
        await book.delete(ADA, "ink")
    await book.save(ADA, INK)
    await book.delete(MIA, "ink", "ugly")
    (entry,) = await shop.records.audit.page(GUILD)
    assert (entry.act, entry.member, entry.reason, dict(entry.details)) == (
        Act.STYLE_REMOVE,
        ADA.member,
        "ugly",
        {"version": 1},
    )
