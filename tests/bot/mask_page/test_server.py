"""The page on which a region is drawn: whose links it takes, what it sends, and what it refuses."""

import io
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

import aiohttp
import pytest
from PIL import Image

from bot.mask_page.server import MOST_BYTES, REQUESTS_A_MINUTE, PageCannotListen, serve_page
from bot.studio.errors import RegionNotDrawn
from bot.studio.region_links import CELLS, LINK_SECONDS, RegionLinks, grid_of
from bot.studio.settings import MaskPageSettings, Settings
from generation import ImageSize, JobId, Prompt, Region
from moderation import MINUTE
from tests.bot.conftest import ADA, BEN, Shop
from tests.bot.ways_in import kept

ANYWHERE = "http://127.0.0.1:0"
BITS = {"Content-Type": "application/octet-stream"}
LEFT = b"\xff\xff\xff\xff\x00\x00\x00\x00" * CELLS
"""The left half of a square picture."""


@dataclass(frozen=True, slots=True)
class Web:
    shop: Shop
    session: aiohttp.ClientSession
    base: str
    job: JobId

    async def link(self, member: int = ADA.member) -> str:
        """Returns the address of a new page, as this process reaches it."""
        address, _ = await self.shop.region_links.make(
            ADA.member if member == ADA.member else BEN.member, self.job, 0, "en-US"
        )
        return address.replace(ANYWHERE, self.base)

    async def send(self, address: str, body: bytes = LEFT, headers: dict[str, str] = BITS) -> tuple[int, str]:
        async with self.session.post(f"{address}region", data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def get(self, address: str) -> tuple[int, bytes, dict[str, str]]:
        async with self.session.get(address) as answer:
            return answer.status, await answer.read(), dict(answer.headers)


@pytest.fixture
async def web(open_shop: Callable[[Settings], Shop], settings: Settings) -> AsyncGenerator[Web]:
    shop = open_shop(replace(settings, mask_page=MaskPageSettings(address=ANYWHERE)))
    job = await kept(shop, Prompt(text="a quiet hill"))
    async with (
        serve_page(shop, "127.0.0.1:0") as port,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
    ):
        yield Web(shop, session, f"http://127.0.0.1:{port}", job.id)


async def test_a_link_shows_the_picture_without_its_words_and_takes_one_region(web: Web) -> None:
    address = await web.link()
    status, page, headers = await web.get(address)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'data-rows="64" data-columns="64"' in page
    assert b"{{" not in page
    assert b"quiet hill" not in page
    status, picture, headers = await web.get(f"{address}picture")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(picture)).format == "JPEG"
    assert b"quiet hill" not in picture
    with pytest.raises(RegionNotDrawn):
        await web.shop.region_links.drawn(ADA.member, web.job, 0)

    assert (await web.send(address))[0] == 200
    drawn = await web.shop.region_links.drawn(ADA.member, web.job, 0)
    assert drawn == Region(
        rows=64, columns=64, cells=tuple(cell for cell in range(64 * 64) if cell % 64 < 32)
    )
    for member, image in ((BEN.member, 0), (ADA.member, 1)):
        with pytest.raises(RegionNotDrawn):
            await web.shop.region_links.drawn(member, web.job, image)

    status, said = await web.send(address)
    assert status == 410
    assert "has taken its region" in said
    assert (await web.get(address))[0] == 410
    assert (await web.get(f"{address}picture"))[0] == 404


async def test_a_link_ends_after_a_quarter_of_an_hour(web: Web) -> None:
    address = await web.link()
    web.shop.clock.now += LINK_SECONDS
    assert (await web.get(address))[0] == 200
    web.shop.clock.now += 1
    status, page, _ = await web.get(address)
    assert status == 410
    assert b"This link has ended" in page
    assert (await web.send(address))[0] == 410
    assert (await web.get(f"{address}picture"))[0] == 404


async def test_a_forged_link_and_one_of_another_bot_open_nothing(web: Web) -> None:
    address = await web.link()
    token = address.split("/")[-2]
    other = RegionLinks(web.shop.records, b"another key", ANYWHERE, clock=web.shop.clock)
    theirs, _ = await other.make(ADA.member, web.job, 0, "en-US")
    turned = token[:-1] + ("A" if token[-1] != "A" else "B")
    changed = token[:70] + ("A" if token[70] != "A" else "B") + token[71:]
    for forged in (turned, changed, "A" * 140, token[:-4], theirs.split("/")[-2]):
        status, page, _ = await web.get(f"{web.base}/region/{forged}/")
        assert status == 404, forged
        assert b"<img" not in page
        assert (await web.get(f"{web.base}/region/{forged}/picture"))[0] == 404
        assert (await web.send(f"{web.base}/region/{forged}/"))[0] == 404
    for path in (
        "/",
        "/region/",
        "/region/short/",
        f"/region/{token}/page.html",
        f"/region/{token}/..%2f..%2fconfig.toml",
    ):
        assert (await web.get(f"{web.base}{path}"))[0] == 404


