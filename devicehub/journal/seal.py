"""The seal on an identity in the journal: AES-256-GCM (NIST SP 800-38D) under a key in a file of its own.

An identity is in the journal only while the dossier does not hold it, and never in the clear. The key is this
station's alone, readable by its account, and belongs in no backup of the journal: whoever has both has the
names. A journal restored without it has lost the identities of visits the dossier never learned of, and
nothing else.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from devicehub.journal.private_file import write_private

NONCE_BYTES = 12
"""SP 800-38D, 8.2.2: a random nonce of 96 bits; one key seals a few identities a day, far below 2**32."""

KEY_BYTES = 32


class SealBroken(Exception):
    """What is sealed cannot be opened: another key sealed it, or it is damaged."""


class Seal:
    """Seals and opens with the key in a file, which the first identity to be sealed makes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, plain: bytes, subject: str) -> bytes:
        """What only this key opens, and only as belonging to ``subject``. Raises ``OSError``."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 8 MB, rarely needed

        if not self._path.exists():
            write_private(self._path, secrets.token_bytes(KEY_BYTES))
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key()).encrypt(nonce, plain, subject.encode())

    def open(self, sealed: bytes, subject: str) -> bytes:
        """The inverse of `seal`. Raises `SealBroken`, or ``OSError`` where the key cannot be read."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self._key()).decrypt(nonce, rest, subject.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(
                f"l'identité de {subject} n'a pas été scellée avec la clé {self._path} ; remettez la clé de ce "
                f"journal, ou rouvrez une visite · {subject} was not sealed with the key in {self._path}; put "
                "back the key of this journal, or open a visit anew"
            ) from None

    def _key(self) -> bytes:
        key = self._path.read_bytes() if self._path.exists() else b""
        if len(key) != KEY_BYTES:
            raise SealBroken(
                f"{self._path} ne contient pas de clé ; remettez celle de ce journal · "
                f"{self._path} holds no key; put back this journal's"
            )
        return key
