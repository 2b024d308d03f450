"""The filter reads the same prompt that the worker draws: syntax that the worker does not know hides nothing."""

import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bot.studio.errors import PromptRefused, Refusal
from bot.studio.orders.parameters import PromptInput, compose
from db.server_rules import Draft
from generation.prompt import Prompt, words_of
from moderation.policy import FAMILY, STANDARD
from moderation.prompts.filter import PromptFilter
from moderation.prompts.golden_prompts import GoldenPrompt, read_golden_prompts
from moderation.verdict import Ruling, Verdict
from tests.bot.conftest import ADA, MIA, SMALL, Shop, an_order
from tests.bot.studio.screening.test_server_policies import SERVER, learned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
__all__ = ["learned"]  # a fixture

CLOWN = GoldenPrompt(prompt="a clown at a market", is_refused=True)
"""Refused by a rule of the server's own."""
REFUSED = [*(must for must in read_golden_prompts() if must.is_refused), CLOWN]

WRAPPERS = [
    # brackets and tags
    "({X}:-1)", "({X}:-0.0)", "(({X}:-1.5):-1)", "((((({X})))))", "[{X}]", "[[{X}]]", "[{X}:-1]", "[fox:{X}:-1]", "[fox|{X}]",
    "{{X}}", "{{{X}}}", "<{X}>", "<a {X}>", "</b {X}>", "<p {X}/> a fox", '<i class="{X}">', "<s>{X}</s>", "<!-- {X} -->",
    "<!--{X}--> a fox", "&lt;!-- {X} --&gt;", "%3C!--%20{X}%20--%3E", "<lora:fox:{X}>", "<lora:fox:-1:{X}>", "<ti:fox:1{X}>",
    # similar to --no
    "a fox --no; {X}", "a fox ---no {X}", "a fox ----no {X}", "a fox—no {X}", "a fox —no; {X}",
    "a fox ——no {X}", "a fox −−no {X}", "a fox ―no {X}", "a fox －－no {X}", "a fox no: {X}", "a fox -negative {X}",
    "a fox --ｎｏ {X}", "a fox --\u200bno {X}", "a fox -\u200b-no {X}", "a fox -n {X}", "a fox —nope {X}",
    "a fox &#45;&#45;no {X}", "a fox &#x2d;&#x2d;no {X}", "a fox &mdash;no {X}", "a fox %2D%2Dno {X}", "a fox %252D%252Dno {X}",
    r"a fox \x2d\x2dno {X}", r"a fox \u002d\u002dno {X}", "a fox --seed 7 {X}",
    # similar to a weight below 0
    "{X}:: -1", "{X}:: -1 a fox", "{X}::-1st fox", "{X}::-99999 a fox", "a fox::2 {X}::-1st", "a fox::2 {X}::-0",
    "a fox::2 {X}::-0.0", "a fox::2 {X}::-.0", "a fox::2 {X}::\n-1", "a fox::2 {X}::-1,", "a fox::2 {X}::-1.00001",
    "a fox::2 {X}::-1e0", "a fox::2 {X}::--1", "a fox::2 {X}::+-1", "a fox::2 {X}::−1", "a fox::2 {X}::－1", "a fox::2 {X}：：-1",
    "a fox::2 {X}:\u200b:-1", "a fox::2 {X}::\u200b-1", "a fox::2 {X}&#58;&#58;-1", "a fox::2 {X}%3A%3A-1", "a fox::2 {X}:-1",
    "a fox::2 ({X}::-1)", "a fox::2 {X}::2 -1", "a fox AND {X} :-1",
    # weights without effect
    "a fox::1 {X}::-1", "a fox::-2 {X}::1", "a fox::0 {X}::-1", "{X}" + " a:: b::" * 8,
    # ways to exclude text in other tools and in plain English
    "a fox Negative prompt: {X}", "a fox\nNegative prompt: {X}\nSteps: 20", "a fox BREAK {X}", "a fox, not {X}",
    "a fox without {X}", "a fox # {X}", "a fox // {X}", "a fox /* {X} */", "||{X}||", "~~{X}~~", "`{X}`", "> {X}",
    "[a fox]({X})", "\u2066{X}\u2069", "\u202e{X}\u202c", "\u00ad{X}\ufeff",
]  # fmt: skip
LEAVING_OUT = [
    "a fox --no: {X}", "a fox --neg={X}", "a fox -no {X}", "a fox - -no {X}", "a fox —negative: {X}",
    "a fox\u2028--neg: {X}", "a fox,--no {X}",
    "a fox --no {X}", "a fox --negative {X}", "a fox --no={X}", "a fox —no {X}", "a fox –no {X}", "a fox\n--no {X}",
    "a fox --seed 7 --no {X} --steps 5", "a fox --no text {X}", "a fox::2 {X}::-1", "a fox::2 {X}::-1.", "a fox::2 {X}::-.5 hill",
    "{X}::-1 a fox::2", "a fox::9999 {X}::-.0001", "a fox::2 {X}::-１",
]  # fmt: skip


