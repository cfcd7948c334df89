"""The keyring: what devices must not be asked twice (PINs, bind keys, pairing passwords), on this station alone.

One file a device, readable by the station's user only. They are neither in the journal nor in a capture: who
reads those must not be able to talk to a device.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from devicehub.journal.private_file import write_private


class Keyring(MutableMapping[str, bytes]):
    """One device's secrets by name. A secret set is on disk before it is used.

    ``given`` are those of the practice's configuration: they outrank what was kept and are never written here.
    """

    def __init__(self, folder: Path, device: str, given: Mapping[str, bytes] | None = None) -> None:
        self._given = dict(given or {})
        self._path = folder / f"{device}.json"
        self._secrets: dict[str, bytes] = {}
        if self._path.exists():
            stored = json.loads(self._path.read_text("ascii"))
            self._secrets = {name: bytes.fromhex(secret) for name, secret in stored.items()}

    def __getitem__(self, name: str) -> bytes:
        return self._given[name] if name in self._given else self._secrets[name]

    def __setitem__(self, name: str, secret: bytes) -> None:
        self._secrets[name] = secret
        self._save()

    def __delitem__(self, name: str) -> None:
        del self._secrets[name]
        self._save()

    def __iter__(self) -> Iterator[str]:
        return iter(self._given | self._secrets)

    def __len__(self) -> int:
        return len(self._given | self._secrets)

    def _save(self) -> None:
        kept = {name: secret.hex() for name, secret in self._secrets.items()}
        write_private(self._path, json.dumps(kept).encode("ascii"))
