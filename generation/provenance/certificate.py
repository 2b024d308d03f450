"""Loads the certificate that signs pictures: the owner's, or one that is made at the first start and kept.

C2PA requires a chain: a signing certificate for documents or mail, issued by a separate authority (C2PA specification, "X.509
Certificates"). A certificate made here gets its own authority. The authority's key is never stored, so it can sign nothing else.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from startup import StartError

CHAIN, KEY = "certificate.pem", "key.pem"
_YEARS = 10


@dataclass(eq=False)
class CertificateBroken(StartError):
    """The certificate chain or its key can't be used."""

    path: Path
    problem: str

    def __str__(self) -> str:
        return f"Pictures can't be signed with {self.path}: {self.problem}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate chain and its key in PEM. The signing certificate is first in the chain."""

    chain: bytes
    key: bytes
    algorithm: str  # C2PA's signature algorithm: "es256", "es384", "es512", "ps256" or "ed25519"
    name: str  # the name of its subject
    expires: datetime
    authority: bytes  # PEM: the last certificate of the chain
    serial: str  # of the signing certificate, decimal


def load_certificate(chain: Path, key: Path) -> Certificate:
    """Loads and checks a certificate chain and its key. Raises CertificateBroken."""
    pem = _read(chain)
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as broken:
        raise CertificateBroken(chain, f"it holds no certificates as PEM ({broken})") from broken
    own = certificates[0]
    key_pem = _read(key)
    try:
        private = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError) as broken:
        raise CertificateBroken(key, "it holds no private key as PEM without a password") from broken
    if _public(private.public_key()) != _public(own.public_key()):
        raise CertificateBroken(key, f"it is not the key of the certificate in {chain}")
    if len(certificates) < 2:
        raise CertificateBroken(chain, "the certificate of the authority that issued the first is missing")
    now = datetime.now(UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        raise CertificateBroken(
            chain,
            f"it is valid from {own.not_valid_before_utc:%Y-%m-%d} to {own.not_valid_after_utc:%Y-%m-%d} only",
        )
    names = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        chain=pem,
        # The signer reads only PKCS #8, so every format of key file is converted to it.
        key=private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        algorithm=_algorithm(private.public_key(), key),
        name=str(names[0].value) if names else own.subject.rfc4514_string(),
        expires=own.not_valid_after_utc,
        authority=certificates[-1].public_bytes(serialization.Encoding.PEM),
        serial=str(own.serial_number),
    )


def made_certificate(folder: Path) -> Certificate:
    """Loads the certificate in the folder, and makes one if there is none. Raises CertificateBroken or OSError."""
    chain, key = folder / CHAIN, folder / KEY
    if not (chain.exists() and key.exists()):
        chain_pem, key_pem = _make()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Writes the key last: if the start is interrupted in between, the next start finds no pair and makes a new one.
        _write(chain, chain_pem)
        _write(key, key_pem)
    return load_certificate(chain, key)


def _make() -> tuple[bytes, bytes]:
    authority_key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.now(UTC)
    authority_name, own_name = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Atelier"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        for name in ("Atelier, its own authority", "Atelier")
    )

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))  # for clocks that differ
            .not_valid_after(now + timedelta(days=365 * _YEARS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )

    authority = (
        builder(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    own = (
        builder(own_name, own_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = own_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return own.public_bytes(pem) + authority.public_bytes(pem), key


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        **dict.fromkeys((*others, "encipher_only", "decipher_only"), False),
    )


def _algorithm(public: object, path: Path) -> str:
    match public:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return "es256"
        case ec.EllipticCurvePublicKey(curve=ec.SECP384R1()):
            return "es384"
        case ec.EllipticCurvePublicKey(curve=ec.SECP521R1()):
            return "es512"
        case rsa.RSAPublicKey(key_size=size) if size >= 2048:
            return "ps256"
        case ed25519.Ed25519PublicKey():
            return "ed25519"
        case _:
            raise CertificateBroken(path, "C2PA takes P-256, P-384, P-521, Ed25519, and RSA from 2048 bits")


def _public(key: object) -> bytes:
    # Every kind of public key has this method, but the library's union type of them is long.
    return key.public_bytes(  # pyright: ignore[reportAttributeAccessIssue]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateBroken(path, f"it can't be read: {error.strerror or error}") from error


def _write(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read."""
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
