from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy import (
    ADULT,
    AS_FOUND,
    NEVER,
    Action,
    Change,
    NotForChoice,
    Policy,
    Stance,
    is_for_everybody,
    ordinary,
    presets,
    standard,
)
from moderation.prompts.filter import Classifier, Opinion, PromptFilter
from moderation.prompts.rules import Rules, parse_rules
from moderation.verdict import Category, Ruling

FREE = [category for category in Category if category not in (Category.MINORS, Category.NONE)]
_LOOSE = Policy(name="loose", default=Stance(action=Action.ALLOW))


class Says(Classifier):
    """A classifier that gives every text the same score."""

    def __init__(self, category: Category, score: float) -> None:
        self._opinion = Opinion(overall=score, scores={category: score}, words=("this",))

    def read(self, text: str, typed: str = "", language: str = "en") -> Opinion:
        return self._opinion


def test_three_presets_ship_and_standard_is_the_default() -> None:
    assert set(presets()) == {"family", "standard", "mature"}
    assert standard().name == "standard"


@given(st.sampled_from(FREE), st.floats(0, 1))
def test_family_is_never_milder_than_standard_nor_standard_than_mature(
    category: Category, score: float
) -> None:
    family, middle, mature = (
        presets()[name].stance(category).of_score(score) for name in ("family", "standard", "mature")
    )
    assert family >= middle >= mature


@pytest.mark.parametrize("name", ["standard", "mature"])
@pytest.mark.parametrize("category", [Category.HATE, Category.HARASSMENT])
def test_a_score_for_hate_refuses_later_than_one_for_crime_and_flags_no_later(
    name: str, category: Category
) -> None:
    policy = presets()[name]
    assert policy.of_score(category, 0.96) is Ruling.FLAG
    assert policy.of_score(category, 0.99) is Ruling.REFUSE
    assert policy.of_score(Category.ILLEGAL, 0.96) is Ruling.REFUSE
    assert policy.stance(category).flag == policy.default.flag


@given(st.sampled_from(FREE), st.sampled_from(Action))
def test_an_action_stands_for_whatever_is_found(category: Category, action: Action) -> None:
    policy = standard().amended(category, Change(action=action, refuse=0.95))
    assert policy.of_rule(category, Ruling.FLAG) is (Ruling.FLAG if action.ruling is None else action.ruling)
    assert policy.of_rule(category, Ruling.ALLOW) is Ruling.ALLOW
    assert policy.of_score(category, 1.0) is (Ruling.REFUSE if action.ruling is None else action.ruling)


def test_amending_one_category_leaves_the_others_and_the_preset() -> None:
    policy = standard().amended(Category.GORE, Change(refuse=0.9))
    assert policy.stance(Category.GORE).refuse == 0.9
    assert policy.stance(Category.GORE).flag == standard().stance(Category.GORE).flag
    assert policy.stance(Category.HATE) == standard().stance(Category.HATE)
    assert standard().stance(Category.GORE).refuse == 0.95


def test_what_is_not_amended_stays_as_it_was() -> None:
    family = presets()["family"].amended(Category.GORE, Change(flag=0.2))
    assert family.stance(Category.GORE).action is Action.REFUSE
    assert family.amended(Category.GORE, Change(action=Action.AS_FOUND)).stance(Category.GORE).flag == 0.2


stances = st.builds(
    Stance,
    action=st.sampled_from(Action),
    flag=st.floats(0.01, NEVER),
    refuse=st.floats(0.01, NEVER),
    lenient=st.booleans(),
)
policies = st.builds(
    Policy,
    name=st.just("any"),
    default=stances,
    stances=st.dictionaries(st.sampled_from(FREE), stances),
)


@given(policies, policies, st.sampled_from(FREE), st.floats(0, 1), st.sampled_from(Ruling))
def test_two_policies_beside_each_other_rule_as_the_stricter_one_does(
    one: Policy, other: Policy, category: Category, score: float, ruling: Ruling
) -> None:
    both = one.with_(other)
    assert both.of_score(category, score) is max(
        one.of_score(category, score), other.of_score(category, score)
    )
    assert both.of_rule(category, ruling, Ruling.ALLOW) is max(
        one.of_rule(category, ruling, Ruling.ALLOW), other.of_rule(category, ruling, Ruling.ALLOW)
    )


