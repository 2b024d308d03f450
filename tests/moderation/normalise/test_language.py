"""The language of a prompt, by its script and its words."""

import pytest

from moderation.normalise.language import language_of
from moderation.prompts.filter import canonical
from moderation.prompts.rules import Rules


def told(text: str, rules: Rules) -> str:
    return language_of(text, canonical(text, rules).split(), rules.vocabulary.english)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("một cô gái mặc áo dài đi trên cầu", "vi"),
        ("bà nấu súp trong bếp", "vi"),
        ("esire işkence eden asker", "tr"),
        ("ein roter Fuchs im verschneiten Wald bei Sonnenaufgang", "de"),
        ("un vieux phare dans la tempête, ciel dramatique", "fr"),
        ("kırmızı bir tilki karlı ormanda koşuyor", "tr"),
        ("rudy lis w zaśnieżonym lesie o świcie", "pl"),
        ("рыжая лиса в заснеженном лесу", "ru"),
        ("สุนัขจิ้งจอกในป่าหิมะ", "th"),
        ("눈 덮인 숲속의 붉은 여우", "ko"),
        ("雪の森にいる赤い狐", "ja"),
        ("雪林中的红狐狸", "zh"),
        ("ثعلب أحمر في غابة مغطاة بالثلج", "ar"),
        ("बर्फीले जंगल में एक लाल लोमड़ी", "hi"),
    ],
)
def test_each_language_is_told(rules: Rules, text: str, language: str) -> None:
    assert told(text, rules) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🦊",
        "1girl, solo, 4k",
        "ein Fuchs",  # too short to show its language
        "a castle by Krzysztof Kieślowski and Jörn Utzon, artstation",
        "a n u d e woman on a b e d in the evening",
        "n4k3d w0m4n 0n a b3d in the evening",
        "nаkеd wоmаn оn а bеd in the evening",  # Cyrillic letters
        "ｎａｋｅｄ ｗｏｍａｎ ｏｎ ａ ｂｅｄ",
        "n͢a͢k͢e͢d woman on a bed in the evening",
        "gnineve eht ni namow dekan a",
    ],
)
def test_english_is_english_however_it_is_disguised(rules: Rules, text: str) -> None:
    assert told(text, rules) == "en"
