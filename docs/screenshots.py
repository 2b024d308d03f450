"""`python docs/screenshots.py`: starts the demo and takes the pictures of README.md, docs/commands.md and docs/moderation.md.

Needs the test dependencies (playwright) and Chromium. The seeds are the same every time, and what differs by nature (times, ids,
the colours that follow from ids) is replaced: two runs with the same model differ in nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, async_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 900
SMALLER = 0.8  # like a browser's zoom: a whole grid and what was made of it fit on one screen
MOST_BYTES = 600_000
FLAGGED = "a vampire murders a wizard, blood everywhere"
FLAGGED_TOO = "a zombie murders a wizard, blood everywhere"
LONG = 180_000.0  # milliseconds: the first picture waits for the model
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)

STILL = r"""
() => {
  document.activeElement?.blur();
  for (const avatar of document.querySelectorAll(".avatar")) {
    avatar.style.setProperty("--hue", (avatar.textContent.charCodeAt(0) * 137) % 360);
  }
  for (const time of document.querySelectorAll("time.sent")) time.textContent = "Today at 12:00 PM";
  for (const time of document.querySelectorAll("time.gutter-time")) time.textContent = "12:00 PM";
  for (const time of document.querySelectorAll(".timestamp")) {
    const isEnd = time.previousSibling?.textContent.endsWith("until ");
    time.textContent = isEnd ? "1 January 2027 12:00" : "a minute ago";
  }
  for (const day of document.querySelectorAll(".day span")) day.textContent = "Today";
  const texts = document.createTreeWalker(document.querySelector("#messages"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data
      .replace(/job [a-z2-7]{10}/, "job 3rnhkgjm3h")
      .replace(/^(\d+):[0-9a-f]{16}$/, "$1:3fa9c07d51e08b62")
      .replace(/atelier-\d+\.zip/, "atelier-80351110224678912.zip");
  }
}
"""


@asynccontextmanager
async def demo(data: Path) -> AsyncGenerator[str, None]:
    """The address of a running demo."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "main.py"), "playground", "--data", str(data), "--port", str(port)
    )
    try:
        async with asyncio.timeout(60):
            while not await is_open(port):
                if process.returncode is not None:
                    raise SystemExit("the demo ended by itself")
                await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def visit(browser: Browser, address: str, name: str, scale: float = 1.0) -> Page:
    context = await browser.new_context(
        viewport={"width": round(WIDTH / scale), "height": round(HEIGHT / scale)},
        device_scale_factor=scale,
        locale="en-US",
        reduced_motion="reduce",
    )
    context.set_default_timeout(LONG)
    await context.add_init_script("localStorage.setItem('tour-seen', 'yes')")
    page = await context.new_page()
    await page.goto(f"{address}#gallery")
    await page.locator("#members").get_by_role("link", name=name).click()
    await page.locator("#bot").get_by_text("/imagine").wait_for()
    return page


async def send(page: Page, command: str) -> None:
    box = page.locator("#message")
    await box.fill(command)
    await box.press("Enter")


def finished(page: Page, text: str) -> Locator:
    """The messages that show the text and can be built upon."""
    return (
        page.locator("[data-message-id]")
        .filter(has_text=text)
        .filter(has=page.get_by_role("button", name="V1"))
    )


async def photograph(page: Page, name: str) -> None:
    # Nothing is under way any more, so the bot's line says what it says at rest.
    await page.locator("#bot").get_by_text("/imagine · model").wait_for()
    await page.mouse.move(0, 0)
    await page.evaluate(STILL)
    path = IMAGES / name
    await page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"{name} is larger than {MOST_BYTES / 1000:.0f} kB")


async def grid(page: Page, seed: int) -> None:
    await send(page, f"/imagine prompt: a red apple on a blue background --seed {seed}")
    apples = finished(page, "a red apple")
    await apples.first.get_by_role("button", name="U1").click()
    await apples.nth(1).wait_for()
    await page.locator(".picture img").last.evaluate("picture => picture.decode()")
    await apples.first.evaluate("message => message.scrollIntoView({block: 'start'})")
    await page.locator("#scroller").evaluate("scroller => scroller.scrollBy(0, -18)")
    await photograph(page, "grid.png")


async def remix(page: Page, seed: int) -> None:
    """The form, filled in, over the picture that it starts from."""
    grid = finished(page, "a red apple").first
    await grid.get_by_role("button", name="Remix").click()
    form = page.get_by_role("dialog")
    words = f"a red apple on a yellow background --seed {seed}"
    await form.get_by_label("What the picture shows").fill(words)
    await photograph(page, "remix.png")
    await form.get_by_role("button", name="Submit").click()
    await finished(page, "on a yellow background").wait_for()


