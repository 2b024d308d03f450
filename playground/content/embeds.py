"""Checks the embeds of a message against Discord's rules and returns them in Discord's form."""

from typing import Any

from playground.content.components import ComponentReader
from playground.world.values import Json, as_dict, as_dicts, without_none

MOST_CHARACTERS = 6000  # total of all embeds of a message
LIMITS = {"title": 256, "description": 4096}


def read_embeds(reader: ComponentReader, embeds: list[Json]) -> list[Json]:
    errors = reader.errors
    errors.count("embeds", len(embeds), 0, 10)
    shaped = [read_embed(reader, embed, f"embeds.{index}") for index, embed in enumerate(embeds)]
    if sum(map(characters, shaped)) > MOST_CHARACTERS:
        errors.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", most=MOST_CHARACTERS)
    return shaped


def read_embed(reader: ComponentReader, embed: Json, path: str) -> Json:
    errors = reader.errors
    shaped: Json = {"type": "rich"}
    for key, most in LIMITS.items():
        errors.length(f"{path}.{key}", embed.get(key), 0, most)
    shaped |= without_none(
        (key, embed.get(key)) for key in ("title", "description", "url", "color", "timestamp")
    )
    fields = as_dicts(embed.get("fields"))
    errors.count(f"{path}.fields", len(fields), 0, 25)
    for index, each in enumerate(fields):
        errors.length(f"{path}.fields.{index}.name", each.get("name"), 1, 256)
        errors.length(f"{path}.fields.{index}.value", each.get("value"), 1, 1024)
    if fields:
        shaped["fields"] = [
            {"name": each.get("name"), "value": each.get("value"), "inline": bool(each.get("inline"))}
            for each in fields
        ]
    if footer := as_dict(embed.get("footer")):
        errors.length(f"{path}.footer.text", footer.get("text"), 1, 2048)
        shaped["footer"] = {"text": footer.get("text")} | icon(reader, footer, f"{path}.footer")
    if author := as_dict(embed.get("author")):
        errors.length(f"{path}.author.name", author.get("name"), 1, 256)
        shaped["author"] = without_none((key, author.get(key)) for key in ("name", "url"))
        shaped["author"] |= icon(reader, author, f"{path}.author")
    for key in ("image", "thumbnail"):
        if picture := as_dict(embed.get(key)):
            shaped[key] = image(reader, picture.get("url"), f"{path}.{key}.url")
    return shaped


def icon(reader: ComponentReader, part: Json, path: str) -> Json:
    url = part.get("icon_url")
    if not url:
        return {}
    own = reader.refer(url, f"{path}.icon_url")
    address = own["url"] if own else url
    return {"icon_url": address, "proxy_icon_url": address}


def image(reader: ComponentReader, url: Any, path: str) -> Json:
    own = reader.refer(url, path)
    if own is None:
        return {"url": str(url), "proxy_url": str(url), "width": 0, "height": 0}
    return {
        "url": own["url"],
        "proxy_url": own["proxy_url"],
        "width": own.get("width") or 0,
        "height": own.get("height") or 0,
        "content_type": own["content_type"],
    }


def characters(embed: Json) -> int:
    texts: list[Any] = [
        embed.get("title"),
        embed.get("description"),
        as_dict(embed.get("footer")).get("text"),
        as_dict(embed.get("author")).get("name"),
    ]
    for each in as_dicts(embed.get("fields")):
        texts += [each["name"], each["value"]]
    return sum(len(text) for text in texts if isinstance(text, str))
