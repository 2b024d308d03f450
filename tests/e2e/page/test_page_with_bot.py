"""The page in a real browser with the shipped bot as a separate process: the view of a person who tries the demo."""

import asyncio

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, Route, expect

from playground.people.person import Person
from tests.e2e.stage import WAIT, Stage
from tests.playground.page.conftest import Visit

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

LONG = WAIT * 1000
"""Milliseconds. Enough for a worker to start on a busy machine."""


async def send(page: Page, line: str, channel: str = "gallery") -> None:
    """Sends a command with all its options in `line`, or a message."""
    box = page.get_by_role("textbox", name=f"Message #{channel}")
    await box.fill(line)
    await box.press("Enter")


def card(page: Page, *texts: str) -> Locator:
    """Returns the message that contains all these texts."""
    found = page.locator("[data-message-id]")
    for text in texts:
        found = found.filter(has_text=text)
    return found


def name(person: Person) -> str:
    """Returns the name that the page shows."""
    return person.user.global_name or person.user.username


async def test_a_member_types_a_prompt_and_enlarges_the_first_of_four_pictures(
    stage: Stage, visit: Visit
) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/imagine prompt: a lighthouse drawn for the page")
    grid = card(page, "a lighthouse drawn for the page")
    for button in ("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4", "🗑️", "Remix"):
        await expect(grid.get_by_role("button", name=button, exact=True)).to_be_enabled(timeout=LONG)
    await expect(grid).to_contain_text("64×64")
    await expect(grid.locator(".picture img")).to_have_js_property("naturalWidth", 130)

    await grid.get_by_role("button", name="U1").click()
    enlarged = card(page, "a lighthouse drawn for the page", "picture 1, upscaled")
    await expect(enlarged.get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)
    await expect(enlarged).to_contain_text("128×128")
    await expect(enlarged.locator(".picture img")).to_have_js_property("naturalWidth", 128)
    # The line above the picture links to its grid.
    await expect(enlarged.get_by_role("button", name="Open the message")).to_be_visible()


async def test_a_line_typed_while_the_page_loads_stays_and_is_sent(stage: Stage, browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 1100, "height": 800}, locale="en-US")
    try:
        page = await context.new_page()
        loaded = asyncio.Event()

        async def late(route: Route) -> None:
            await loaded.wait()
            await route.continue_()

        await page.route("**/play/state*", late)
        person = stage.guest()
        await page.goto(f"{stage.play.page_url}?as={person.id}#gallery")
        box = page.locator("#message")
        await box.fill("/imagine prompt: a lamp that was ordered early images: 1")
        await box.press("Enter")
        await expect(page.locator("#notice")).to_contain_text("The page is loading.")
        loaded.set()
        await expect(card(page, "a lamp that was ordered early")).to_have_count(1)
        await expect(box).to_have_value("")
    finally:
        await context.close()


async def test_a_member_remixes_a_picture_in_a_form_that_holds_its_words(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/imagine prompt: a harbour for the form --no people --images 2")
    grid = card(page, "a harbour for the form")
    await grid.get_by_role("button", name="Remix").click(timeout=LONG)
    form = page.get_by_role("dialog", name="Remix")
    shown = form.get_by_label("What the picture shows")
    await expect(shown).to_have_value("a harbour for the form")
    await expect(form.get_by_label("What it should not show")).to_have_value("people")
    await shown.fill("a harbour for the form, at night --images 1")
    await form.get_by_role("combobox", name="Start from").click()
    await page.get_by_role("option", name="Picture 2").click()
    await form.get_by_role("button", name="Submit").click()
    await expect(form).to_have_count(0)
    remix = card(page, "a harbour for the form, at night", "remixed from picture 2", "no people")
    await expect(remix.get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)


async def test_a_member_orders_with_a_preset_and_a_text_file(stage: Stage, visit: Visit) -> None:
    page = await visit(stage.play, stage.guest().user.username)
    await send(page, "/preset save name: dusk text: at dusk --images 1")
    await expect(card(page, "--preset dusk")).to_contain_text("Only you can see this", timeout=LONG)
    box = page.get_by_role("textbox", name="Message #gallery")
    await box.fill("/imagine prompt: . preset: dusk")
    await box.press("Tab")  # as a form with pills
    more = page.get_by_label("Add an option")
    await more.fill("file:")
    words = FilePayload(name="words.txt", mimeType="text/plain", buffer=b"a mill for the page")
    await page.get_by_role("button", name="file", exact=True).set_input_files(words)
    await expect(page.locator(".file-state")).to_have_text("words.txt")
    await page.get_by_role("button", name="Send", exact=True).click()
    mill = card(page, "a mill for the page at dusk")
    await expect(mill.get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)
    await expect(mill.get_by_role("button", name="V2")).to_have_count(0)


async def test_a_refused_prompt_is_told_to_its_member_alone(stage: Stage, visit: Visit) -> None:
    actor = await visit(stage.play, stage.guest().user.username)
    other = await visit(stage.play, "ben")
    await send(actor, "/imagine prompt: a nude woman, seen by nobody else")
    refusal = card(actor, "This prompt can't be drawn here: it reads as nudity.")
    await expect(refusal).to_contain_text("Only you can see this", timeout=LONG)
    await expect(actor.get_by_role("button", name="Cancel")).to_have_count(0)

    await send(actor, "what comes after the refusal")
    await expect(card(other, "what comes after the refusal")).to_have_count(1)
    await expect(card(other, "can't be drawn here")).to_have_count(0)
    await expect(card(other, "seen by nobody else")).to_have_count(0)


async def test_a_moderator_reads_the_refused_prompt_and_its_rule(stage: Stage, visit: Visit) -> None:
    member = stage.guest()
    actor = await visit(stage.play, member.user.username)
    await send(actor, "/imagine prompt: a nude statue for the log")
    await expect(card(actor, "can't be drawn here")).to_have_count(1, timeout=LONG)
    await send(actor, "/mod log")
    await expect(actor.get_by_role("alert")).to_have_text("There is no command /mod.")

    mia = await visit(stage.play, "mia")
    await send(mia, f"/mod log member: @{name(member)} ruling: refuse")
    log = card(mia, "used /mod log", "1 record")
    await expect(log).to_contain_text("Only you can see this", timeout=LONG)
    await expect(log).to_contain_text("a nude statue for the log")
    await expect(log).to_contain_text("nudity: rule nudity found nude")
    await expect(log).to_contain_text(f"@{name(member)} in #gallery")

    await mia.get_by_role("link", name="mod-log").click()
    await expect(card(mia, "Refused", "a nude statue for the log", f"@{name(member)}")).to_have_count(1)
