"""`python docs/command_pictures.py`: uses each command and button in the demo, and keeps a picture of what it answers.

The bundled model can't follow some commands; of those it keeps a picture of their options, filled in.

The pictures of commands are in bot/texts/en/pictures/, because `/help` shows them in Discord; those of buttons in docs/images/.
docs/commands.md shows both. Needs what docs/screenshots.py needs.
"""

import asyncio
import io
import re
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.async_api import FilePayload, Locator, Page, async_playwright
from screenshots import IMAGES, LONG, QUIET, ROOT, STILL, demo, send, visit

COMMANDS = ROOT / "bot" / "texts" / "en" / "pictures"
WIDTH, HEIGHT = 720, 840
"""Pixels: a message has no more to its right, and a longer one is cut below."""
MOST_BYTES = 60_000
NARROW, HIGH = 1020, 1600
"""Pixels of the page on which a form of options is as wide as WIDTH, and as high as it needs."""
LARGER = """states => {
  for (const state of states) {
    Object.assign(state.style, { maxWidth: "none", padding: "4px 10px 4px 4px" });
    Object.assign(state.querySelector("img").style, { width: "168px", height: "168px" });
  }
}"""
"""As Discord shows files that are about to be sent."""
APPLE, PUMPKIN = "a red apple on a blue background", "a pumpkin on a blue background"


def messages(page: Page, text: str) -> Locator:
    return page.locator("[data-message-id]").filter(has_text=text)


async def keep(message: Locator, name: str, folder: Path = COMMANDS) -> None:
    """Keeps a picture of the message, or of another part of the page."""
    page = message.page
    for picture in await message.locator("img").all():
        await picture.evaluate("picture => picture.decode()")
    await page.mouse.move(0, 0)
    await page.evaluate(STILL.replace("document.activeElement?.blur();", ""))
    with Image.open(io.BytesIO(await message.screenshot(animations="disabled"))) as shot:
        path = folder / f"{name}.webp"
        size = min(shot.width, WIDTH), min(shot.height, HEIGHT)
        shot.convert("RGB").crop((0, 0, *size)).save(path, quality=80, method=6)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"{path.name} is larger than {MOST_BYTES / 1000:.0f} kB")


async def answer(page: Page, act: Awaitable[None], text: str, button: str) -> Locator:
    """Acts, and returns the new message with the text, as soon as it has the button."""
    found = messages(page, text).filter(has=page.get_by_role("button", name=button))
    before = await found.count()
    await act
    await found.nth(before).wait_for(timeout=LONG)
    return found.nth(before)


async def order(page: Page, command: str, *files: tuple[str, bytes]) -> None:
    """Sends a command with files, as a member fills in the form of its options."""
    if not files:
        await send(page, command)
        return
    await fill_in(page, command, *files)
    await page.get_by_role("button", name="Send", exact=True).click()


async def fill_in(page: Page, command: str, *files: tuple[str, bytes]) -> None:
    box = page.locator("#message")
    await box.fill(command)
    await box.press("Tab")
    for option, content in files:
        field = page.get_by_role("button", name=option, exact=True)
        if not await field.count():
            await page.get_by_label("Add an option").fill(f"{option}:")
        await field.set_input_files(FilePayload(name=f"{option}.png", mimeType="image/png", buffer=content))


async def words(page: Page) -> Locator:
    """What starts from words. Returns a message with one picture."""
    grid = await answer(page, send(page, f"/imagine prompt: {APPLE} --seed 7"), APPLE, "V1")
    await keep(grid, "imagine")
    await keep(await answer(page, send(page, "/ideas"), "used /ideas", "Other ideas"), "ideas")
    press = grid.get_by_role("button", name="V2").click()
    await keep(await answer(page, press, "variations of picture 2", "V1"), "v", IMAGES)
    press = grid.get_by_role("button", name="U1").click()
    single = await answer(page, press, "upscaled", "Zoom out 2×")
    await keep(single, "u", IMAGES)
    return single


async def going_on(single: Locator) -> None:
    """The buttons of a single picture."""
    page = single.page
    for button, name, text, ready in (
        ("Zoom out 2×", "zoom-out", "zoomed out", "V1"),
        ("➡️", "pan", "panned", "V1"),
        ("Vary subtle", "vary-subtle", "variations of picture 1", "V1"),
        ("Vary strong", "vary-strong", "variations of picture 1", "V1"),
        ("Vary region", "vary-region", "The cells", "Choose the cells"),
    ):
        press = single.get_by_role("button", name=button).click()
        await keep(await answer(page, press, text, ready), name, IMAGES)


