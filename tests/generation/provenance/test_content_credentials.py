"""A picture carries a signed statement of its origin. A change, or a signature of another signer, is detected."""

import stat
from dataclasses import replace
from pathlib import Path

import c2pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from generation.files import images
from generation.provenance.certificate import (
    CHAIN,
    KEY,
    CertificateBroken,
    load_certificate,
    made_certificate,
)
from generation.provenance.content_credentials import Claim, Credentials, Found
from tests.pictures import jpeg, png, waves

CLAIM = Claim(job="aaaaabbbbb", image=2, model="emoji")
GRID = replace(CLAIM, image=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    made_certificate(folder)
    return folder


@pytest.fixture(scope="module")
def credentials(folder: Path) -> Credentials:
    return Credentials(made_certificate(folder))


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_what_is_signed_is_read_again(credentials: Credentials, form: str) -> None:
    content = png(waves(1)) if form == "png" else jpeg(waves(1))
    signed = credentials.signed(content, form, CLAIM)
    assert credentials.read(signed, form) == Found(claim=CLAIM, is_whole=True, is_own=True)
    assert images.open_picture(signed).tobytes() == images.open_picture(content).tobytes()
    assert len(signed) - len(content) < 4096
    grid = credentials.signed(content, form, GRID)
    assert credentials.read(grid, form) == Found(claim=GRID, is_whole=True, is_own=True)


def test_it_says_that_a_model_drew_it_and_names_nobody(credentials: Credentials) -> None:
    signed = credentials.signed(png(waves(1)), "png", CLAIM)
    assert b"digitalsourcetype/trainedAlgorithmicMedia" in signed
    assert b"Atelier" in signed


def test_parameters_stay_readable(credentials: Credentials) -> None:
    content = images.to_png(waves(1), "a fox\nSteps: 20, Seed: 7")
    signed = credentials.signed(content, "png", CLAIM)
    assert images.read_parameters(signed) == "a fox\nSteps: 20, Seed: 7"


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_a_changed_picture_is_found_out(credentials: Credentials, form: str) -> None:
    content = png(waves(1)) if form == "png" else jpeg(waves(1))
    signed = bytearray(credentials.signed(content, form, CLAIM))
    signed[-len(content) // 2] ^= 1
    found = credentials.read(bytes(signed), form)
    assert found is not None
    assert (found.is_whole, found.is_own) == (False, False)


def test_anothers_signature_is_not_ours(credentials: Credentials, tmp_path: Path) -> None:
    other = Credentials(made_certificate(tmp_path))
    found = credentials.read(other.signed(png(waves(1)), "png", CLAIM), "png")
    assert found == Found(claim=CLAIM, is_whole=True, is_own=False)


def test_a_picture_without_credentials_has_none(credentials: Credentials) -> None:
    assert credentials.read(png(waves(1)), "png") is None
    assert credentials.read(b"\x89PNG broken", "png") is None


def test_a_made_certificate_is_kept_for_its_owner_alone(folder: Path) -> None:
    first, again = made_certificate(folder), made_certificate(folder)
    assert first == again
    assert (first.algorithm, first.name) == ("es256", "Atelier")
    for name in (CHAIN, KEY):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_certificate_that_does_not_suit_says_why(folder: Path, tmp_path: Path) -> None:
    chain, key = folder / CHAIN, folder / KEY
    own = chain.read_bytes().partition(b"-----END CERTIFICATE-----\n")
    alone, foreign, text = tmp_path / "alone.pem", tmp_path / "foreign.pem", tmp_path / "text.pem"
    alone.write_bytes(own[0] + own[1])
    text.write_text("not PEM", "utf-8")
    foreign.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    for paths, says in (
        ((tmp_path / "nothing.pem", key), "can't be read"),
        ((text, key), "no certificates as PEM"),
        ((chain, text), "no private key as PEM"),
        ((chain, foreign), "is not the key of the certificate"),
        ((alone, key), "authority that issued the first is missing"),
    ):
        with pytest.raises(CertificateBroken) as broken:
            load_certificate(*paths)
        assert says in broken.value.problem


def test_a_signer_that_fails_says_so(credentials: Credentials) -> None:
    with pytest.raises(c2pa.C2paError):
        credentials.signed(b"no picture", "png", CLAIM)
