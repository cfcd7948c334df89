"""Encrypted connections: the context of whoever calls, and of whoever is called."""

import ssl

from devicehub.delivery.address import TlsFiles

__all__ = ["client_context", "server_context"]


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """To call a server that ``files.ca`` signed, or any the system trusts; with a certificate of our own where there is one.

    Raises ``OSError`` where a file cannot be read.
    """
    context = ssl.create_default_context(cafile=files.ca)
    _present(context, files)
    return context


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """To be called: ``files.ca`` makes a client's certificate compulsory. Raises ``OSError`` as `client_context`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
    _present(context, files)
    if files.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _present(context: ssl.SSLContext, files: TlsFiles) -> None:
    if files.certificate is not None:
        # An empty passphrase: a locked key must fail, not ask at a terminal nobody watches.
        context.load_cert_chain(files.certificate, files.key, password="")