async def log(member: Page, moderator: Page, seed: int) -> None:
    await send(member, f"/imagine prompt: a wizard killing a dragon --seed {seed} --images 1")
    await finished(member, "a wizard killing a dragon").wait_for()
    await send(member, "/imagine prompt: nude woman")
    await member.get_by_text("can't be drawn here").wait_for()
    await send(moderator, "/mod log member: @Ada")
    await moderator.locator("[data-message-id]").filter(has_text="used /mod log").wait_for()
    await photograph(moderator, "log.png")


async def desk(member: Page, other: Page, moderator: Page, second: Page, seed: int) -> None:
    """A moderator's round: the card, the next one, what the member is told, the appeal and its answer."""
    await send(member, f"/imagine prompt: {FLAGGED} --seed {seed} --images 1")
    await finished(member, FLAGGED).wait_for()
    await show(moderator, "mod-log")
    case = card(moderator, FLAGGED)
    await case.locator("img").last.wait_for()
    await photograph(moderator, "case.png")
    await show(other, "gallery")
    await send(other, f"/imagine prompt: {FLAGGED_TOO} --seed {seed} --images 1")
    await finished(other, FLAGGED_TOO).wait_for()
    await card(moderator, FLAGGED_TOO).locator("img").last.wait_for()
    await case.get_by_role("button", name="Next open case").click()
    alone = card(moderator, FLAGGED_TOO).filter(has_text="Only you can see this")
    await alone.locator("img").last.wait_for()
    await photograph(moderator, "next-case.png")
    await alone.get_by_role("button", name="Approve").click()
    await alone.get_by_text("Closed").wait_for()
    await case.get_by_role("button", name="Time out").click()
    form = moderator.get_by_role("dialog")
    await form.locator("input").first.fill("No blood in this channel, please")
    await form.get_by_role("button", name="Submit").click()
    await moderator.get_by_text("notified by direct message").wait_for()
    await show(member, "direct-messages")
    notice = member.locator("[data-message-id]").filter(has_text="timed you out")
    await notice.wait_for()
    await photograph(member, "notice.png")
    await notice.get_by_role("button", name="Appeal").click()
    await fill_in(member, "It is ketchup: the picture is for a cookery book.")
    await show(second, "mod-log")
    await second.get_by_role("button", name="Overturn").click()
    await fill_in(second, "Ketchup it is.")
    await second.get_by_text("Overturned by Max").wait_for()
    await second.get_by_text("is overturned.").wait_for()
    await photograph(second, "appeal.png")


def card(page: Page, prompt: str) -> Locator:
    """The cards of the case about the prompt."""
    return page.locator("[data-message-id]").filter(has_text=prompt).filter(has_text="Record")


async def audit(page: Page) -> None:
    await send(page, "/mod audit member: @Ben")
    await page.get_by_text("The audit log is whole").wait_for()
    await photograph(page, "audit.png")


async def privacy(page: Page) -> None:
    await show(page, "gallery")
    await send(page, "/privacy export")
    await page.get_by_text("in every server: data.json").wait_for()
    await send(page, "/privacy delete")
    await page.get_by_text("What stays, and for how long").wait_for()
    await photograph(page, "privacy.png")


async def policy(moderator: Page) -> None:
    """What a server chose, and what no server can choose."""
    await send(moderator, "/server policy preset preset: mature where: age-restricted channels")
    await moderator.get_by_text("from now on").wait_for()
    await send(moderator, "/server policy show")
    await moderator.keyboard.press("Escape")  # its option is left out
    await moderator.keyboard.press("Enter")
    await moderator.get_by_text("Always refused").wait_for()
    await photograph(moderator, "policy.png")


async def show(page: Page, channel: str) -> None:
    await page.get_by_role("navigation", name="Channels").get_by_role("link", name=channel).click()


async def fill_in(page: Page, text: str) -> None:
    form = page.get_by_role("dialog")
    await form.locator("input, textarea").first.fill(text)
    await form.get_by_role("button", name="Submit").click()
    await form.wait_for(state="detached")


async def main() -> None:
    parser = argparse.ArgumentParser(description="The pictures of the demo in README and docs/moderation.md")
    parser.add_argument("--seed", type=int, default=7)
    seed = parser.parse_args().seed
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="atelier-screenshots-") as folder:
        async with demo(Path(folder)) as address, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=list(QUIET)
            )
            try:
                ada = await visit(browser, address, "Ada", SMALLER)
                await grid(ada, seed)
                await remix(ada, seed)
                mia = await visit(browser, address, "Mia")
                await log(ada, mia, seed)
                ben, max_ = [await visit(browser, address, name) for name in ("Ben", "Max")]
                await desk(ben, ada, mia, max_, seed)
                await audit(mia)
                await privacy(await visit(browser, address, "Ada"))
                await policy(await visit(browser, address, "Max"))
            finally:
                await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
