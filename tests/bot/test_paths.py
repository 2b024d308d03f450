"""No verdict depends on how a text reached the bot: every way in is listed here, and a new one that is not fails."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from PIL import Image

import bot
from bot.app import build
from bot.attached import wish_in
from bot.buttons import GalleryButton
from bot.case_buttons import AnswerButton, AppealButton, CaseButton, Form
from bot.client import Atelier
from bot.house_rules import Draft
from bot.orders import Order, Press
from bot.pages import PageButton
from bot.parameters import NAMES, Wish, compose, read, with_file
from bot.privacy_cards import ForgetButton
from bot.remix import RemixForm, form_of, wanted_in
from db.ids import new_job_id
from db.images import StoredImage
from db.jobs import Job, Place
from generation.images import parameters_of, to_png
from generation.request import GenerationRequest, ImageSize, Prompt
from moderation.policy import Action, Change
from moderation.screen import Screen
from moderation.verdict import Category, Ruling, Verdict
from playground.modals import filled, read_modal
from tests.bot.conftest import ADA, CHANNEL, GUILD, MIA, SMALL, Shop, an_order
from tests.bot.painter import png
from tests.bot.test_house_policies import SERVER, learned

pytestmark = pytest.mark.timeout(300)
__all__ = ["learned"]  # a fixture


class Carries(StrEnum):
    """What of a member's words a way in brings to the picture."""

    PROMPT = "what it shows"
    NEGATIVE = "what it does not show"
    NAME = "one of the settings' names, or a refusal"
    NOTHING = "words for moderators, or none at all"


OPTIONS = {
    "imagine prompt": Carries.PROMPT,
    "imagine negative": Carries.NEGATIVE,
    "imagine model": Carries.NAME,
    "imagine lora": Carries.NAME,
    "imagine preset": Carries.NAME,
    "imagine file": Carries.PROMPT,
    "verify picture": Carries.NOTHING,
    "preset save name": Carries.NAME,
    "preset save text": Carries.PROMPT,
    "preset delete name": Carries.NAME,
}
"""Every option of text and every file of the members' commands; those of moderators and managers reach no picture."""

PARAMETERS = {
    name: Carries.NEGATIVE if option == "negative" else Carries.NAME for name, option in NAMES.items()
}
PRESSES = {
    Press.UPSCALE: Carries.PROMPT,
    Press.VARY: Carries.PROMPT,
    Press.REROLL: Carries.PROMPT,
    Press.REMIX: Carries.NOTHING,  # it opens a form, and what is in that is sent
    Press.CANCEL: Carries.NOTHING,
    Press.DELETE: Carries.NOTHING,
}
BUTTONS = {GalleryButton, PageButton, CaseButton, AppealButton, AnswerButton, ForgetButton}
"""All but the first are about lists, cases, appeals and being forgotten."""

FORMS = {
    RemixForm: {
        "prompt": Carries.PROMPT,
        "negative": Carries.NEGATIVE,
        "image": Carries.NOTHING,
        "change": Carries.NOTHING,
    },
    Form: {},
}
"""The fields of every form. `Form` is about cases: what is written in it reaches no picture."""

ORDERING = {
    "commands/imagine.py": 1,
    "gallery.py": 3 + 1 + 1,  # the three presses, the form, and the one place that admits
}
"""Where orders are sent on their way. Whoever adds a place adds the way in to the paths below."""

_ORDERS = re.compile(r"\.deliver\(|studio\.admit\(")


# ---- the list is whole


CARRYING = (discord.AppCommandOptionType.string, discord.AppCommandOptionType.attachment)


def text_options(command: Any) -> Iterator[str]:
    if isinstance(command, app_commands.Command):
        for parameter in command.parameters:
            if parameter.type in CARRYING and not parameter.choices:
                yield f"{command.qualified_name} {parameter.name}"


def client_of(shop: Shop) -> Atelier:
    studio = shop.studio
    return build(
        shop.settings,
        shop.records,
        shop.dispatch,
        studio.judging.screen,
        studio.inspection.check,
        studio.provenance,
    )


def test_every_text_option_of_a_member_is_listed(shop: Shop) -> None:
    client = client_of(shop)
    mine = [
        each
        for each in client.tree.walk_commands()
        if each.qualified_name.split()[0] not in ("mod", "server")
    ]
    assert {option for each in mine for option in text_options(each)} == set(OPTIONS)


