"""What `devicehub drivers decode` answers."""

import io
import json
from decimal import Decimal

import pytest

from devicehub.devices import registry
from devicehub.driver import (
    BodyWeight,
    Driver,
    Frame,
    Line,
    NotUnderstood,
    Secrets,
    SerialDriver,
    lines,
    poll,
)
from devicehub.testing.decode import BadHex, decode_hex, decode_stdin

CUFF = registry.find("sig_blood_pressure")
THERMOMETER = registry.find("sig_thermometer")
SCALE = registry.find("mt_sics")
STABLE = "53 20 53 20 20 20 20 20 20 37 32 2e 34 30 20 6b 67"  # S S      72.40 kg
PRESSURE = "00 78 00 50 00 5d 00"
NO_HEX = "hex : pas des octets en hexadécimal, deux chiffres chacun · not bytes in hexadecimal, two digits each"


def asked(
    driver: Driver,
    *lines: str,
    model: str | None = None,
    secrets: dict[str, str] | None = None,
) -> list[dict[str, object]]:
    answers = io.StringIO()
    decode_stdin(driver, lines, answers, None, model, secrets)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_every_field_is_there_and_numbers_are_numbers() -> None:
    assert decode_hex(CUFF, None, [PRESSURE]) == [
        {
            "kind": "blood_pressure",
            "systolic_mmhg": 120,
            "diastolic_mmhg": 80,
            "mean_mmhg": 93,
            "pulse_per_minute": None,
            "device_time": None,
            "user_slot": None,
            "sequence": None,
            "stored": None,
            "mode": None,
            "said": None,
            "flags": [],
        }
    ]
    (fever,) = decode_hex(THERMOMETER, None, ["006c0100ff"])
    assert json.dumps(fever["celsius"]) == "36.4"


def test_several_pieces_are_several_frames_and_on_says_where_from() -> None:
    said = decode_hex(CUFF, "2A36", ["00 28 00 ff 07 ff 07", "00a000ff07ff07"])
    assert [(one["kind"], one["pressure_mmhg"]) for one in said] == [
        ("cuff_pressure", 40),
        ("cuff_pressure", 160),
    ]


@pytest.mark.parametrize("end", ["", "0d0a", " 0D 0A "])
def test_a_serial_line_may_keep_its_end(end: str) -> None:
    assert [one["kilograms"] for one in decode_hex(SCALE, None, [STABLE + end])] == [72.4]
    assert decode_hex(SCALE, "-", [f"{STABLE} 0d0a {STABLE} 0d0a"])[1]["kilograms"] == 72.4
    with pytest.raises(NotUnderstood, match="no end") as error:
        decode_hex(SCALE, None, [f"{STABLE} 0d0a {STABLE}"])
    assert error.value.at == 19


def test_the_last_packets_of_a_stream_need_no_next_one() -> None:
    oximeter = registry.find("berry_bci_serial")
    said = decode_hex(oximeter, None, ["87 32 05 48 62 88 28 04 4b 61"])
    assert [one["percent"] for one in said] == [98, 97]
    with pytest.raises(NotUnderstood, match="no end") as error:
        decode_hex(oximeter, None, ["87 32 05 48 62 88 28 04 4b"])
    assert error.value.at == 5


def test_what_is_not_understood_says_why_and_at_which_byte() -> None:
    with pytest.raises(NotUnderstood, match="hex 2: 2 bytes wanted, 1 left") as cut:
        decode_hex(CUFF, None, [PRESSURE, "00 78 00 50 00 5d"])
    assert cut.value.at == 6
    with pytest.raises(NotUnderstood, match="nothing is read from 2aff"):
        decode_hex(CUFF, "2aff", [PRESSURE])
    with pytest.raises(NotUnderstood, match="not a number") as wrong:
        decode_hex(SCALE, None, [b"S S     7x.40 kg".hex()])
    assert wrong.value.at == 4
    with pytest.raises(BadHex, match="hexadecimal"):
        decode_hex(CUFF, None, ["00 7"])


def test_each_line_has_its_answer_in_order() -> None:
    answers = asked(
        CUFF,
        f"{PRESSURE}\n",
        "2a36 00 28 00 ff 07 ff 07\n",
        "2a36 002800ff07ff07",
        "2A35 00",
        "\n",
        "zz",
        '{"parts": [["2a24", "41"], ["2a19", "57"]], "model": "X", "secrets": {"key": "00"}}',
        '{"parts": []}',
        '{"parts": [["2a35", "0g"]]}',
        '{"parts"',
    )
    found = [answer.get("measurements") or answer for answer in answers]
    kinds = [[one["kind"] for one in f] if isinstance(f, list) else f for f in found]
    assert kinds == [
        ["blood_pressure"],
        ["cuff_pressure"],
        ["cuff_pressure"],
        {"ok": False, "error": "2 bytes wanted, 0 left", "at": 1},
        {"ok": False, "error": "1 bytes wanted, 0 left", "at": 0},
        {"ok": False, "error": NO_HEX, "at": None},
        ["device_facts"],
        {"ok": False, "error": answers[7]["error"], "at": None},
        {"ok": False, "error": NO_HEX, "at": None},
        {"ok": False, "error": answers[9]["error"], "at": None},
    ]
    assert str(answers[7]["error"]).startswith("parts: ")
    assert "JSON" in str(answers[9]["error"])
    assert answers[0]["ok"] is True


def test_busy_is_understood_and_says_nothing() -> None:
    assert asked(SCALE, b"S I\r\n".hex()) == [{"ok": True, "measurements": []}]


