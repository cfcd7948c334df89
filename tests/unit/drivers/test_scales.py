"""The scales' drivers: which takes which scale, and what a real Beurer says that is no measurement."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from devicehub.devices import matching
from devicehub.driver import BodyComposition, Frame, NotUnderstood
from devicehub_drivers import beurer_bf720, renpho_es_wbe28, sig_body_composition, sig_weight_scale

SCALES = (
    beurer_bf720.DRIVER,
    renpho_es_wbe28.DRIVER,
    sig_body_composition.DRIVER,
    sig_weight_scale.DRIVER,
)


@dataclass(frozen=True)
class Seen:
    name: str | None
    services: frozenset[str]
    company_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("seen", "driver"),
    [
        (Seen("SCALE", frozenset({"181d"})), "sig_weight_scale"),
        (Seen("BODY", frozenset({"181b"})), "sig_body_composition"),
        (Seen("BOTH", frozenset({"181b", "181d"})), "sig_body_composition"),
        (Seen("Renpho-Scale", frozenset({"181b", "181d"})), "renpho_es_wbe28"),
        (Seen("BF720", frozenset({"181d"}), {0x0611: b""}, {"181d": b"\x01"}), "beurer_bf720"),
        (Seen(None, frozenset({"181b", "181d"}), {0x0611: b""}), "beurer_bf720"),
        (Seen("Renpho-Scale", frozenset({"ffe0"})), None),  # its older models speak otherwise
    ],
)
def test_each_scale_has_one_driver(seen: Seen, driver: str | None) -> None:
    found = matching.match(seen, SCALES)
    assert (found.id if found else None) == driver


def composition(data: str) -> list[BodyComposition]:
    found = beurer_bf720.DRIVER.decode(Frame.of("2a9c", bytes.fromhex(data)))
    return [one for one in found if isinstance(one, BodyComposition)]


@pytest.mark.parametrize(
    "data",
    [
        "9803000096230000000000000000",  # basal metabolism alone, as with each stored weight
        "9803ffff96230000000000000000",
        "0000 0000",
    ],
)
def test_a_beurer_composition_of_zeros_is_none(data: str) -> None:
    assert composition(data) == []


def test_a_beurer_zero_was_not_measured() -> None:
    # fat 24.3, 9110 kJ, muscle, soft lean and water 0, impedance 392.5
    (found,) = composition("9803 f300 9623 0000 0000 0000 550f")
    assert found.model_dump(exclude_none=True, exclude={"kind", "flags"}).keys() == {
        "fat_percent",
        "basal_metabolism_kilojoules",
        "impedance_ohms",
    }


def test_renpho_compositions_are_not_read() -> None:
    with pytest.raises(NotUnderstood, match="nothing is read from 2a9c"):
        renpho_es_wbe28.DRIVER.decode(Frame.of("2a9c", b"\x00\x00\x00\x00"))
