"""The settings: what is read, where it may come from, and what is said about each mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from devicehub.config import ConfigError, Language, Listen, Settings, check, load, schema_text
from devicehub.delivery.wire import Id as WireId
from devicehub.devices import registry

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE = CONFIG / "devicehub.example.toml"
NAMES = ("ads1298_bridge", "contec_cms50d", "mt_sics", "sig_blood_pressure", "sig_thermometer")
DRIVERS = {name: registry.find(name) for name in NAMES}
ROOM = '[station]\nid = "room-1"\nsite = "practice"\n'

Write = Callable[[str], Path]
SaidAbout = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        path = tmp_path / "devicehub.toml"
        path.write_text(text, "utf-8")
        return path

    return write_file


def settings(path: Path | None, **environment: str) -> Settings:
    return load(path, environment=environment, known_drivers=DRIVERS)


@pytest.fixture
def said_about(write: Write) -> SaidAbout:
    """What is said about a text, without the folder of the file."""

    def say(text: str, *, language: Language = "en", **environment: str) -> list[str]:
        path = write(text)
        lines, code = check(path, environment=environment, known_drivers=DRIVERS, language=language)
        assert code == 1, lines
        return [line.replace(f"{path.parent}{os.sep}", "") for line in lines]

    return say


# ------------------------------------------------------------------------------- what is read


def test_the_example_loads_as_it_is() -> None:
    example = settings(EXAMPLE)
    assert example.station is not None
    assert example.station.listen == Listen("127.0.0.1", 8765)
    assert not example.station.simulation
    assert example.dossier_service is not None
    assert (example.mqtt.host, example.mqtt.port) == ("127.0.0.1", example.broker.listen.port)
    assert example.dossier.url == f"http://{example.dossier_service.listen}"
    assert [device.id for device in example.device] == ["tensiometre", "thermometre", "balance"]


def test_every_setting_is_in_the_example() -> None:
    text = EXAMPLE.read_text("utf-8")
    definitions = json.loads(schema_text())["$defs"]
    keys = {key for table in definitions.values() for key in table["properties"]}
    secrets = {"password", "token", "client_secret"}  # the example shows their files
    assert {
        key for key in keys - secrets if f"{key} = " not in text and f"{key}]" not in text
    } == set()


def test_the_schema_is_fresh_and_takes_the_example() -> None:
    assert (CONFIG / "devicehub.schema.json").read_text("utf-8") == schema_text()
    tree = tomllib.loads(EXAMPLE.read_text("utf-8"))
    jsonschema.validate(tree, json.loads(schema_text()))
    tree["station"]["id"] = "Room 1"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, json.loads(schema_text()))


def test_without_a_file_there_are_the_defaults_and_the_environment() -> None:
    assert settings(None).station is None
    found = settings(
        None, DEVICEHUB__STATION__ID="room-1", DEVICEHUB__STATION__SITE="x", XDG_STATE_HOME="/state"
    )
    assert found.station is not None
    assert found.station.data == Path("/state/devicehub")
    assert found.broker.data == Path("/state/devicehub/broker")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings(EXAMPLE).mqtt.port = 1  # type: ignore[misc]  # that it is refused is the test


def test_a_store_is_a_file(said_about: SaidAbout) -> None:
    text = '[dossier_service]\nid = "d"\nstore = "postgresql://db/x"\n'
    said = "dossier_service.store: found ***, expected the path of an SQLite file"
    assert said_about(text) == [f"devicehub.toml:3: {said}"]


def test_on_windows_data_lies_in_the_local_application_folder(write: Write) -> None:
    station = settings(write(ROOM), LOCALAPPDATA="/Users/test/AppData/Local").station
    assert station is not None
    assert station.data == Path("/Users/test/AppData/Local/devicehub")


def test_relative_paths_start_from_the_files_folder(write: Write, tmp_path: Path) -> None:
    path = write(
        ROOM + 'data = "here"\n[dossier_service]\nid = "d"\nstore = "dossier.db"\n'
        '[broker]\ndata = "/there"\n'
    )
    found = settings(path)
    assert found.station is not None
    assert found.dossier_service is not None
    assert found.station.data == tmp_path / "here"
    assert found.broker.data == Path("/there")
    assert found.dossier_service.store == tmp_path / "dossier.db"


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:8765", "localhost:80"])
def test_an_address_to_listen_at_is_read_and_written_alike(write: Write, text: str) -> None:
    station = settings(write(f'{ROOM}listen = "{text}"')).station
    assert station is not None
    assert str(station.listen) == text


def test_a_bluetooth_address_has_one_form(write: Write) -> None:
    device = '[[device]]\nid = "a"\nname = "A"\naddress = "00:00:5e:00:53:aa"\n'
    assert settings(write(device)).device[0].address == "00:00:5E:00:53:AA"


def test_a_file_from_an_editor_of_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "devicehub.toml"
    path.write_bytes(b"\xef\xbb\xbf" + ROOM.replace("\n", "\r\n").encode())
    assert settings(path).station is not None


@given(st.text(max_size=40))
def test_an_id_here_is_an_id_on_the_wire(text: str) -> None:
    try:
        TypeAdapter(WireId).validate_python(text)
    except ValidationError:
        on_the_wire = False
    else:
        on_the_wire = not text.endswith("\n")
    try:
        Settings.model_validate({"station": {"id": text, "site": "x"}})
    except ValidationError:
        assert not on_the_wire
    else:
        assert on_the_wire


# ----------------------------------------------------------------- environment and secrets


def test_the_environment_outranks_the_file(write: Write) -> None:
    path = write('[mqtt]\nport = 1883\nversion = "auto"\n[[device]]\nid = "a"\nname = "A"\n'
                 'port = "/dev/ttyS0"\ndriver = "mt_sics"\n')  # fmt: skip
    found = settings(
        path,
        DEVICEHUB__MQTT__PORT="8883",
        DEVICEHUB__MQTT__VERSION="5",
        DEVICEHUB__MQTT__USER="1234",
        DEVICEHUB__MQTT__PASSWORD="0042",
        DEVICEHUB__MQTT__TLS="{}",
        DEVICEHUB__DEVICE__0__PORT="/dev/pts/7",
        DEVICEHUB_OTHER="is not ours",
    )
    assert found.mqtt.port == 8883
    assert found.mqtt.version == "5"
    assert found.mqtt.user == "1234"
    assert found.mqtt.tls is not None
    assert found.mqtt.password is not None
    assert found.mqtt.password.get_secret_value() == "0042"
    assert found.device[0].port == "/dev/pts/7"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("MQTT__PORT", "many", 'mqtt.port: found "many", expected a whole number'),
        ("MQTT__POTR", "1", 'mqtt.potr: unknown key (found "1"); did you mean "port"?'),
        ("STATION__SIMULATION", "yes", 'station.simulation: found "yes", expected true or false'),
        ("DEVICE__0__ID", "x", "device[0].id: no setting has this name"),
        ("MQTT__PORT__DEEPER", "1", "mqtt.port.deeper: no setting has this name"),
        ("MQTT", "1", "mqtt: found 1, expected a table"),
    ],
)
def test_a_wrong_variable_is_named(said_about: SaidAbout, name: str, text: str, said: str) -> None:
    lines = said_about(ROOM + "[mqtt]\nport = 1883\n", **{f"DEVICEHUB__{name}": text})
    assert lines == [f"DEVICEHUB__{name}: {said}"]


@pytest.mark.parametrize(
    ("table", "key", "more"),
    [
        ("mqtt", "password", 'user = "u"'),
        ("broker", "password", 'user = "u"'),
        ("dossier", "token", ""),
        ("dossier_service", "token", 'id = "d"'),
    ],
)
def test_a_secret_comes_from_its_file_or_from_the_systems_credentials(
    write: Write, tmp_path: Path, table: str, key: str, more: str
) -> None:
    def secret_of(found: Settings) -> str | None:
        secret = getattr(getattr(found, table), key)
        return None if secret is None else str(secret.get_secret_value())

    (tmp_path / "named").write_text("from the file\n")
    (tmp_path / f"{table}-{key}".replace("_", "-")).write_text("from the system\n")
    bare = f"[{table}]\n{more}\n"
    credentials = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    variable = {f"DEVICEHUB__{table}__{key}".upper(): "from a variable"}
    with_file = f'{bare}{key}_file = "named"\n'
    assert secret_of(settings(write(bare))) is None
    assert secret_of(settings(write(bare), **credentials)) == "from the system"
    assert secret_of(settings(write(with_file), **credentials)) == "from the file"
    assert secret_of(settings(write(with_file), **variable)) == "from a variable"
    written = settings(write(f'{bare}{key} = "written"\n'), **credentials)
    assert secret_of(written) == "written"


def test_a_secrets_file_that_cannot_be_used_is_named(said_about: SaidAbout, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert said_about(
        '[dossier]\ntoken_file = "empty"\n[mqtt]\nuser = "u"\n\npassword_file = "absent"\n'
        '[broker]\nuser = "u"\npassword = "a"\npassword_file = "b"\n'
    ) == [
        "devicehub.toml:2: dossier.token_file: empty is empty",
        "devicehub.toml:6: mqtt.password_file: absent could not be read (No such file or directory)",
        'devicehub.toml:10: broker.password_file: "password" and "password_file" are both given; keep one',
    ]


def test_no_secret_is_shown(write: Write, said_about: SaidAbout) -> None:
    text = '[mqtt]\nuser = "u"\npassword = "hunter2"\n[dossier]\ntoken = "hunter2"\n'
    found = settings(write(text))
    assert "hunter2" not in found.model_dump_json() + repr(found)
    wrong = (
        '[mqtt]\npasword = "hunter2"\npassword = ["hunter2"]\n'
        '[dossier]\ntokn = "hunter2"\nurl = "https://u:hunter2@example.org"\n'
        '[dossier_service]\nid = "d"\nstore = "postgresql://u:hunter2@db/x"\n'
    )
    lines = said_about(wrong)
    assert len(lines) == 6
    assert "hunter2" not in "".join(lines)


def test_a_devices_secrets_are_bytes_for_its_driver_and_shown_to_nobody(
    write: Write, said_about: SaidAbout
) -> None:
    device = '[[device]]\nid = "scale"\nname = "Scale"\naddress = "00:00:5E:00:53:01"\n'
    key = "c0ffee" * 5 + "0d"
    text = f'{ROOM}\n{device}secrets = {{ bind_key = "{key}", mac = "00:0A:0b", pin = "1234" }}\n'
    found = settings(write(text))
    assert found.device[0].secret_bytes() == {
        "bind_key": bytes.fromhex(key),
        "mac": b"\0\x0a\x0b",
        "pin": b"1234",
    }
    assert key not in found.model_dump_json() + repr(found)
    for wrong in ('{ pin = ["hunter2"] }', '"hunter2"', '{ pin = "" }', "{ pin = 2718281 }"):
        (line,) = said_about(f"{device}secrets = {wrong}\n")
        assert line.startswith("devicehub.toml:5: device[0].secrets")
        assert "hunter2" not in line
        assert "2718281" not in line


def test_adapters_are_those_of_the_system(write: Write, said_about: SaidAbout) -> None:
    found = settings(write('[bluetooth]\nadapters = ["hci0", "hci1"]\nconnections = 3\n'))
    assert (found.bluetooth.adapters, found.bluetooth.connections) == (("hci0", "hci1"), 3)
    wrong = '[bluetooth]\nradio = "virtual:unix:/x"\nadapters = ["hci0"]\n'
    assert "devicehub.toml:3: bluetooth.adapters" in said_about(wrong)[0]
    assert "bluetoothctl list" in said_about('[bluetooth]\nadapters = ["usb0"]\n')[0]
    assert "at least 1" in said_about("[bluetooth]\nconnections = 0\n")[0]


# ------------------------------------------------------------------------ what is said


def test_the_word_for_a_serial_port_is_proposed_where_a_port_was_written(
    said_about: SaidAbout,
) -> None:
    text = (
        f'{ROOM}\n[[device]]\nid = "cuff"\nname = "Cuff"\naddress = "00:00:5E:00:53:01"\n\n'
        '[[device]]\naddres = "/dev/ttyUSB0"\nid = "scale"\nname = "Scale"\n'
    )
    expected = ': unknown key (found "/dev/ttyUSB0"); did you mean "port"?'
    assert said_about(text) == [f"devicehub.toml:11: device[1].addres{expected}"]


DEVICE = '[[device]]\nid = "a"\nname = "A"\n'
PORT = 'port = "/dev/ttyS0"\n'
MAC = 'address = "00:00:5E:00:53:01"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[station]\nid = "a"\n', "1: station.site: required key missing"),
        (ROOM + "language = 7", '4: station.language: found 7, expected "fr" or "en"'),
        (
            ROOM + 'language = "frr"',
            '4: station.language: found "frr", expected "fr" or "en"; did you mean "fr"?',
        ),
        ("[mqtt]\nport = true", "2: mqtt.port: found true, expected a whole number"),
        ('[mqtt]\nport = "1883"', '2: mqtt.port: found "1883", expected a whole number'),
        ("[mqtt]\nport = 70000", "2: mqtt.port: found 70000, expected at most 65535"),
        ("[mqtt]\nport = 0", "2: mqtt.port: found 0, expected at least 1"),
        ("[mqtt]\nhost = 1", '2: mqtt.host: found 1, expected a text in quotes ("…")'),
        ('[mqtt]\nhost = ""', '2: mqtt.host: found "", expected a text that is not empty'),
        ("mqtt = 1", "1: mqtt: found 1, expected a table"),
        ("[mqqt]\nport = 1", '1: mqqt: unknown table; did you mean "mqtt"?'),
        ("[[devices]]\nid = 1", '1: devices: unknown table; did you mean "device"?'),
        ("[device]\nid = 'a'", "1: device: found {…}, expected tables [[…]]"),
        (
            "[mqtt]\ntls = { certificat = 'x' }",
            '2: mqtt.tls.certificat: unknown key (found "x"); did you mean "certificate"?',
        ),
        (
            '[broker]\nlisten = "127.0.0.1"',
            '2: broker.listen: found "127.0.0.1", expected "host:port", "127.0.0.1:8765"',
        ),
        (
            "[broker]\nlisten = 1883",
            '2: broker.listen: found 1883, expected "host:port", "127.0.0.1:8765"',
        ),
        (
            '[bluetooth]\n\nradio = "hci0"',
            '3: bluetooth.radio: found "hci0", expected "system", "none" or "virtual:…"',
        ),
        ('[dossier]\nurl = "ftp://x"', '2: dossier.url: found ***, expected a URL, "https://host:port"'),
        (
            '[dossier]\nurl = "http://[x"',
            '2: dossier.url: found ***, expected a URL, "https://host:port"',
        ),
        (
            '[dossier]\nurl = "http://x:99999"',
            '2: dossier.url: found ***, expected a URL, "https://host:port"',
        ),
        ("[dossier]\n[dossier.tls]\n", '2: dossier.tls: TLS needs a URL "https://…"'),
        ('[mqtt]\n\npassword = "x"', '3: mqtt.password: "password" without "user"'),
        (
            '[identity_provider]\nissuer = "https://id.example"\nclient_id = "x"',
            '1: identity_provider: "client_secret_file" is missing',
        ),
        (DEVICE, '1: device[0]: "address" or "name_prefix" (Bluetooth), or "port" (serial), is missing'),
        (
            DEVICE + MAC + PORT + 'driver = "mt_sics"',
            '5: device[0].port: "address" + "port": keep one of them',
        ),
        (DEVICE + PORT, '1: device[0]: a serial device needs "driver"'),
        (
            DEVICE + PORT + 'driver = "mtsics"',
            '5: device[0].driver: unknown driver (found "mtsics"); did you mean "mt_sics"?',
        ),
        (
            DEVICE + 'address = "001122AABBCC"',
            '4: device[0].address: found "001122AABBCC", expected a Bluetooth address, "00:11:22:AA:BB:CC"',
        ),
        (
            DEVICE + MAC + '[[device]]\nname = "B"\nid = "a"\nname_prefix = "x"\n',
            '7: device[1].id: "a" is already that of device[0]',
        ),
        (
            DEVICE + MAC + '[[device]]\nname = "B"\nid = "b"\naddress = "00:00:5e:00:53:01"\n',
            '8: device[1].address: "00:00:5e:00:53:01" is already that of device[0]',
        ),
        (
            DEVICE + PORT + 'driver = "mt_sics"\n[[device]]\nid = "b"\nname = "B"\n'
            'driver = "mt_sics"\n' + PORT,
            '10: device[1].port: "/dev/ttyS0" is already that of device[0]',
        ),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(said_about: SaidAbout, text: str, said: str) -> None:
    assert said_about(text) == [f"devicehub.toml:{said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[station]\nid = room-1\n", '2: TOML: unreadable value; a text is written in quotes: "…"'),
        ('a = 1\nb = "x\nc = 2\n', "2: TOML: closing quote missing?"),
        ("a = 1\n\na = 2\n", "3: TOML: key given twice"),
        ("[a]\nx = 1\n[a]\n", "3: TOML: table given twice"),
        ("a = 1\nb 2\n", '2: TOML: "=" expected after the key'),
        (
            'a = "C:\\data"\n',
            r"1: TOML: a backslash in a text; write this text in single quotes: 'C:\…'",
        ),
        ("a = [\n1,\n\n", "2: TOML: unreadable value"),
    ],
)
def test_a_mistake_of_syntax_is_told_with_its_line(
    said_about: SaidAbout, text: str, said: str
) -> None:
    [line] = said_about(text)
    assert line.startswith(f"devicehub.toml:{said}")


def test_several_mistakes_come_in_the_order_of_the_lines(said_about: SaidAbout) -> None:
    text = (
        '[[device]]\nname = "A"\nid = "Big"\nport = 7\ndriver = "nope"\n'
        '[mqtt]\nport = "x"\nhosst = "y"\n[station]\nid = ""\nsite = "s"\n'
    )
    lines = said_about(text, language="fr", DEVICEHUB__MQTT__VERSION="6")
    assert lines == [
        'devicehub.toml:3: device[0].id: trouvé "Big", attendu : 1 à 32 signes parmi a-z, 0-9 et -',
        'devicehub.toml:4: device[0].port: trouvé 7, attendu : un texte entre guillemets ("…")',
        'devicehub.toml:5: device[0].driver: pilote inconnu (trouvé "nope")',
        'devicehub.toml:7: mqtt.port: trouvé "x", attendu : un nombre entier',
        'devicehub.toml:8: mqtt.hosst: clé inconnue (trouvé "y") ; vouliez-vous dire "host" ?',
        'devicehub.toml:10: station.id: trouvé "", attendu : 1 à 32 signes parmi a-z, 0-9 et -',
        'DEVICEHUB__MQTT__VERSION: mqtt.version: trouvé "6", attendu : "auto", "5" ou "3.1.1"',
    ]


def test_a_certificate_needs_its_key_and_both_must_exist(
    said_about: SaidAbout, write: Write, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    path = write('[mqtt.tls]\nca = "ca.pem"\ncertificate = "ca.pem"\nkey = "ca.pem"\n')
    tls = settings(path).mqtt.tls
    assert tls is not None
    assert tls.ca == tmp_path / "ca.pem"
    assert said_about('[mqtt.tls]\ncertificate = "ca.pem"\n') == [
        'devicehub.toml:1: mqtt.tls: "certificate" and "key" go together; one is missing'
    ]
    assert said_about('[broker.tls]\ncertificate = "no.pem"\n') == [
        "devicehub.toml:1: broker.tls.key: required key missing",
        'devicehub.toml:2: broker.tls.certificate: found "no.pem", expected a file that exists (no.pem)',
    ]


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="could not be read"):
        load(tmp_path / "no.toml", environment={}, known_drivers={}, language="en")
    path = tmp_path / "latin.toml"
    path.write_bytes('# one\nname = "café"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.toml:2: this is not UTF-8"):
        load(path, environment={}, known_drivers={}, language="en")


@pytest.mark.parametrize(
    ("series", "where"),
    [
        ("count = 1", "count"),
        ("count = 2\nleave_out_first = true", "count"),
        ("mean_of_last = 4", "mean_of_last"),
    ],
)
def test_a_mean_is_of_what_the_series_counts(
    said_about: SaidAbout, series: str, where: str
) -> None:
    (told,) = said_about(f"[series]\n{series}\n")
    assert f"series.{where}: the mean is of" in told


def test_a_usable_file_is_told_with_its_devices() -> None:
    lines, code = check(EXAMPLE, environment={}, known_drivers=DRIVERS)
    assert (lines, code) == ([f"{EXAMPLE}: configuration utilisable, appareils : 3"], 0)


def test_reading_the_configuration_imports_no_device_and_no_network() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", "import devicehub.config, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"asyncio", "bleak", "paho", "serial", "sqlalchemy", "starlette"} & set(seen)


# --------------------------------------------------------------------------------- serial ports

SCALE = '[[device]]\nid = "{id}"\nname = "X"\ndriver = "mt_sics"\n'


def test_a_line_is_set_where_the_device_differs_from_its_driver(write: Write) -> None:
    path = write(
        SCALE.format(id="a")
        + 'port = "USB:0403:6001:A50285BI"\nline = { baud = 2400, data_bits = 7, parity = "even" }\n'
        + SCALE.format(id="b")
        + 'port = "/dev/ttyS0"\n'
    )
    with_line, without = settings(path, DEVICEHUB__DEVICE__0__LINE__FLOW="rtscts").device
    assert with_line.port == "usb:0403:6001:A50285BI"
    assert with_line.line_settings() == {
        "baud": 2400,
        "data_bits": 7,
        "parity": "even",
        "flow": "rtscts",
    }
    assert without.line_settings() == {}


@pytest.mark.parametrize(
    ("port", "line", "said"),
    [
        ("/dev/ttyS0", "{ data_bits = 9 }", "5: device[0].line.data_bits: found 9, expected 7 or 8"),
        ("/dev/ttyS0", '{ parity = "mark" }', '5: device[0].line.parity: found "mark", expected'),
        ("/dev/ttyS0", "{ baud = 9_000_000 }", "5: device[0].line.baud: found 9000000, expected at"),
        ("/dev/ttyS0", "{ bauds = 9600 }", 'line.bauds: unknown key (found 9600); did you mean "baud"'),
        ("socket://10.0.0.5:4001", "{ baud = 2400 }", '5: device[0].line: "socket://" does not set'),
        ("rfc2217://h:23", '{ flow = "dsrdtr" }', '5: device[0].line.flow: "dsrdtr" is for a port of'),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_refused(
    said_about: SaidAbout, port: str, line: str, said: str
) -> None:
    (line_said,) = said_about(SCALE.format(id="a") + f'line = {line}\nport = "{port}"\n')
    assert line_said.startswith("devicehub.toml:5: ")
    assert said in line_said


def test_a_bluetooth_device_has_no_line(said_about: SaidAbout) -> None:
    text = (
        '[[device]]\nid = "a"\nname = "A"\naddress = "00:00:5e:00:53:aa"\nline = { baud = 2400 }\n'
    )
    said = 'device[0].line: "line" is that of a serial port'
    assert said_about(text) == [f"devicehub.toml:5: {said}"]


def test_a_wrong_port_identity_is_explained(said_about: SaidAbout) -> None:
    (said,) = said_about(SCALE.format(id="a") + 'port = "usb:403:6001"\n')
    assert said.startswith(
        'devicehub.toml:5: device[0].port: found "usb:403:6001", expected "usb:0'
    )


@pytest.mark.parametrize(
    ("port", "wanted"),
    [
        ("socket://127.0.0.1", "the host and a port from 1 to 65535"),
        ("socket://:4001", "the host and a port from 1 to 65535"),
        ("socket://h:0", "the host and a port from 1 to 65535"),
        ("socket://h:99999", "the host and a port from 1 to 65535"),
        ("rfc2217://h:x", "the host and a port from 1 to 65535"),
        ("rfc2217://[::1:7", "the host and a port from 1 to 65535"),
        ("rfc2217://h:7?timeout=soon", '"rfc2217://host:port" without this option'),
        ("socket://h:7?poll_modem", '"socket://host:port" without this option'),
        ("socket://h:7?logging=debug", '"socket://host:port" without this option'),
        ("socket:h:7", '"socket://host:port" or "rfc2217://host:port"'),
        ("loop://", '"socket://host:port" or "rfc2217://host:port"'),
    ],
)
def test_a_terminal_servers_wrong_address_is_explained(
    said_about: SaidAbout, port: str, wanted: str
) -> None:
    said = f'device[0].port: found "{port}", expected {wanted}'
    (line,) = said_about(SCALE.format(id="a") + f'port = "{port}"\n')
    assert line.startswith(f"devicehub.toml:5: {said}")
    (line,) = said_about(f'[reader]\nport = "{port}"\n', language="fr")
    assert line.startswith(f'devicehub.toml:2: reader.port: trouvé "{port}", attendu : ')


def test_a_terminal_servers_address_is_taken_as_it_is(write: Write) -> None:
    for port in ("socket://192.0.2.1:4001", "RFC2217://[::1]:7?ign_set_control&timeout=5"):
        (device,) = settings(write(SCALE.format(id="a") + f'port = "{port}"\n')).device
        assert device.port == port


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("usb:0403:6001:A", "usb:0403:6001:A", "is already that of device[0]"),
        ("usb:0403:6001:A", "usb:0403:6001:A@1-1", "(device[0].port) may be the same port; add to both"),
        ("usb:1a86:7523", "usb:1a86:7523@1-1", "(device[0].port) may be the same port; add to both"),
        ("COM3", "com3", "(device[0].port) may be the same port"),
    ],
)  # fmt: skip
def test_two_devices_that_could_have_one_port_are_named(
    said_about: SaidAbout, one: str, other: str, said: str
) -> None:
    text = f'{SCALE.format(id="a")}port = "{one}"\n{SCALE.format(id="b")}port = "{other}"\n'
    (line,) = said_about(text)
    assert line.startswith("devicehub.toml:10: device[1].port: ")
    assert said in line


def test_adapters_in_two_sockets_or_with_two_numbers_are_two(write: Write) -> None:
    ports = ("usb:0403:6001:A", "usb:0403:6001:B", "usb:1a86:7523@1-1", "usb:1a86:7523@1-2")
    text = "".join(f'{SCALE.format(id=f"d{n}")}port = "{p}"\n' for n, p in enumerate(ports))
    assert tuple(device.port for device in settings(write(text)).device) == ports


def test_the_readers_port_is_no_devices(said_about: SaidAbout) -> None:
    port = 'port = "usb:0c2e:0b0a:21"\n'
    (line,) = said_about(f"[reader]\n{port}{SCALE.format(id='a')}{port}")
    assert line.startswith("devicehub.toml:2: reader.port: ")
    assert "(device[0].port) may be the same port" in line


SERIAL = '[[device]]\nid = "a"\nname = "A"\nport = "COM3"\n'
RADIO = '[[device]]\nid = "a"\nname = "A"\naddress = "00:11:22:33:44:55"\n'


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (SERIAL + 'driver = "sig_thermometer"\n', "5: device[0].driver", '"address" in place of'),
        (RADIO + 'driver = "mt_sics"\n', "5: device[0].driver", '"port" in place of "address"'),
        (
            SERIAL + 'driver = "contec_cms50d"\nmodel = "nope"\n',
            "6: device[0].model",
            '"CMS50D+ before firmware 4.6"',
        ),
        (
            SERIAL.replace("COM3", "rubbish://x") + 'driver = "mt_sics"\n',
            "4: device[0].port",
            '"rfc2217://host:port"',
        ),
    ],
)
def test_a_binding_that_could_not_work_is_told_with_the_fix(
    said_about: SaidAbout, text: str, where: str, words: str
) -> None:
    (told,) = said_about(text)
    assert told.startswith(f"devicehub.toml:{where}: ")
    assert words in told


def test_a_model_may_be_free_text_where_it_sets_no_line(write: Write) -> None:
    text = SERIAL + 'driver = "ads1298_bridge"\nmodel = "ADS1298 1000 Hz, gain 12"\n'
    (device,) = settings(write(text)).device
    assert device.model == "ADS1298 1000 Hz, gain 12"
