"""Refusals of pictures that members supply."""

from enum import StrEnum

from bot.studio.errors.refusal import Refusal


class PictureFault(StrEnum):
    """Why a file can't be used as a picture."""

    UNKNOWN = "unknown"  # no picture of a form that is read
    HEIC = "heic"  # the package that reads it is not installed
    BROKEN = "broken"  # or cut off
    PIXELS = "pixels"  # too many
    SMALL = "small"
    MIXED = "mixed"  # it is also an archive, a document or a script


class UploadRefusal(Refusal):
    """A picture that a member supplies can't be used."""


class UnusablePicture(UploadRefusal):
    fault: PictureFault
    pixels: int = 0  # width times height, where they are too many
    limit: int = 0  # pixels in all, or of the shorter side

    @property
    def megapixels(self) -> float:
        return self.pixels / 1e6

    @property
    def limit_in_millions(self) -> float:
        return self.limit / 1e6


class TooManyUploads(UploadRefusal):
    limit: int  # a minute
    retry_after: float  # seconds


class UploadRefused(UploadRefusal):
    """The picture check refuses the upload, or it looks like a removed picture."""

    is_banned: bool
    is_first: bool = False  # this member's first refusal in this server


class MaskFault(StrEnum):
    ALONE = "alone"  # without a picture
    EMPTY = "empty"  # nothing in it is white
    SHAPE = "shape"  # not of the picture's proportions


class UnusableMask(UploadRefusal):
    fault: MaskFault


class PageClosed(UploadRefusal):
    """The owner offers no page on which regions are drawn."""


class RegionNotDrawn(UploadRefusal):
    """The member has not drawn a region of this picture on the page, or too long ago."""