async def pictures(single: Locator) -> tuple[bytes, bytes]:
    """The commands that start from a member's pictures. Returns two of them."""
    page = single.page
    pumpkin = await answer(page, send(page, f"/imagine prompt: {PUMPKIN} --seed 3 --images 1"), PUMPKIN, "V1")
    first, second = await content_of(single), await content_of(pumpkin)
    use = order(page, "/vary strength: strong", ("picture", first))
    await keep(await answer(page, use, "used /vary", "V1"), "vary")
    use = order(page, "/blend prompt: a pumpkin", ("first", first), ("second", second))
    await keep(await answer(page, use, "used /blend", "V1"), "blend")
    await order(page, "/verify", ("picture", first))
    await keep(await said(page, "used /verify"), "verify")
    return first, second


async def forms(page: Page, apple: bytes, pumpkin: bytes) -> None:
    """The commands that the bundled model can't follow: their options, filled in."""
    await page.set_viewport_size({"width": NARROW, "height": HIGH})
    for command, name, *files in (
        (
            "/sketch prompt: a lighthouse on a rock at dusk kind: scribble strength: 0.8",
            "sketch",
            ("picture", scribble()),
        ),
        ("/style reference prompt: a fox in the snow strength: 0.6", "style-reference", ("picture", pumpkin)),
        (
            "/edit instruction: put the apple beside the pumpkin, on a wooden table",
            "edit",
            ("picture", apple),
            ("second", pumpkin),
        ),
    ):
        await fill_in(page, command, *files)
        form = page.locator("#composer .box")
        await page.locator(".file-state img").nth(len(files) - 1).wait_for()
        await page.locator(".file-state").evaluate_all(LARGER)
        await page.locator(".command-form .tail").evaluate("tail => tail.blur()")
        await keep(form, name)
        await page.locator("#composer textarea[aria-label]").first.press("Escape")


def scribble() -> bytes:
    """Returns a scribble of a lighthouse on a rock, in black on white."""
    side = 512
    picture = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(picture)
    for line in (
        [(216, 400), (236, 170), (284, 170), (306, 402)],  # the tower
        [(222, 170), (222, 150), (298, 152), (298, 170), (222, 170)],  # its gallery
        [(240, 150), (240, 112), (280, 112), (280, 150)],  # the lamp
        [(232, 112), (260, 78), (288, 112), (232, 112)],  # the roof
        [(228, 290), (294, 292)],
        [(222, 345), (300, 347)],
        [(280, 124), (430, 84)],  # light
        [(280, 138), (432, 176)],
        [(60, 440), (130, 410), (180, 396), (330, 400), (390, 424), (452, 446)],  # the rock
        [
            (20, 456),
            (70, 446),
            (120, 460),
            (180, 448),
            (240, 462),
            (310, 450),
            (380, 462),
            (440, 450),
            (496, 458),
        ],
        [(40, 486), (110, 478), (190, 490), (270, 478), (350, 490), (470, 480)],
    ):
        pen.line(line, fill=0, width=6, joint="curve")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def said(page: Page, text: str) -> Locator:
    """Returns the newest message with the text, as soon as the bot has answered."""
    found = messages(page, text).last
    await found.get_by_text("Only you can see this").wait_for(timeout=LONG)
    await found.get_by_text("thinking").wait_for(state="detached", timeout=LONG)
    return found


async def own(page: Page) -> None:
    """A member's own lists and choices."""
    shown = await answer(page, send(page, f"/imagine prompt: {PUMPKIN} --seed 4 --images 1"), PUMPKIN, "V1")
    job = re.search(r"job (\w+)", await shown.inner_text())
    await send(page, f"/show job: {job[1] if job else ''}")
    await keep(await said(page, "used /show"), "show")
    await send(page, "/preset save name: dusk text: on an orange background --images 2")
    await keep(await said(page, "used /preset save"), "preset-save")
    await send(page, "/preset list")
    await keep(await said(page, "used /preset list"), "preset-list")
    await send(page, "/style save name: rose words: on a pink background")
    await keep(await said(page, "used /style save"), "style-save")
    await send(page, "/style list")
    await keep(await said(page, "used /style list"), "style-list")
    await send(page, "/settings aspect: 3:2 images: 2")
    await keep(await said(page, "used /settings"), "settings")
    await send(page, "/history")
    await keep(await said(page, "used /history"), "history")
    await send(page, "/help")
    await page.keyboard.press("Escape")  # its option is left out
    await page.keyboard.press("Enter")
    await keep(await said(page, "used /help"), "help")


async def content_of(message: Locator) -> bytes:
    address = await message.locator(".picture img").last.get_attribute("src")
    response = await message.page.request.get(address or "")
    return await response.body()


async def main() -> None:
    COMMANDS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="atelier-pictures-") as folder:
        async with demo(Path(folder)) as address, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=list(QUIET)
            )
            try:
                ada = await visit(browser, address, "Ada")
                # The page's head must not cover what scrolls under it.
                await ada.set_viewport_size({"width": 1280, "height": 1600})
                single = await words(ada)
                await going_on(single)
                apple, pumpkin = await pictures(single)
                await own(ada)
                await forms(ada, apple, pumpkin)
            finally:
                await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
