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