def test_every_button_is_listed(shop: Shop) -> None:
    client = client_of(shop)
    store = client._connection._view_store  # pyright: ignore[reportPrivateUsage]  # nothing public lists them
    assert set(store._dynamic_items.values()) == BUTTONS  # pyright: ignore[reportPrivateUsage]
    assert set(PRESSES) == set(Press)


async def test_every_form_and_each_of_its_fields_is_listed(shop: Shop) -> None:
    kinds = discord.ui.Modal.__subclasses__()
    assert {each for each in kinds if each.__module__.startswith("bot.")} == set(FORMS)
    job = await kept(shop, Prompt(text="a quiet hill"))
    form = form_of(replace(await shop.derive.remixable(job.id), images=(0, 1)))
    fields = [each.component for each in form.children if isinstance(each, discord.ui.Label)]
    assert [str(getattr(each, "custom_id", "")) for each in fields] == list(FORMS[RemixForm])


def test_orders_are_sent_on_their_way_at_the_listed_places_alone() -> None:
    folder = Path(bot.__file__).parent
    found = {
        str(path.relative_to(folder)): len(_ORDERS.findall(path.read_text("utf-8")))
        for path in folder.rglob("*.py")
    }
    assert {path: count for path, count in found.items() if count} == ORDERING


# ---- the paths

_Path = Callable[[Shop, str], Awaitable[Order]]


def typed(form: str) -> _Path:
    async def path(shop: Shop, text: str) -> Order:
        return compose(Wish(prompt=form.format(text)), ADA, [SMALL], SMALL)

    return path


def amid(parameter: str) -> _Path:
    """A one-word parameter in the middle of the text."""

    async def path(shop: Shop, text: str) -> Order:
        first, *rest = text.split()
        wish = Wish(prompt=" ".join([first, parameter, *rest]))
        return compose(wish, ADA, [SMALL], SMALL, {"bare": "--cfg 4"})

    return path


def kept_as_preset(of: Callable[[list[str]], int], *, is_option: bool) -> _Path:
    """A part of the text typed, and the rest in a preset that was saved when nobody minded."""

    async def path(shop: Shop, text: str) -> Order:
        said = text.split()
        typed = of(said)
        presets = {"mine": " ".join(["--ar 3:2", *said[typed:], "--seed 7"])}
        wish = Wish(prompt=" ".join([*said[:typed], "--steps 5"]), preset="Mine" if is_option else None)
        if not is_option:
            wish = replace(wish, prompt=f"--preset mine {wish.prompt}")
        return compose(wish, ADA, [SMALL], SMALL, presets)

    return path


def in_a_file(content: Callable[[str], bytes], *, form: str = ".") -> _Path:
    """`form`: what is typed beside the file."""

    async def path(shop: Shop, text: str) -> Order:
        typed = read(Wish(prompt=form))
        held = wish_in(content(text), typed, [SMALL], SMALL)
        return compose(with_file(typed, held, {}), ADA, [SMALL], SMALL)

    return path


def spread_over_a_file(kind: Callable[[str], bytes]) -> _Path:
    """The first half in the file, the second typed."""

    async def path(shop: Shop, text: str) -> Order:
        said = text.split()
        half = (len(said) + 1) // 2
        typed = " ".join(said[half:]) or "."
        return await in_a_file(lambda _: kind(" ".join(said[:half])), form=typed)(shop, text)

    return path


def as_text(text: str) -> bytes:
    return f"\ufeff--seed 7\n{text}\n--ar 3:2".encode()


def as_png(text: str, negative: str = "") -> bytes:
    """A picture as the bot keeps it, that says it was drawn from this."""
    request = GenerationRequest(
        job=new_job_id(),
        member=ADA.member,
        model=SMALL.name,
        prompt=Prompt(text=text, negative=negative),
        size=SMALL.size_for((3, 2)),
        steps=5,
        guidance=4.0,
        seed=7,
        images=1,
    )
    return to_png(Image.new("RGB", (8, 8)), parameters_of(request, 0, "DDIM"))


async def weighted(shop: Shop, text: str) -> Order:
    parts = text.split()
    prompt = " ".join(f"{part}::2" for part in parts[:7]) + " " + " ".join(parts[7:])
    return compose(Wish(prompt=prompt), ADA, [SMALL], SMALL)


