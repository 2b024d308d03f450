"""Every way in which a member's text reaches a picture, and how a text takes it. tests/bot/test_ways_in.py checks that the list
is complete and that all ways give one verdict."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from PIL import Image

from bot.commands.picture_forms import (
    InstructionForm,
    PictureForm,
    StyleForm,
)
from bot.gallery.region import RegionForm
from bot.gallery.remix_form import RemixForm
from bot.gallery.typed_cards import EditForm
from bot.mask_page.drawn_regions import DrawnForm
from bot.studio.orders.defaults import Usual, composed
from bot.studio.orders.inline import NAMES
from bot.studio.orders.order import GalleryAction, Order
from bot.studio.orders.outpainting import OUTPAINTING
from bot.studio.orders.parameters import PromptInput, compose, read, with_file
from bot.studio.orders.prompt_file import prompt_in_file
from bot.studio.orders.several import as_typed, compose_each
from bot.ui.forms import TextForm
from db.member_settings import MemberDefaults
from generation.files.images import parameters_of, to_png
from generation.request import Prompt
from tests.bot.conftest import ADA, GUILD, SMALL, Shop
from tests.bot.ways_through_forms import (
    edited,
    kept,
    written_for_a_drawn_region,
    written_for_a_region,
    written_in_a_form,
)
from tests.bot.ways_with_pictures import (
    Way,
    beside_a_picture,
    blended,
    edited_by,
    in_the_style,
    instructed_in_the_panel,
    sent_in_the_panel,
    sketched,
    started,
    used_as_style_in_the_panel,
    varied,
    written_in_a_picture,
    written_in_a_styles_picture,
)
from tests.drawings import drawing


class Carries(StrEnum):
    """The part of a member's text that a way brings to the picture."""

    PROMPT = "what it shows"
    NEGATIVE = "what it does not show"
    PICTURE = "what is written in the picture"
    NAME = "one of the settings' names, or a refusal"
    NOTHING = "words for moderators, or none at all"


OPTIONS = {
    "imagine prompt": Carries.PROMPT,
    "imagine negative": Carries.NEGATIVE,
    "imagine model": Carries.NAME,
    "imagine scheduler": Carries.NAME,
    "imagine lora": Carries.NAME,
    "imagine preset": Carries.NAME,
    "imagine style": Carries.NAME,
    "imagine file": Carries.PROMPT,
    "imagine image": Carries.PICTURE,  # not its metadata, which are not read
    "imagine mask": Carries.NOTHING,  # its shapes are not drawn
    "vary picture": Carries.PICTURE,
    "vary prompt": Carries.PROMPT,
    "blend prompt": Carries.PROMPT,
    "blend first": Carries.PICTURE,
    "blend second": Carries.PICTURE,
    "blend third": Carries.PICTURE,
    "blend fourth": Carries.PICTURE,
    "blend fifth": Carries.PICTURE,
    "edit instruction": Carries.PROMPT,
    **{
        f"edit {name}": Carries.PICTURE
        for name in [
            "picture",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
        ]
    },
    "edit model": Carries.NAME,
    "sketch picture": Carries.PICTURE,
    "sketch prompt": Carries.PROMPT,
    "sketch negative": Carries.NEGATIVE,
    "sketch model": Carries.NAME,
    "sketch scheduler": Carries.NAME,
    "sketch lora": Carries.NAME,
    "sketch preset": Carries.NAME,
    "verify picture": Carries.NOTHING,
    "preset save name": Carries.NAME,
    "preset save text": Carries.PROMPT,
    "preset delete name": Carries.NAME,
    "style reference picture": Carries.PICTURE,
    "style reference prompt": Carries.PROMPT,
    "style reference model": Carries.NAME,
    "style save name": Carries.NAME,
    "style save words": Carries.PROMPT,
    "style save lora": Carries.NAME,
    "style save picture": Carries.PICTURE,
    "style save job": Carries.NAME,
    "style show name": Carries.NAME,
    "style delete name": Carries.NAME,
    "style delete reason": Carries.NOTHING,
    "settings style": Carries.NAME,
    "settings model": Carries.NAME,
    "settings scheduler": Carries.NAME,
    "settings suffix": Carries.PROMPT,
    "help about": Carries.NAME,
    "show job": Carries.NAME,
}
"""Every text option and every file of the members' commands. Commands of moderators and managers reach no picture."""

