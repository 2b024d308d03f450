"""Content Credentials (C2PA): a signed statement inside the file that says what made it. Offline, without thumbnails.

https://spec.c2pa.org; digitalSourceType by https://cv.iptc.org/newscodes/digitalsourcetype/.
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
    "builder": {"thumbnail": {"enabled": False}},  # of up to 900 kB
    # Nothing is looked up on the network, whatever a stranger's file asks for.
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
    """What is said about a picture: no name, no prompt."""

    job: Annotated[str, Meta(pattern=r"\A[a-z2-7]{10}\Z")]
    image: Annotated[int, Meta(ge=0)] | None  # None: all of the job's, in one grid
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Credentials that a picture carries."""

    claim: Claim
    is_whole: bool  # the signature is good, and nothing was changed since
    is_own: bool  # and it is by this bot's own certificate


class Credentials:
    """May be used from several threads."""

    def __init__(self, certificate: Certificate) -> None:
        """Raises c2pa.C2paError where the certificate does not suit."""
        self.certificate = certificate
        info = c2pa.C2paSignerInfo(
            alg=certificate.algorithm.encode(),
            sign_cert=certificate.chain,
            private_key=certificate.key,
            ta_url=None,
        )
        settings = c2pa.Settings.from_dict(_SETTINGS)
        self._signing = c2pa.Context(settings, c2pa.Signer.from_info(info))
        # Its authority alone is trusted here, and gives no two certificates one number: so the number tells our own.
        trusting = {
            "trust": {"trust_anchors": certificate.authority.decode()},
            "verify": {**_SETTINGS["verify"], "verify_trust": True},
        }
        self._reading = c2pa.Context(c2pa.Settings.from_dict(trusting))

    def signed(self, content: bytes, form: str, claim: Claim) -> bytes:
        """The same picture with the statement in it, some 3 kB more. `form`: "png" or "jpeg". Raises c2pa.C2paError."""
        out = io.BytesIO()
        with c2pa.Builder(json.dumps(_manifest(claim)), self._signing) as builder:
            builder.sign(f"image/{form}", io.BytesIO(content), out)
        return out.getvalue()

    def read(self, content: bytes, form: str) -> Found | None:
        """None where there are no credentials, or none that an Atelier writes."""
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
