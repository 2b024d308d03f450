"""Provenance of the bot's pictures: an invisible mark, the parameters, and signed Content Credentials. No Discord.

A picture that can't be marked or signed is posted without; the log has the error, and the job goes on.
"""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import c2pa
from PIL import Image

from bot.studio import ProvenanceSettings
from db import Job
from generation import JobId
from generation.files import images
from generation.provenance.certificate import (
    Certificate,
    CertificateBroken,
    load_certificate,
    made_certificate,
)
from generation.provenance.content_credentials import Claim, Credentials
from generation.provenance.watermark import Watermark
from startup import StartError

log = logging.getLogger(__name__)

FOLDER = "provenance"
"""In the data folder: the key of the marks and, when the owner has no certificate, a generated one."""
_MARK_KEY = "mark.key"


class ProvenanceBroken(StartError):
    """Pictures can't be signed or marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A picture in its final form, as stored and posted."""

    content: bytes  # PNG
    picture: Image.Image
    mark: int | None  # the number in its mark; None: unmarked


class Provenance:
    """Marks and signs pictures. Each call takes milliseconds of one core, so it is run in a thread."""

    def __init__(self, credentials: Credentials, watermark: Watermark) -> None:
        self.credentials = credentials
        self.watermark = watermark

    @classmethod
    def open(cls, settings: ProvenanceSettings, data: Path) -> Provenance:
        """Creates missing files in the data folder. Raises CertificateBroken, ProvenanceBroken, OSError."""
        folder = data / FOLDER
        certificate = certificate_of(settings) or made_certificate(folder)
        return cls(credentials_of(certificate), Watermark(_mark_key(folder / _MARK_KEY)))

    def number_of(self, job: JobId, index: int) -> int:
        """Returns the mark's number for picture `index` (from 0); the same at every call."""
        return int.from_bytes(sha256(self.watermark.key + f"{job}/{index}".encode()).digest()[:4], "big")

    def printed(self, picture: Image.Image, parameters: str, job: Job, index: int) -> Print:
        """Marks and signs a picture in RGB. `parameters`: as `images.parameters_of` describes it; empty if unknown."""
        mark = None
        try:
            number = self.number_of(job.id, index)
            picture, mark = self.watermark.marked(picture, number), number
        except Exception:  # any failure: the picture is posted without a mark
            log.exception("a picture could not be marked")
        own = f"Job: {job.id}-{index + 1}"
        marked = images.to_png(picture, f"{parameters}, {own}" if parameters else own)
        return Print(content=self.signed(marked, "png", job, index), picture=picture, mark=mark)

    def signed(self, content: bytes, form: str, job: Job, index: int | None) -> bytes:
        """Signs a picture. `form`: "png" or "jpeg". `index`: None for a grid of the job's pictures."""
        try:
            claim = Claim(job=job.id, image=index, model=job.drawing.model)
            return self.credentials.signed(content, form, claim)
        except Exception:  # any failure: the picture is posted unsigned
            log.exception("a picture could not be signed")
            return content


def certificate_of(settings: ProvenanceSettings) -> Certificate | None:
    """Returns the owner's certificate; None when the settings name none. Raises CertificateBroken."""
    if not settings.certificate:
        return None
    try:
        return load_certificate(Path(settings.certificate), Path(settings.key))
    except CertificateBroken as broken:
        setting = "certificate" if broken.path == Path(settings.certificate) else "key"
        raise CertificateBroken(broken.path, f"{broken.problem}; provenance.{setting} names it") from broken


def credentials_of(certificate: Certificate) -> Credentials:
    """Raises ProvenanceBroken."""
    try:
        return Credentials(certificate)
    except c2pa.C2paError as error:
        raise ProvenanceBroken(f"Pictures can't be signed: {error}.") from error


def check_mark_key(folder: Path) -> None:
    """Checks an existing key; the first start creates a missing one. Raises ProvenanceBroken."""
    if (folder / _MARK_KEY).exists():
        _mark_key(folder / _MARK_KEY)


def _mark_key(path: Path) -> bytes:
    if not path.exists():
        if any((path.parents[1] / "images").glob("*/*.png")):
            log.warning(
                "The key of the marks is missing in %s: a new one is made, and marks made so far can't be read any more",
                path,
            )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(path, secrets.token_bytes(32))
    key = path.read_bytes()
    if len(key) != 32:
        raise ProvenanceBroken(
            f"The key of the marks in {path} is damaged. Restore it from a copy of that folder, or move it away: then a new one "
            "is made, and marks made so far can't be read any more."
        )
    return key


def _write_new(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
