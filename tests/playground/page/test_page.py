"""The page in a real browser, with the real playground server and a small discord.py bot."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from discord.http import Route as ApiRoute
from playwright.async_api import Page, Route, expect

from bot.studio.settings import BUNDLED_MODEL, load
from playground.server import Playground
from playground.world.invitation import PROMPTS

from .conftest import SmallBot, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Switch:
    """A bot's process that does nothing."""

    def __init__(self, *, is_running: bool = False) -> None:
        self.is_running = is_running

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def kill(self) -> None: ...


async def send(page: Page, text: str, channel: str = "gallery") -> None:
    box = page.get_by_role("textbox", name=f"Message #{channel}")
    await box.fill(text)
    await box.press("Enter")


async def test_a_command_is_picked_from_the_list_and_filled_in_as_pills(
    play: Playground, visit: Visit
) -> None:
    page = await visit(play)
    await page.get_by_role("textbox", name="Message #gallery").press_sequentially("/ima")
    await expect(page.get_by_role("option", name="/imagine")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("prompt", exact=True)).to_be_focused()
    await page.keyboard.type("a red apple")
    await page.get_by_role("button", name="+ 3 more").click()
    await page.get_by_role("option", name="shape").click()
    await page.get_by_role("option", name="wide").click()
    await page.keyboard.type(" steps: 90")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").first).to_have_text(
        "steps must be a whole number between 1 and 50."
    )
    await page.get_by_label("steps", exact=True).fill("9")
    await page.keyboard.press("Enter")
    answer = page.locator("[data-message-id]").filter(has_text="a red apple | none | 9 | 3:2")
    await expect(answer).to_contain_text("used /imagine")
    await expect(page.get_by_role("textbox", name="Message #gallery")).to_be_focused()


async def test_a_command_written_as_one_line_is_sent_as_it_stands(play: Playground, visit: Visit) -> None:
    page = await visit(play)
    await send(page, "/imagine prompt: a sign that says: hello shape: square steps: 7")
    await expect(page.get_by_role("log")).to_contain_text("a sign that says: hello | none | 7 | 1:1")
    await send(page, "/mod log member: @Ben")
    await expect(page.get_by_role("log")).to_contain_text("cases of @Ben")