def test_model_and_secrets_reach_the_driver() -> None:
    def unseal(frame: Frame, secrets: Secrets) -> Frame:
        plain = bytes(a ^ b for a, b in zip(frame.data, secrets["key"], strict=True))
        return Frame.of(frame.on, plain, frame.model)

    def decode(frame: Frame) -> list[BodyWeight]:
        return [BodyWeight(kilograms=Decimal(int(frame.data)), mode=frame.model)]

    sealed = SerialDriver(
        id="sealed",
        models=SCALE.models,
        automatic=SCALE.automatic,
        line=Line(baud=9600, framer=lines()),
        session=poll(b"?", every=1),
        decode=decode,
        unseal=unseal,
    )
    (said,) = decode_hex(sealed, None, ["3638"], "X2", {"key": "0101"})  # "79" under the key
    assert (said["kilograms"], said["mode"]) == (79, "X2")
    line = '{"model": "X3", "secrets": {"key": "0e0e"}, "parts": [["-", "3638"]]}'
    assert '"kilograms": 86' in json.dumps(asked(sealed, line, model="X2", secrets={"key": "0101"}))
    with pytest.raises(
        BadHex,
        match=r"^secret key : pas des octets en hexadécimal.* not bytes in hexadecimal, two digits each$",
    ):
        decode_hex(sealed, None, ["3638"], None, {"key": "never shown"})


@pytest.mark.parametrize(
    "on",
    [
        "2a35",
        "2A35",
        "0x2A35",
        "00002a35",
        "00002a35-0000-1000-8000-00805f9b34fb",
        "00002A35-0000-1000-8000-00805F9B34FB",
        "00002a3500001000800000805f9b34fb",
        "blood_pressure_measurement",
        "Blood Pressure Measurement",
        "blood-pressure-measurement",
    ],
)
def test_a_characteristic_may_be_written_in_any_way(on: str) -> None:
    (said,) = decode_hex(CUFF, on, ["04780050005d004800"])
    assert said["systolic_mmhg"] == 120


def test_what_is_advertised_may_be_named_by_its_service_alone() -> None:
    scale = registry.find("xiaomi_scale")
    frame = "22a240e6070b1a050b26"  # 82.73 kg
    for on in ("adv:181d", "181D", "adv:0x181d", "0000181d-0000-1000-8000-00805f9b34fb"):
        assert decode_hex(scale, on, [frame])[0]["kilograms"] == 82.73


@pytest.mark.parametrize("on", ["", "2a3", "foo", "adv:foo", "2a35-2a36"])
def test_what_is_no_place_is_told(on: str) -> None:
    (answer,) = asked(CUFF, json.dumps({"parts": [[on, PRESSURE]]}))
    assert answer["ok"] is False
    assert str(answer["error"]).startswith(f"{on!r} is no place")


@pytest.mark.parametrize(
    "line",
    [
        "0078 0050 005d 00",  # as xxd groups them
        "0078005000 5d00",
        "0078 0050005d00",
        "00 78 00 50 00 5d 00",
        "00:78:00:50:00:5d:00",
        "00-78-00-50-00-5D-00",
        "0x00, 0x78, 0x00, 0x50, 0x00, 0x5d, 0x00",
        r"\x00\x78\x00\x50\x00\x5d\x00",
        "2a35 0078 0050 005d 00",
        "2a35: 0078 0050 005d 00",
        "0x2A35 00780050005d00",
        "blood_pressure_measurement 00780050005d00",
        "00002a35-0000-1000-8000-00805f9b34fb 00 78 00 50 00 5d 00",
    ],
)
def test_bytes_may_be_written_in_any_way_and_are_never_taken_for_a_place(line: str) -> None:
    (answer,) = asked(CUFF, line)
    if line == "0078 0050005d00":
        # Four digits before bytes that do not come in fours: a place, though no cuff measures there.
        assert answer == {"ok": False, "error": "nothing is read from 0078", "at": None}
        return
    assert answer == {"ok": True, "measurements": decode_hex(CUFF, None, [PRESSURE])}


def test_arguments_are_read_as_a_line_is() -> None:
    whole = decode_hex(CUFF, None, [PRESSURE])
    assert decode_hex(CUFF, None, PRESSURE.split()) == whole
    assert decode_hex(CUFF, None, ["2a35", PRESSURE]) == whole
    assert decode_hex(CUFF, None, ["blood_pressure_measurement", PRESSURE, PRESSURE]) == whole * 2
    rates = decode_hex(registry.find("sig_heart_rate"), None, ["00aa", "06aa"])
    assert [one["sensor_contact"] for one in rates] == [None, True]


def test_an_unknown_characteristic_is_never_taken_for_bytes() -> None:
    answers = asked(CUFF, "2aff 00780050005d00", "2aff 0078 0050 005d 00", "ffe1 0078005000 5d00")
    assert [answer.get("error") for answer in answers] == [
        "nothing is read from 2aff",
        "nothing is read from 2aff",
        "nothing is read from ffe1",
    ]


def test_a_key_may_be_an_address_as_it_is_printed() -> None:
    with pytest.raises(NotUnderstood, match="not sealed with this key"):
        decode_hex(
            registry.find("xiaomi_s400"),
            None,
            ["4859d53b2d3314943c58b133638c7457a4000000c3e670dc"],
            secrets={"mac": "84:46:93:64:A5:E6", "bind_key": "00" * 16},
        )
