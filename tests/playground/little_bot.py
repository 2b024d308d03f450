"""A small bot on the unmodified discord.py client that uses every kind of answer that the playground supports."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import discord
from discord import app_commands, ui
from PIL import Image

from playground.server import Playground


def png(color: str = "teal", side: int = 16) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), color).save(file, "PNG")
    return file.getvalue()


def picture(name: str = "fox.png") -> discord.File:
    return discord.File(io.BytesIO(png()), name, description="A fox")


class GalleryView(ui.LayoutView):
    """A Components V2 message that shows its own attachment."""

    def __init__(self, title: str) -> None:
        super().__init__(timeout=None)
        self.row: ui.ActionRow[GalleryView] = ui.ActionRow()
        again = ui.Button[GalleryView](label="Again", custom_id="little:again")
        gone = ui.Button[GalleryView](label="Gone", custom_id="little:gone", disabled=True)
        self.row.add_item(again).add_item(gone)
        gallery = ui.MediaGallery[GalleryView](
            discord.MediaGalleryItem("attachment://fox.png", description="A fox")
        )
        self.add_item(ui.Container(ui.TextDisplay(f"**{title}**"), gallery, ui.Separator(), self.row))


class NoteModal(ui.Modal, title="A note"):
    text: ui.Label[NoteModal] = ui.Label(text="Text", component=ui.TextInput(custom_id="text", max_length=20))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.text.component, ui.TextInput)
        await interaction.response.send_message(f"noted: {self.text.component.value}")


class SurveyModal(ui.Modal, title="A survey"):
    """A modal with every kind of input."""

    def __init__(self) -> None:
        super().__init__(custom_id="survey")
        self.size = ui.RadioGroup[SurveyModal](custom_id="size")
        self.extras = ui.CheckboxGroup[SurveyModal](custom_id="extras", required=False)
        for each in ("small", "large"):
            self.size.add_option(label=each, value=each)
            self.extras.add_option(label=each, value=each)
        self.agree = ui.Checkbox[SurveyModal](custom_id="agree")
        self.upload = ui.FileUpload[SurveyModal](custom_id="upload", required=False)
        self.friend = ui.UserSelect[SurveyModal](custom_id="friend", required=False)
        self.add_item(ui.Label(text="Size", component=self.size))
        self.add_item(ui.Label(text="Extras", component=self.extras))
        self.add_item(ui.Label(text="Agree", component=self.agree))
        self.add_item(ui.Label(text="Upload", component=self.upload))
        self.add_item(ui.Label(text="Friend", component=self.friend))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        files = ", ".join(each.filename for each in self.upload.values)
        friends = ", ".join(each.name for each in self.friend.values)
        text = f"{self.size.value} {self.extras.values} {self.agree.value} {files} {friends}"
        await interaction.response.send_message(text)


class LittleBot(discord.AutoShardedClient):
    """A bot that answers /draw, /later, /whisper, /note, /silence, /look, /mod log and the menus on people and messages."""

    def __init__(self, play: Playground) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            guild_ready_timeout=0.0,
            activity=discord.CustomActivity("Painting"),
        )
        self.play = play
        self.tree = app_commands.CommandTree(self)
        self.seen: list[discord.Interaction] = []
        self.resumes = 0
        self.go_on = asyncio.Event()  # /later waits for this event
        add_commands(self)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skips the five seconds that discord.py waits between two identifies."""

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.seen.append(interaction)
        self.play.world.changed.notify()
        if interaction.type is discord.InteractionType.component:
            await self.pressed(interaction)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self.resumes += 1
        self.play.world.changed.notify()

    async def pressed(self, interaction: discord.Interaction) -> None:
        data = interaction.data or {}
        match data.get("custom_id"):
            case "little:again":
                await interaction.response.send_message("again", ephemeral=True)
            case "little:update":
                await interaction.response.edit_message(content="updated", view=None)
            case "little:quiet":
                await interaction.response.defer()
                await interaction.edit_original_response(content="changed in silence")
            case "little:form":
                await interaction.response.send_modal(NoteModal())
            case "little:menu":
                await interaction.response.send_message(", ".join(data.get("values", [])))
            case str(name) if name.startswith("little:resolved"):
                resolved = [each for kind in data.get("resolved", {}).values() for each in kind]  # pyright: ignore
                await interaction.response.send_message(f"{len(resolved)} resolved")
            case _:
                pass