def prompt_of(wrapper: str, must: GoldenPrompt) -> Prompt | None:
    """Returns the prompt that /imagine composes from this text, or None when it is refused as invalid."""
    wish = PromptInput(prompt=wrapper.replace("{X}", must.prompt), negative=must.negative or None)
    try:
        return compose(wish, ADA, [SMALL], SMALL).drawing.prompt
    except Refusal:
        return None


def is_drawn(prompt: Prompt, must: GoldenPrompt) -> bool:
    """Returns whether the worker's parser draws the prompt, with the negative prompt when the golden prompt has one."""
    shown = (part.text for part in prompt.parts if not part.share < 0)
    wanted = words_of(must.prompt).plain
    return any(wanted in text for text in shown) and must.negative in prompt.negative


async def open_for_orders(shop: Shop, screen: PromptFilter, preset: str = STANDARD) -> None:
    shop.prompt_screening.screen = screen
    await shop.policies.choose(MIA, SERVER, preset)
    if not await shop.records.server_rules.live(SERVER.guild_id):
        await shop.rule_book.add(MIA, Draft(name="no clowns", any_of=("clown",)), is_shadow=False)


async def verdict_on(shop: Shop, prompt: Prompt) -> Verdict:
    order = an_order(prompt.text, negative=prompt.negative)
    mode = await shop.lockdown.let_in(order.actor)
    return (await shop.prompt_screening.judge(order, mode, shop.clock.now))[0]


@pytest.mark.parametrize("preset", [STANDARD, FAMILY])
async def test_what_must_be_refused_is_refused_in_any_wrapper_that_the_worker_draws(
    shop: Shop, learned: PromptFilter, preset: str
) -> None:
    await open_for_orders(shop, learned, preset)
    passed: list[tuple[str, str, Verdict]] = []
    judged = 0
    for wrapper in WRAPPERS:
        for must in REFUSED:
            prompt = prompt_of(wrapper, must)
            if prompt is None:
                continue
            judged += 1
            assert is_drawn(prompt, must), wrapper
            verdict = await verdict_on(shop, prompt)
            if verdict.ruling is not Ruling.REFUSE or verdict.score == 0:
                passed.append((wrapper, must.prompt, verdict))
    assert passed == []
    assert judged > 85 * len(REFUSED)


def cut(form: str, text: str) -> str:
    """Cuts each longer word of the text into two with notation."""

    def halves(word: re.Match[str]) -> str:
        middle = len(word[0]) // 2
        return form.format(word[0][:middle], word[0][middle:])

    return re.sub(r"[a-z]{4,}", halves, text)


CUTS = [
    "({}:1.0)({}:1.0)", "({}:1.2)({}:0.9)", "{}[{}]", "({}){}", "[{}]({})", "(({}){})", r"{}\{}", "({}(){})", "({}:0)({}:-1)",
    "{}({}:1.5)",
]  # fmt: skip


@pytest.mark.parametrize("form", CUTS)
async def test_a_word_that_brackets_cut_is_read_as_a_whole(
    shop: Shop, learned: PromptFilter, form: str
) -> None:
    await open_for_orders(shop, learned)
    passed: list[str] = []
    for must in REFUSED:
        if must.prompt != words_of(must.prompt).plain or must.negative:
            continue
        prompt = prompt_of(cut(form, must.prompt), must)
        assert prompt is not None
        if (await verdict_on(shop, prompt)).ruling is not Ruling.REFUSE:
            passed.append(prompt.text)
    assert passed == []


