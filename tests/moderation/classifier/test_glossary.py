import pytest

from moderation.classifier.glossary import in_english
from moderation.prompts.filter import canonical
from moderation.prompts.rules import Rules


@pytest.mark.parametrize(
    ("prompt", "english"),
    [
        ("Eine nackte Frau liegt auf dem Bett", "a naked woman lying on the bed"),
        ("Un chien court sur la plage", "a dog running on the beach"),
        ("una mujer desnuda en la ducha", "a woman naked in the bathroom"),
        ("мужчина убивает женщину ножом", "man kill woman knife"),
        ("公园里的一只小狗", "garden in of dog"),
        ("裸の女性", "naked of woman"),
        ("naked 女人 on a beach", "naked woman on a beach"),
        ("cảnh hoàng hôn trên cánh đồng lúa", ""),
    ],
)
def test_foreign_words_are_read_by_their_meaning(rules: Rules, prompt: str, english: str) -> None:
    assert in_english(canonical(prompt, rules)) == english


@pytest.mark.parametrize(
    "text",
    ["a sang bite pose", "the kind gift of a mono chat", "portrait by greg rutkowski", "artgerm wlop", ""],
)
def test_english_stays_as_it_is(text: str) -> None:
    assert in_english(text) == text