def buttons() -> ui.View:
    view = ui.View(timeout=None)
    for name in ("update", "quiet", "form"):
        view.add_item(ui.Button(label=name.title(), custom_id=f"little:{name}"))
    options = [discord.SelectOption(label=each) for each in ("red", "green", "blue")]
    view.add_item(ui.Select(custom_id="little:menu", options=options, max_values=2))
    return view


def add_commands(bot: LittleBot) -> None:
    tree = bot.tree

    async def models(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        known = ("flux", "flow", "sketch")
        return [
            app_commands.Choice(name=each.title(), value=each) for each in known if each.startswith(typed)
        ]

    @tree.command(description="Draws at once")
    @app_commands.autocomplete(model=models)
    async def draw(
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 2, 40],
        images: app_commands.Range[int, 1, 4] = 1,
        model: str = "flux",
        likeness: discord.Attachment | None = None,
        friend: discord.Member | None = None,
    ) -> None:
        size = len(await likeness.read()) if likeness else 0
        text = f"{prompt} x{images} {model} {size} {friend.name if friend else '-'}"
        await interaction.response.send_message(text, view=buttons())

    @tree.command(description="Draws after a while")
    async def later(interaction: discord.Interaction, private: bool = False) -> None:
        await interaction.response.defer(ephemeral=private)
        await bot.go_on.wait()
        await interaction.edit_original_response(view=GalleryView("later"), attachments=[picture()])
        await interaction.followup.send("and one more", ephemeral=private)

    @tree.command(description="For you alone")
    async def whisper(interaction: discord.Interaction) -> None:
        answer = await interaction.response.send_message("psst", ephemeral=True)
        assert answer.message_id is not None

    @tree.command(description="Opens a form")
    async def note(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(NoteModal())

    @tree.command(description="Opens a long form")
    async def survey(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(SurveyModal())

    @tree.command(description="Names what was picked")
    async def pick(
        interaction: discord.Interaction,
        role: discord.Role,
        room: discord.TextChannel,
        who: discord.Role | discord.Member,
        level: float = 1.0,
        loud: bool = False,
    ) -> None:
        view = ui.View(timeout=None)
        view.add_item(ui.UserSelect(custom_id="little:resolved", max_values=2))
        view.add_item(ui.ChannelSelect(custom_id="little:resolved:room"))
        view.add_item(ui.RoleSelect(custom_id="little:resolved:role"))
        text = f"{role.name} {room.name} {who.name} {level} {loud}"
        await interaction.response.send_message(text, view=view)

    @tree.command(description="Never answers")
    async def silence(interaction: discord.Interaction) -> None:
        pass

    @tree.command(description="A picture in an embed")
    async def look(interaction: discord.Interaction) -> None:
        embed = discord.Embed(title="Look").set_image(url="attachment://fox.png")
        await interaction.response.send_message(embed=embed, file=picture())

    moderation = app_commands.Group(
        name="mod",
        description="For moderators",
        default_permissions=discord.Permissions(moderate_members=True),
    )

    @moderation.command(name="log", description="What happened")
    async def log(interaction: discord.Interaction) -> None:
        may = interaction.permissions.moderate_members
        await interaction.response.send_message("the log" if may else "no", ephemeral=True)

    tree.add_command(moderation)

    @tree.context_menu(name="Report")
    async def report(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"reported {message.content}", ephemeral=True)

    @tree.context_menu(name="Greet")
    async def greet(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"hello {member.display_name}")


@asynccontextmanager
async def running(play: Playground) -> AsyncGenerator[LittleBot, None]:
    """Runs the bot, logged in and synced, and closes it at the end."""
    bot = LittleBot(play)
    async with asyncio.TaskGroup() as tasks:
        started = tasks.create_task(bot.start(play.token))
        try:
            await play.wait_for_bot(10)
            yield bot
        finally:
            await bot.close()
            await asyncio.wait([started], timeout=10)