async def test_a_command_typed_before_the_bot_is_ready_waits_visibly_and_is_sent_once(
    play: Playground, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`play` restores the API's address after the module."""
    async with Playground.open(bot_control=Switch(is_running=True)) as early:
        page = await visit(early)
        box, notice = page.get_by_role("textbox", name="Message #gallery"), page.locator("#notice")
        await send(page, "/imagine prompt: given up")
        await expect(notice).to_contain_text("Atelier is starting. Your line is sent as soon as it is ready.")
        await page.keyboard.press("Escape")
        await expect(notice).to_have_text("")
        await expect(box).to_have_value("/imagine prompt: given up")
        await send(page, "/imagine prompt: an early fox")
        await expect(notice.locator(".spinner")).to_be_visible()
        await box.press("Enter")
        monkeypatch.setattr(ApiRoute, "BASE", early.api_url)
        bot = SmallBot()
        running = asyncio.create_task(bot.start(early.token))
        try:
            answer = page.locator("[data-message-id]").filter(has_text="an early fox | none")
            await expect(answer).to_have_count(1)
            await expect(box).to_have_value("")
            await expect(notice).to_have_text("")
            await expect(page.get_by_role("log")).not_to_contain_text("given up")
        finally:
            await bot.close()
            await running


async def test_completions_come_from_the_bot_and_their_value_is_sent(play: Playground, visit: Visit) -> None:
    page = await visit(play)
    box = page.get_by_role("textbox", name="Message #gallery")
    await box.fill("/imagine prompt: a fox model: ")
    await box.press("Tab")
    await page.get_by_label("model", exact=True).press_sequentially("care")
    await expect(page.get_by_role("option", name="Slow and careful")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("model", exact=True)).to_have_value("Slow and careful")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("a fox | model-slow | 4 | 1:1")


async def test_a_button_changes_its_message_and_the_old_picture_stays_until_the_new_one_has_loaded(
    play: Playground, visit: Visit
) -> None:
    page = await visit(play)
    let_go = asyncio.Event()

    async def hold(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    await page.route(re.compile(r"/sharp\.png"), hold)
    await send(page, "/imagine prompt: a blurred owl")
    message = page.locator("[data-message-id]").filter(has_text="a blurred owl")
    id = await message.get_attribute("data-message-id")
    message = page.locator(f'[data-message-id="{id}"]')
    image = message.locator("img[data-src]")
    await expect(image).to_have_js_property("complete", True)
    await message.get_by_role("button", name="Sharpen").click()
    await expect(message).to_contain_text("sharper")
    await expect(image).to_have_attribute("data-src", re.compile("sharp"))
    assert await image.evaluate("image => [image.src.includes('first.png'), image.naturalWidth]") == [
        True,
        96,
    ]
    let_go.set()
    await expect(image).to_have_attribute("src", re.compile("sharp"))
    await expect(message.get_by_role("button", name="Sharpen")).not_to_have_attribute("aria-busy", "true")


async def test_a_button_without_an_answer_spins_and_then_says_so(play: Playground, visit: Visit) -> None:
    page = await visit(play)
    await send(page, "/imagine prompt: a silent bell")
    message = page.locator("[data-message-id]").filter(has_text="a silent bell")
    button = message.get_by_role("button", name="Stuck")
    await button.click()
    await expect(button).to_have_attribute("aria-busy", "true")
    await expect(message.get_by_role("alert")).to_have_text("The application did not respond")
    await expect(button).not_to_have_attribute("aria-busy", "true")


async def test_a_modal_checks_its_fields_and_submits_both_forms_of_them(
    play: Playground, visit: Visit
) -> None:
    page = await visit(play)
    await send(page, "/feedback")
    dialog = page.get_by_role("dialog", name="Your opinion")
    await dialog.get_by_role("textbox", name="In your words").fill("ok")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog).to_contain_text("At least 3 characters, please.")
    await dialog.get_by_role("textbox", name="In your words").fill("lovely")
    await dialog.get_by_role("combobox", name="Mark").click()
    await dialog.get_by_role("option", name="Good").click()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("log")).to_contain_text("lovely: Good")


async def test_an_ephemeral_answer_is_seen_by_its_member_alone_and_can_be_dismissed(
    play: Playground, visit: Visit
) -> None:
    ada, ben = await visit(play, "ada"), await visit(play, "ben")
    await send(ada, "/whisper")
    whisper = ada.locator("[data-message-id]").filter(has_text="psst")
    await expect(whisper).to_contain_text("Only you can see this")
    await send(ada, "good evening **everybody**")
    await expect(ben.get_by_role("log")).to_contain_text("good evening everybody")
    await expect(ben.get_by_text("psst")).to_have_count(0)
    await whisper.get_by_role("button", name="Dismiss message").click()
    await expect(ada.get_by_text("psst")).to_have_count(0)


async def test_a_chosen_file_and_a_chosen_member_arrive_at_the_bot(play: Playground, visit: Visit) -> None:
    page = await visit(play)
    await page.get_by_role("textbox", name="Message #gallery").press_sequentially("/keep")
    await page.keyboard.press("Tab")
    await page.get_by_label("file", exact=True).set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"twelve bytes"}
    )
    await page.get_by_label("owner", exact=True).press_sequentially("mi")
    await page.get_by_role("option", name="Mia").click()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log")).to_contain_text("notes.txt, 12 bytes, for @Mia")


async def test_a_channel_invites_with_prompts_and_a_press_orders_one(play: Playground, visit: Visit) -> None:
    page = await visit(play)
    prompts = page.get_by_role("group", name="Prompts to begin with")
    await expect(prompts.get_by_role("button")).to_have_count(len(PROMPTS) + 1)
    await prompts.get_by_role("button", name="a jellyfish").click()
    await expect(page.get_by_role("log")).to_contain_text("a jellyfish | none | 4 | 1:1")
    before = await page.locator("[data-message-id]").count()
    await prompts.get_by_role("button", name="Surprise me").click()
    await expect(page.locator("[data-message-id]")).to_have_count(before + 1)
    answer = page.locator("[data-message-id]").last
    await expect(answer).to_contain_text(re.compile(rf"({'|'.join(PROMPTS)}) \| none"))
    await page.get_by_role("link", name="after-dark").click()
    await expect(page.get_by_role("heading", name="Welcome to #after-dark")).to_be_visible()
    await expect(prompts).to_have_count(0)


