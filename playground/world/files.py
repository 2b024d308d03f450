"""Uploaded files: their attachment objects, and their bytes in the store."""

import io
import mimetypes
import re
from dataclasses import dataclass
from urllib.parse import quote

from PIL import Image, UnidentifiedImageError

from playground.world.store import Store
from playground.world.values import Json, Snowflakes

FILE_LIMIT = 20 * 1024 * 1024  # bytes; Discord's limit for a guild without boosts since September 2026
REQUEST_LIMIT = 25 * 1024 * 1024  # bytes
MOST_UPLOADS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of a request, before it is stored. `field` is its form field, for example `files[0]`."""

    field: str
    filename: str
    content_type: str | None
    content: bytes


class UploadedFiles:
    """The stored files and their descriptions as Discord attachments."""

    def __init__(self, store: Store, snowflakes: Snowflakes, address: str) -> None:
        self._store = store
        self._snowflakes = snowflakes
        self._address = address

    def keep(
        self, upload: Upload, channel_id: int, *, filename: str | None = None, ephemeral: bool = False
    ) -> Json:
        """Stores the bytes and returns the attachment object for a message or an option."""
        id = self._snowflakes.next()
        name = safe_name(filename or upload.filename)
        # Discord ignores the client's content type; discord.py sends only this one.
        kind = mimetypes.guess_type(name)[0] or upload.content_type or "application/octet-stream"
        folder = "ephemeral-attachments" if ephemeral else "attachments"
        url = f"{self._address}/cdn/{folder}/{channel_id}/{id}/{quote(name)}"
        body: Json = {
            "id": str(id),
            "filename": name,
            "size": len(upload.content),
            "url": url,
            "proxy_url": url,
            "content_type": kind,
        }
        if kind.startswith("image/") and (size := size_of_image(upload.content)):
            body["width"], body["height"] = size
        if ephemeral:
            body["ephemeral"] = True
        self._store.put_file(id, body, upload.content)
        return body

    def receive(self, upload: Upload, guild_id: int) -> Json:
        """Stores a person's upload for an option. Keeps only the newest uploads, because Discord deletes them within a day."""
        body = self.keep(upload, guild_id, ephemeral=True)
        self._store.put("upload", int(body["id"]), {"id": body["id"]})
        for old in self._store.all("upload")[:-MOST_UPLOADS]:
            self._store.remove("upload", int(old["id"]))
            self.drop(int(old["id"]))
        return body

    def describe(self, id: int) -> Json | None:
        found = self._store.file(id)
        return None if found is None else found[0]

    def read(self, id: int) -> tuple[Json, bytes] | None:
        return self._store.file(id)

    def drop(self, id: int) -> None:
        self._store.remove_file(id)


def safe_name(name: str) -> str:
    """Returns the name with Discord's restrictions: only letters, digits, dots, dashes and underscores are kept."""
    return re.sub(r"[^\w.-]", "_", name.rsplit("/", 1)[-1], flags=re.ASCII).strip("_") or "unknown"


def size_of_image(content: bytes) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, ValueError):
        return None
