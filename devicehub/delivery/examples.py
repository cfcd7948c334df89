"""One invented example of each payload, for the documents and for whoever tests against them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from devicehub.delivery import wire
from devicehub.driver import BloodPressure
from devicehub.journal.records import Attribution, Receipt
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Evidence, Reading

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BOOT = UUID("0d4c1b64-3a34-4b3b-9d53-7f5a6f1e2a10")
REQUEST = UUID("4f7a3c52-61f5-4d38-8e0b-2b8f0a9b6c11")
READING = Reading(
    id=UUID("5c0e1f7a-8f6b-5f0e-9a57-1d2c3b4a5e6f"),
    measurement=BloodPressure(
        systolic_mmhg=Decimal(128),
        diastolic_mmhg=Decimal(82),
        mean_mmhg=Decimal(97),
        pulse_per_minute=Decimal(71),
        device_time="2026-01-05T11:59:58",
    ),
    device=Device(id="cuff-1", intrinsic="serial-number:ACME:C1:0001", maker="ACME", model="C1"),
    driver=DriverUsed(id="sig_blood_pressure", version="1"),
    origin="device",
    received_at=NOON,
    stamp=Stamp(
        device_time="2026-01-05T11:59:58",
        corrected=NOON - timedelta(seconds=2),
        offset_seconds=0.0,
        how="device_clock",
    ),
    began=Began(
        earliest=NOON - timedelta(seconds=40),
        latest=NOON - timedelta(seconds=2),
        known_from="device_clock",
    ),
    evidence=(
        Evidence(
            number=7,
            parts=(("2a35", "06800052006100ea0701050b3b3a4700"),),
            model=None,
            first_byte=NOON,
            last_byte=NOON,
        ),
    ),
)
HEALTH = wire.Health(
    at=NOON,
    outbox=2,
    outbox_oldest=NOON - timedelta(minutes=3),
    quarantined=0,
    frames_not_understood=0,
    disk_free_bytes=52_000_000_000,
)
EXAMPLES: tuple[wire.Payload, ...] = (
    wire.ReadingBatch(
        station="room-1",
        sent_at=NOON,
        items=(
            wire.Item(
                reading=READING,
                attribution=Attribution(
                    reading=READING.id, revision=1, visit="v-0123456789", author="station", at=NOON
                ),
            ),
        ),
    ),
    wire.ReceiptBatch(
        dossier="main",
        sent_at=NOON,
        receipts=(Receipt(id=READING.id, revision=1, result="filed"),),
    ),
    wire.StationState(state="online", since=NOON, boot=BOOT, version="0.1.0"),
    wire.DossierState(
        dossier="main",
        state="online",
        since=NOON,
        boot=BOOT,
        version="0.1.0",
        accepts_simulators=False,
    ),
    wire.DeviceState(
        device="cuff-1",
        driver="sig_blood_pressure",
        origin="device",
        state="connected",
        since=NOON,
        battery_percent=80.0,
        last_reading_at=NOON,
    ),
    HEALTH,
    wire.Request(
        request_id=REQUEST,
        reply_to=f"{wire.StationTopics('practice', 'room-1').root}/response",
        ask="health",
    ),
    wire.Response(request_id=REQUEST, ok=True, health=HEALTH),
    wire.Event(at=NOON, event="device_connected", device="cuff-1"),
)
"""In the order of `wire.Payload`."""
