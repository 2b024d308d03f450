"""Control maps of drawings and photographs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.control.kinds import ControlKind
from generation.control.maps import control_map, edge_lines, scribble_lines
from generation.files.images import NotAPicture
from generation.request import ImageSize

SIDE = 160


def drawing(paper: int, pen: int) -> Image.Image:
    picture = Image.new("L", (SIDE, SIDE), paper)
    draw = ImageDraw.Draw(picture)
    draw.line([(20, 20), (140, 100)], fill=pen, width=4)
    draw.ellipse([40, 80, 100, 140], outline=pen, width=3)
    return picture


def encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


WANTED = np.asarray(drawing(0, 255)) > 127


@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (0, 255), (230, 190), (40, 70), (128, 20)])
def test_lines_become_white_on_black_whatever_the_paper(paper: int, pen: int) -> None:
    assert (scribble_lines(drawing(paper, pen)) == WANTED).all()


def test_a_photograph_of_paper_in_uneven_light_shows_its_lines_alone() -> None:
    light = Image.fromarray(np.linspace(100, 227, SIDE).astype(np.uint8).repeat(SIDE).reshape(SIDE, SIDE))
    photo = ImageChops.multiply(light, drawing(255, 90)).filter(ImageFilter.GaussianBlur(0.6))
    found = scribble_lines(photo)
    assert (found != WANTED).mean() < 0.02 and found[WANTED].mean() > 0.85


def test_empty_paper_has_no_lines() -> None:
    grain = np.random.default_rng(0).normal(240, 2, (SIDE, SIDE))
    assert not scribble_lines(Image.fromarray(grain.clip(0, 255).astype(np.uint8))).any()


def test_the_edge_of_a_disc_is_a_closed_thin_ring() -> None:
    picture = Image.new("L", (SIDE, SIDE), 200)
    ImageDraw.Draw(picture).ellipse([40, 40, 120, 120], fill=60)
    lines = edge_lines(picture)
    ys, xs = np.nonzero(lines)
    assert (abs(np.hypot(xs - 80, ys - 80) - 40) < 2).all()
    # In every direction from the middle there is an edge, one or two pixels thick.
    angles = np.round(np.degrees(np.arctan2(ys - 80, xs - 80)) / 4).astype(int) % 90
    assert len(set(angles.tolist())) == 90 and len(xs) < 1.3 * 2 * np.pi * 40


def test_a_weak_edge_counts_where_a_strong_one_goes_on_along_it() -> None:
    """The edge fades to the right: it is followed until it is too weak. A second one is weak everywhere."""
    ground = np.full((SIDE, SIDE), 100.0)
    ground[80:] += np.linspace(120, 0, SIDE)[None]
    ground[120:] += 12
    lines = edge_lines(Image.fromarray(ground.astype(np.uint8)))
    rows = {y: np.nonzero(lines[y])[0] for y in range(SIDE) if lines[y].any()}
    assert set(rows) <= {79, 80} and 120 < max(max(each) for each in rows.values()) < 140


def test_a_map_has_the_asked_size_and_is_cut_not_stretched() -> None:
    wide = Image.new("L", (2 * SIDE, SIDE), 255)
    wide.paste(drawing(255, 0), (SIDE // 2, 0))
    size = ImageSize(width=SIDE, height=SIDE)
    found = control_map(encoded(wide), ControlKind.SCRIBBLE, size)
    assert (found.mode, found.size) == ("RGB", (SIDE, SIDE))
    assert (np.asarray(found.convert("L")) == np.where(WANTED, 255, 0)).all()
    edges = np.asarray(control_map(encoded(wide), ControlKind.EDGES, size).convert("L"))
    assert set(np.unique(edges)) == {0, 255} and edges[WANTED].mean() < 255


def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(NotAPicture):
        control_map(b"no picture", ControlKind.EDGES, ImageSize(width=64, height=64))