async def test_a_new_link_ends_the_members_earlier_one_and_no_other_members(web: Web) -> None:
    first, others, second = await web.link(), await web.link(BEN.member), await web.link()
    assert (await web.get(first))[0] == 404
    assert (await web.send(others))[0] == 200
    await web.shop.region_links.drawn(BEN.member, web.job, 0)
    with pytest.raises(RegionNotDrawn):
        await web.shop.region_links.drawn(ADA.member, web.job, 0)
    assert (await web.send(second))[0] == 200


@pytest.mark.parametrize(
    ("body", "kind", "status", "told"),
    [
        (b"", "application/octet-stream", 422, "no region"),
        (LEFT[:-1], "application/octet-stream", 422, "no region"),
        (LEFT + b"\0", "application/octet-stream", 422, "no region"),
        (bytes(512), "application/octet-stream", 422, "Paint over a part"),
        (b"\x80" * 512, "application/octet-stream", 422, "too thin"),
        (b"\xff" * (MOST_BYTES + 1), "application/octet-stream", 413, ""),
        (bytes(1_000_000), "application/octet-stream", 413, ""),
        (LEFT, "image/png", 415, ""),
        (LEFT, "application/x-www-form-urlencoded", 415, ""),
    ],
)
async def test_what_is_no_region_is_refused_and_the_link_stays(
    web: Web, body: bytes, kind: str, status: int, told: str
) -> None:
    address = await web.link()
    try:
        found = await web.send(address, body, {"Content-Type": kind})
        assert found[0] == status
        assert told in found[1]
    except aiohttp.ClientConnectionError:
        assert len(body) > MOST_BYTES  # the server hangs up on what is far too large
    with pytest.raises(RegionNotDrawn):
        await web.shop.region_links.drawn(ADA.member, web.job, 0)
    assert (await web.send(address))[0] == 200


async def test_every_answer_forbids_scripts_of_others_frames_and_referrers(web: Web) -> None:
    address = await web.link()
    for path in (
        address,
        f"{address}picture",
        f"{address}page.js",
        f"{address}page.css",
        f"{web.base}/nothing",
    ):
        _, _, headers = await web.get(path)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers
    _, page, _ = await web.get(address)
    assert b" style=" not in page
    assert b"//" not in page.replace(b"<!--", b""), "nothing is fetched from elsewhere"


async def test_a_link_is_answered_so_many_times_a_minute(web: Web) -> None:
    address, other = await web.link(), await web.link(BEN.member)
    statuses = [(await web.get(address))[0] for _ in range(REQUESTS_A_MINUTE + 1)]
    assert statuses == [200] * REQUESTS_A_MINUTE + [429]
    assert (await web.send(address))[0] == 429
    assert (await web.get(other))[0] == 200
    web.shop.clock.now += MINUTE
    assert (await web.send(address))[0] == 200


async def test_a_removed_picture_is_shown_to_nobody(web: Web) -> None:
    address, pictures = await web.link(), web.shop.records.pictures
    async with web.shop.records.database.transaction() as tx:
        await pictures.remove(tx, web.job, 0, by=None, reason="", at=web.shop.clock())
    assert (await web.get(address))[0] == 404
    assert (await web.get(f"{address}picture"))[0] == 404
    assert (await web.send(address))[0] == 404


async def test_a_taken_address_stops_the_start_with_a_sentence(web: Web) -> None:
    listen = web.base.removeprefix("http://")
    with pytest.raises(PageCannotListen, match=r"mask_page\.listen"):
        async with serve_page(web.shop, listen):
            pass


@pytest.mark.parametrize(
    ("size", "rows", "columns"), [((512, 512), 64, 64), ((96, 64), 43, 64), ((300, 1200), 64, 16)]
)
def test_the_longer_side_has_64_cells(size: tuple[int, int], rows: int, columns: int) -> None:
    assert grid_of(ImageSize(width=size[0], height=size[1])) == (rows, columns)
