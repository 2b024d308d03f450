"""The page on which a member paints a region, in a real browser: by mouse, by touch and by keyboard."""

import asyncio

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from playground.people.person import Person
from playground.world.messages import Message
from tests.e2e.page.test_page_with_bot import LONG, card, send
from tests.e2e.stage import Stage, job_of
from tests.playground.page.conftest import Visit

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def paint(page: Page, *places: tuple[float, float]) -> None:
    """Draws a stroke through these places, in shares of the picture's width and height."""
    box = await page.get_by_role("application").bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    await page.mouse.move(*points[0])
    await page.mouse.down()
    for point in points[1:]:
        await page.mouse.move(*point, steps=4)
    await page.mouse.up()


def watched(page: Page) -> list[str]:
    """Returns a list that gets the errors of the page, also what its policy blocks."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    return errors


async def address_of(stage: Stage, person: Person, picture: Message) -> str:
    cells = await (await stage.press(person, picture, "Vary region")).wait_for_message()
    linked = await (await stage.press(person, cells, "Draw the region")).wait_for_message()
    assert linked.is_ephemeral
    link = linked.component(label="Open the page")
    assert link is not None
    return str(link["url"])


def apart(one: Image.Image, other: Image.Image, box: tuple[int, int, int, int]) -> float:
    a, b = (np.asarray(each.crop(box), dtype=np.float32) for each in (one, other))
    return float(np.abs(a - b).mean())


async def test_a_member_paints_a_region_and_orders_it(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/imagine prompt: a meadow for the brush --images 1")
    await card(page, "a meadow for the brush").get_by_role("button", name="Vary region").click(timeout=LONG)
    await card(page, "The cells have these numbers").get_by_role("button", name="Draw the region").click()
    linked = card(page, "Draw the region on the page")
    async with page.context.expect_page() as opened:
        await linked.get_by_role("link", name="Open the page").click()
    drawing = await opened.value
    errors = watched(drawing)
    await expect(drawing.locator("#picture")).to_have_js_property("naturalWidth", 64)
    await expect(drawing.get_by_role("button", name="Send the region")).to_be_disabled()
    await linked.get_by_role("button", name="Go on").click()
    await expect(card(page, "I have no region of yours for this picture")).to_have_count(1)

    # A stroke that is undone, one that is kept, and a part of it erased again.
    await paint(drawing, (0.9, 0.1), (0.9, 0.9))
    await drawing.get_by_role("button", name="Undo").click()
    await expect(drawing.get_by_role("button", name="Send the region")).to_be_disabled()
    await drawing.get_by_label("Size").fill("30")
    await paint(drawing, (0.02, 0.05), (0.02, 0.98), (0.2, 0.98), (0.2, 0.05))
    await drawing.get_by_text("Eraser").click()
    await paint(drawing, (0.1, 0.95), (0.3, 0.95))
    # What is sent is what the page shows: meanwhile nothing can be painted, or sent again.
    is_sent = asyncio.Event()

    async def hold(route: Route) -> None:
        await is_sent.wait()
        await route.continue_()

    await drawing.route("**/region", hold)
    button = drawing.get_by_role("button", name="Send the region")
    await button.click()
    await expect(drawing.get_by_role("status")).to_contain_text("Sending")
    await paint(drawing, (0.7, 0.1), (0.7, 0.9))
    await expect(button).to_be_disabled()
    is_sent.set()
    await expect(drawing.get_by_role("status")).to_contain_text("The region is sent")
    await expect(drawing.get_by_role("button", name="Clear")).to_be_disabled()
    assert errors == []
    await drawing.reload()
    await expect(drawing.get_by_role("status")).to_contain_text("This link has taken its region")

    await linked.get_by_role("button", name="Go on").click()
    form = page.get_by_role("dialog", name="Vary a region")
    await form.get_by_label("What the picture shows").fill("a meadow for the brush, with a pond --images 1")
    await form.get_by_role("button", name="Submit").click()
    redrawn = card(page, "a meadow for the brush, with a pond", "a region of picture 1, drawn anew")
    await expect(redrawn.get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)
    row = stage.row(
        "SELECT job, parent FROM job_parents WHERE region IS NOT NULL AND json_extract(region, '$.rows') = 64"
    )
    before, after = (Image.open(stage.files(job)[0]).convert("RGB") for job in (row["parent"], row["job"]))
    assert apart(before, after, (4, 4, 16, 40)) > 5, "painted"
    assert apart(before, after, (30, 0, 64, 64)) < 2.5, "the mark alone"
    assert apart(before, after, (0, 62, 24, 64)) < 2.5, "erased again"


async def test_a_phone_paints_by_touch_and_a_keyboard_by_space(stage: Stage, browser: Browser) -> None:
    guest = stage.guest()
    picture = await stage.draw(guest, "a wide meadow --ar 2:1", images=1)
    context = await browser.new_context(
        viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    errors = watched(page)
    await page.goto(await address_of(stage, guest, picture))
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    box = await page.get_by_role("application").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(2, rel=0.02)
    await page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    for _ in range(17):  # two cells each
        await page.get_by_role("application").press("ArrowRight")
    await page.get_by_role("application").press(" ")
    await page.get_by_role("button", name="Send the region").tap()
    await expect(page.get_by_role("status")).to_contain_text("The region is sent")
    await context.close()
    assert errors == []
    row = stage.row("SELECT region ->> '$.cells' AS cells FROM drawn_regions WHERE job = ?", job_of(picture))
    columns = {cell % 64 for cell in map(int, row["cells"].strip("[]").split(","))}
    assert {16, 48, 50} <= columns
    assert not {2, 32, 33, 62} & columns
