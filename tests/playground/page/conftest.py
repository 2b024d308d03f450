"""A browser, and a playground with a small bot that uses every feature of the page."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import discord
import pytest
import pytest_asyncio
from discord import app_commands, ui
from discord.http import Route
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from playground.server import Playground

CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 8000.0  # milliseconds that a page's locators wait

Visit = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncGenerator[Browser, None]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium at /usr/bin/chromium or on PATH")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        await chromium.close()


@pytest.fixture(scope="module")
def patch() -> Generator[pytest.MonkeyPatch, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def play(patch: pytest.MonkeyPatch) -> AsyncGenerator[Playground, None]:
    async with Playground.open(answer_within=1.5) as play:
        patch.setattr(Route, "BASE", play.api_url)
        bot = SmallBot()
        running = asyncio.create_task(bot.start(play.token))
        try:
            await play.wait_for_bot()
            yield play
        finally:
            await bot.close()
            await running


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncGenerator[Visit, None]:
    """Opens the page for a person in a separate browser context. An error in the page's code fails the test."""
    errors: list[str] = []
    async with AsyncExitStack() as stack:

        async def visit(
            play: Playground, name: str = "ada", channel: str = "gallery", *, is_new: bool = False
        ) -> Page:
            context = await browser.new_context(viewport={"width": 1100, "height": 800}, locale="en-US")
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE)
            if not is_new:
                await context.add_init_script("localStorage.setItem('tour-seen', 'yes')")
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(f"{play.page_url}?as={play.person(name).id}#{channel}")
            await page.get_by_role("textbox", name=f"Message #{channel}").wait_for()
            return page

        yield visit
    assert errors == []


def picture(color: str, name: str) -> discord.File:
    file = io.BytesIO()
    Image.new("RGB", (96, 64), color).save(file, "PNG")
    file.seek(0)
    return discord.File(file, name)


class Gallery(ui.LayoutView):
    """The message that /imagine posts: a picture and its buttons."""

    def __init__(self, title: str, file: str) -> None:
        super().__init__(timeout=None)
        sharpen: ui.Button[Gallery] = ui.Button(label="Sharpen", style=discord.ButtonStyle.primary)
        stuck: ui.Button[Gallery] = ui.Button(label="Stuck")
        sharpen.callback = self.sharpen
        stuck.callback = self.never_answer
        pictures: ui.MediaGallery[Gallery] = ui.MediaGallery()
        pictures.add_item(media=f"attachment://{file}", description=title)
        self.add_item(ui.Container(ui.TextDisplay(f"### {title}"), pictures, ui.ActionRow(sharpen, stuck)))

    async def sharpen(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(
            view=Gallery("sharper", "sharp.png"), attachments=[picture("teal", "sharp.png")]
        )

    async def never_answer(self, interaction: discord.Interaction) -> None:
        raise LookupError  # discord.py acknowledges the interaction when a callback returns

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, item: ui.Item[Any], /
    ) -> None:
        pass


class Feedback(ui.Modal, title="Your opinion"):
    words: ui.TextInput[Feedback] = ui.TextInput(label="In your words", min_length=3)
    mark: ui.Label[Feedback] = ui.Label(
        text="Mark",
        component=ui.Select(
            options=[discord.SelectOption(label="Good"), discord.SelectOption(label="Bad")], custom_id="mark"
        ),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert isinstance(self.mark.component, ui.Select)
        await interaction.response.send_message(f"{self.words.value}: {self.mark.component.values[0]}")


class SmallBot(discord.AutoShardedClient):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True))
        self.tree = app_commands.CommandTree(self)
        for command in (imagine, whisper, feedback, keep, report):
            self.tree.add_command(command)
        log = app_commands.Group(name="mod", description="Moderation")
        log.add_command(cases)
        self.tree.add_command(log)

    async def setup_hook(self) -> None:
        await self.tree.sync()


async def models(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    known = {"Fast and small": "model-fast", "Slow and careful": "model-slow"}
    return [app_commands.Choice(name=k, value=v) for k, v in known.items() if typed.lower() in k.lower()]


@app_commands.command(description="Make a picture")
@app_commands.describe(prompt="What to see", model="Who paints", steps="How long", shape="Which shape")
@app_commands.autocomplete(model=models)
@app_commands.choices(
    shape=[app_commands.Choice(name="square", value="1:1"), app_commands.Choice(name="wide", value="3:2")]
)
async def imagine(
    interaction: discord.Interaction,
    prompt: str,
    model: str = "none",
    steps: app_commands.Range[int, 1, 50] = 4,
    shape: str = "1:1",
) -> None:
    title = f"{prompt} | {model} | {steps} | {shape}"
    await interaction.response.send_message(
        view=Gallery(title, "first.png"), file=picture("navy", "first.png")
    )


@app_commands.command(description="Something for you alone")
@app_commands.guild_only()
async def whisper(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("psst", ephemeral=True)


@app_commands.command(description="Say what you think")
async def feedback(interaction: discord.Interaction) -> None:
    await interaction.response.send_modal(Feedback())


@app_commands.command(description="Keep a file")
async def keep(interaction: discord.Interaction, file: discord.Attachment, owner: discord.Member) -> None:
    size = len(await file.read())
    await interaction.response.send_message(f"{file.filename}, {size} bytes, for {owner.mention}")


@app_commands.command(name="log", description="The last cases")
async def cases(interaction: discord.Interaction, member: discord.User) -> None:
    await interaction.response.send_message(f"cases of {member.mention}")


@app_commands.context_menu(name="Report")
async def report(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"reported {message.id}", ephemeral=True)