async def test_what_weighs_less_than_nothing_in_the_negative_prompt_is_refused(
    shop: Shop, learned: PromptFilter
) -> None:
    await open_for_orders(shop, learned)
    for negative in ("(a nude woman:-1)", "blurry, (a (nude:-0.5) woman:2)", "[(a nude woman:-.1)]"):
        with pytest.raises(PromptRefused):
            await shop.admit(an_order("a fox", negative=negative))
    await shop.admit(an_order("a fox", negative="(a nude woman:1.3)"))


@pytest.mark.parametrize("preset", [STANDARD, FAMILY])
async def test_what_the_worker_leaves_out_may_be_said(shop: Shop, learned: PromptFilter, preset: str) -> None:
    await open_for_orders(shop, learned, preset)
    for wrapper in LEAVING_OUT:
        for must in REFUSED:
            # Words that weigh less than nothing in what is left out are drawn.
            if must.negative or Prompt(text="", negative=must.prompt).asked:
                continue
            prompt = prompt_of(wrapper, must)
            assert prompt is not None
            assert not is_drawn(prompt, must), wrapper
            assert (await verdict_on(shop, prompt)).ruling is Ruling.ALLOW, (wrapper, must.prompt)


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([*WRAPPERS, *LEAVING_OUT]),
    st.sampled_from([*WRAPPERS, *LEAVING_OUT]),
    st.sampled_from(REFUSED),
)
async def test_one_wrapper_inside_another_hides_nothing_either(
    shop: Shop, learned: PromptFilter, outer: str, inner: str, must: GoldenPrompt
) -> None:
    await open_for_orders(shop, learned)
    prompt = prompt_of(outer.replace("{X}", inner), must)
    if prompt is not None and is_drawn(prompt, must):
        assert (await verdict_on(shop, prompt)).ruling is Ruling.REFUSE


_WOMAN = GoldenPrompt(prompt="nude woman", is_refused=True)
_PIECES = [
    f" {_WOMAN.prompt} ",
    " a fox ",
    " ",
    "::",
    ":",
    "-",
    "1",
    "2",
    ".",
    "--no ",
    "--no: ",
    "—",
    "(",
    ")",
    "\n",
    "=",
    "st",
]


@examples(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12).map("".join))
async def test_a_word_is_refused_wherever_the_worker_draws_it(
    shop: Shop, learned: PromptFilter, text: str
) -> None:
    await open_for_orders(shop, learned)
    prompt = prompt_of(text, _WOMAN)
    if prompt is not None and is_drawn(prompt, _WOMAN):
        assert (await verdict_on(shop, prompt)).ruling is Ruling.REFUSE


@pytest.mark.parametrize(
    "text",
    [
        "(a nude woman:-1)",
        "a fox --no: a nude woman",
        "a fox &#45;&#45;no a nude woman",
        "a nude woman:: -1 a fox",
        "a fox::1 a nude woman::-1",
    ],
)
async def test_the_log_says_that_it_was_refused_and_why(shop: Shop, learned: PromptFilter, text: str) -> None:
    await open_for_orders(shop, learned)
    with pytest.raises(PromptRefused):
        await shop.admit(an_order(text))
    (record,) = await shop.log()
    assert (record.verdict.ruling, record.prompt) == (Ruling.REFUSE, text) and record.verdict.score > 0.9
    assert "nude" in record.verdict.words


async def test_a_rule_is_tried_out_on_what_was_drawn(shop: Shop, learned: PromptFilter) -> None:
    await open_for_orders(shop, learned)
    for text in ("a hat::2 a badger::-1", "a hat --no: badger", "(a badger:-1)"):
        await shop.admit(an_order(text))
    draft = Draft(name="no badgers", any_of=("badger",))
    tried = await shop.rule_book.dry_run(ADA.guild_id or 0, draft, 10)
    assert (tried.read, tried.examples) == (3, ("(a badger:-1)", "a hat --no: badger"))