@given(policies, st.sampled_from(ADULT), st.floats(0, 1), st.sampled_from(Ruling))
def test_in_a_channel_for_everybody_no_policy_allows_what_the_standard_one_refuses_of_adult_things(
    policy: Policy, category: Category, score: float, ruling: Ruling
) -> None:
    here = ordinary(policy)
    if standard().of_score(category, score) is Ruling.REFUSE:
        assert here.of_score(category, score) is Ruling.REFUSE
    if ruling is Ruling.REFUSE:
        assert here.of_rule(category, ruling, Ruling.ALLOW) is Ruling.REFUSE
    if is_for_everybody(policy):
        assert here.of_score(category, score) is policy.of_score(category, score)
        assert here.of_rule(category, ruling) is policy.of_rule(category, ruling)


@given(policies, st.sampled_from(FREE), st.floats(0, 1))
def test_what_is_not_for_adults_alone_is_the_servers_choice_in_every_channel(
    policy: Policy, category: Category, score: float
) -> None:
    if category not in ADULT:
        assert ordinary(policy).of_score(category, score) is policy.of_score(category, score)


@pytest.mark.parametrize(("name", "fits"), [("family", True), ("standard", True), ("mature", False)])
def test_of_the_presets_mature_is_not_for_everybody(name: str, fits: bool) -> None:
    assert is_for_everybody(presets()[name]) is fits


