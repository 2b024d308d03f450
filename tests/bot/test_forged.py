"""The standing hostile test: to all that a forger makes up the answer is a sentence, nothing breaks, and nothing leaks.

Nothing leaks: no answer holds the bot's token, a path of the data folder, or a traceback. Uploads become pictures under their
hash, or no file.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from discord import AppCommandOptionType, app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bot.cases.buttons import (
    AppealPress,
    CaseAction,
    FoldedAction,
    LogChannelPress,
    ProposalAction,
    RaidAction,
    SeveralAction,
)
from bot.client import Atelier
from bot.commands.picture import PanelPress
from bot.gallery.ideas import IdeaPress
from bot.gallery.tries import TryPress
from bot.gallery.typed_cards import TypedPress
from bot.privacy.cards import PrivacyPress
from bot.studio.errors import UnreadablePress
from bot.studio.orders.order import GalleryAction
from bot.studio.settings import Settings
from bot.ui.components import OURS, Button
from bot.ui.pagination import Page
from db.ids import ALPHABET
from db.jobs import ReplyTarget
from generation.control.kinds import ControlEntry
from generation.request import JobId, MemberId, Prompt
from moderation.duration import MINUTE
from moderation.rate_limits import Limits
from playground.people.person import Person
from playground.server import Playground
from playground.world.files import Upload
from tests.bot.conftest import ADA, CHANNEL, Clock, Shop, until
from tests.bot.desk import flagged
from tests.bot.forger import BUG, Faults, Forger, Overheard, faults
from tests.bot.painter import png
from tests.bot.ways_in import kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

OWN, BENS, ELSEWHERE, REMOVED = (JobId(letter * 10) for letter in "abcd")
NEVER = JobId("z" * 10)
JOBS = [OWN, BENS, ELSEWHERE, REMOVED, NEVER]
SECRET = "a prompt of another server"
"""No answer in this server may hold it."""


@dataclass(frozen=True, slots=True)
class Scene:
    forger: Forger
    heard: Overheard
    faults: Faults
    data: Path
    people: tuple[Person, ...]
    clock: Clock

    def who(self, is_moderator: bool) -> Person:
        return self.people[is_moderator]

    async def uploads(self) -> int:
        return await self.forger.atelier.parts.records.database.reader.value("SELECT count(*) FROM uploads")

    async def is_answered(self) -> None:
        """Waits for what comes after "is thinking"."""

        def is_over() -> bool:
            return not any(task.get_name().startswith("CommandTree") for task in asyncio.all_tasks())

        await until(is_over)

    def demand_harmless(self, said: str, *, is_answered: bool = True) -> None:
        """Fails when the answers since the last call were no sentence, or leak."""
        told = "\n".join([said, *self.heard.bodies])
        self.heard.bodies.clear()
        assert self.faults.found == []
        for secret in (BUG, "Traceback", self.forger.play.token, str(self.data), "sqlite", SECRET):
            assert secret not in told
        assert said or not is_answered


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No limit is reached, and a model takes sketches."""
    limits = Limits(images_a_minute=10**6, images_a_day=10**6, jobs_in_line=10**6)
    small, *others = settings.models
    models = (replace(small, controls=ControlEntry(scribble="owner/net")), *others)
    return replace(settings, limits=limits, models=models)


@pytest.fixture
def heard() -> Overheard:
    return Overheard()


