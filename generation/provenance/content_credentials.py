"""Content Credentials (C2PA): a signed statement inside the file that names the software that made it. Works offline, without
thumbnails.

See https://spec.c2pa.org; for digitalSourceType see https://cv.iptc.org/newscodes/digitalsourcetype/.
"""

import contextlib
import io
import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import c2pa
import msgspec
from msgspec import Meta

from generation.files.images import version
from generation.provenance.certificate import Certificate

_ASSERTION = "org.atelier.picture"
_TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_SETTINGS: dict[str, dict[str, Any]] = {
    "builder": {"thumbnail": {"enabled": False}},  # a thumbnail has up to 900 kB
    # Forbids all network lookups, including those that an uploaded file asks for.
    "verify": {
        "verify_trust": False,
        "verify_timestamp_trust": False,
        "ocsp_fetch": False,
        "remote_manifest_fetch": False,
        "verify_after_sign": False,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The statement about a picture. It contains no name and no prompt."""

    job: Annotated[str, Meta(pattern=r"\A[a-z2-7]{10}\Z")]
    image: Annotated[int, Meta(ge=0)] | None  # None: all pictures of the job, in one grid
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Credentials found in a picture."""

    claim: Claim
    is_whole: bool  # the signature is valid, and the file is unchanged since signing
    is_own: bool  # it was signed with this bot's own certificate


class Credentials:
    """A signer of pictures and reader of their credentials. Safe to use from several threads."""

    def __init__(self, certificate: Certificate) -> None:
        """Raises c2pa.C2paError if the certificate can't be used."""
        self.certificate = certificate
        info = c2pa.C2paSignerInfo(
            alg=certificate.algorithm.encode(),
            sign_cert=certificate.chain,
            private_key=certificate.key,
            ta_url=None,
        )
        settings = c2pa.Settings.from_dict(_SETTINGS)
        self._signing = c2pa.Context(settings, c2pa.Signer.from_info(info))
        # Only the certificate's own authority is trusted here. It never issues the same serial number twice, so the number
        # identifies our own certificate.
        trusting = {
            "trust": {"trust_anchors": certificate.authority.decode()},
            "verify": {**_SETTINGS["verify"], "verify_trust": True},
        }
        self._reading = c2pa.Context(c2pa.Settings.from_dict(trusting))

    def signed(self, content: bytes, form: str, claim: Claim) -> bytes:
        """Returns the same picture with the statement inside, about 3 kB larger. `form`: "png" or
        "jpeg". Raises c2pa.C2paError.
        """
        out = io.BytesIO()
        with c2pa.Builder(json.dumps(_manifest(claim)), self._signing) as builder:
            builder.sign(f"image/{form}", io.BytesIO(content), out)
        return out.getvalue()

    def read(self, content: bytes, form: str) -> Found | None:
        """Returns the credentials; None if there are none, or none in the form that Atelier writes."""
        try:
            with c2pa.Reader(f"image/{form}", io.BytesIO(content), context=self._reading) as reader:
                document: dict[str, Any] = json.loads(reader.json())
        except (c2pa.C2paError, ValueError):
            return None
        manifest = document.get("manifests", {}).get(document.get("active_manifest"), {})
        for assertion in manifest.get("assertions", ()):
            if assertion.get("label") == _ASSERTION:
                with contextlib.suppress(KeyError, TypeError, msgspec.ValidationError):
                    return Found(
                        claim=msgspec.convert(assertion["data"], Claim),
                        is_whole=document.get("validation_state") in ("Valid", "Trusted"),
                        is_own=document.get("validation_state") == "Trusted"
                        and manifest["signature_info"]["cert_serial_number"] == self.certificate.serial,
                    )
        return None


def _manifest(claim: Claim) -> dict[str, Any]:
    maker = {"name": "Atelier", "version": version() or "0"}
    created = {"action": "c2pa.created", "digitalSourceType": _TRAINED, "softwareAgent": maker}
    return {
        "claim_generator_info": [maker],
        "title": f"atelier-{claim.job}",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": _ASSERTION, "data": asdict(claim)},
        ],
    }
