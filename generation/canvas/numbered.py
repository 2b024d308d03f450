"""Draws a numbered grid over a picture, so that a member can name its cells."""

from PIL import ImageDraw, ImageFont

from generation.files.images import open_picture, to_jpeg

_SIDE = 768  # pixels of the longer side
_LINE, _EDGE = (255, 255, 255), (0, 0, 0)


def numbered(content: bytes, rows: int, columns: int) -> bytes:
    """Returns a JPEG of the picture with its cells numbered by rows from 1. Raises generation.files.images.PictureError."""
    picture = open_picture(content)
    scale = _SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height))
    pen = ImageDraw.Draw(picture)
    lines = [((width * at // columns, 0), (width * at // columns, height)) for at in range(1, columns)]
    lines += [((0, height * at // rows), (width, height * at // rows)) for at in range(1, rows)]
    for line in lines:
        pen.line(line, fill=_EDGE, width=5)
        pen.line(line, fill=_LINE, width=3)
    font = ImageFont.load_default(max(12, min(width // columns, height // rows) // 4))
    for cell in range(rows * columns):
        row, column = divmod(cell, columns)
        middle = (width * (2 * column + 1) / columns / 2, height * (2 * row + 1) / rows / 2)
        pen.text(middle, str(cell + 1), _LINE, font, anchor="mm", stroke_width=3, stroke_fill=_EDGE)
    return to_jpeg(picture, quality=85)
