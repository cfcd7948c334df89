"""What settings say to each other: unique names, keys that go together or exclude each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from devicehub.config.problems import Words, did_you_mean, found, nearest, written
from devicehub.config.tree import Device
from devicehub.driver import Driver, SerialDriver
from devicehub.toml_lines import KeyPath
from devicehub.transport.port_identity import UsbIdentity

ADDRESSES = ("address", "name_prefix", "port")


def disagreements(
    tree: Mapping[str, Any], known_drivers: Mapping[str, Driver]
) -> Iterator[tuple[KeyPath, Words]]:
    """What no single key can tell. The tree may still be wrong in any other way."""
    for table in ("mqtt", "dossier"):
        tls = _table(_table(tree, table), "tls")
        if ("certificate" in tls) != ("key" in tls):
            fr = '"certificate" et "key" vont ensemble ; il en manque un'
            en = '"certificate" and "key" go together; one is missing'
            yield (table, "tls"), Words(fr, en)
    for table in ("mqtt", "broker"):
        node = _table(tree, table)
        if "password" in node and "user" not in node:
            fr, en = '"password" sans "user"', '"password" without "user"'
            yield (table, "password_file" if "password_file" in node else "password"), Words(fr, en)
    dossier = _table(tree, "dossier")
    if "tls" in dossier and str(dossier.get("url", "http:")).startswith("http:"):
        fr = 'TLS demande une URL "https://…"'
        yield ("dossier", "tls"), Words(fr, 'TLS needs a URL "https://…"')
    provider = _table(tree, "identity_provider")
    if provider and not {"client_secret", "client_secret_file"} & provider.keys():
        fr, en = 'il manque "client_secret_file"', '"client_secret_file" is missing'
        yield ("identity_provider",), Words(fr, en)
    bluetooth = _table(tree, "bluetooth")
    if bluetooth.get("adapters") and bluetooth.get("radio", "system") != "system":
        fr, en = '"adapters" va avec radio = "system"', '"adapters" goes with radio = "system"'
        yield ("bluetooth", "adapters"), Words(fr, en)
    yield from _series_checks(_table(tree, "series"))
    devices = tree.get("device", [])
    if isinstance(devices, list) and all(isinstance(device, dict) for device in devices):
        yield from _device_checks(devices, known_drivers)
        yield from _shared_ports(_table(tree, "reader"), devices)
    yield from _line_checks(("reader",), _table(tree, "reader"))


def _series_checks(series: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Words]]:
    """A mean is of measurements the series has."""
    count, last = series.get("count", 3), series.get("mean_of_last", 2)
    left_out = series.get("leave_out_first", False) is True
    if not (isinstance(count, int) and isinstance(last, int)) or last <= count - left_out:
        return
    key = next(name for name in ("mean_of_last", "count", "leave_out_first") if name in series)
    fr = f"la moyenne porte sur {last} mesures, la série n'en compte que {count - left_out}"
    en = f"the mean is of {last} measurements, the series counts {count - left_out} only"
    yield ("series", key), Words(fr, en)


def _device_checks(
    devices: list[dict[str, Any]], known_drivers: Mapping[str, Driver]
) -> Iterator[tuple[KeyPath, Words]]:
    for index, device in enumerate(devices):
        given = [name for name in ADDRESSES if name in device]
        if not given and device.keys() <= Device.model_fields.keys():
            fr = 'il manque "address" ou "name_prefix" (Bluetooth), ou "port" (série)'
            en = '"address" or "name_prefix" (Bluetooth), or "port" (serial), is missing'
            yield ("device", index), Words(fr, en)
        if len(given) > 1:
            both = " + ".join(f'"{name}"' for name in given)
            fr, en = f"{both} : gardez-en un seul", f"{both}: keep one of them"
            yield ("device", index, given[-1]), Words(fr, en)
        driver = device.get("driver")
        if "port" in given and driver is None:
            fr, en = 'un appareil série a besoin de "driver"', 'a serial device needs "driver"'
            yield ("device", index), Words(fr, en)
        if isinstance(driver, str) and driver not in known_drivers:
            fr, en = did_you_mean(nearest(driver, known_drivers))
            shown = found(("driver",), driver)
            fr = f"pilote inconnu (trouvé {shown}){fr}"
            yield ("device", index, "driver"), Words(fr, f"unknown driver (found {shown}){en}")
        elif isinstance(driver, str):
            yield from _driver_checks(("device", index), device, given, known_drivers[driver])
        yield from _line_checks(("device", index), device)
    for name in ("id", "address", "port"):
        yield from _repeated(devices, name)


def _driver_checks(
    at: KeyPath, device: Mapping[str, Any], given: list[str], driver: Driver
) -> Iterator[tuple[KeyPath, Words]]:
    """A driver that cannot read what it is bound to, or does not know the model that sets its line."""
    is_serial = isinstance(driver, SerialDriver)
    if given == ["port"] and not is_serial:
        fr = (
            f'{driver.id} lit un appareil Bluetooth ; remplacez "port" par "address", ou prenez un '
            "pilote série : devicehub drivers list"
        )
        en = (
            f'{driver.id} reads a Bluetooth device; write "address" in place of "port", or take a '
            "serial driver: devicehub drivers list"
        )
        yield (*at, "driver"), Words(fr, en)
    elif len(given) == 1 and given != ["port"] and is_serial:
        fr = (
            f'{driver.id} lit une ligne série ; remplacez "{given[0]}" par "port", ou prenez un '
            "pilote Bluetooth : devicehub drivers list"
        )
        en = (
            f'{driver.id} reads a serial line; write "port" in place of "{given[0]}", or take a '
            "Bluetooth driver: devicehub drivers list"
        )
        yield (*at, "driver"), Words(fr, en)
    # Elsewhere a model is free text: what the page shows, or an ECG front end's settings.
    model, names = device.get("model"), [known.name for known in driver.models]
    sets_the_line = any(known.line is not None for known in driver.models)
    if isinstance(model, str) and sets_the_line and model not in names:
        shown, listed = found(("model",), model), ", ".join(f'"{name}"' for name in names)
        fr = f"modèle inconnu de {driver.id} (trouvé {shown}) ; prenez {listed}"
        en = f"model unknown to {driver.id} (found {shown}); take one of {listed}"
        yield (*at, "model"), Words(fr, en)


def _line_checks(at: KeyPath, device: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Words]]:
    """Line settings that nothing could carry out."""
    line, port = device.get("line"), device.get("port")
    if not isinstance(line, dict):
        return
    if not isinstance(port, str):
        fr, en = '"line" est celle d\'un port série', '"line" is that of a serial port'
        yield (*at, "line"), Words(fr, en)
        return
    url = port.lower()
    if url.startswith("socket:"):
        fr = (
            '"socket://" ne règle pas la ligne ; réglez le serveur de ports, ou prenez "rfc2217://"'
        )
        en = '"socket://" does not set the line; set the terminal server, or take "rfc2217://"'
        yield (*at, "line"), Words(fr, en)
    if line.get("flow") == "dsrdtr" and (url.startswith("rfc2217:") or sys.platform != "win32"):
        fr = '"dsrdtr" n\'existe que sur un port de Windows ; "rtscts", "xonxoff" ou "none" ici'
        en = '"dsrdtr" is for a port of Windows only; "rtscts", "xonxoff" or "none" here'
        yield (*at, "line", "flow"), Words(fr, en)


def _shared_ports(
    reader: Mapping[str, Any], devices: list[dict[str, Any]]
) -> Iterator[tuple[KeyPath, Words]]:
    """Two of which one port could be: each would read the other's bytes."""
    ports = [(("device", index, "port"), one.get("port")) for index, one in enumerate(devices)]
    places: list[tuple[KeyPath, object]] = [*ports, (("reader", "port"), reader.get("port"))]
    for at, (place, port) in enumerate(places):
        for other_place, other in places[:at]:
            if not (isinstance(port, str) and isinstance(other, str)):
                continue
            said_already = port == other and place[0] == "device"
            if said_already or not _may_be_one(port, other):
                continue
            mine, shown, whose = found(place, port), found(place, other), written(other_place)
            fr = f"{mine} et {shown} ({whose}) peuvent être le même port"
            en = f"{mine} and {shown} ({whose}) may be the same port"
            if port.lower().startswith("usb:"):
                fr += ' ; ajoutez aux deux leur prise ("@1-1.2")'
                en += '; add to both their socket ("@1-1.2")'
            yield place, Words(fr, en)


def _may_be_one(port: str, other: str) -> bool:
    try:
        mine, theirs = UsbIdentity.parse(port), UsbIdentity.parse(other)
    except ValueError:
        return False
    if mine is None or theirs is None:
        alike_on_windows = port.upper() == other.upper() and port.upper().startswith("COM")
        return alike_on_windows or port == other
    return mine.may_be(theirs)


def _repeated(devices: list[dict[str, Any]], name: str) -> Iterator[tuple[KeyPath, Words]]:
    first: dict[str, int] = {}
    for index, device in enumerate(devices):
        value = device.get(name)
        if not isinstance(value, str):
            continue
        before = first.setdefault(value.upper() if name == "address" else value, index)
        if before != index:
            shown = found((name,), value)
            yield (
                ("device", index, name),
                Words(
                    f"{shown} est déjà celui de device[{before}]",
                    f"{shown} is already that of device[{before}]",
                ),
            )


def _table(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    node = tree.get(name)
    return node if isinstance(node, dict) else {}