async def test_a_tour_leads_a_newcomer_from_an_order_to_a_moderators_channel_once(
    play: Playground, visit: Visit
) -> None:
    page = await visit(play, is_new=True)
    tour = page.get_by_role("region", name="Tour")
    await tour.get_by_role("button", name="Order an owl").click()
    await expect(page.get_by_role("log")).to_contain_text("an owl | none | 4 | 1:1")
    await tour.get_by_role("button", name="a bloody sword").click()
    await expect(page.get_by_role("log")).to_contain_text("a bloody sword | none")
    await tour.get_by_role("button", name="Become Mia").click()
    await expect(page.get_by_role("heading", name="mod-log", exact=True)).to_be_visible()
    await tour.get_by_role("button", name="Done").click()
    await expect(tour).to_be_hidden()
    await page.reload()
    await page.get_by_role("textbox", name="Message #mod-log").wait_for()
    await expect(tour).to_be_hidden()


async def test_the_tour_can_be_skipped_and_seen_again(play: Playground, visit: Visit) -> None:
    page = await visit(play, is_new=True)
    tour = page.get_by_role("region", name="Tour")
    await expect(tour).to_contain_text("1 of 4")
    await tour.get_by_role("button", name="Skip the tour").click()
    await page.reload()
    await page.get_by_role("textbox", name="Message #gallery").wait_for()
    await expect(tour).to_be_hidden()
    await page.get_by_role("button", name="Tour", exact=True).click()
    await expect(tour).to_contain_text("1 of 4")


async def test_direct_messages_list_no_command_that_is_refused_there(play: Playground, visit: Visit) -> None:
    play.world.open_dm(play.person("ben").user)
    page = await visit(play, "ben", "direct-messages")
    box, options = page.get_by_role("textbox"), page.get_by_role("option")
    await box.press_sequentially("/")
    await expect(options.filter(has_text="/imagine")).to_be_visible()
    await expect(options.filter(has_text="/whisper")).to_have_count(0)
    await page.get_by_role("link", name="gallery").click()
    await box.press_sequentially("/")
    await expect(options.filter(has_text="/whisper")).to_be_visible()


async def test_a_phone_shows_the_bots_switches(visit: Visit) -> None:
    async with Playground.open(bot_control=Switch()) as play:
        page = await visit(play)
        await page.set_viewport_size({"width": 390, "height": 780})
        button = page.get_by_role("button", name="Start the bot")
        await expect(button).to_be_visible()
        inside = await button.evaluate("each => each.scrollWidth <= each.clientWidth")
        assert inside
        prompts = page.get_by_role("group", name="Prompts to begin with")
        await expect(prompts.get_by_role("button").first).to_be_disabled()


def tensors(path: Path, *names: str) -> Path:
    """Writes a .safetensors file with these tensors, of one number each."""
    places = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]}
        for i, name in enumerate(names)
    }
    header = json.dumps(places).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4 * len(names)))
    return path


async def test_a_model_of_ones_own_is_looked_at_and_its_lines_are_settings(
    visit: Visit, tmp_path: Path
) -> None:
    async with Playground.open(bot_control=Switch()) as play:
        page = await visit(play)
        await page.get_by_role("button", name="Use your own model").click()
        panel = page.get_by_role("dialog", name="Use your own model")
        file, folder = panel.get_by_label("Choose a file").last, panel.get_by_label("Choose a folder").last
        said, lines = panel.get_by_role("status"), panel.locator("pre")
        xl = tensors(tmp_path / "xl.safetensors", "conditioner.embedders.0.weight", "model.weight")
        lora = tensors(tmp_path / "lora.safetensors", "unet.lora_up.weight")
        gguf = tmp_path / "packed.GGUF"
        gguf.write_bytes(b"GGUF")
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(xl.read_bytes()[:-1])
        for chosen, words in (
            (xl, "a whole file with 2 tensors. It looks like Stable Diffusion XL."),
            (lora, "is a LoRA"),
            (gguf, "needs base"),
            (cut, "is no whole .safetensors file"),
        ):
            await file.set_input_files(chosen)
            await expect(said).to_contain_text(words)
        await folder.set_input_files(BUNDLED_MODEL / "vae")
        await expect(said).to_contain_text("has no model_index.json")
        await folder.set_input_files(BUNDLED_MODEL)
        await expect(said).to_contain_text("StableDiffusionPipeline with all of its 5 parts.")
        config = tmp_path / "config.toml"
        text = await lines.inner_text()
        config.write_text(text.replace("/path/to/bundled", str(BUNDLED_MODEL)), "utf-8")
        [model] = load(config, {}).models
        assert (model.name, model.source, model.side) == ("mine", str(BUNDLED_MODEL), 512)


