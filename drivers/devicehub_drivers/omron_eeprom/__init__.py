"""Omron home monitors whose memory is read: M4, M7, M700, Evolv, RS7, X4 and their kin, by the HEM number.

Every record is read, one a frame, and nothing is ever written to the memory: neither records nor unread
counters are touched, so the owner's application still finds what is new. A frame is the answer to one read:
length, type 8100, address, size, the record, padding, XOR, in pieces of 16 bytes, one a channel.
`devicehub drivers decode` takes such an answer, joined, or the bare bytes of one record; either with the model.

Which model it is, the type plate says; some tell it themselves (0x2A24), most call themselves "M7 Intelli IT".
A name that begins with ``BLEsmart_`` is the pairing mode (``P`` blinks), ``BLESmart_`` the transfer mode; the
eight digits behind it name the model (those of monitors begin with 0000), the address follows.

Sources: omblepy (conversation, addresses), hass-omron and esphome-omron (the newer generation with its
token), whose logs and tests were worked through by hand; names: Sphygma, SpeziOmron, Omron's own SDK.
"""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Frame,
    LinkLost,
    Model,
    Pairing,
    Refused,
    Secrets,
    by_characteristic,
    unsealed,
)
from devicehub.gatt import device_information
from devicehub_drivers.omron_eeprom import record
from devicehub_drivers.omron_eeprom.memory import MEMORIES, memory_of

UNLOCK = "b305b680-aee7-11e1-a730-0002a5d5c51b"
TO_DEVICE = "db5b55e0-aee7-11e1-965e-0002a5d5c51b"
FROM_DEVICE = (
    "49123040-aee8-11e1-a74d-0002a5d5c51b",
    "4d0bf320-aee8-11e1-a0d9-0002a5d5c51b",
    "5128ce60-aee8-11e1-b84b-0002a5d5c51b",
    "560f1420-aee8-11e1-8184-0002a5d5c51b",
)
START = bytes.fromhex("0800000000100018")
END = bytes.fromhex("080f000000000007")

KEY = "key"
NEW_KEY, USE_KEY, NEW_PAIRING, TOKEN = 0x00, 0x01, 0x02, 0x11
WITHIN = 10.0
PAIRING_ATTEMPTS = 10

_greet = device_information.greet()


async def session(link: BleLink) -> None:
    """Pair where there is no key yet, unlock, read each user's records up to the first empty slot."""
    model = link.model or await _told_model(link)
    memory = memory_of(model)
    channels = tuple(on for on in FROM_DEVICE if on in link.characteristics)
    if memory is None or memory.token != (len(channels) == 1):
        raise Refused(
            f"tensiomètre Omron « {model} » : indiquez le numéro HEM de son étiquette / "
            f'Omron monitor "{model}": bind it by the HEM number on its type plate'
        )
    await _greet(link)
    await link.subscribe(*channels, UNLOCK)
    if memory.token:
        # It proves nothing: the monitor echoes any four bytes.
        await _say(link, TOKEN, bytes(19), "jeton refusé / token refused")
    else:
        await _unlock(link)
    await _ask(link, START)
    size = memory.layout.size
    for start in memory.starts:
        for address in range(start, start + memory.slots * size, size):
            parts = await _ask(link, _read(address, size))
            if not record.joined(parts)[record.HEAD : record.HEAD + size].strip(b"\xff"):
                break  # Slots are filled in order: none behind an empty one is in use.
            await link.deliver(Frame(parts, model))
    await _ask(link, END)


async def _told_model(link: BleLink) -> str:
    try:
        told = await link.read(device_information.MODEL)
    except Refused:
        return "?"
    return told.rstrip(b"\0 ").decode("utf-8", "replace")


async def _unlock(link: BleLink) -> None:
    if KEY not in link.secrets:
        await _pair(link)
    await _say(
        link,
        USE_KEY,
        link.secrets[KEY],
        "le tensiomètre a été appairé ailleurs entre-temps : appairez-le de nouveau / "
        "the monitor was paired elsewhere since: pair it again",
    )


async def _pair(link: BleLink) -> None:
    """Give the monitor a key. It tells pairings apart; what keeps strangers out is the bond's cipher."""
    for attempt in range(1, PAIRING_ATTEMPTS + 1):
        try:
            await _say(
                link,
                NEW_PAIRING,
                bytes(16),
                "maintenez la touche Bluetooth jusqu'à ce que P clignote / "
                "hold the Bluetooth button until P blinks",
            )
            break
        except Refused:  # for as long as the bond is being made, too
            if attempt == PAIRING_ATTEMPTS:
                raise
            await link.pause(1.0)
    key = f"{link.now:%y%m%d%H%M%S%f}"[:16].encode()
    await _say(link, NEW_KEY, key, "clé refusée / key refused")
    link.keep(KEY, key)
    # A monitor paired for the first time counts as paired only after a whole conversation.
    await _ask(link, START)
    await _ask(link, END)


async def _say(link: BleLink, what: int, data: bytes, otherwise: str) -> None:
    await link.write(UNLOCK, bytes([what]) + data)
    answer = await link.expect(UNLOCK, prefix=bytes([what | 0x80]), within=WITHIN)
    if answer[1:2] != b"\0":
        raise Refused(otherwise)


async def _ask(link: BleLink, command: bytes) -> tuple[tuple[str, bytes], ...]:
    """The pieces of the answer to a command. Raises `LinkLost` for anything else: a new start puts it right."""
    await link.write(TO_DEVICE, command)
    first = await link.expect(FROM_DEVICE[0], within=WITHIN)
    pieces = -(-first[0] // record.PIECE) if 0 < len(first) < first[0] else 1
    rest = [(on, await link.expect(on, within=WITHIN)) for on in FROM_DEVICE[1:pieces]]
    parts = ((FROM_DEVICE[0], first), *rest)
    whole = record.joined(parts)
    answers = bytes([command[1] | 0x80]) + command[2:5]
    if whole[1:5] != answers or record.checksum(whole):
        raise LinkLost("the monitor's answer is not the one asked for")
    return parts


def _read(address: int, size: int) -> bytes:
    command = b"\x08\x01\x00" + address.to_bytes(2, "big") + bytes((size, 0))
    return command + bytes([record.checksum(command)])


def unseal(frame: Frame, secrets: Secrets) -> Frame:
    """Answers carry an XOR; what the monitor says of itself does not."""
    return (record.unseal if frame.on in FROM_DEVICE else unsealed)(frame, secrets)


DRIVER = BleDriver(
    id="omron_eeprom",
    models=tuple(
        Model(
            maker="Omron",
            name=name,
            tells=("blood_pressure", "device_facts"),
            longest=180.0,
            pairing=Pairing.IN_PAIRING_MODE,  # a failed attempt makes it forget the bond it has
        )
        for name in MEMORIES
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Omron HEM-7322T-E instruction manual, Taking a measurement: START/STOP inflates, "
        "measures and deflates without further help; page not found",
    ),
    match=Advert(
        name_prefix=(
            "BLESmart_0000",
            "BLEsmart_0000021F",  # HEM-7600T
            "BLEsmart_00000244",  # HEM-6232T
            "BLEsmart_00000564",  # HEM-7155T
            "BLEsmart_0000059A",  # HEM-7142T2
        )
    ),
    main=FROM_DEVICE[0],
    session=session,
    pairing_name="BLEsmart_",
    decode=by_characteristic(
        {**dict.fromkeys(FROM_DEVICE, record.decode), **device_information.decoders()}
    ),
    unseal=unseal,
)
