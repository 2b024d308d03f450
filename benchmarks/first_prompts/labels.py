"""Writes prompts below pictures: also emoji, and letters that DejaVu lacks. Each kind of sign needs its font."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_SIZE = 10  # pixels
_EMOJI_SIZE = 109
"""Pixels: the only size that the font's pictures have."""
_SIGNS = re.compile(
    "(?P<emoji>[\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff]+)|(?P<cjk>[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7af]+)"
)
_FONTS = {
    "text": ("DejaVuSans.ttf", "fonts-dejavu-core"),
    "cjk": ("NotoSansCJK-Regular.ttc", "fonts-noto-cjk"),
    "emoji": ("NotoColorEmoji.ttf", "fonts-noto-color-emoji"),
}
"""Files, and Debian's packages of them."""


@dataclass(frozen=True, slots=True)
class Labels:
    fonts: dict[str, ImageFont.FreeTypeFont]

    @classmethod
    def load(cls) -> "Labels":
        """Ends the program if a font is missing: its signs would be boxes."""
        fonts: dict[str, ImageFont.FreeTypeFont] = {}
        for kind, (file, package) in _FONTS.items():
            try:
                fonts[kind] = ImageFont.truetype(file, _EMOJI_SIZE if kind == "emoji" else _SIZE)
            except OSError:
                raise SystemExit(f"The font {file} is missing. Debian: apt-get install {package}") from None
        return cls(fonts)

    def write(self, onto: Image.Image, x: float, y: int, text: str, fill: str | tuple[int, int, int]) -> None:
        """Writes the text on one line. `x`, `y`: its upper left corner."""
        for kind, part in _parts(text):
            font = self.fonts[kind]
            if kind != "emoji":
                ImageDraw.Draw(onto).text((x, y), part, fill=fill, font=font)
                x += font.getlength(part)
                continue
            left, top, right, bottom = (round(each) for each in font.getbbox(part))
            drawn = Image.new("RGBA", (right - left, bottom - top))
            ImageDraw.Draw(drawn).text((-left, -top), part, font=font, embedded_color=True)
            high = _SIZE + 3
            small = drawn.resize((round(drawn.width * high / drawn.height), high), Image.Resampling.LANCZOS)
            onto.paste(small, (round(x), y), small)
            x += small.width


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yields the text in parts, each with the kind of its font."""
    at = 0
    for found in _SIGNS.finditer(text):
        if found.start() > at:
            yield "text", text[at : found.start()]
        yield str(found.lastgroup), found[0]
        at = found.end()
    if at < len(text):
        yield "text", text[at:]
