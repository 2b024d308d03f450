"""Builds the archive of drawings: `python -m training.archive drawings.zip [--noto NotoColorEmoji.ttf]`.

Takes Fluent Emoji 3D (Microsoft, MIT) and the names of emojibase-data (MIT) through `npm pack`, which knows the registry. Takes
the flat style from the font Noto Color Emoji (Google, OFL 1.1; Debian's fonts-noto-color-emoji). The archive holds items.json, a
list of {name, tags, hex, emoji}; f/HEX.webp, each solid drawing as shipped (256 px, with alpha); and n/HEX.webp, the flat
drawings that the font has (136 px, with alpha).
"""

import argparse
import io
import json
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

DRAWINGS: Final = "@lobehub/fluent-emoji-3d@1.1.0"
NAMES: Final = "emojibase-data@17.0.0"
NOTO: Final = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
BITMAP: Final = 109  # points: the only size of the font's bitmaps
VARIANT_SELECTOR: Final = "-fe0f"  # requests the picture form of an emoji; only some file names contain it


def pack(package: str, folder: Path) -> Path:
    """Fetches an npm package's tarball into the folder. Raises CalledProcessError when npm fails."""
    done = subprocess.run(
        ["npm", "pack", package, "--json", "--silent"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / json.loads(done.stdout)[0]["filename"]


def code(hexcode: str) -> str:
    """Returns one uniform spelling of an emoji's code points."""
    return hexcode.lower().replace(VARIANT_SELECTOR, "")


def read_names(tarball: Path) -> list[dict[str, Any]]:
    """Returns name, tags and hex of every emoji that is not a letter, number, sign or flag."""
    with tarfile.open(tarball) as opened:
        member = opened.extractfile("package/en/data.json")
        assert member is not None
        rows: list[dict[str, Any]] = json.load(member)
    pictured = {0, 1, 3, 4, 5, 6, 7}  # groups: faces, people, animals, food, places, play, things
    return [
        {
            "name": row["label"].lower().strip("“”"),
            "tags": row.get("tags", []),
            "hex": code(row["hexcode"]),
            "emoji": row["emoji"],
        }
        for row in rows
        if row.get("group") in pictured
    ]


def flat(emoji: str, font: ImageFont.FreeTypeFont) -> bytes | None:
    """Returns the font's drawing as WebP with alpha, or None when the font has none."""
    canvas = Image.new("RGBA", (136, 136))
    ImageDraw.Draw(canvas).text((0, 2), emoji, font=font, embedded_color=True)
    if canvas.getbbox() is None:
        return None
    encoded = io.BytesIO()
    canvas.save(encoded, "WEBP", quality=92)
    return encoded.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="the .zip to write")
    parser.add_argument("--noto", type=Path, default=NOTO, help="Debian: fonts-noto-color-emoji")
    arguments = parser.parse_args()
    font = ImageFont.truetype(arguments.noto, BITMAP)
    with tempfile.TemporaryDirectory() as scratch:
        names = read_names(pack(NAMES, Path(scratch)))
        tarball = pack(DRAWINGS, Path(scratch))
        with tarfile.open(tarball) as drawings, zipfile.ZipFile(arguments.archive, "w") as archive:
            paths = {
                code(Path(member.name).stem): member
                for member in drawings.getmembers()
                if member.name.endswith(".webp")
            }
            items = [item for item in names if item["hex"] in paths]
            archive.writestr("items.json", json.dumps(items))
            for item in items:
                member = drawings.extractfile(paths[item["hex"]])
                assert member is not None
                archive.writestr(f"f/{item['hex']}.webp", member.read())
                if (drawing := flat(item["emoji"], font)) is not None:
                    archive.writestr(f"n/{item['hex']}.webp", drawing)
    print(f"{arguments.archive}: {len(items)} drawings")


if __name__ == "__main__":
    main()
