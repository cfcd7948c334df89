"""USB sockets with pseudo-terminals in them: a folder of links, each named after the adapter it stands for."""

from __future__ import annotations

from pathlib import Path

from devicehub.transport.port_identity import Port


class Sockets:
    """What is plugged in, read anew from the folder at every call, as a system reads its own lists.

    A link's name is ``vendor:product_number_location``, what it leads to is the port.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plug(self, path: str, usb: str, number: str | None, location: str) -> None:
        """An adapter comes in."""
        (self._folder / f"{usb}_{number or ''}_{location}").symlink_to(path)

    def unplug(self, path: str) -> None:
        """What is behind ``path`` goes."""
        for link in self._folder.iterdir():
            if str(link.readlink()) == path:
                link.unlink()

    def __call__(self) -> list[Port]:
        """As `devicehub.transport.ports.plugged_in`."""
        found = []
        for link in sorted(self._folder.iterdir()):
            usb, number, location = link.name.split("_")
            found.append(Port(str(link.readlink()), usb, number or None, location, "USB Serial"))
        return found
