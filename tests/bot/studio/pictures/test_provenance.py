"""Every stored picture is marked, signed and contains its parameters. /verify answers from each of these signs alone."""

import zlib
from pathlib import Path

import c2pa
import pytest
from PIL import Image

from bot.studio.errors import NothingToVerify, TooHeavyToVerify
from bot.studio.orders.order import Gallery
from bot.studio.pictures.provenance import Provenance, ProvenanceBroken
from bot.studio.pictures.verification import MAX_BYTES, How, Verification, Verified
from bot.studio.settings import ProvenanceSettings
from generation.files import images
from generation.provenance.certificate import CertificateBroken
from generation.provenance.content_credentials import Claim, Credentials, Found
from generation.request import ImageSize
from tests.bot.conftest import BEN, Shop
from tests.pictures import jpeg, waves

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LARGE = ImageSize(width=256, height=256)


@pytest.fixture
def verification(shop: Shop) -> Verification:
    return shop.verification


def stripped(content: bytes) -> Image.Image:
    """Returns the pixels without metadata."""
    return images.open_picture(content)


async def file_of(shop: Shop, gallery: Gallery, number: int = 0) -> bytes:
    return await shop.records.pictures.read(gallery.images[number])


def ways(verified: Verified) -> list[How]:
    return [each.how for each in verified.evidence]


async def test_a_kept_picture_is_signed_marked_and_holds_its_parameters(busy: Shop) -> None:
    gallery = await busy.draw("show waves1 waves2", images=2, size=LARGE)
    provenance = busy.provenance
    for image in gallery.images:
        content = await busy.records.pictures.read(image)
        claim = Claim(job=gallery.job.id, image=image.index, model="small")
        assert provenance.credentials.read(content, "png") == Found(claim=claim, is_whole=True, is_own=True)
        assert image.mark == provenance.number_of(gallery.job.id, image.index)
        assert provenance.watermark.read(stripped(content)) == image.mark
        assert images.read_parameters(content).endswith(f"Job: {gallery.job.id}-{image.index + 1}")


async def test_it_is_known_by_every_sign_and_by_each_alone(busy: Shop, verification: Verification) -> None:
    gallery = await busy.draw("show waves1 waves2", images=2, size=LARGE)
    content = await file_of(busy, gallery, 1)
    verified = await verification.examine(content)
    assert ways(verified) == [How.CREDENTIALS, How.MARK, How.PARAMETERS, How.LIKENESS]
    assert {(each.job and each.job.id, each.image) for each in verified.evidence} == {(gallery.job.id, 1)}
    small = stripped(content).resize((128, 128), Image.Resampling.LANCZOS)
    verified = await verification.examine(jpeg(small, 80))
    assert ways(verified) == [How.MARK, How.LIKENESS]
    assert {(each.job and each.job.id, each.image) for each in verified.evidence} == {(gallery.job.id, 1)}
    unmarked = await verification.examine(jpeg(waves(2)))
    assert ways(unmarked) == [How.LIKENESS]
    assert unmarked.best is not None
    assert unmarked.best.image == 1
    parameters = images.read_parameters(content)
    unsigned = await verification.examine(images.to_png(waves(2), parameters))
    assert ways(unsigned) == [How.PARAMETERS, How.LIKENESS]


async def test_parameters_that_somebody_wrote_into_another_picture_prove_nothing(
    busy: Shop, verification: Verification
) -> None:
    gallery = await busy.draw("show waves1", images=1, size=LARGE)
    parameters = images.read_parameters(await file_of(busy, gallery))
    assert f"Job: {gallery.job.id}-1" in parameters
    assert ways(await verification.examine(images.to_png(waves(50), parameters))) == []


async def test_a_grid_is_known_by_its_cells_after_jpeg_80(busy: Shop, verification: Verification) -> None:
    for count in (3, 4):
        names = " ".join(f"waves{number}" for number in range(1, count + 1))
        gallery = await busy.draw(f"show {names}", images=count, size=LARGE)
        again = jpeg(stripped(gallery.grid), 80)
        assert await marked_in(verification, again) == [(gallery.job.id, image) for image in range(count)]