@pytest.fixture
async def play(monkeypatch: pytest.MonkeyPatch, heard: Overheard) -> AsyncGenerator[Playground]:
    """A local Discord whose traffic is searched for secrets."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    async with Playground.open(observer=heard) as play:
        yield play


@pytest.fixture
async def scene(
    shop: Shop, play: Playground, atelier: Atelier, heard: Overheard, tmp_path: Path
) -> AsyncGenerator[Scene]:
    [guild] = atelier.guilds
    ada, ben, mia = (play.person(name) for name in ("ada", "ben", "mia"))
    here = ReplyTarget(guild_id=guild.id, channel_id=play.channel("gallery").id)
    there = ReplyTarget(guild_id=guild.id + 1, channel_id=CHANNEL)
    hill = Prompt(text="a quiet hill")
    for job, member, place in ((OWN, ada, here), (BENS, ben, here), (REMOVED, ada, here)):
        await kept(shop, hill, id=job, member=MemberId(member.id), place=place)
    await kept(shop, Prompt(text=SECRET), id=ELSEWHERE, member=MemberId(7), place=there)
    actor = replace(ADA, guild_id=guild.id, member=MemberId(ada.id))
    await shop.takedown.remove(REMOVED, actor, "mine")
    await flagged(shop, actor)
    with faults() as found:
        yield Scene(Forger(play, atelier), heard, found, tmp_path, (ada, mia), shop.clock)


def forged(count: int) -> Any:
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return examples(max_examples=count, deadline=None, suppress_health_check=quiet)


words = st.text(max_size=40) | st.sampled_from(
    ["a fox", "7d", "1m", OWN, ELSEWHERE, "emoji", "--seed", "x" * 6000, "\0", "0:" + "f" * 64, "🦊", "a, b"]
)
subjects = st.sampled_from(JOBS) | st.text(ALPHABET, min_size=10, max_size=10)
numbers = st.sampled_from([0, 1, 2, 2**53, 2**63 - 1, 2**63, 10**19 - 1]) | st.integers(0, 2**64)
cursors = st.from_regex(r"\A[\w.:-]{1,75}\Z") | st.builds(
    "{}.{}.{}.{}.{}".format, numbers, numbers, st.sampled_from("-afrx"), numbers, numbers
)
images = st.integers(0, 4)
NUMBERED: list[type[StrEnum]] = [
    CaseAction,
    AppealPress,
    LogChannelPress,
    PrivacyPress,
    TypedPress,
    IdeaPress,
    SeveralAction,
    RaidAction,
]
"""Presses on a thing that has a number."""
custom_ids = st.one_of(
    st.builds("atelier:1:{}:{}:{}".format, st.sampled_from(GalleryAction), subjects, images),
    st.builds(
        "atelier:1:{}:{}".format, st.sampled_from([each for kind in NUMBERED for each in kind]), numbers
    ),
    st.builds("atelier:1:{}:{}:{}".format, st.sampled_from(PanelPress), numbers, images),
    st.builds("atelier:1:{}:{}:{}".format, st.sampled_from(TryPress), words, numbers),
    st.builds("atelier:1:{}:{}".format, st.sampled_from(Page), cursors),
    st.builds(
        "atelier:1:{}:{}:{}".format, st.sampled_from([*FoldedAction, *ProposalAction]), numbers, numbers
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60).map(OURS.__add__),
).map(lambda each: each[:100].strip())


PLANTED = [f"atelier:1:{action}:{ELSEWHERE}:0" for action in GalleryAction]


def with_planted(test: Any) -> Any:
    """Always presses the buttons of the other server's picture, as a member and as a moderator."""
    for custom_id in PLANTED:
        for is_moderator in (False, True):
            test = example(custom_id, is_moderator)(test)
    return test


@with_planted
@forged(150)
@given(custom_ids, st.booleans())
async def test_any_custom_id_is_answered(scene: Scene, custom_id: str, is_moderator: bool) -> None:
    said = await scene.forger.press(scene.who(is_moderator), custom_id)
    scene.demand_harmless(said, is_answered=False)  # a cancel or a deletion is answered without words


values = st.one_of(
    words,
    st.integers(-(2**70), 2**70),
    st.integers(0, 9),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(["7", "9" * 19, [], {}, "https://discord.com/channels/1/2/" + "9" * 20]),
)
FITTING: dict[int, st.SearchStrategy[Any]] = {
    3: words,
    4: st.integers(0, 9) | st.sampled_from([2**53 - 1]),
    5: st.booleans(),
    10: st.floats(0, 10),
}
"""Values of the option's own type, which reach the command itself."""


@forged(150)
@given(st.data(), st.booleans())
async def test_any_option_is_answered(scene: Scene, data: st.DataObject, is_moderator: bool) -> None:
    leaves = {
        each.qualified_name: each
        for each in scene.forger.atelier.tree.walk_commands()
        if isinstance(each, app_commands.Command)
    }
    command = leaves[data.draw(st.sampled_from(sorted(leaves)))]
    ada = scene.people[0]
    options: list[dict[str, Any]] = []
    for parameter in command.parameters:
        if parameter.required or data.draw(st.booleans()):
            kind = parameter.type.value
            choices = [each.value for each in parameter.choices]
            usual = st.sampled_from(choices) if choices else FITTING.get(kind, st.just(str(ada.id)))
            value = data.draw(st.one_of(usual, usual, values))
            options.append({"name": parameter.name, "type": kind, "value": value})
    resolved = {"users": {str(ada.id): ada.user.json}}
    said = await scene.forger.command(
        scene.who(is_moderator), command.qualified_name, options, resolved=resolved
    )
    scene.demand_harmless(said, is_answered=False)  # a deferred command answers later


field_values = st.one_of(words, st.integers(), st.none(), st.lists(words, max_size=2))
fields = st.fixed_dictionaries(
    {"type": st.sampled_from([3, 4]), "id": st.just(2)},
    optional={
        "custom_id": st.sampled_from(["prompt", "negative", "image", "change", "cells", "files", "other"]),
        "value": field_values,
        "values": field_values,
    },
)
labels = st.fixed_dictionaries({"type": st.just(18), "id": st.just(1)}, optional={"component": fields})


OF_PICTURES = ["remixed", "regioned", "drawnregion"]
OF_MESSAGES = ["picture-remixed", "picture-edited", "picture-styled"]
forms = st.one_of(
    st.builds("{}:{}:{}".format, st.sampled_from(OF_PICTURES), subjects | st.text(max_size=12), images),
    st.builds("edited:{}".format, numbers),
    st.builds("{}:{}:{}".format, st.sampled_from(OF_MESSAGES), numbers, images),
)


