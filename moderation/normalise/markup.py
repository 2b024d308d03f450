"""Handles the markup around words in a prompt: encodings, weights, LoRA tags, HTML, Discord's own marks. Knows no words."""

import html
import re

_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = re.compile(r"&(?:#[xX]?[0-9A-Fa-f]{2,6};?|[A-Za-z][A-Za-z0-9]{1,30};)")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2}))")
_ROUNDS = 3  # "%2570" is "%70" is "p"

_NETWORK = re.compile(
    r"<\s*(?:lora|lyco|loha|hypernet|embedding|ti)\s*:\s*([^<>:]++)(?::[-+.\d\s]*+)?([^<>]*+)>", re.IGNORECASE
)
_EMBEDDING = re.compile(r"\bembedding:([\w.-]+)", re.IGNORECASE)
_CUSTOM_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_HTML_TAG = re.compile(
    r"</?(?:a|b|big|br|center|code|del|div|em|font|h[1-6]|i|img|ins|li|mark|p|s|small|span|strong|sub|sup|u|ul|wbr)"
    r"(\s[^<>]*)?/?>|<!--(.*?)-->",
    re.IGNORECASE,
)
_VERSION = re.compile(r"[\W_]*v?\d+(?:[._]\d+)*$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WEIGHT_IN_BRACKETS = re.compile(r":\s*[-+]?\d*\.?\d+\s*(?=[)\]}>])")
_WEIGHT_IN_COLONS = re.compile(r"::\s*[-+]?\d*\.?\d*")


def decoded(text: str) -> str:
    """Decodes HTML entities, URL encoding and backslash escapes. Sequences that can't be decoded stay unchanged."""
    for _ in range(_ROUNDS):
        before = text
        if "%" in text:
            text = _PERCENT.sub(_from_percent, text)
        if "&" in text:
            text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        if "\\" in text:
            text = _ESCAPE.sub(_from_escape, text)
        if text == before:
            break
    return text


def without_markup(text: str) -> str:
    """Removes weights and tags. The text inside a tag stays, as words. Brackets stay, because they may hide joined words."""
    if "<" in text:
        text = _NETWORK.sub(_name_of_network, text)
        text = _CUSTOM_EMOJI.sub(lambda emoji: f" {_CAMEL.sub(' ', emoji[1])} ", text)
        text = _HTML_TAG.sub(
            lambda tag: f" {said} " if (said := (tag[1] or tag[2] or "").strip()) else "", text
        )
    if ":" in text:
        text = _EMBEDDING.sub(lambda name: f" {_CAMEL.sub(' ', name[1])} ", text)
        text = _WEIGHT_IN_BRACKETS.sub("", text)
        text = _WEIGHT_IN_COLONS.sub(" ", text)
    return text


def _name_of_network(tag: re.Match[str]) -> str:
    return f" {_CAMEL.sub(' ', _VERSION.sub('', tag[1].strip()))} {tag[2]} "


def _from_percent(run: re.Match[str]) -> str:
    try:
        return bytes.fromhex(run[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return run[0]


def _from_escape(escape: re.Match[str]) -> str:
    code = int(escape[1] or escape[2] or escape[3], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else escape[0]
