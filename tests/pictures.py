"""Pictures for tests of detectors: ellipses and waves from a seed, which depict nothing."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 64
"""Pixels. Of the pictures of tiny models."""

REFUSED, FLAGGED = 30, 550
"""Seeds of blobs that OpenNSFW scores 0.91 and 0.78, at any size."""

_SKIN = (224, 172, 140)


def blobs(seed: int, side: int = 256) -> Image.Image:
    """Returns ellipses in skin colours. OpenNSFW scores some as nudity although they are harmless."""
    draw_from = np.random.default_rng(seed)
    picture = Image.new("RGB", (256, 256), tuple(int(part) for part in draw_from.integers(0, 120, 3)))
    pen = ImageDraw.Draw(picture)
    for _ in range(draw_from.integers(2, 9)):
        x, y = (int(part) for part in draw_from.integers(0, 256, 2))
        wide, high = (int(part) for part in draw_from.integers(20, 120, 2))
        light = draw_from.uniform(0.75, 1.1)
        colour = tuple(int(min(255, part * light)) for part in _SKIN)
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=colour)
        pen.ellipse((x - 8, y - 8, x + 8, y + 8), fill=(170, 90, 80))
    soft = picture.filter(ImageFilter.GaussianBlur(draw_from.uniform(1, 6)))
    return soft.resize((side, side), Image.Resampling.BICUBIC)


def waves(seed: int, width: int = 256, height: int = 256) -> Image.Image:
    """Returns smooth colour waves with detail at every scale. To a hash or a watermark they are like a photograph."""
    draw_from = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    channels = np.zeros((height, width, 3))
    for _ in range(24):
        speed = 1.0 / draw_from.uniform(0.02, 0.6)
        turn, phase = draw_from.uniform(0, 2 * np.pi, 2)
        wave = np.sin(speed * 2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) + phase)
        channels += wave[:, :, None] * draw_from.normal(0, 12 / speed**0.3, 3)
    return Image.fromarray(np.clip(channels + 120, 0, 255).astype(np.uint8))


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def jpeg(picture: Image.Image, quality: int = 80) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
