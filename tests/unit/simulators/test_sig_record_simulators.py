"""The simulated devices with a memory answer on their control point as the specification says."""

from datetime import UTC, datetime

import pytest

from devicehub.driver import BloodPressure, Frame, OxygenSaturation
from devicehub.gatt import generic_health_sensor, glucose, pulse_oximeter, record_access
from devicehub.gatt.record_access import Answer, Count, Ended, Op, Operator
from devicehub.gatt.segmentation import Segments
from devicehub.testing.simulator import BleSimulator, Message
from devicehub_simulators.sig_generic_health_sensor import SigGenericHealthSensor
from devicehub_simulators.sig_glucose import SigGlucose
from devicehub_simulators.sig_pulse_oximeter import SigPulseOximeter

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def asked(simulator: BleSimulator, request: bytes) -> tuple[list[Message], Ended | Count]:
    *records, ended = simulator.write(record_access.CONTROL_POINT, request, NOW)
    assert ended.on == record_access.CONTROL_POINT
    return records, record_access.decode(ended.data)


@pytest.mark.parametrize(
    ("operator", "numbers", "sequences"),
    [
        (Operator.ALL, (), [0, 1, 2]),
        (Operator.FIRST, (), [0]),
        (Operator.LAST, (), [2]),
        (Operator.FROM, (1,), [1, 2]),
    ],
)
def test_a_meter_sends_the_records_asked_for(
    operator: Operator, numbers: tuple[int, ...], sequences: list[int]
) -> None:
    meter = SigGlucose("TEST-0001", seed=1)
    truths = [message.truth for _ in range(3) for message in meter.measure(NOW)]
    request = record_access.encode_request(Op.REPORT, operator, *numbers)
    messages, ended = asked(meter, request)
    records = glucose.Records()
    frames = [f for m in messages for f in records.take(Frame.of(m.on, m.data))]
    found = [one for frame in [*frames, *records.rest()] for one in glucose.decode(frame)]
    assert found == [truths[sequence] for sequence in sequences]
    assert ended == Ended(Op.REPORT, Answer.SUCCESS)
    counted = record_access.encode_request(Op.REPORT_NUMBER, operator, *numbers)
    assert asked(meter, counted) == ([], Count(len(sequences)))


@pytest.mark.parametrize("simulator", [SigGlucose, SigGenericHealthSensor, SigPulseOximeter])
@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("0101", Answer.NO_RECORDS),
        ("0201", Answer.OP_NOT_SUPPORTED),
        ("0102010500", Answer.OPERATOR_NOT_SUPPORTED),
    ],
)
def test_what_a_device_refuses(
    simulator: type[SigGlucose] | type[SigGenericHealthSensor] | type[SigPulseOximeter],
    request_: str,
    answer: Answer,
) -> None:
    records, ended = asked(simulator("TEST-0001", seed=1), bytes.fromhex(request_))
    assert records == []
    assert ended == Ended(int(request_[:2], 16), answer)


@pytest.mark.parametrize("request_", [b"", b"\x01", b"\x01\x03\x02\x05\x00", b"\x01\x03\x01\x05"])
def test_nonsense_is_answered(request_: bytes) -> None:
    for make in (SigGlucose, SigGenericHealthSensor, SigPulseOximeter):
        simulator = make("TEST-0001", seed=1)
        records, ended = asked(simulator, request_)
        assert records == []
        assert isinstance(ended, Ended)
        assert ended.answer != Answer.SUCCESS


def test_a_sensor_keeps_what_nobody_asked_to_see_live() -> None:
    cuff = SigGenericHealthSensor("TEST-0001", seed=1)
    (kept,) = cuff.measure(NOW)
    assert kept.data == b""
    messages, ended = asked(cuff, record_access.encode_request(Op.REPORT, Operator.ALL))
    segments = Segments()
    (frame,) = [f for m in messages for f in segments.take(Frame.of(m.on, m.data))]
    assert list(generic_health_sensor.decode(frame)) == [kept.truth]
    assert ended == Ended(Op.REPORT, Answer.SUCCESS)
    (answer,) = cuff.write(
        generic_health_sensor.CONTROL_POINT, generic_health_sensor.START_LIVE, NOW
    )
    assert answer.data == b"\x80"
    (live,) = cuff.measure(NOW)
    assert live.on == generic_health_sensor.LIVE
    assert isinstance(live.truth, BloodPressure)
    assert list(generic_health_sensor.decode(Frame.of(live.on, live.data))) == [live.truth]


def test_an_oximeter_sends_what_it_measured_away_from_any_hub() -> None:
    oximeter = SigPulseOximeter("TEST-0001", seed=1)
    measured = [message.truth for message in oximeter.measure(NOW)][-1]
    assert isinstance(measured, OxygenSaturation)
    oximeter.records.append(measured)
    (record,), ended = asked(oximeter, record_access.encode_request(Op.REPORT, Operator.ALL))
    (kept,) = pulse_oximeter.decode(Frame.of(record.on, record.data))
    assert kept == measured.model_copy(update={"stored": True})
    assert ended == Ended(Op.REPORT, Answer.SUCCESS)
