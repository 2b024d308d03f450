from hypothesis import given
from hypothesis import strategies as st

from moderation.verdict import ALLOWED, Category, Ruling, Verdict, stricter

verdicts = st.builds(
    Verdict,
    ruling=st.sampled_from(Ruling),
    category=st.sampled_from(Category),
    rule=st.text(max_size=3),
    score=st.sampled_from([0.0, 0.5, 1.0]),
)


@given(verdicts)
def test_combining_a_verdict_with_itself_changes_nothing(one: Verdict) -> None:
    assert stricter(one, one) == one


@given(verdicts, verdicts)
def test_the_order_does_not_change_ruling_and_score(one: Verdict, other: Verdict) -> None:
    there, back = stricter(one, other), stricter(other, one)
    assert (there.ruling, there.score) == (back.ruling, back.score)
    assert there.ruling == max(one.ruling, other.ruling)


@given(verdicts, verdicts, verdicts)
def test_the_grouping_does_not_change_anything(one: Verdict, two: Verdict, three: Verdict) -> None:
    assert stricter(stricter(one, two), three) == stricter(one, stricter(two, three))


@given(verdicts)
def test_nothing_is_milder_than_allowed(one: Verdict) -> None:
    assert stricter(one, ALLOWED) == one
