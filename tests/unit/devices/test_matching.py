"""Matching: the more specific claim wins, a tie is an error that names both, order never decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations

import pytest

from devicehub.devices import matching, registry
from devicehub.driver import Advert, BleDriver


@dataclass(frozen=True)
class Seen:
    name: str | None = None
    services: frozenset[str] = frozenset()
    company_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)


def driver(name: str, match: Advert) -> BleDriver:
    generic = registry.find("sig_blood_pressure")
    assert isinstance(generic, BleDriver)
    return replace(generic, id=name, match=match)


GENERIC = driver("generic", Advert(service="1810"))
MAKER = driver("maker", Advert(service="1810", company=0x0611))
NAMED = driver("named", Advert(service="1810", name_prefix="BP-"))
LONGER = driver("longer", Advert(service="1810", name_prefix="BP-7"))


def test_the_more_specific_claim_wins_in_any_order() -> None:
    seen = Seen(name="BP-700", services=frozenset({"1810"}), company_data={0x0611: b""})
    for drivers in permutations([GENERIC, MAKER, NAMED, LONGER]):
        assert matching.match(seen, drivers) is LONGER
    assert matching.match(replace(seen, name="X"), [GENERIC, MAKER]) is MAKER
    assert matching.match(replace(seen, name=None, company_data={}), [GENERIC, MAKER]) is GENERIC


def test_a_tie_names_both() -> None:
    twin = driver("twin", Advert(service="1810"))
    with pytest.raises(matching.Ambiguous, match="generic and twin"):
        matching.match(Seen(services=frozenset({"1810"})), [GENERIC, twin])


def test_a_stranger_has_no_driver() -> None:
    assert matching.match(Seen(name="TV", services=frozenset({"180a"})), [GENERIC, NAMED]) is None


def test_the_registry_suggests_the_nearest() -> None:
    with pytest.raises(registry.UnknownDriver, match="did you mean sig_blood_pressure"):
        registry.find("sig_blood_presure")


def test_every_driver_travels_with_the_version_of_its_package() -> None:
    for found in registry.installed().values():
        assert registry.driver_version(found) == "0.1.0"


def test_one_of_several_names_is_enough_and_counts_by_its_length() -> None:
    family = driver("family", Advert(name_prefix=("BP-7", "CUFF")))
    for drivers in permutations([GENERIC, NAMED, family]):
        assert matching.match(Seen("BP-700", frozenset({"1810"})), drivers) is family
        assert matching.match(Seen("CUFF 1"), drivers) is family
        assert matching.match(Seen("BP-600", frozenset({"1810"})), drivers) is NAMED
    assert matching.match(Seen("cuff"), [family]) is None
    assert matching.match(Seen(None), [family]) is None


MEASURING = {
    "1808": "sig_glucose",
    "1809": "sig_thermometer",
    "180d": "sig_heart_rate",
    "1810": "sig_blood_pressure",
    "181b": "sig_body_composition",
    "181d": "sig_weight_scale",
    "1822": "sig_pulse_oximeter",
    "1840": "sig_generic_health_sensor",
}
BESIDE = ("1805", "180a", "180f", "181c", "183f")


def winner(seen: Seen) -> str | None:
    found = matching.match(seen, registry.installed().values())
    return found.id if found else None


@pytest.mark.parametrize(("service", "expected"), MEASURING.items())
def test_each_service_has_one_driver_whatever_is_advertised_beside(
    service: str, expected: str
) -> None:
    assert winner(Seen(services=frozenset({service, *BESIDE}))) == expected
    # A pulse is what many devices tell beside what they measure; a generic sensor says it all itself.
    beside_heart_rate = Seen(services=frozenset({service, "180d"}))
    assert winner(beside_heart_rate) == expected
    assert winner(Seen(services=frozenset({service, "1840"}))) == "sig_generic_health_sensor"
    everything = Seen(services=frozenset({service, "180d", "1840", *BESIDE}))
    assert winner(everything) == "sig_generic_health_sensor"


@pytest.mark.parametrize("beside", [(), ("180d",), BESIDE, ("180d", *BESIDE)])
def test_an_analyser_that_weighs_too_is_an_analyser(beside: tuple[str, ...]) -> None:
    assert winner(Seen(services=frozenset({"181b", "181d", *beside}))) == "sig_body_composition"


def test_two_different_measuring_services_are_for_a_person_to_choose() -> None:
    with pytest.raises(matching.Ambiguous, match="sig_blood_pressure and sig_thermometer"):
        winner(Seen(services=frozenset({"1809", "1810"})))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen("A&D_UA-651BLE_2B3C4D", frozenset({"1810"})), "ad_blood_pressure"),
        (Seen("A&D_UC-352BLE_2B3C4D", frozenset({"181d"})), "ad_weight_scale"),
        (Seen("A&D_UT201BLE_2B3C4D", frozenset({"1809"})), "ad_thermometer"),
        (Seen("BLEsmart_0000011628FFB2000000", frozenset({"1810"})), "omron_blesmart"),
        (Seen("BM85", frozenset({"1810"})), "beurer_bm85"),
        (Seen("BF720", frozenset({"181d"}), {0x0611: b""}), "beurer_bf720"),
        (Seen("BF105", frozenset({"181b", "181d", "180d"}), {0x0611: b""}), "beurer_bf720"),
        (Seen("Renpho-Scale", frozenset({"181b", "181d"})), "renpho_es_wbe28"),
        (Seen("MIBFS", frozenset({"181b"}), {}, {"181b": b""}), "xiaomi_scale"),
        (Seen("MI_SCALE", frozenset({"181d"}), {}, {"181d": b""}), "xiaomi_scale"),
        (Seen("Nonin3230_502644127", frozenset({"1822", "180d"})), "nonin_3230"),
        (Seen("Polar H10 6A4B3C2D", frozenset({"180d", "feee"})), "polar_h10"),
        (Seen("0202B3-ABCDEF", frozenset({"78b2"})), "transtek"),
        (Seen("01257B000000", frozenset({"7802"})), "transtek"),
        (Seen("1BODY CONNECT", frozenset({"7892"})), "transtek"),
        (Seen("O2Ring 1234", frozenset({"180d"})), "wellue_o2ring"),
    ],
    ids=lambda value: value.name if isinstance(value, Seen) else value,
)
def test_what_devices_advertise_has_one_driver(seen: Seen, expected: str) -> None:
    assert winner(seen) == expected