async def kept(shop: Shop, prompt: Prompt) -> Job:
    """A finished job of other days with a picture, whatever was allowed then."""
    job = shop.studio._job_of(  # pyright: ignore[reportPrivateUsage]  # a row as the studio writes it
        replace(an_order(images=1), prompt=prompt),
        Place(guild_id=GUILD, channel_id=CHANNEL, token="a token"),
        shop.clock.now,
    )
    async with shop.records.database.transaction() as tx:
        await shop.records.jobs.record(tx, job)
        stored: StoredImage = await shop.records.pictures.store(
            tx,
            job=job.id,
            index=0,
            content=png(),
            size=ImageSize(width=16, height=16),
            seed=1,
            at=shop.clock.now,
        )
        assert stored
        await shop.records.jobs.finish(tx, job.id, shop.clock.now)
    return job


def pressed(press: Press, *, is_negative: bool = False) -> _Path:
    async def path(shop: Shop, text: str) -> Order:
        prompt = Prompt(text="a quiet hill", negative=text) if is_negative else Prompt(text=text)
        job = await kept(shop, prompt)
        match press:
            case Press.UPSCALE:
                return await shop.derive.upscale(job.id, 0, ADA)
            case Press.VARY:
                return await shop.derive.variation(job.id, 0, ADA)
            case _:
                return await shop.derive.reroll(job.id, ADA)

    return path


def written_in_a_form(form: str, *, negative: str = "{}") -> _Path:
    """Another's picture, remixed."""

    async def path(shop: Shop, text: str) -> Order:
        job = await kept(shop, Prompt(text="a quiet hill", negative="a fence"))
        modal = read_modal(form_of(await shop.derive.remixable(job.id)).to_dict())
        entries = {"prompt": form.format(text), "negative": negative.format(text)}
        wanted = wanted_in({"custom_id": modal["custom_id"], "components": filled(modal, entries)})
        assert wanted is not None
        return await shop.derive.remix(wanted.job, wanted.image, wanted.words, ADA, wanted.change)

    return path


SHOWN: dict[str, _Path] = {
    "imagine prompt": typed("{}"),
    "with blanks around": typed("   {}\n "),
    "behind parameters": typed("--seed 7 --ar 3:2 {}"),
    "before a parameter": typed("{} --steps 5"),
    "weights": weighted,
    **{
        f"amid --{name}": amid(f"--{name} {value}")
        for name, value in {
            "ar": "3:2",
            "aspect": "1:1",
            "seed": "7",
            "steps": "5",
            "cfg": "4",
            "guidance": "4",
            "images": "1",
            "model": "small",
            "preset": "bare",
        }.items()
    },
    "preset save text": kept_as_preset(lambda words: 0, is_option=True),
    "half of it in a preset": kept_as_preset(lambda words: len(words) // 2, is_option=True),
    "all but the first word in a preset": kept_as_preset(lambda words: 1, is_option=False),
    "imagine file": in_a_file(as_text),
    "a PNG": in_a_file(as_png),
    "half of it in a file": spread_over_a_file(as_text),
    "half of it in a PNG": spread_over_a_file(as_png),
    "form prompt": written_in_a_form("{}", negative=""),
    "form behind parameters": written_in_a_form("--seed 7 --ar 3:2 {}", negative=""),
    **{f"button {press}": pressed(press) for press, what in PRESSES.items() if what is Carries.PROMPT},
}


def left_out(form: str) -> _Path:
    async def path(shop: Shop, text: str) -> Order:
        return compose(Wish(prompt=f"a quiet hill{form.format(text)}"), ADA, [SMALL], SMALL)

    return path


async def by_option(shop: Shop, text: str) -> Order:
    return compose(Wish(prompt="a quiet hill", negative=text), ADA, [SMALL], SMALL)


async def a_preset_leaves_out(shop: Shop, text: str) -> Order:
    presets = {"mine": f"--seed 7 --no {text}"}
    return compose(Wish(prompt="a quiet hill", preset="mine"), ADA, [SMALL], SMALL, presets)


LEFT_OUT: dict[str, _Path] = {
    "imagine negative": by_option,
    **{
        f"--{name}": left_out(f" --{name} {{}}")
        for name, what in PARAMETERS.items()
        if what is Carries.NEGATIVE
    },
    "form negative": written_in_a_form("a quiet hill"),
    "form --no": written_in_a_form("a quiet hill --no {}"),
    "a preset's --no": a_preset_leaves_out,
    "a file's --no": in_a_file(lambda text: f"a quiet hill --no {text}".encode()),
    "a PNG's": in_a_file(lambda text: as_png("a quiet hill", text)),
    "a dash that phones make": left_out(" —no {}"),
    "with =": left_out(" --no={}"),
    "before a parameter": left_out(" --no {} --seed 7"),
    **{
        f"button {press}": pressed(press, is_negative=True)
        for press, what in PRESSES.items()
        if what is Carries.PROMPT
    },
}


def test_every_way_in_has_its_path() -> None:
    names = {name for name, option in NAMES.items() if option not in ("negative", "lora")}
    assert {f"amid --{name}" for name in names} <= set(SHOWN)
    assert {name for name, what in OPTIONS.items() if what is Carries.PROMPT} <= set(SHOWN)
    assert {name for name, what in OPTIONS.items() if what is Carries.NEGATIVE} <= set(LEFT_OUT)
    fields = FORMS[RemixForm].items()
    assert {f"form {name}" for name, what in fields if what is Carries.PROMPT} <= set(SHOWN)
    assert {f"form {name}" for name, what in fields if what is Carries.NEGATIVE} <= set(LEFT_OUT)


# ---- the law

_WORDS = [
    "a", "the", "woman", "man", "child", "fox", "naked", "nude", "sexy", "bloody", "mary", "killer", "whale", "blood",
    "knife", "severed", "head", "clothes", "underwear", "dress", "cocaine", "emma", "watson", "n.u.d.e", "n00d3", "bikini",
    "lingerie", "with", "12", "year", "old", "desnuda", "nackte", "裸体", "muslims", "vermin", "clown", "1488", "🍆", "🍑",
    "bnVkZQ==", "6e756465", "%6eude", "suicide", "squad",
]  # fmt: skip
texts = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=9).map(" ".join)
_HARM = [
    "nude woman",
    "a child in lingerie",
    "emma watson naked",
    "bnVkZQ== woman",
    "🍆🍑",
    "a clown",
    "1488",
    "clothes",
]