@forged(150)
@given(forms, st.lists(labels, max_size=4))
async def test_any_form_is_answered(scene: Scene, form: str, components: list[Any]) -> None:
    # discord.py itself reads these before the bot does.
    for each in components:
        each.setdefault("component", {"type": 4, "id": 2})
    said = await scene.forger.form(scene.people[0], f"{OURS}1:{form}"[:100], components)
    scene.demand_harmless(said)


ODD_NAMES = [
    "../../x.png",
    "/etc/passwd",
    "..\\x.png",
    "C:\\x.png",
    "\0.png",
    ".png",
    "a/b.png",
    "~/x.png",
    "x" * 300,
]
names = st.text(max_size=40) | st.sampled_from(ODD_NAMES)
contents = st.binary(max_size=64) | st.sampled_from(
    [b"", b"\x89PNG\r\n\x1a\n", b"a fox --seed 7", b"../../x", "\ufeffa fox".encode(), b"\xff\xfe"]
)


def files_at(data: Path) -> set[Path]:
    """Returns the files in the data folder, and those that lie directly in the two folders above it."""
    paths = [*data.rglob("*"), *(path for above in data.parents[:2] for path in above.iterdir())]
    return {path for path in paths if path.is_file()}


UPLOADS = [
    ("imagine", ["image"]),
    ("imagine", ["image", "mask"]),
    ("vary", ["picture"]),
    ("blend", ["first", "second"]),
    ("edit", ["picture"]),
    ("sketch", ["picture"]),
    ("style reference", ["picture"]),
    ("style save", ["picture"]),
    ("verify", ["picture"]),
    ("imagine", ["file"]),
]
"""The options of each command that take a file."""
NOT_KEPT = [("verify", ["picture"]), ("imagine", ["file"])]
PICTURE = png("white")  # a mask of all of it, too


def test_every_button_form_and_command_with_a_file_is_forged(atelier: Atelier) -> None:
    others = [GalleryAction, PanelPress, TryPress, Page, FoldedAction, ProposalAction]
    assert {each.actions for each in Button.__subclasses__()} == {*NUMBERED, *others}
    samples = (
        [f"{name}:{OWN}:0" for name in OF_PICTURES]
        + [f"{name}:7:0" for name in OF_MESSAGES]
        + ["edited:7", "decide:warn:7", "decide-all:warn:7", "ask:7", "reported:7"]
    )
    for read in atelier.routes._forms:  # pyright: ignore[reportPrivateUsage]
        sent = [{"custom_id": f"{OURS}1:{each}", "components": []} for each in samples]
        assert any(is_read(read, each) for each in sent), read
    taking = {
        each.qualified_name
        for each in atelier.tree.walk_commands()
        if isinstance(each, app_commands.Command)
        and any(parameter.type is AppCommandOptionType.attachment for parameter in each.parameters)
    }
    # The last one takes no picture; tests/bot/studio/screening/test_rule_files.py sends it odd files.
    assert taking == {command for command, _ in UPLOADS} | {"mod rule import"}


def is_read(read: Callable[[dict[str, Any]], object], sent: dict[str, Any]) -> bool:
    try:
        return read(sent) is not None
    except UnreadablePress:
        return True


TEXTS = {
    **{name: {"prompt": "a fox"} for name in ("imagine", "blend", "sketch", "style reference")},
    "edit": {"instruction": "make the sky red"},
    "vary": {"strength": "subtle"},
    "style save": {"name": "ink"},
    "verify": {},
}


def with_a_picture(test: Any) -> Any:
    """Sends each command a picture with an odd name, so that it is tried to its end."""
    for name, where in zip(ODD_NAMES, UPLOADS, strict=False):
        test = example(name, PICTURE, where)(test)
    return test


@with_a_picture
@forged(40)
@given(
    names, contents, st.sampled_from(NOT_KEPT)
)  # each of the others starts a process that reads the picture
async def test_an_upload_never_leaves_its_folder(
    scene: Scene, name: str, content: bytes, where: tuple[str, list[str]]
) -> None:
    command, files = where
    scene.clock.now += MINUTE + 1  # for the limits on checks and uploads
    play = scene.forger.play
    upload = Upload(field="file", filename="a.png", content_type=None, content=content)
    body = play.world.files.receive(upload, play.world.guild.id) | {"filename": name}
    before, stored = files_at(scene.data), await scene.uploads()
    options: list[dict[str, Any]] = [{"name": each, "type": 11, "value": body["id"]} for each in files]
    texts = {"prompt": "."} if files == ["file"] else TEXTS[command]
    options += [{"name": each, "type": 3, "value": text} for each, text in texts.items()]
    resolved = {"attachments": {body["id"]: body}}
    said = await scene.forger.command(scene.people[0], command, options, resolved=resolved)
    await scene.is_answered()
    scene.demand_harmless(said, is_answered=False)
    written = files_at(scene.data) - before
    assert {each.parent.parent for each in written} <= {scene.data / "images"}
    assert all(re.fullmatch(r"[0-9a-f]{64}\.png", each.name) for each in written)
    if content == PICTURE and (command, files) not in NOT_KEPT:
        assert await scene.uploads() > stored, "the picture came as far as the disk"