PARAMETERS = {
    name: Carries.NEGATIVE if option == "negative" else Carries.NAME for name, option in NAMES.items()
}
PRESSES = {
    GalleryAction.UPSCALE: Carries.PROMPT,
    GalleryAction.UPSCALE_2: Carries.PROMPT,
    GalleryAction.UPSCALE_4: Carries.PROMPT,
    GalleryAction.CREATIVE: Carries.PROMPT,
    GalleryAction.VARY: Carries.PROMPT,
    GalleryAction.SUBTLE: Carries.PROMPT,
    GalleryAction.STRONG: Carries.PROMPT,
    GalleryAction.REGION: Carries.NOTHING,  # shows the cells of a picture
    GalleryAction.CELLS: Carries.NOTHING,  # opens a modal, as REMIX
    GalleryAction.DRAW: Carries.NOTHING,  # gives a link
    GalleryAction.DRAWN: Carries.NOTHING,  # opens a modal, as REMIX
    **dict.fromkeys(OUTPAINTING, Carries.PROMPT),
    GalleryAction.REROLL: Carries.PROMPT,
    GalleryAction.REMIX: Carries.NOTHING,  # opens a modal, whose content is sent later
    GalleryAction.CANCEL: Carries.NOTHING,
    GalleryAction.DELETE: Carries.NOTHING,
    GalleryAction.SHOW: Carries.NOTHING,
    GalleryAction.PING: Carries.NOTHING,
    GalleryAction.SEND: Carries.NOTHING,
}
FORMS = {
    RemixForm: {
        "prompt": Carries.PROMPT,
        "negative": Carries.NEGATIVE,
        "image": Carries.NOTHING,
        "change": Carries.NOTHING,
        "scheduler": Carries.NOTHING,
    },
    RegionForm: {"cells": Carries.NOTHING, "prompt": Carries.PROMPT, "negative": Carries.NEGATIVE},
    DrawnForm: {"prompt": Carries.PROMPT, "negative": Carries.NEGATIVE},
    EditForm: {"prompt": Carries.PROMPT, "negative": Carries.NEGATIVE},
    PictureForm: {"prompt": Carries.PROMPT},
    StyleForm: {"prompt": Carries.PROMPT, "image": Carries.NOTHING},
    InstructionForm: {"prompt": Carries.PROMPT, "image": Carries.NOTHING, "files": Carries.NOTHING},
    TextForm: {},
}
"""The fields of every modal. `Form` is for cases: its text reaches no picture."""


# ---- how a text takes each way


def typed(form: str) -> Way:
    async def path(shop: Shop, text: str) -> Order:
        return compose(PromptInput(prompt=form.format(text)), ADA, [SMALL], SMALL)

    return path


def amid(parameter: str) -> Way:
    """Puts a one-word parameter in the middle of the text."""

    async def path(shop: Shop, text: str) -> Order:
        first, *rest = text.split()
        wish = PromptInput(prompt=" ".join([first, parameter, *rest]))
        return compose(wish, ADA, [SMALL], SMALL, {"bare": "--cfg 4"})

    return path


def kept_as_preset(of: Callable[[list[str]], int], *, is_option: bool) -> Way:
    """Types a part of the text and takes the rest from a preset that was saved while it was allowed."""

    async def path(shop: Shop, text: str) -> Order:
        said = text.split()
        typed = of(said)
        presets = {"mine": " ".join(["--ar 3:2", *said[typed:], "--seed 7"])}
        wish = PromptInput(
            prompt=" ".join([*said[:typed], "--steps 5"]), preset="Mine" if is_option else None
        )
        if not is_option:
            wish = replace(wish, prompt=f"--preset mine {wish.prompt}")
        return compose(wish, ADA, [SMALL], SMALL, presets)

    return path


