"""What settings say to each other: unique names, keys that go together or exclude each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from devicehub.config.problems import Words, did_you_mean, found, nearest
from devicehub.config.tree import Device
from devicehub.toml_lines import KeyPath

ADDRESSES = ("address", "name_prefix", "port")


def disagreements(
    tree: Mapping[str, Any], known_drivers: Collection[str]
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
    devices = tree.get("device", [])
    if isinstance(devices, list) and all(isinstance(device, dict) for device in devices):
        yield from _device_checks(devices, known_drivers)


def _device_checks(
    devices: list[dict[str, Any]], known_drivers: Collection[str]
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
    for name in ("id", "address", "port"):
        yield from _repeated(devices, name)


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
