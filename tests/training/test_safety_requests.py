"""The requests that the head for other languages is trained on."""

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.slow


def test_requests_are_harmful_and_harmless_and_none_is_judged_on() -> None:
    from benchmarks.safety.sets import by_hand
    from training.safety.multilingual import requests

    found = requests()
    texts = [request.prompt for request in found]
    assert len(set(texts)) == len(texts)
    assert (
        min(sum(request.is_unsafe for request in found), sum(not request.is_unsafe for request in found)) > 80
    )
    assert all((request.category >= 0) is request.is_unsafe for request in found)
    assert not {row.texts["prompt"] for row in by_hand()} & set(texts)