def kept_as_style(of: Callable[[list[str]], int], *, is_usual: bool = False) -> Way:
    """Types a part of the text and takes the rest from a style of the server that was saved while it was allowed."""

    async def path(shop: Shop, text: str) -> Order:
        said = text.split()
        typed = of(said)
        async with shop.records.database.transaction() as tx:
            await shop.records.styles.add(
                tx,
                guild_id=GUILD,
                name="mine",
                member=ADA.member,
                words=" ".join(said[typed:]),
                loras="",
                upload=None,
                at=shop.clock.now,
            )
        wish = PromptInput(prompt=" ".join([*said[:typed], "--seed 7"]), style=None if is_usual else "Mine")
        if not is_usual:
            return await shop.studio.fit(compose(wish, ADA, [SMALL], SMALL))
        usual = Usual(member=MemberDefaults(style="mine"))
        return await shop.studio.fit(composed(wish, ADA, [SMALL], SMALL, usual))

    return path


def kept_as_suffix(of: Callable[[list[str]], int]) -> Way:
    """Types a part of the text and takes the rest from a suffix of the member's."""

    async def path(shop: Shop, text: str) -> Order:
        said = text.split()
        typed = of(said)
        usual = Usual(member=MemberDefaults(suffix=" ".join(["--seed 7", *said[typed:]])))
        return composed(PromptInput(prompt=" ".join(said[:typed])), ADA, [SMALL], SMALL, usual)

    return path


def in_a_file(content: Callable[[str], bytes], *, form: str = ".") -> Way:
    """Puts the text in a file. `form` is the typed text."""

    async def path(shop: Shop, text: str) -> Order:
        typed = read(PromptInput(prompt=form))
        held = prompt_in_file(content(text), typed, [SMALL], SMALL)
        return compose(with_file(typed, held, {}), ADA, [SMALL], SMALL)

    return path


def spread_over_a_file(kind: Callable[[str], bytes]) -> Way:
    """Puts the first half in a file and types the second."""

    async def path(shop: Shop, text: str) -> Order:
        said = text.split()
        half = (len(said) + 1) // 2
        typed = " ".join(said[half:]) or "."
        return await in_a_file(lambda _: kind(" ".join(said[:half])), form=typed)(shop, text)

    return path


def as_text(text: str) -> bytes:
    return f"\ufeff--seed 7\n{text}\n--ar 3:2".encode()


def as_png(text: str, negative: str = "") -> bytes:
    """Returns a picture as the bot stores it, with these parameters in its metadata."""
    drawn = drawing(
        text, negative, model=SMALL.name, size=SMALL.size_for((3, 2)), steps=5, guidance=4.0, seed=7
    )
    return to_png(Image.new("RGB", (8, 8)), parameters_of(drawn, 0, "DDIM"))


async def weighted(shop: Shop, text: str) -> Order:
    parts = text.split()
    prompt = " ".join(f"{part}::2" for part in parts[:7]) + " " + " ".join(parts[7:])
    return compose(PromptInput(prompt=prompt), ADA, [SMALL], SMALL)


def pressed(press: GalleryAction, *, is_negative: bool = False) -> Way:
    async def path(shop: Shop, text: str) -> Order:
        prompt = Prompt(text="a quiet hill", negative=text) if is_negative else Prompt(text=text)
        job = await kept(shop, prompt)
        return await shop.variations.pressed(press, job.id, 0, ADA)

    return path


def one_of_several(form: str) -> Way:
    """Reads the text back from the question before several orders."""

    async def path(shop: Shop, text: str) -> Order:
        asked = as_typed(PromptInput(prompt=form.format(text)))
        return compose_each(PromptInput(prompt=asked), ADA, [SMALL], SMALL)[1]

    return path


