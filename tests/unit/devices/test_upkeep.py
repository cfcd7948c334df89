"""What a person should see to about a device: checks, then the battery."""

from __future__ import annotations

from datetime import date, timedelta

from devicehub.devices.upkeep import Notice, Upkeep
from devicehub.reading.metrology import Done

TODAY = date(2026, 11, 22)
OVER = Done(check="verification", done_on=date(2025, 1, 1), due=date(2026, 1, 1))
SOON = Done(check="verification", done_on=date(2026, 1, 1), due=TODAY + timedelta(days=3))


def test_a_lapsed_check_that_blocks_and_a_low_battery() -> None:
    upkeep = Upkeep({"scale": ("verification",)}, block=True)
    assert upkeep.notices("scale", [OVER], 10.0, TODAY) == (
        Notice("check_overdue", "verification", OVER.due, blocks=True),
        Notice("battery_low"),
    )
    assert upkeep.notices("scale", [], None, TODAY) == (
        Notice("check_missing", "verification", None, blocks=True),
    )


def test_a_warning_comes_before_and_blocks_nothing() -> None:
    upkeep = Upkeep({"scale": ("verification",)}, block=True)
    assert upkeep.notices("scale", [SOON], 80.0, TODAY) == (
        Notice("check_due_soon", "verification", SOON.due),
    )


def test_a_device_of_which_nothing_is_asked_has_no_notice() -> None:
    assert Upkeep(block=True).notices("cuff", [], None, TODAY) == ()
    assert Upkeep().metrology("cuff", [], TODAY) is None
