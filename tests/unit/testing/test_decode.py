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
        {"ok": False, "error": "hex: not bytes in hexadecimal, two digits each", "at": None},
        ["device_facts"],
        {"ok": False, "error": answers[7]["error"], "at": None},
        {"ok": False, "error": "hex: not bytes in hexadecimal, two digits each", "at": None},
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
    with pytest.raises(BadHex, match=r"^secret key: not bytes in hexadecimal, two digits each$"):
        decode_hex(sealed, None, ["3638"], None, {"key": "never shown"})


@pytest.mark.parametrize(
    "on",
    [
        "2a35",
        "2A35",
        "00002a35-0000-1000-8000-00805f9b34fb",
        "00002A35-0000-1000-8000-00805F9B34FB",
    ],
)
def test_a_characteristic_may_be_written_in_any_way(on: str) -> None:
    (said,) = decode_hex(registry.find("sig_blood_pressure"), on, ["04780050005d004800"])
    assert said["systolic_mmhg"] == 120