async def opened(shop: Shop, screen: Screen) -> None:
    """A server with all that has a say in a verdict."""
    shop.studio.judging.screen = screen
    if not await shop.records.server_rules.live(GUILD):
        await shop.studio.house_rules.add(MIA, Draft(name="no clowns", any_of=("clown",)), is_shadow=False)
        await shop.studio.policies.amend(MIA, SERVER, Category.GORE, Change(action=Action.REFUSE))


async def verdict_on(shop: Shop, order: Order) -> Verdict:
    mode = await shop.studio.gatekeeper.let_in(order.asker)
    verdict, _ = await shop.studio.judging.judge(order, mode, shop.clock.now)
    return verdict


async def demand_one_verdict(shop: Shop, paths: dict[str, _Path], text: str) -> None:
    found: dict[str, tuple[object, ...]] = {}
    for name, path in paths.items():
        verdict = await verdict_on(shop, await path(shop, text))
        found[name] = (verdict.ruling, verdict.category, verdict.rule, verdict.score)
    assert len(set(found.values())) == 1, found


_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@examples(max_examples=25, deadline=None, suppress_health_check=_QUIET)
@given(texts)
async def test_what_a_picture_shall_show_gets_one_verdict_whichever_way_it_came(
    shop: Shop, learned: Screen, text: str
) -> None:
    await opened(shop, learned)
    await demand_one_verdict(shop, SHOWN, text)


@examples(max_examples=25, deadline=None, suppress_health_check=_QUIET)
@given(texts)
async def test_what_it_shall_not_show_gets_one_verdict_whichever_way_it_came(
    shop: Shop, learned: Screen, text: str
) -> None:
    await opened(shop, learned)
    await demand_one_verdict(shop, LEFT_OUT, text)


@pytest.mark.parametrize("text", _HARM)
async def test_known_harm_gets_one_verdict_whichever_way_it_came(
    shop: Shop, learned: Screen, text: str
) -> None:
    await opened(shop, learned)
    await demand_one_verdict(shop, SHOWN, text)
    await demand_one_verdict(shop, LEFT_OUT, text)
    if text != "clothes":
        assert (await verdict_on(shop, await SHOWN["imagine prompt"](shop, text))).ruling > Ruling.ALLOW


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ("a fox at dusk, film grain", Ruling.ALLOW),
        ("emma watson at a market", Ruling.FLAG),
        ("woman in lingerie", Ruling.FLAG),
        ("a child in lingerie", Ruling.REFUSE),
        ("a clown at a market", Ruling.REFUSE),
    ],
)
async def test_harmless_flagged_and_refused_texts_are_that_whichever_way_they_came(
    shop: Shop, learned: Screen, text: str, ruling: Ruling
) -> None:
    await opened(shop, learned)
    for name, path in SHOWN.items():
        assert (await verdict_on(shop, await path(shop, text))).ruling is ruling, name
