"""A moderator's round as in docs/moderation.md, in a real browser, including the audit log afterwards."""

import asyncio
import re
import subprocess
import sys

import pytest
from playwright.async_api import Locator, Page

from tests.e2e.stage import WAIT, Stage
from tests.playground.page.conftest import Visit

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

LONG = WAIT * 1000  # milliseconds


async def send(page: Page, channel: str, command: str) -> None:
    box = page.get_by_role("textbox", name=f"Message #{channel}")
    await box.fill(command)
    await box.press("Enter")


def message(page: Page, *texts: str) -> Locator:
    found = page.locator("[data-message-id]")
    for text in texts:
        found = found.filter(has_text=text)
    return found.last


async def show(page: Page, channel: str) -> None:
    await page.get_by_role("navigation", name="Channels").get_by_role("link", name=channel).click()


async def fill_in(page: Page, text: str) -> None:
    form = page.get_by_role("dialog")
    await form.locator("input, textarea").first.fill(text)
    await form.get_by_role("button", name="Submit").click()
    await form.wait_for(state="detached")


async def audit(stage: Stage, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "db", "audit", "--data", str(stage.data), *options]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)


async def test_a_moderators_round_ends_with_a_log_that_proves_it(stage: Stage, visit: Visit) -> None:
    ada, second = stage.guest(), stage.play.add_member("max", is_moderator=True)
    prompt = f"a hunter killing a wolf for {ada.name}"
    member, moderator = await visit(stage.play, ada.name), await visit(stage.play, "mia")
    for page in (member, moderator):
        page.set_default_timeout(LONG)

    # Minutes 1 and 2: the flagged order's card, and a decision in two clicks.
    await send(member, "gallery", f"/imagine prompt: {prompt} --images 1")
    await message(member, prompt).get_by_role("button", name="V1").wait_for()
    await show(moderator, "mod-log")
    card = message(moderator, prompt, "Record")
    await card.get_by_role("button", name="Time out").click()
    await fill_in(moderator, "No blood here, please")
    await message(moderator, "notified by direct message").wait_for()

    # Minutes 3 and 4: the member is notified and appeals; another moderator answers.
    await show(member, "direct-messages")
    await message(member, "timed you out").get_by_role("button", name="Appeal").click()
    await fill_in(member, "It is ketchup.")
    other = await visit(stage.play, second.name, "mod-log")
    other.set_default_timeout(LONG)
    await message(other, "It is ketchup.").get_by_role("button", name="Overturn").click()
    await fill_in(other, "Ketchup it is.")
    await message(other, "is overturned.").wait_for()

    # The log is intact, contains these acts with their targets, and shows a head to save.
    await send(moderator, "mod-log", f"/mod audit member: @{ada.name}")
    said = message(moderator, "The audit log is whole")
    await said.wait_for()
    text = await said.inner_text()
    for act in (
        "claim",
        "timeout",
        "discord-sanction",
        "appeal-overturned",
        "No blood here, please",
        "Ketchup it is.",
    ):
        assert act in text, act
    head = re.search(r"\d+:[0-9a-f]{16}", text)
    assert head is not None, text

    # The owner's check succeeds now and after later acts; with a wrong head it fails.
    assert (await audit(stage, "--head", head[0])).returncode == 0
    await send(moderator, "mod-log", f"/mod warn member: @{ada.name} reason: be kind")
    await message(moderator, "is warned").wait_for()
    await send(moderator, "mod-log", f"/mod audit head: {head[0]}")
    await message(moderator, f"It holds the head of row {head[0].split(':')[0]}").wait_for()
    forged = head[0][:-8] + ("0" * 8 if not head[0].endswith("0" * 8) else "1" * 8)
    done = await audit(stage, "--head", forged)
    assert (done.returncode, "the log was written anew" in done.stderr) == (1, True)
    await send(moderator, "mod-log", f"/mod audit head: {forged}")
    await message(moderator, "The audit log is broken").wait_for()
    await send(moderator, "mod-log", "/mod audit head: nonsense")
    await message(moderator, "is not a head of the audit log").wait_for()


async def test_a_member_has_their_data_deleted_on_the_page(stage: Stage, visit: Visit) -> None:
    ada = stage.guest()
    page = await visit(stage.play, ada.name)
    page.set_default_timeout(LONG)
    prompt = f"a red apple for {ada.name}"
    await send(page, "gallery", f"/imagine prompt: {prompt} --images 1")
    gallery = message(page, prompt)
    await gallery.get_by_role("button", name="V1").wait_for()
    await send(page, "gallery", "/privacy export")
    await message(page, "The data that I keep about you", "1 picture").wait_for()
    await send(page, "gallery", "/privacy delete")
    asked = message(page, "What stays, and for how long")
    await asked.get_by_role("button", name="Delete my data").click()
    await message(page, "Your data is being deleted").wait_for()
    await gallery.wait_for(state="detached")
