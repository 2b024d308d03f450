"""What a member does with a picture on the page, in a real browser: its buttons, the cells of a region, lists and choices."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.page.test_own_pictures import send_with_picture
from tests.e2e.page.test_page_with_bot import LONG, card, send
from tests.e2e.stage import Stage
from tests.playground.page.conftest import Visit

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def drawn(page: Page, *texts: str) -> Locator:
    """Returns the message with these texts, once its pictures are there."""
    found = card(page, *texts).last
    await expect(found.get_by_role("button", name="🗑️")).to_be_visible(timeout=LONG)
    message = await found.get_attribute("data-message-id")
    return page.locator(f'[data-message-id="{message}"]')  # later messages may have the same texts


async def test_a_member_goes_on_by_the_buttons_of_a_picture(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/imagine prompt: a pier by buttons --images 1 --ar 3:2")
    pier = await drawn(page, "a pier by buttons")
    for button, told in (
        ("Zoom out 1.5×", "picture 1, zoomed out"),
        ("➡️", "picture 1, panned"),
        ("Make square", "picture 1, made square"),
        ("Vary subtle", "variations of picture 1"),
        ("Upscale 4×", "picture 1, upscaled"),
        ("Upscale creative", "picture 1, upscaled with new details"),
    ):
        await pier.get_by_role("button", name=button, exact=True).click()
        await drawn(page, "a pier by buttons", told)
    await pier.get_by_role("button", name="Vary region").click()
    cells = card(page, "The cells have these numbers")
    await cells.get_by_role("button", name="Choose the cells").click(timeout=LONG)
    form = page.get_by_role("dialog", name="Vary a region")
    await form.get_by_role("combobox").first.click()
    await page.get_by_role("option").nth(4).click()
    await form.get_by_role("heading").first.click()  # closes the list
    await form.get_by_role("button", name="Submit").click()
    await drawn(page, "a pier by buttons", "a region of picture 1, drawn anew")
    await pier.get_by_role("button", name="🗑️").click()
    await pier.get_by_role("button", name="🗑️").click(timeout=LONG)
    await expect(pier).to_have_count(0, timeout=LONG)


async def test_a_member_draws_from_pictures_of_their_own(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send_with_picture(page, "/imagine prompt: a mill from mine --images 1", "image")
    await drawn(page, "a mill from mine", "from a supplied picture")
    await send_with_picture(page, "/vary prompt: a mill varied --images 1 strength: subtle")
    await drawn(page, "a mill varied", "variations of a supplied picture")
    await send_with_picture(page, "/blend prompt: a mill blended --images 1", "first", "second")
    await drawn(page, "a mill blended", "a blend of 2 supplied pictures")
    await send_with_picture(page, "/sketch prompt: a mill by lines --images 1 kind: scribble")
    await drawn(page, "a mill by lines", "from a supplied scribble")


async def test_a_member_chooses_defaults_and_brings_a_job_back(stage: Stage, visit: Visit) -> None:
    guest = stage.guest()
    page = await visit(stage.play, guest.user.username)
    await send(page, "/settings images: 1 ping: True")
    await expect(card(page, "used /settings")).to_contain_text("images: 1", timeout=LONG)
    await send(page, "/imagine prompt: a quay to find again")
    quay = await drawn(page, "a quay to find again")
    await expect(card(page, "Your pictures are done")).to_be_visible(timeout=LONG)
    job = stage.row("SELECT id FROM jobs WHERE member = ?", guest.id)["id"]
    await send(page, f"/show job: {job}")
    shown = card(page, "used /show")
    await expect(shown.get_by_role("button", name="V1")).to_be_visible(timeout=LONG)
    await quay.get_by_role("button", name="Send to my DMs").click()
    await expect(card(page, "Sent to your direct messages.")).to_be_visible(timeout=LONG)
