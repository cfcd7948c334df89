"""The settings of the identity reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from devicehub.config import ConfigError, Settings, load
from devicehub.devices import registry

ROOM = '[station]\nid = "room-1"\nsite = "practice"\n'
SCALE = '[[device]]\nid = "scale"\nname = "Scale"\ndriver = "mt_sics"\n'


def settings(folder: Path, text: str) -> Settings:
    path = folder / "devicehub.toml"
    path.write_text(ROOM + text, "utf-8")
    return load(path, environment={}, known_drivers=registry.installed(), language="en")


def test_without_a_table_there_is_no_reader(tmp_path: Path) -> None:
    assert settings(tmp_path, "").reader is None


def test_it_proposes_unless_the_practice_says_otherwise(tmp_path: Path) -> None:
    reader = settings(tmp_path, '[reader]\nport = "COM3"\n').reader
    assert reader is not None
    assert not reader.opens_visit
    assert reader.line_settings() == {}


def test_its_line_is_set_as_a_devices(tmp_path: Path) -> None:
    text = '[reader]\nport = "usb:0403:6001:A1"\nopens_visit = true\nline = { baud = 115200 }\n'
    reader = settings(tmp_path, text).reader
    assert reader is not None
    assert reader.opens_visit
    assert reader.line_settings() == {"baud": 115200}


@pytest.mark.parametrize("port", ["COM3", "com3", "usb:0403:6001:A1"])
def test_no_device_can_have_its_port(tmp_path: Path, port: str) -> None:
    reader = "usb:0403:6001:A1" if port.startswith("usb") else "COM3"
    text = f'[reader]\nport = "{reader}"\n{SCALE}port = "{port}"\n'
    with pytest.raises(ConfigError, match=r"may be the same port"):
        settings(tmp_path, text)


def test_a_reader_without_a_port_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="port"):
        settings(tmp_path, "[reader]\nopens_visit = true\n")
