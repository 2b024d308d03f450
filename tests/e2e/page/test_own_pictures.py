"""The newer commands on the page, in a real browser: a sketch, a style, the panel of a picture, and help with a picture."""

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.e2e.page.test_page_with_bot import LONG, card, send
from tests.e2e.stage import Stage
from tests.pictures import png, waves
from tests.playground.page.conftest import Visit

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def send_with_picture(page: Page, line: str, *options: str, size: tuple[int, int] = (96, 64)) -> None:
    """Sends a command as a form with pills, and pictures as options of it. `options`: their names; none: `picture`."""
    box = page.get_by_role("textbox", name="Message #gallery")
    await box.fill(line)
    await box.press("Tab")
    for number, option in enumerate(options or ["picture"], start=1):
        file = FilePayload(name=f"{option}.png", mimeType="image/png", buffer=png(waves(number, *size)))
        field = page.get_by_role("button", name=option, exact=True)
        if not await field.count():
            await page.get_by_label("Add an option").fill(f"{option}:")
        await field.set_input_files(file)
        await expect(page.locator(".file-state").get_by_text(f"{option}.png")).to_be_visible()
    await page.get_by_role("button", name="Send", exact=True).click()


async def test_a_sketch_that_the_model_can_not_follow_is_refused_in_a_sentence(
    stage: Stage, visit: Visit
) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send_with_picture(page, "/sketch prompt: a fox for the page kind: pose")
    refusal = card(page, "No model here draws with the pose of a picture.")
    await expect(refusal).to_contain_text("Only you can see this", timeout=LONG)
    assert stage.rows("SELECT id FROM jobs WHERE prompt LIKE 'a fox for the page%'") == []


async def test_a_member_saves_a_style_and_draws_with_it(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/style save name: pageink words: in black ink")
    await expect(card(page, "--style pageink")).to_contain_text("Only you can see this", timeout=LONG)
    await send(page, "/imagine prompt: a barn for the page --images 1 --style pageink")
    barn = card(page, "a barn for the page, in black ink")
    await expect(barn.get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)


async def test_the_panel_of_a_picture_varies_it(stage: Stage, visit: Visit) -> None:
    guest = stage.guest()
    await stage.draw(guest, "a kite for the panel", images=1)
    page = await visit(stage.play, guest.user.username)
    await card(page, "a kite for the panel").click(button="right")
    await page.get_by_role("menuitem", name="Picture…").click()
    panel = card(page, "Only you can see this").filter(has=page.get_by_role("button", name="Verify"))
    await expect(panel.get_by_role("button", name="Remix")).to_be_visible(timeout=LONG)
    await panel.get_by_role("button", name="V1").click()
    varied = card(page, "a kite for the panel", "variations of picture 1")
    await expect(varied.get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)


async def test_help_shows_a_command_in_use(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/help about: preset save")
    answer = card(page, "/preset save", "Only you can see this")
    await expect(answer.locator("img").last).to_have_js_property("complete", True, timeout=LONG)
    assert await answer.locator("img").last.evaluate("each => each.naturalWidth") > 300
