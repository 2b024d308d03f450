"""What a job's cards say about how its model reads the prompt, and the weights that no model reads."""

import pytest

from bot.gallery.cards import first_card, gallery_card
from bot.studio.errors import EmptyPrompt, UnusableWeights
from bot.studio.orders.parameters import PromptInput, compose
from bot.studio.orders.reading import noted
from bot.texts import language
from db.jobs import Job, Note, NoteKind
from generation.prompt import MAX_PARTS, Notation, Reading, WeightFault
from tests.bot.cards import SAY, a_job, texts_of
from tests.bot.conftest import ADA, SMALL, Shop, an_order
from tests.bot.studio.orders.test_parameters import order_of

CUT = Note(kind=NoteKind.CUT, names=("75", "120"))


def lines_of(job: Job) -> list[str]:
    return texts_of(first_card(SAY, job, 1, is_ready=True))[0].split("\n")[1:]


def test_a_card_says_what_the_model_left_out_of_the_prompt() -> None:
    reading = Reading(tokens=120, read=75, negative_tokens=99, negative_read=75, ignored=tuple(Notation))
    assert lines_of(noted(a_job(), reading)) == [
        "-# This model does not weigh words. Brackets and weights were left out.",
        "-# This model does not know `BREAK`, which was left out.",
        "-# The model read the first 75 of 120 tokens (words and parts of words) of the prompt.",
        "-# The model read the first 75 of 99 tokens (words and parts of words) of the negative prompt.",
    ]
    assert lines_of(noted(a_job(), Reading(tokens=75, read=75, negative_tokens=3, negative_read=3))) == []
    assert lines_of(noted(a_job(), None)) == []


async def test_how_the_model_reads_the_prompt_is_on_the_card_and_stays_there(busy: Shop) -> None:
    order = an_order("reads 75 120 (fox:1.3)")
    gallery = await busy.fulfil(await busy.admit(order))
    expected = (Note(kind=NoteKind.WEIGHTS), CUT)
    assert gallery.job.notes == expected
    assert (await busy.job(gallery.job)).notes == expected
    assert "75 of 120" in texts_of(gallery_card(SAY, gallery, "x.png", is_spoiler=False))[0]
    # A worker that starts the job again tells it again.
    again = noted(gallery.job, Reading(tokens=120, read=75))
    assert again.notes == (CUT,)


@pytest.mark.parametrize(
    ("typed", "fault", "at"),
    [
        ("a (fox:1488) in snow", WeightFault.RANGE, "1488"),
        ("--seed 1488 --ar 3:2 a  red\n fox, (snow:1488) --steps 5", WeightFault.RANGE, "1488) --steps"),
        ("a fox --no rain, (fog:-99)", WeightFault.RANGE, "-99"),
        ("a fox --ar 3:2 AND a hill --seed 7 ::2 weeds ::-4", WeightFault.SUM, "::-4"),
        ("a fox " + "::1 x" * MAX_PARTS, WeightFault.PARTS, "x"),
    ],
)
def test_a_fault_of_the_weights_is_told_with_its_place_in_what_was_typed(
    typed: str, fault: WeightFault, at: str
) -> None:
    with pytest.raises(UnusableWeights) as unusable:
        order_of(typed)
    error = unusable.value
    column = typed.rindex(at) + 1
    assert (error.fault, error.column, error.field) == (fault, column, "prompt")
    assert f"`{error.written}` at character {column}" in (language("en").sentence(error) or "")


def test_a_fault_of_the_option_negative_is_told_with_its_place_there() -> None:
    with pytest.raises(UnusableWeights) as unusable:
        compose(PromptInput(prompt="a fox, 99", negative="fog, (rain:99)"), ADA, [SMALL], SMALL)
    assert (unusable.value.column, unusable.value.field) == (12, "negative")
    assert language("en").sentence(unusable.value) == (
        "`99` at character 12 of the negative prompt weighs too much."
        " The weight of words is from -10 to 10, for example `(fox:1.3)`."
    )


def test_a_fault_in_a_preset_is_told_with_its_place_in_the_whole_prompt() -> None:
    with pytest.raises(UnusableWeights) as unusable:
        order = PromptInput(prompt="a fox", preset="mine")
        compose(order, ADA, [SMALL], SMALL, {"mine": "(snow:99)"})
    assert (unusable.value.column, unusable.value.field) == ("a fox, (snow:".index(":") + 2, "prompt")


@pytest.mark.parametrize("typed", ["()", "(((", "(:1.3)", "BREAK", "[BREAK]", r"\(\)", "(.:1.2)"])
def test_a_prompt_of_notation_alone_is_no_prompt(typed: str) -> None:
    with pytest.raises(EmptyPrompt):
        order_of(typed)


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("(red:1.3) apple", "red apple"),
        ("((red)) [blue] apple", "red blue apple"),
        (r"hatsune miku \(vocaloid\)", "hatsune miku (vocaloid)"),
        ("a cat BREAK a dog", "a cat a dog"),
        ("a cat AND a dog :1.2", "a cat a dog"),
    ],
)
def test_notation_stays_in_the_prompt_as_it_was_typed(typed: str, drawn: str) -> None:
    prompt = order_of(typed).drawing.prompt
    assert (prompt.text, prompt.unweighted) == (typed, drawn)
