"""Pictures that members send: drawn from, masked, refused with a sentence, and screened like finished ones."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.people.person import Person
from playground.world.messages import Message
from tests.bot.studio.pictures.odd_pictures import READ, halves, saved, zipped
from tests.e2e.stage import Stage, is_gallery, job_of, picture_of
from tests.openapi import needs_openapi
from tests.pictures import FLAGGED, REFUSED, blobs, png, waves

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def drawn_from(
    stage: Stage, person: Person, content: bytes, prompt: str, name: str = "a.png", **options: Any
) -> Message:
    """Returns the finished gallery of an /imagine with a picture."""
    picture = person.upload(name, content)
    before = {message.id for message in await person.sees("gallery")}
    await person.slash("gallery", "imagine", prompt=prompt, image=picture, **options)
    return await person.wait_for_message(
        lambda each: each.id not in before and is_gallery(each), "gallery", timeout=60
    )


async def refused(stage: Stage, person: Person, prompt: str, command: str = "imagine", **options: Any) -> str:
    """Returns the sentence that the member alone sees."""
    use = await person.slash("gallery", command, prompt=prompt, **options)
    return await stage.private(use)


@needs_openapi
async def test_a_picture_is_drawn_from_and_its_order_is_like_any_other(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    stage.judge.exchanges.clear()
    gallery = await drawn_from(stage, ada, png(waves(1, 240, 160)), "a lamp --iw 2 --images 2")
    job = stage.job(gallery)
    assert (job["action"], job["width"], job["height"], job["role"]) == ("imagine", 72, 48, "start")
    assert job["strength"] == pytest.approx(0.6)
    assert "from a supplied picture" in gallery.texts
    assert any(message.id == gallery.id for message in await ben.sees("gallery")), "all see the card"
    row = stage.row("SELECT * FROM uploads WHERE id = ?", job["upload"])
    assert (row["member"], row["width"], row["height"], row["removed_at"]) == (ada.id, 240, 160, None)
    varied = await stage.gallery(await stage.press(ben, gallery, "V2"))
    assert stage.job(varied)["parent"] == job["id"]
    again = await stage.gallery(await stage.press(ben, gallery, "🔄"))
    assert stage.job(again)["upload"] == job["upload"] and stage.job(again)["seed"] != job["seed"]
    form = await (await stage.press(ada, gallery, "Remix")).wait_for_modal()
    remixed = await stage.gallery(await ada.submit(form, {"prompt": "a house"}))
    assert stage.job(remixed)["parent"] == job["id"]
    stage.verify()


async def test_what_a_mask_keeps_stays_and_what_is_white_is_redrawn(stage: Stage) -> None:
    ada = stage.guest()
    start = waves(2, 64, 64)
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (64, 0, 128, 128))
    gallery = await drawn_from(
        stage, ada, png(start), "a tree", mask=ada.upload("mask.png", png(mask)), images=1
    )
    job = job_of(gallery)
    assert [
        each["role"]
        for each in stage.rows("SELECT role FROM job_parents WHERE job = ? ORDER BY position", job)
    ] == [
        "start",
        "mask",
    ]
    found = np.asarray(await picture_of(gallery), dtype=float)
    apart = (found - np.asarray(start, dtype=float)) ** 2
    kept, new = apart[:, :28].mean(), apart[:, 36:].mean()
    assert 10 * np.log10(255**2 / kept) > 38, "but for the invisible mark"
    assert new > 20 * kept


async def test_every_form_of_picture_is_drawn_from(stage: Stage) -> None:
    ada = stage.guest()
    for name in ("animated GIF", "AVIF", "JPEG in CMYK"):
        gallery = await drawn_from(stage, ada, READ[name](), "a lamp", images=1)
        assert stage.job(gallery)["upload"], name


async def test_a_weight_beyond_its_range_is_clamped_and_told(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await drawn_from(stage, ada, png(waves(3)), "a lamp --iw 9 --ar 1:1", images=1)
    assert "`--iw` was beyond its range. The limit 3 is used." in gallery.texts
    assert stage.job(gallery)["strength"] == pytest.approx(0.3)
    without = await stage.draw(ada, "a lamp --iw 2", images=1)
    assert "`--iw` means nothing here" in without.texts


async def test_what_can_not_be_used_gets_a_sentence_and_costs_nothing(stage: Stage) -> None:
    ada = stage.guest()
    fine = png(waves(4))
    dark = png(Image.new("L", (256, 256), 0))
    wide = png(Image.new("L", (256, 64), 255))
    before = stage.rows("SELECT id FROM uploads")
    for options, said in (
        ({"image": ("a.png", b"no picture")}, "no picture that I can read"),
        ({"image": ("a.jpg", saved(halves(), "JPEG")[:400])}, "broken or not complete"),
        ({"image": ("a.png", fine + zipped())}, "also an archive"),
        ({"mask": ("m.png", dark)}, "A mask needs a picture"),
    ):
        files: dict[str, Any] = {key: ada.upload(*file) for key, file in options.items()}
        assert said in await refused(stage, ada, "a lamp", **files), said
    ben = stage.guest()
    for mask, said in ((dark, "Nothing in that mask is white"), (wide, "other proportions")):
        files = dict[str, Any](image=ben.upload("a.png", fine), mask=ben.upload("m.png", mask))
        assert said in await refused(stage, ben, "a lamp", **files), said
    picture = ben.upload("a.png", fine)
    assert "nudity" in await refused(stage, ben, "a nude woman", image=picture)
    assert "how much the picture counts, from 0 to 3" in await refused(
        stage, ben, "a lamp --iw much", image=picture
    )
    assert stage.spent(ada) == stage.spent(ben) == 0
    assert not stage.rows(
        "SELECT job FROM job_parents JOIN jobs ON jobs.id = job WHERE member IN (?, ?)", ada.id, ben.id
    )
    kept = stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id)
    assert not kept and before is not None


async def test_a_picture_for_adults_is_refused_before_anything_is_drawn_and_never_posted(
    stage: Stage,
) -> None:
    ada = stage.guest()
    said = await refused(stage, ada, "a hill", image=ada.upload("a.png", png(blobs(REFUSED))))
    assert "shows content that is not allowed here" in said
    assert not stage.rows("SELECT id FROM jobs WHERE member = ?", ada.id)
    assert not stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id)
    verdict = stage.row("SELECT * FROM verdicts WHERE member = ?", ada.id)
    assert (verdict["source"], verdict["ruling"], verdict["prompt"]) == ("upload", 2, "a hill")
    shown = [message for message in await stage.ben.sees("gallery") if f"<@{ada.id}>" in message.texts]
    assert not shown
    log = await stage.mia.wait_for_message(lambda each: f"<@{ada.id}>" in each.texts, "mod-log")
    assert "a picture that they sent" in log.texts


async def test_a_picture_that_is_merely_doubtful_is_drawn_from(stage: Stage) -> None:
    ada = stage.guest()
    picture = io.BytesIO()
    blobs(FLAGGED).save(picture, "JPEG", quality=95)
    gallery = await drawn_from(stage, ada, picture.getvalue(), "a hill", "a.jpg", images=1)
    assert stage.job(gallery)["upload"]


async def test_vary_goes_a_little_or_far_from_a_picture(stage: Stage) -> None:
    ada = stage.guest()
    strengths: list[float] = []
    levels: tuple[tuple[str, dict[str, Any]], ...] = (
        ("subtle", {}),
        ("strong", {"prompt": "a lamp --images 2"}),
    )
    for level, options in levels:
        before = {message.id for message in await ada.sees("gallery")}
        picture = ada.upload("a.webp", READ["WebP"]())
        await ada.slash("gallery", "vary", picture=picture, strength=level, **options)
        gallery = await ada.wait_for_message(
            lambda each, before=before: each.id not in before and is_gallery(each), "gallery", timeout=60
        )
        job = stage.job(gallery)
        assert (job["action"], job["role"], job["prompt"]) == (
            "variation",
            "start",
            "a lamp" if options else "",
        )
        assert "variations of a supplied picture" in gallery.texts
        strengths.append(job["strength"])
    assert strengths == pytest.approx([0.2, 0.8])
    listed = await stage.private(await ada.slash("gallery", "history"))
    assert "**–**" in listed and "**a lamp**" in listed


async def test_the_panel_varies_and_remixes_a_picture_of_any_message(stage: Stage) -> None:
    ada, ben = stage.guest(), stage.guest()
    message = await ada.say("gallery", "look", {"a.png": png(waves(5)), "b.png": png(waves(6, 96, 64))})
    panel = await (await ben.message_menu("gallery", "Picture…", message)).wait_for_message()
    labels = [each["label"] for each in panel.components if each.get("label")]
    assert labels == ["Vary subtle", "Vary strong", "Remix"] * 2 + ["Verify"]

    async def ordered() -> Message:
        return await ben.wait_for_message(
            lambda each: is_gallery(each) and f"<@{ben.id}>" in each.texts and each.id not in seen,
            "gallery",
            60,
        )

    seen = {each.id for each in await ben.sees("gallery")}
    await ben.click(panel, custom_id=f"atelier:1:picture-strong:{message.id}:1")
    varied = await ordered()
    assert (stage.job(varied)["action"], stage.job(varied)["width"]) == ("variation", 72)
    seen.add(varied.id)
    form = await (
        await ben.click(panel, custom_id=f"atelier:1:picture-remix:{message.id}:0")
    ).wait_for_modal()
    await ben.submit(form, {"prompt": "a lamp --images 1"})
    remixed = await ordered()
    assert (stage.job(remixed)["prompt"], stage.job(remixed)["action"]) == ("a lamp", "imagine")
    await ada.delete(message)
    use = await ben.click(panel, custom_id=f"atelier:1:picture-subtle:{message.id}:0")
    assert "removed or deleted" in await stage.private(use)


async def test_the_panel_of_a_gallery_has_what_its_pictures_can(stage: Stage) -> None:
    ada = stage.guest()
    gallery = await stage.draw(ada, "a lamp", images=2)
    panel = await (await ada.message_menu("gallery", "Picture…", gallery)).wait_for_message()
    assert [each["label"] for each in panel.components if each.get("label")] == [
        *("V1", "V2", "Remix", "Verify", "Report")
    ]
    varied = await stage.gallery(await stage.press(ada, panel, "V2"))
    assert stage.job(varied)["parent"] == job_of(gallery)


async def test_a_blend_starts_from_the_mean_of_several_pictures_and_keeps_none_of_them(stage: Stage) -> None:
    ada = stage.guest()
    before = {message.id for message in await ada.sees("gallery")}
    files: dict[str, Any] = {
        name: ada.upload(f"{name}.png", png(Image.new("RGB", (96, 64), colour)))
        for name, colour in (("first", "red"), ("second", "blue"))
    }
    await stage.private(await ada.slash("gallery", "settings", images=1, aspect="9:16", suffix="film grain"))
    await ada.slash("gallery", "blend", prompt="a lamp", **files)
    gallery = await ada.wait_for_message(
        lambda each: each.id not in before and is_gallery(each), "gallery", timeout=60
    )
    job = stage.job(gallery)
    assert (job["prompt"], job["images"], job["blended"]) == ("a lamp, film grain", 1, 2)
    assert (job["width"], job["height"]) == (72, 48), "the picture's proportions, not the default"
    assert job["strength"] == pytest.approx(0.6)
    assert "a blend of 2 supplied pictures" in gallery.texts
    row = stage.row("SELECT sha256 FROM uploads WHERE member = ?", ada.id)
    [kept] = (stage.data / "images").glob(f"*/{row['sha256']}.png")
    assert Image.open(kept).getpixel((0, 0)) == pytest.approx((127, 0, 128), abs=1)
    files["third"] = ada.upload("third.png", png(blobs(REFUSED)))
    said = await refused(stage, ada, "a hill", "blend", **files)
    assert "shows content that is not allowed here" in said
    assert len(stage.rows("SELECT id FROM uploads WHERE member = ?", ada.id)) == 1


async def test_where_no_model_edits_nothing_offers_it_and_edit_says_so(stage: Stage) -> None:
    ada = stage.guest()
    assert not await ada.autocomplete("gallery", "edit", instruction="x", focused="model", model="")
    chosen: list[dict[str, Any]] = [{}, {"model": "tiny"}, {"model": "emoji"}]
    for options in chosen:
        picture = ada.upload("a.png", png(waves(1)))
        use = await ada.slash("gallery", "edit", instruction="make it red", picture=picture, **options)
        assert await stage.private(use) == "No model here can change a picture by an instruction."
    assert stage.spent(ada) == 0
