"""The menu of schedulers in the remix form."""

from dataclasses import replace
from typing import Any

from bot.gallery.remix_form import form_of, remix_input_in
from bot.texts import ENGLISH, language
from generation.request import Prompt
from playground.content.modals import filled, read_modal
from tests.bot.conftest import ADA, SMALL, Shop
from tests.bot.ways_in import kept


async def test_a_remix_offers_the_models_schedulers_and_keeps_the_pictures_own(shop: Shop) -> None:
    job = await kept(shop, Prompt(text="a quiet hill"))
    remixable = await shop.variations.remixable(job.id, ADA)

    def menu(scheduler: str) -> tuple[list[str], list[str]]:
        drawn = replace(job, drawing=replace(job.drawing, scheduler=scheduler))
        form: Any = form_of(language(ENGLISH), replace(remixable, job=drawn)).to_dict()
        select = form["components"][-1]["component"]
        options = select["options"]
        return [each["value"] for each in options], [each["value"] for each in options if each.get("default")]

    names = list(SMALL.schedulers)
    assert menu("DPM++ 2M Karras") == (names, ["DPM++ 2M Karras"])
    assert menu("Heun") == menu("") == (names, names[:1])

    modal = read_modal(form_of(language(ENGLISH), remixable).to_dict())
    sent = {"custom_id": modal["custom_id"], "components": filled(modal, {"prompt": "a fox"})}
    wanted = remix_input_in(sent)
    assert wanted is not None
    assert wanted.words.scheduler in (None, *names)
    order = await shop.variations.remix(job.id, 0, replace(wanted.words, scheduler="DPM++ 2M Karras"), ADA)
    assert order.drawing.scheduler == "DPM++ 2M Karras"
