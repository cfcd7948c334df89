"""Draft a new driver: a file that declares everything, reads nothing yet, and says what is to be done.

It passes the conformance suite's law on declarations and fails the rest with the words of its own `decode`,
and of its simulator's ``measure``. A device of a Bluetooth SIG service begins with what its profile reads.
"""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from devicehub import __version__
from devicehub.devices import registry
from devicehub.driver import SERIAL, BleDriver
from devicehub.gatt.profiles import PROFILES, Profile
from devicehub.testing import simulate, templates
from devicehub.testing.adopt import adopt
from devicehub.testing.capture import WRITE_DOWN
from devicehub.transport.hands import station_now
from devicehub.transport.tape import NOT_NAMED, Capture, CapturedAdvert, Header, Step, dump, load

ADVERTISED = "what it advertises"
"""Stands in the place of a device's name until somebody has looked."""

DRAFTS = ("ble", "serial", *PROFILES)
"""What can be drafted: a device with a service of its maker's, one on a line, one of a SIG service."""


class NotDrafted(ValueError):
    """No draft was written. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where the files of a driver go: its package, its simulator's, and the folder of captures."""

    drivers: Path
    simulators: Path
    captures: Path


def draft(driver: str, *, kind: str, capture: Path | None, folders: Folders) -> list[Path]:
    """Write the driver's file, its simulator's and a first capture; the files written, the driver's first.

    ``kind`` is ``ble``, ``serial`` or one of `PROFILES`; a ``capture`` decides it by itself. Raises
    `NotDrafted`, or `devicehub.testing.adopt.NotAdopted` and `devicehub.transport.tape.BadCapture` from the
    capture.
    """
    _judge_name(driver)
    if kind not in DRAFTS:
        raise NotDrafted(f"--kind {kind}: there are {', '.join(DRAFTS)}")
    for option, folder in (("drivers", folders.drivers), ("simulators", folders.simulators)):
        if not folder.is_dir():
            raise NotDrafted(
                f"il n'y a pas de dossier {folder} ici : lancez ceci dans le dépôt, ou nommez le paquet qui le "
                f"contiendra (--{option}) · there is no folder {folder} here: start this in the repository, or name "
                "the package that will hold it"
            )
        if (folder / f"{driver}.py").exists():
            raise NotDrafted(f"{folder / driver}.py exists")
    recorded = load(capture) if capture is not None else None
    title = driver
    if recorded is not None:
        kind = _kind(recorded)
        if recorded.header.device != NOT_NAMED:
            title = recorded.header.device
    driver_text, simulator_text = _texts(driver, title, kind, recorded)
    if capture is not None:
        fixture = adopt(
            capture, driver=driver, device=title, display=None, captures=folders.captures
        )
    else:
        fixture = _first_capture(driver, kind, folders.captures)
    written = [folders.drivers / f"{driver}.py", folders.simulators / f"{driver}.py"]
    for path, text in zip(written, (driver_text, simulator_text), strict=True):
        path.write_text(text, encoding="utf-8")
    return [*written, fixture, fixture.with_suffix(".measurements.json")]


def _judge_name(driver: str) -> None:
    """It names a module, and a class in it. Raises `NotDrafted`."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", driver):
        raise NotDrafted(f"{driver!r}: small letters, digits and _ only, a letter first")
    if keyword.iskeyword(driver) or keyword.iskeyword(driver.capitalize()):
        raise NotDrafted(f"{driver!r}: a word of Python's own; choose another, as acme_{driver}")


def _kind(capture: Capture) -> str:
    if any(step.on == SERIAL for step in capture.steps):
        return "serial"
    main = _main("ble", capture)
    return next((name for name, profile in PROFILES.items() if profile.main == main), "ble")


def _texts(driver: str, title: str, kind: str, capture: Capture | None) -> tuple[str, str]:
    """The text of the driver's file, and of the simulator's."""
    advert = capture.header.advert if capture is not None else None
    words = {
        "id": driver,
        "title": title,
        "name": "".join(part.capitalize() for part in driver.split("_")),
        "main": _main(kind, capture),
        "advertised": (advert.name if advert is not None else "") or ADVERTISED,
        "match": _match(kind, advert),
    }
    if kind == "serial":
        texts = templates.SERIAL_DRIVER, templates.SERIAL_SIMULATOR
    elif kind == "ble":
        texts = templates.BLE_DRIVER, templates.BLE_SIMULATOR
    else:
        generic = _generic_simulator(PROFILES[kind])
        words |= {"profile": kind.upper(), "module": generic[0], "generic": generic[1]}
        texts = templates.PROFILE_DRIVER, templates.PROFILE_SIMULATOR
    return texts[0].format(**words), texts[1].format(**words)


def _generic_simulator(profile: Profile) -> tuple[str, str]:
    """Module and class of the simulator of any device of a profile: the one that is matched by service alone."""
    for driver in registry.installed().values():
        if not isinstance(driver, BleDriver) or driver.match.name_prefix:
            continue
        if driver.main == profile.main and driver.match.service == profile.service:
            make = simulate.installed()[driver.id]
            return make.__module__, str(getattr(make, "__name__", ""))
    raise NotDrafted(f"no installed driver reads the service {profile.service} of any maker")


def _main(kind: str, capture: Capture | None) -> str:
    """Where finished measurements come from: of a capture, where most of its messages do."""
    if capture is None:
        return PROFILES[kind].main if kind in PROFILES else SERIAL if kind == "serial" else "fff1"
    places = [step.on for step in capture.steps if step.do == "message"]
    finished = [on for on in places if any(on == each.main for each in PROFILES.values())]
    return max(finished or places or ["fff1"], key=places.count)


def _match(kind: str, advert: CapturedAdvert | None) -> str:
    # By its service alone, a device of a profile is the generic driver's.
    if advert is not None and advert.services and kind not in PROFILES:
        return f'service="{advert.services[0]}"'
    if advert is not None and advert.name:
        return f'name_prefix="{advert.name.rstrip("0123456789")}"'
    return f'name_prefix="{ADVERTISED}"'


def _first_capture(driver: str, kind: str, captures: Path) -> Path:
    """An empty conversation, to be replaced by a recorded one."""
    on = _main(kind, None)
    steps = [Step(t=1.0, by="device", do="message", on=on, data=b"?\r\n")]
    if on != SERIAL:
        steps.insert(0, Step(t=0.5, by="hub", do="subscribe", on=on))
    capture = Capture(
        path=captures / driver / "first.jsonl",
        header=Header(
            device=driver,
            driver=driver,
            origin="synthetic",
            recorded=station_now(),
            hub=__version__,
            characteristics=() if on == SERIAL else (on,),
            note="A placeholder: record the device with `devicehub record`, or type frames from its manual.",
        ),
        steps=tuple(steps),
    )
    capture.path.parent.mkdir(parents=True, exist_ok=True)
    dump(capture, capture.path)
    expected = json.dumps([WRITE_DOWN], indent=2, ensure_ascii=False) + "\n"
    capture.path.with_suffix(".measurements.json").write_text(expected, encoding="utf-8")
    return capture.path