async def test_a_grid_of_an_older_version_is_still_known_by_its_cells(
    busy: Shop, verification: Verification
) -> None:
    """It has no hairlines and no numbers, and a third picture stands in the second row."""
    gallery = await busy.draw("show waves1 waves2 waves3 waves4", images=4, size=LARGE)
    pictures = [stripped(await file_of(busy, gallery, number)) for number in range(4)]
    width, height = pictures[0].size
    for count in (2, 3, 4):
        old = Image.new("RGB", (2 * width, (count + 1) // 2 * height))
        for index, picture in enumerate(pictures[:count]):
            old.paste(picture, (index % 2 * width, index // 2 * height))
        found = await marked_in(verification, jpeg(old, 80))
        assert found == [(gallery.job.id, image) for image in range(count)]


async def marked_in(verification: Verification, content: bytes) -> list[tuple[str, int]]:
    """Returns the pictures whose marks are read."""
    verified = await verification.examine(content)
    return sorted(
        (each.job.id, each.image or 0) for each in verified.evidence if each.how is How.MARK and each.job
    )


async def test_a_changed_file_is_told(busy: Shop, verification: Verification) -> None:
    gallery = await busy.draw("show waves1", images=1, size=LARGE)
    content = await file_of(busy, gallery)
    note = b"tEXtnote\0mine"
    chunk = (len(note) - 4).to_bytes(4, "big") + note + zlib.crc32(note).to_bytes(4, "big")
    changed = content[:-12] + chunk + content[-12:]  # before the last chunk, which is IEND
    verified = await verification.examine(changed)
    assert verified.was_changed
    assert ways(verified) == [How.MARK, How.PARAMETERS, How.LIKENESS]


async def test_anothers_picture_is_not_ours(busy: Shop, verification: Verification, tmp_path: Path) -> None:
    gallery = await busy.draw("show waves1", images=1, size=LARGE)
    other = Provenance.open(ProvenanceSettings(), tmp_path / "other")
    foreign = other.printed(waves(9), "", gallery.job, 0)
    verified = await verification.examine(other.signed(jpeg(waves(9)), "jpeg", gallery.job, 0))
    assert (verified.evidence, verified.is_foreign) == ((), True)
    assert other.watermark.read(foreign.picture) is not None
    assert busy.provenance.watermark.read(foreign.picture) is None
    verified = await verification.examine(jpeg(waves(9)))
    assert (verified.evidence, verified.is_foreign, verified.was_changed) == ((), False, False)


async def test_a_mark_without_its_order_is_ours_all_the_same(shop: Shop, verification: Verification) -> None:
    marked = shop.provenance.watermark.marked(waves(3), 12345)
    verified = await verification.examine(jpeg(marked))
    assert [(each.how, each.job) for each in verified.evidence] == [(How.MARK, None)]


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n broken"])
async def test_what_is_no_picture_is_said(verification: Verification, content: bytes) -> None:
    with pytest.raises(NothingToVerify):
        await verification.examine(content)


async def test_a_very_large_file_is_not_looked_at(verification: Verification) -> None:
    with pytest.raises(TooHeavyToVerify):
        await verification.examine(bytes(MAX_BYTES + 1))


class Failing(Credentials):
    """A signer whose certificate expired while the bot was running."""

    def signed(self, content: bytes, form: str, claim: Claim) -> bytes:
        raise c2pa.C2paError("the certificate is expired")


async def test_a_signer_that_fails_loses_no_job(
    busy: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    provenance = busy.provenance
    monkeypatch.setattr(provenance, "credentials", Failing(provenance.credentials.certificate))
    gallery = await busy.draw("show waves1", BEN, images=1, size=LARGE)
    content = await file_of(busy, gallery)
    assert busy.provenance.credentials.read(content, "png") is None
    assert busy.provenance.watermark.read(stripped(content)) == gallery.images[0].mark
    assert "could not be signed" in caplog.text


async def test_a_picture_made_again_is_the_same_to_the_bit_but_for_its_mark(busy: Shop) -> None:
    first, second = [await busy.draw("show waves1", images=1, size=LARGE) for _ in range(2)]
    one, two = [stripped(await file_of(busy, each)) for each in (first, second)]
    assert one.tobytes() != two.tobytes(), "each job has a mark of its own"
    provenance = busy.provenance
    again = provenance.printed(waves(1), "", first.job, 0).picture
    assert again.tobytes() == one.tobytes(), "the same job always has the same"


def test_a_damaged_key_of_the_marks_is_said(tmp_path: Path) -> None:
    Provenance.open(ProvenanceSettings(), tmp_path)
    (tmp_path / "provenance" / "mark.key").write_bytes(b"short")
    with pytest.raises(ProvenanceBroken, match="damaged"):
        Provenance.open(ProvenanceSettings(), tmp_path)


def test_a_certificate_that_is_not_there_is_said(tmp_path: Path) -> None:
    settings = ProvenanceSettings(certificate=str(tmp_path / "no.pem"), key=str(tmp_path / "no.key"))
    with pytest.raises(CertificateBroken, match="can't be read"):
        Provenance.open(settings, tmp_path)


def test_a_second_start_signs_and_marks_as_the_first(tmp_path: Path) -> None:
    first, second = (Provenance.open(ProvenanceSettings(), tmp_path) for _ in range(2))
    assert first.watermark.key == second.watermark.key
    assert first.credentials.certificate == second.credentials.certificate


async def test_a_picture_that_is_drawn_after_the_first_look_is_known_by_its_look(
    busy: Shop, verification: Verification
) -> None:
    assert await verification.examine(jpeg(waves(1))) == Verified(evidence=())
    first = await busy.draw("show waves1", images=1, size=LARGE)
    second = await busy.draw("show waves2", images=1, size=LARGE)
    for number, gallery in ((1, first), (2, second)):
        verified = await verification.examine(jpeg(waves(number)))
        assert ways(verified) == [How.LIKENESS]
        assert verified.best is not None and verified.best.job is not None
        assert verified.best.job.id == gallery.job.id
    async with busy.records.database.transaction() as tx:
        await tx.all("DELETE FROM jobs WHERE id = ?", (first.job.id,))
    assert ways(await verification.examine(jpeg(waves(1)))) == []


def test_a_missing_key_of_the_marks_is_said_when_there_are_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Provenance.open(ProvenanceSettings(), tmp_path)
    assert "is missing" not in caplog.text, "the first start"
    (tmp_path / "provenance" / "mark.key").unlink()
    (tmp_path / "images" / "ab").mkdir(parents=True)
    (tmp_path / "images" / "ab" / "ab.png").touch()
    Provenance.open(ProvenanceSettings(), tmp_path)
    assert "marks made so far can't be read any more" in caplog.text
