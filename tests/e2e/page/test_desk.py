"""A moderator's work in a real browser: find the order, act, see the member appeal, answer as another moderator, amend."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.page.test_page_with_bot import LONG, card, name, send
from tests.e2e.stage import Stage
from tests.playground.page.conftest import Visit

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


async def submit(page: Page, title: str, *values: str) -> None:
    """Fills in the open modal, field by field."""
    form = page.get_by_role("dialog", name=title)
    await expect(form).to_be_visible(timeout=LONG)
    fields: Locator = form.locator("input, textarea")
    for index, value in enumerate(values):
        await fields.nth(index).fill(value)
    await form.get_by_role("button", name="Submit").click()
    await expect(form).to_have_count(0, timeout=LONG)


async def show(page: Page, channel: str) -> None:
    await (
        page.get_by_role("navigation", name="Channels").get_by_role("link", name=channel).click(timeout=LONG)
    )


async def test_a_moderators_round(stage: Stage, visit: Visit) -> None:
    person, second = stage.guest(), stage.play.add_member("max", is_moderator=True)
    ada, mia, max_ = [await visit(stage.play, each.user.username) for each in (person, stage.mia, second)]
    await send(ada, "/imagine prompt: a hunter killing a wolf for the round images: 1")
    await expect(card(ada, "for the round").get_by_role("button", name="V1")).to_be_enabled(timeout=LONG)

    await show(mia, "mod-log")
    case = card(mia, "Case", "a hunter killing a wolf for the round", f"@{name(person)}")
    await expect(case).to_contain_text("Ladder next is a warning", timeout=LONG)
    await expect(case.locator("img")).not_to_have_count(0, timeout=LONG)
    await case.get_by_role("button", name="Warn").click()
    title = f"Warn {name(person)}"
    form = mia.get_by_role("dialog").filter(has_text=title)
    await expect(form).to_be_visible(timeout=LONG)
    await form.locator("input").first.fill("no blood here")
    await form.get_by_role("button", name="Submit").click()
    await expect(case).to_contain_text("Closed · Mia warned", timeout=LONG)
    await expect(card(ada, "for the round")).to_have_count(0, timeout=LONG)

    await show(ada, "direct-messages")
    notice = card(ada, "A moderator has warned you", "no blood here")
    await notice.get_by_role("button", name="Appeal").click(timeout=LONG)
    number = stage.row("SELECT number FROM cases WHERE member = ?", person.id)["number"]
    await submit(ada, f"Appeal in case {number}", "it was ketchup")

    await show(max_, "mod-log")
    appeal = card(max_, f"Appeal in case {number}", "it was ketchup")
    await appeal.get_by_role("button", name="Overturn").click(timeout=LONG)
    await submit(max_, f"Overturn case {number}", "ketchup is fine")
    await expect(appeal).to_contain_text("Overturned by Max: ketchup is fine", timeout=LONG)
    await expect(card(ada, f"Your appeal in case {number}", "ketchup is fine")).to_have_count(1, timeout=LONG)

    await send(mia, f"/mod case number: {number} note: taught me something", "mod-log")
    await expect(card(mia, "used /mod case", "taught me something")).to_have_count(1, timeout=LONG)
