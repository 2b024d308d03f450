"""Contact sheets: pictures in rows, each with its caption below."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from training.scenes.pictures import SIDE

COLUMNS = 8
LINE = 26  # pixels, for two lines of caption
WIDE = 22  # letters per line


def contact_sheet(images: Sequence[Image.Image], captions: Sequence[str]) -> Image.Image:
    """Returns a sheet with eight pictures per row."""
    rows = -(-len(images) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + 4), rows * (SIDE + LINE + 4)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = index % COLUMNS * (SIDE + 4), index // COLUMNS * (SIDE + LINE + 4)
        sheet.paste(image, (x, y))
        pen.text((x + 2, y + SIDE), f"{caption[:WIDE]}\n{caption[WIDE : 2 * WIDE]}", fill="black")
    return sheet
