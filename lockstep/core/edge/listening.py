"""Why a listener can't be opened.

It opens nothing itself.
"""

from __future__ import annotations

import errno
import os
import ssl

from lockstep.core.diagnostics.refusal import FinalError

RETRY_NS = 1_000_000_000

FINAL = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


class AddressError(FinalError, OSError):
    """Another process listens there, the machine has no such address, the port is for root only, or the certificate
    can't be used.
    """


def judged(error: OSError, section: str, address: str, port: int) -> OSError:
    """The exception to raise for `error`, met on opening the listener of the configuration's `section`."""
    if error.errno not in FINAL:
        return error
    return AddressError(
        f"{section}.address {address}, {section}.port {port}: {os.strerror(error.errno).lower()}. End what has it, or "
        "change the configuration"
    )


def tls_context(section: str, certificate: str, key: str) -> ssl.SSLContext | None:
    """Return what the configuration's `section` serves TLS with; None where it names no certificate. AddressError."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # of the files, or of what is in them
        reason = error.strerror or str(error)
        raise AddressError(
            f"{section}.certificate {certificate}, {section}.key {key}: {reason.lower()}. Put PEM files there"
        ) from error
    return context
