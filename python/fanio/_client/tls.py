"""The TLS options of a client: which servers it trusts, and its own certificate, as PEM for the core.

The core implements TLS itself (rustls). So an ``ssl.SSLContext`` is not used but read: its authorities and its
verification settings apply. Its client certificate cannot be read; the application must pass ``ssl_cert`` instead.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["CertOption", "TlsSettings", "VerifyOption"]

#: True or False, a CA bundle (or a folder of them), or a context whose authorities and settings apply.
VerifyOption = bool | str | os.PathLike[str] | ssl.SSLContext
#: A PEM file with certificate and key, or the two files.
CertOption = str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]]


@dataclass(frozen=True)
class TlsSettings:
    """The TLS settings for the core."""

    verify: bool = True
    check_hostname: bool = True
    authorities: bytes | None = None
    certificate: tuple[bytes, bytes] | None = None

    def with_verify(self, option: VerifyOption | None) -> TlsSettings:
        """Return a copy that applies the option ``ssl_verify``.

        Raises:
            OSError: When the CA bundle cannot be read.
            TypeError: When the option does not have one of the types of ``VerifyOption``.
        """
        if option is None:
            return self
        if isinstance(option, bool):
            return replace(self, verify=option, check_hostname=option)
        if isinstance(option, ssl.SSLContext):
            return self._from_context(option)
        if isinstance(option, (str, os.PathLike)):
            return replace(self, verify=True, check_hostname=True, authorities=_read(Path(option)))
        msg = f"ssl_verify: expected a bool, a path of a CA bundle or an ssl.SSLContext, got {type(option).__name__}"
        raise TypeError(msg)

    def with_cert(self, option: CertOption | None) -> TlsSettings:
        """Return a copy that applies the option ``ssl_cert``.

        Raises:
            OSError: When a file cannot be read.
        """
        if option is None:
            return self
        certificate, key = option if isinstance(option, tuple) else (option, option)
        return replace(self, certificate=(Path(certificate).read_bytes(), Path(key).read_bytes()))

    def _from_context(self, context: ssl.SSLContext) -> TlsSettings:
        own = context.get_ca_certs(binary_form=True)
        pem = "".join(ssl.DER_cert_to_PEM_cert(certificate) for certificate in own).encode()
        return replace(
            self,
            verify=context.verify_mode != ssl.CERT_NONE,
            check_hostname=context.check_hostname,
            authorities=pem or self.authorities,
        )


def _read(path: Path) -> bytes:
    if path.is_dir():
        return b"\n".join(file.read_bytes() for file in sorted(path.iterdir()) if file.is_file())
    return path.read_bytes()
