"""A node's key and certificate, and the peer's certificate: what TLS between two nodes rests on.

It opens no connection. Each node knows one certificate, the other's, and trusts no authority, name or date.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

KEY = "key.pem"  # with the certificate behind the key: a new pair of them has its place in one step
CERTIFICATE = "certificate.pem"
PEER = "peer.pem"

# A pinned certificate is good until it is replaced: a clock that is wrong cuts no link.
VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280, 4.1.2.5: no end

PAIR_AGAIN = "pair the two nodes again: lockstep pair"
UNPAIRED = "this node is not paired: lockstep pair gives it a key and the peer's certificate"


class CertificateError(Exception):
    """A file is missing or no certificate; the message names it."""


class Credentials:
    """This node's key with its certificate, and the peer's certificate: read again when one has been replaced.

    `peer` is the peer's certificate (DER) as `context` last read it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.peer = b""
        self._read: tuple[tuple[int, int], ...] = ()
        self._contexts: dict[bool, ssl.SSLContext] = {}

    @staticmethod
    def of(folder: Path) -> Credentials | None:
        """Those of the node folder `folder`; None where it has not been paired."""
        return Credentials(folder) if (folder / PEER).exists() else None

    def context(self, *, server: bool) -> ssl.SSLContext:
        """What a connection is made with. CertificateError where a file is missing or damaged."""
        try:
            stats = [(self.folder / name).stat() for name in (KEY, PEER)]
            read = tuple((stat.st_ino, stat.st_mtime_ns) for stat in stats)
            if read != self._read:
                peer = (self.folder / PEER).read_text()
                self.peer = ssl.PEM_cert_to_DER_cert(peer)
                self._contexts = {each: self._context(peer, server=each) for each in (False, True)}
                self._read = read
        except (OSError, ValueError) as error:
            raise CertificateError(f"{self.folder}: {error}: {PAIR_AGAIN}") from None
        return self._contexts[server]

    def _context(self, peer: str, *, server: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # the certificate itself is known
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.folder / KEY)
        context.load_verify_locations(cadata=peer)
        if server:
            context.num_tickets = 0  # every connection proves itself
        return context


def make(node: str) -> tuple[bytes, bytes]:
    """A new key and the certificate that it signs for itself, each PEM."""
    from cryptography import x509  # a venue that pairs nothing needs neither its code nor its start
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), VALID_FROM, VALID_UNTIL)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(uses, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)
