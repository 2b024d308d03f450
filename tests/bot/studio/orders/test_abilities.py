"""Orders that their model can't fulfil are refused before they cost anything; what it ignores is noted on the card."""

from dataclasses import replace

import pytest

from bot.studio.errors import ModelCannot
from bot.studio.orders.abilities import fitted
from bot.studio.orders.order import Order
from bot.texts import ENGLISH, language
from db.jobs import JobAction, Note, NoteKind, Parent
from generation.abilities import Abilities, Guidance, GuidanceKind
from generation.request import InputPicture, JobId, ModelName, Role
from tests.bot.conftest import Shop, an_order
from tests.drawings import grown_from

PLAIN = Abilities(pipeline="StableDiffusionPipeline", starts_by="x", masks_by="y")
NOTHING = Abilities(pipeline="Odd", draws_text=False)
REFINER = Abilities(pipeline="Refiner", draws_text=False, starts_by="Refiner")
SCHNELL = Abilities(
    pipeline="Flux", takes_negative=False, guidance=Guidance(kind=GuidanceKind.NONE, argument="")
)
USUAL = 4.0


def with_pictures(order: Order, *roles: Role) -> Order:
    pictures = tuple(
        InputPicture(source=Parent(job=JobId("aaaaaaaaaa"), image=0), role=role) for role in roles
    )
    return replace(order, drawing=replace(order.drawing, pictures=pictures))


def test_a_model_whose_abilities_are_unknown_is_trusted_with_everything() -> None:
    order = with_pictures(an_order(), Role.START, Role.MASK)
    assert fitted(order, None, USUAL) is order


@pytest.mark.parametrize(
    ("can", "roles", "missing"),
    [
        (PLAIN, (), ""),
        (PLAIN, (Role.START,), ""),
        (PLAIN, (Role.START, Role.MASK), ""),
        (SCHNELL, (), ""),
        (SCHNELL, (Role.START,), "start"),
        (SCHNELL, (Role.START, Role.MASK), "mask"),
        (REFINER, (), "text"),
        (REFINER, (Role.START,), ""),
        (NOTHING, (), "text"),
    ],
)
def test_an_order_that_its_model_cannot_fulfil_is_refused(
    can: Abilities, roles: tuple[Role, ...], missing: str
) -> None:
    order = with_pictures(an_order(guidance=USUAL), *roles)
    if not missing:
        fitted(order, can, USUAL)
        return
    with pytest.raises(ModelCannot) as refused:
        fitted(order, can, USUAL)
    assert refused.value.what == missing
    assert refused.value.can_start is can.starts


def test_a_creative_upscale_needs_a_model_that_keeps_a_part_of_a_picture() -> None:
    order = an_order(action=JobAction.CREATIVE, pictures=grown_from(JobId("aaaaabbbbb"), role=Role.CREATIVE))
    with pytest.raises(ModelCannot) as refused:
        fitted(order, NOTHING, USUAL)
    assert refused.value.what == "mask"
    assert fitted(order, replace(NOTHING, masks_by="x"), USUAL) == order


def test_an_upscale_asks_nothing_of_the_model() -> None:
    order = replace(an_order(), action=JobAction.UPSCALE)
    assert fitted(order, NOTHING, USUAL) is order


@pytest.mark.parametrize(
    ("can", "negative", "guidance", "names"),
    [
        (PLAIN, "blurry", USUAL, ()),
        (PLAIN, "blurry", 1.0, ("no",)),
        (PLAIN, "", 9.0, ()),
        (SCHNELL, "blurry", USUAL, ("no",)),
        (SCHNELL, "", 9.0, ("cfg",)),
        (SCHNELL, "blurry", 9.0, ("no", "cfg")),
    ],
)
def test_a_card_says_which_parameters_the_model_ignores(
    can: Abilities, negative: str, guidance: float, names: tuple[str, ...]
) -> None:
    links = Note(kind=NoteKind.LINKS)
    old = Note(kind=NoteKind.UNUSED, names=("no", "cfg"))
    order = replace(an_order(negative=negative, guidance=guidance), notes=(links, old))
    expected = (links, Note(kind=NoteKind.UNUSED, names=names)) if names else (links,)
    assert fitted(order, can, USUAL).notes == expected


async def test_a_text_order_for_a_refiner_is_refused_and_costs_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refiner(model: ModelName) -> Abilities:
        return REFINER

    monkeypatch.setattr(shop.dispatch, "abilities_of", refiner)
    order = an_order()
    with pytest.raises(ModelCannot) as refused:
        await shop.admit(order)
    assert not await shop.records.spending.since(order.actor.member, 0)
    sentence = language(ENGLISH).sentence(refused.value)
    assert sentence is not None
    assert "can't draw from a prompt alone" in sentence
    assert "✏️" in sentence