async def test_a_dropped_file_or_folder_is_looked_at(visit: Visit, tmp_path: Path) -> None:
    async with Playground.open(bot_control=Switch()) as play:
        page = await visit(play)
        await page.get_by_role("button", name="Use your own model").click()
        panel = page.get_by_role("dialog", name="Use your own model")
        box = await panel.bounding_box()
        assert box is not None
        # Files of the disk, as a person drags them; the page's own events can't carry a folder.
        devtools = await page.context.new_cdp_session(page)
        xl = tensors(tmp_path / "xl.safetensors", "conditioner.embedders.0.weight")
        for dropped, words in (
            (xl, "It looks like Stable Diffusion XL."),
            (BUNDLED_MODEL, "StableDiffusionPipeline with all of its 5 parts."),
            (BUNDLED_MODEL / "vae", "vae has no model_index.json"),
        ):
            for kind in ("dragEnter", "dragOver", "drop"):
                await devtools.send(
                    "Input.dispatchDragEvent",
                    {
                        "type": kind,
                        "x": box["x"] + box["width"] / 2,
                        "y": box["y"] + box["height"] / 2,
                        "data": {"items": [], "files": [str(dropped)], "dragOperationsMask": 1},
                    },
                )
            await expect(panel.get_by_role("status")).to_contain_text(words)
        assert page.url.startswith(play.api_url.rsplit("/", 2)[0]), (
            "the file was not opened in place of the page"
        )


async def test_a_message_command_is_in_the_menu_of_a_message(play: Playground, visit: Visit) -> None:
    page = await visit(play)
    await send(page, "look at this line")
    message = page.locator("[data-message-id]").filter(has_text="look at this line")
    id = await message.get_attribute("data-message-id")
    await message.click(button="right")
    await page.get_by_role("menuitem", name="Report").click()
    await expect(page.get_by_role("log")).to_contain_text(f"reported {id}")


async def test_switching_the_member_changes_what_is_seen_and_survives_a_reload(
    play: Playground, visit: Visit
) -> None:
    page = await visit(play)
    channels = page.get_by_role("navigation", name="Channels")
    await expect(channels).not_to_contain_text("mod-log")
    await page.get_by_role("navigation", name="Members").get_by_role("link").nth(2).click()
    await channels.get_by_role("link", name="mod-log").click()
    mia = play.person("mia")
    await expect(page).to_have_url(re.compile(rf"\?as={mia.id}#mod-log$"))
    await page.reload()
    await send(page, "noted", channel="mod-log")
    await play.wait_for_message(lambda message: message.content == "noted", "mod-log")
    await expect(page.get_by_role("log", name="Messages in #mod-log")).to_contain_text("noted")


async def test_without_a_bot_the_page_says_so_and_finds_a_restarted_playground_again(visit: Visit) -> None:
    async with Playground.open() as play:
        page = await visit(play)
        port = int(play.page_url.rstrip("/").rsplit(":", 1)[1])
        banner = page.locator("#banner")
        await expect(banner).to_contain_text("is offline")
        await send(page, "/imagine prompt: nobody")
        await expect(page.locator("#notice")).to_have_text(
            "Atelier is offline, and its commands are not known yet."
        )
        await expect(page.locator("#message")).to_have_value("/imagine prompt: nobody")
    await expect(banner).to_contain_text("cannot be reached")
    async with Playground.open(port=port) as play:
        await expect(banner).to_contain_text("is offline")
        await play.person("ada").say("gallery", "still here")
        await expect(page.get_by_role("log")).to_contain_text("still here")
