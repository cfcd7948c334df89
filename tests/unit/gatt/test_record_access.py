"""Record access: requests and answers as the GATT Specification Supplement writes them, and the procedure."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Frame, LinkLost, NotUnderstood, Refused
from devicehub.gatt import record_access
from devicehub.gatt.record_access import Answer, Count, Ended, Op, Operator, Request
from devicehub.testing.replay import ReplayBleLink
from devicehub.transport.tape import Capture, Header, Step


@pytest.mark.parametrize(
    ("data", "request_"),
    [
        ("0101", Request(Op.REPORT, Operator.ALL, ())),
        ("0106", Request(Op.REPORT, Operator.LAST, ())),
        ("0401", Request(Op.REPORT_NUMBER, Operator.ALL, ())),
        ("0103 01 0500", Request(Op.REPORT, Operator.FROM, (5,))),
        ("0104 01 0500 0102", Request(Op.REPORT, Operator.BETWEEN, (5, 513))),
    ],
)
def test_requests(data: str, request_: Request) -> None:
    assert record_access.decode_request(bytes.fromhex(data)) == request_
    op, operator, numbers = request_
    said = record_access.encode_request(Op(op), Operator(operator), *numbers)
    assert said == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("06000101", Ended(Op.REPORT, Answer.SUCCESS)),
        ("06000106", Ended(Op.REPORT, Answer.NO_RECORDS)),
        ("060001ee", Ended(Op.REPORT, 0xEE)),
        ("05000c01", Count(268)),
    ],
)
def test_answers(data: str, answer: Ended | Count) -> None:
    assert record_access.decode(bytes.fromhex(data)) == answer


@pytest.mark.parametrize(
    ("data", "at"),
    [("", 0), ("06", 1), ("0601", 1), ("060001", 3), ("0600010100", 4), ("0100", 0), ("050001", 3)],
)
def test_what_is_no_answer_is_not_understood(data: str, at: int) -> None:
    with pytest.raises(NotUnderstood) as error:
        record_access.decode(bytes.fromhex(data))
    assert error.value.at == at


@given(asked=st.sampled_from(Op), answer=st.sampled_from(Answer), records=st.integers(0, 0xFFFF))
def test_what_is_encoded_is_decoded(asked: Op, answer: Answer, records: int) -> None:
    ended = record_access.encode_ended(asked, answer)
    assert record_access.decode(ended) == Ended(asked, answer)
    assert record_access.decode(record_access.encode_count(records)) == Count(records)


def test_records_are_chosen_by_sequence_number() -> None:
    with pytest.raises(NotUnderstood) as error:
        record_access.decode_request(bytes.fromhex("0103 02 0500"))
    assert error.value.at == 2


class Each:
    """Every message is whole."""

    def take(self, frame: Frame) -> Iterator[Frame]:
        yield frame

    def rest(self) -> Iterator[Frame]:
        yield from ()


def conversation(*messages: tuple[str, str]) -> ReplayBleLink:
    subscribed = [
        Step.model_validate({"t": 0, "from": "hub", "do": "subscribe", "on": on})
        for on in ("2a18", "2a52")
    ]
    asked = Step.model_validate({"t": 1, "from": "hub", "do": "write", "on": "2a52", "hex": "0101"})
    heard = [
        Step.model_validate({"t": 2, "from": "device", "do": "message", "on": on, "hex": data})
        for on, data in messages
    ]
    header = Header.model_validate(
        {
            "device": "an invented meter",
            "origin": "synthetic",
            "recorded": "2026-11-22T08:30:00+01:00",
            "characteristics": ["2a18", "2a52"],
            "driver": "sig_glucose",
            "hub": "0.1.0",
        }
    )
    steps = (*subscribed, asked, *heard)
    return ReplayBleLink(Capture(path=Path("invented.jsonl"), header=header, steps=steps), None)


async def fetch(link: ReplayBleLink) -> None:
    await link.subscribe("2a18", "2a52")
    await record_access.fetch(link, "2a18", join=Each())


async def test_records_are_handed_over_until_the_device_says_it_is_done() -> None:
    link = conversation(("2a18", "01"), ("2a52", "05000200"), ("2a18", "02"), ("2a52", "06000101"))
    await fetch(link)
    assert [handed.frame.data for handed in link.handed] == [b"\x01", b"\x02"]


async def test_no_records_is_no_failure() -> None:
    link = conversation(("2a52", "06000106"))
    await fetch(link)
    assert link.handed == []


async def test_an_error_is_said_to_the_operator() -> None:
    with pytest.raises(Refused, match="code 8"):
        await fetch(conversation(("2a18", "01"), ("2a52", "06000108")))


async def test_an_answer_to_another_question_ends_nothing() -> None:
    with pytest.raises(LinkLost):
        await fetch(conversation(("2a52", "06000301")))


async def test_silence_is_a_lost_link() -> None:
    link = conversation(("2a18", "01"))
    later = Step.model_validate({"t": 40, "from": "hub", "do": "read", "on": "2a18"})
    silent = Capture(
        path=Path("invented.jsonl"),
        header=link._capture.header,
        steps=(*link._capture.steps, later),
    )
    with pytest.raises(LinkLost, match="no answer"):
        await fetch(ReplayBleLink(silent, None))