@pytest.mark.parametrize("threshold", [0.0, -1.0, NEVER + 1, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        standard().amended(Category.GORE, Change(flag=threshold))


@pytest.mark.parametrize("threshold", [1e-9, 0.5, 1.0, NEVER])
def test_every_other_threshold_is_taken(threshold: float) -> None:
    stance = standard().amended(Category.GORE, Change(flag=threshold, refuse=threshold)).stance(Category.GORE)
    assert (stance.flag, stance.refuse) == (threshold, threshold)


@pytest.mark.parametrize("category", [Category.MINORS, Category.NONE])
def test_no_policy_configures_minors(category: Category) -> None:
    with pytest.raises(NotForChoice):
        standard().amended(category, Change(action=Action.ALLOW))
    for policy in (*presets().values(), _LOOSE):
        assert category not in policy.stances, policy.name
        assert policy.of_rule(category, Ruling.REFUSE, Ruling.ALLOW) is Ruling.REFUSE


@pytest.mark.parametrize(
    ("score", "ruling"),
    [
        (0.0, Ruling.ALLOW),
        (0.59999, Ruling.ALLOW),
        (0.6, Ruling.FLAG),
        (0.94999, Ruling.FLAG),
        (0.95, Ruling.REFUSE),
        (1.0, Ruling.REFUSE),
    ],
)
def test_a_score_that_reaches_a_threshold_counts(score: float, ruling: Ruling) -> None:
    assert Stance(flag=0.6, refuse=0.95).of_score(score) is ruling
    assert Policy(name="any", default=Stance(flag=0.6, refuse=0.95)).of_score(Category.HATE, score) is ruling


def test_a_stance_follows_the_rules_and_ignores_scores_unless_it_says_otherwise() -> None:
    assert Stance().of_score(1.0) is Ruling.ALLOW
    for ruling in Ruling:
        assert Stance().of_rule(ruling) is ruling
        assert AS_FOUND.of_rule(Category.GORE, ruling, Ruling.ALLOW) is ruling
        assert AS_FOUND.of_rule(Category.GORE, ruling) is ruling
    assert AS_FOUND.of_score(Category.GORE, 1.0) is Ruling.ALLOW


def test_a_lenient_stance_takes_the_rules_milder_ruling() -> None:
    lenient = Policy(name="lenient", default=Stance(lenient=True))
    assert lenient.of_rule(Category.GORE, Ruling.REFUSE, Ruling.FLAG) is Ruling.FLAG
    assert lenient.of_rule(Category.GORE, Ruling.REFUSE) is Ruling.REFUSE, "the rule has none"


def test_where_only_refusals_count_flags_are_dropped() -> None:
    stance = Stance(flag=0.6, refuse=0.95, refusals_only=True)
    assert [stance.of_score(score) for score in (0.5, 0.6, 0.95)] == [
        Ruling.ALLOW,
        Ruling.ALLOW,
        Ruling.REFUSE,
    ]
    assert [stance.of_rule(ruling) for ruling in Ruling] == [Ruling.ALLOW, Ruling.ALLOW, Ruling.REFUSE]
    assert Stance(action=Action.FLAG, refusals_only=True).of_rule(Ruling.REFUSE) is Ruling.ALLOW


def test_a_policy_beside_others_is_as_strict_as_all_of_them() -> None:
    flags, refuses = (Policy(name="", default=Stance(action=each)) for each in (Action.FLAG, Action.REFUSE))
    three = _LOOSE.with_(flags.with_(refuses))
    assert three.parts == (_LOOSE.with_(flags.with_(refuses)), flags.with_(refuses), refuses)
    assert three.of_rule(Category.GORE, Ruling.FLAG) is Ruling.REFUSE
    assert _LOOSE.with_(flags, _LOOSE).of_rule(Category.GORE, Ruling.REFUSE) is Ruling.FLAG


@pytest.mark.parametrize("category", ADULT)
def test_a_policy_is_for_everybody_while_it_is_no_milder_than_standard(category: Category) -> None:
    refuse = standard().stance(category).refuse
    for change, fits in (
        (Change(refuse=refuse), True),
        (Change(refuse=refuse + 0.001), False),
        (Change(refuse=refuse - 0.001), True),
        (Change(action=Action.REFUSE), True),
        (Change(action=Action.FLAG), False),
        (Change(action=Action.ALLOW), False),
    ):
        assert is_for_everybody(standard().amended(category, change)) is fits, change
    lenient = replace(standard().stance(category), lenient=True)
    assert not is_for_everybody(replace(standard(), stances={**standard().stances, category: lenient}))


@pytest.mark.parametrize("policy", [*presets().values(), _LOOSE], ids=lambda policy: policy.name)
@pytest.mark.parametrize(
    ("prompt", "category"),
    [
        ("a naked child", Category.MINORS),
        ("schoolgirl in lingerie", Category.MINORS),
        ("remove her clothes", Category.REAL_PERSON),
        ("deepfake nude of my coworker", Category.REAL_PERSON),
    ],
)
def test_what_is_nobodys_option_is_refused_by_every_policy(
    screen: PromptFilter, policy: Policy, prompt: str, category: Category
) -> None:
    verdict = screen.check({"prompt": prompt}, policy=policy)
    assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, category)


def test_family_refuses_what_standard_flags_and_mature_allows(screen: PromptFilter) -> None:
    texts = {"prompt": "a woman in a seductive pose"}
    rulings = [
        screen.check(texts, policy=presets()[name]).ruling for name in ("family", "standard", "mature")
    ]
    assert rulings == [Ruling.REFUSE, Ruling.FLAG, Ruling.ALLOW]


def test_rules_and_scores_are_judged_apart_and_the_stricter_wins(rules: Rules) -> None:
    screen = PromptFilter(rules, Says(Category.GORE, 0.8))
    assert screen.check({"prompt": "a fox"}).ruling is Ruling.FLAG
    refused = screen.check({"prompt": "a beheaded fox"})
    assert (refused.ruling, refused.rule) == (Ruling.REFUSE, "gore")
    higher = PromptFilter(rules, Says(Category.GORE, 0.97)).check({"prompt": "blood on the floor"})
    assert (higher.ruling, higher.rule, higher.score, higher.words) == (
        Ruling.REFUSE,
        "classifier",
        0.97,
        ("this",),
    )


def test_a_sexual_score_beside_a_minor_is_refused_by_every_policy() -> None:
    screen = PromptFilter(parse_rules(""), Says(Category.SEXUAL, 0.55))
    for policy in (*presets().values(), _LOOSE):
        verdict = screen.check({"prompt": "a child with a kite"}, policy=policy)
        assert (verdict.ruling, verdict.category) == (Ruling.REFUSE, Category.MINORS)
    assert screen.check({"prompt": "a kite"}, policy=presets()["mature"]).ruling is Ruling.ALLOW