SHOWN: dict[str, Way] = {
    "imagine prompt": typed("{}"),
    "one of several": one_of_several("{} --repeat 2"),
    "amid --repeat": amid("--repeat 2"),
    "amid --r": amid("--r 2"),
    "edited": edited(negative=""),
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
            "scheduler": "UniPC",
            "sampler": "DPM++ 2M Karras",
            "preset": "bare",
            "style": "raw",
            "iw": "2",
        }.items()
    },
    "preset save text": kept_as_preset(lambda words: 0, is_option=True),
    "half of it in a preset": kept_as_preset(lambda words: len(words) // 2, is_option=True),
    "all but the first word in a preset": kept_as_preset(lambda words: 1, is_option=False),
    "style save words": kept_as_style(lambda words: 0),
    "half of it in a style": kept_as_style(lambda words: len(words) // 2),
    "settings style": kept_as_style(lambda words: 1, is_usual=True),
    "settings suffix": kept_as_suffix(lambda words: len(words) // 2),
    "all but the first word in a suffix": kept_as_suffix(lambda words: 1),
    "imagine file": in_a_file(as_text),
    "a PNG": in_a_file(as_png),
    "half of it in a file": spread_over_a_file(as_text),
    "half of it in a PNG": spread_over_a_file(as_png),
    "beside a picture": beside_a_picture("{}"),
    "vary prompt": beside_a_picture("{}", varied),
    "blend prompt": beside_a_picture("{}", blended),
    "edit instruction": beside_a_picture("{}", edited_by),
    "sketch prompt": beside_a_picture("{}", sketched),
    "style reference prompt": beside_a_picture("{}", in_the_style),
    "panel style": beside_a_picture("{}", used_as_style_in_the_panel),
    "panel instruction": beside_a_picture("{}", instructed_in_the_panel),
    "panel prompt": beside_a_picture("{}", sent_in_the_panel),
    "beside a picture, behind parameters": beside_a_picture("--iw 2 --ar 3:2 {}"),
    "written in a picture of imagine": written_in_a_picture(started),
    "written in a picture of vary": written_in_a_picture(varied),
    "written in a picture of blend": written_in_a_picture(blended),
    "written in a picture of edit": written_in_a_picture(edited_by),
    "written in a picture of sketch": written_in_a_picture(sketched),
    "written in a picture of style reference": written_in_a_picture(in_the_style),
    "written in a picture of style save": written_in_a_styles_picture,
    "form prompt": written_in_a_form("{}", negative=""),
    "region prompt": written_for_a_region("{}", negative=""),
    "drawn region prompt": written_for_a_drawn_region("{}", negative=""),
    "region behind parameters": written_for_a_region("--seed 7 {}", negative=""),
    "form behind parameters": written_in_a_form("--seed 7 --ar 3:2 {}", negative=""),
    **{f"button {press}": pressed(press) for press, what in PRESSES.items() if what is Carries.PROMPT},
}


def left_out(form: str) -> Way:
    async def path(shop: Shop, text: str) -> Order:
        return compose(PromptInput(prompt=f"a quiet hill{form.format(text)}"), ADA, [SMALL], SMALL)

    return path


async def by_option(shop: Shop, text: str) -> Order:
    return compose(PromptInput(prompt="a quiet hill", negative=text), ADA, [SMALL], SMALL)


async def a_preset_leaves_out(shop: Shop, text: str) -> Order:
    presets = {"mine": f"--seed 7 --no {text}"}
    return compose(PromptInput(prompt="a quiet hill", preset="mine"), ADA, [SMALL], SMALL, presets)


async def a_suffix_leaves_out(shop: Shop, text: str) -> Order:
    usual = Usual(member=MemberDefaults(suffix=f"--seed 7 --no {text}"))
    return composed(PromptInput(prompt="a quiet hill"), ADA, [SMALL], SMALL, usual)


LEFT_OUT: dict[str, Way] = {
    "imagine negative": by_option,
    **{
        f"--{name}": left_out(f" --{name} {{}}")
        for name, what in PARAMETERS.items()
        if what is Carries.NEGATIVE
    },
    "beside a picture": beside_a_picture("a quiet hill --no {}"),
    "sketch negative": beside_a_picture("a quiet hill", sketched, "{}"),
    "form negative": written_in_a_form("a quiet hill"),
    "region negative": written_for_a_region("a quiet hill"),
    "drawn region negative": written_for_a_drawn_region("a quiet hill"),
    "edited negative": edited("a quiet hill"),
    "form --no": written_in_a_form("a quiet hill --no {}"),
    "a preset's --no": a_preset_leaves_out,
    "a suffix's --no": a_suffix_leaves_out,
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
