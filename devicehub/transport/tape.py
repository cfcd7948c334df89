"""Capture files: what a hub and a device said to each other, one JSON object a line.

The first line is the `Header`, each further line one `Step`. A serial line's steps hold the bytes as
they arrived, uncut and with their line ends, but of a line into which a person's number is typed one message, blanked; a Bluetooth
step holds one message. A step refused by the
device is followed by ``refused`` on the same characteristic.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Self, TextIO, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from devicehub.transport.hands import station_now

NOT_NAMED, NO_DRIVER = "not named yet", "unknown"
"""What a recording says of its device, and of its driver where there was none, until somebody does."""

HubDoes = Literal["subscribe", "read", "write", "command"]
DeviceDoes = Literal["value", "message", "refused"]
_HUB_DOES = ("subscribe", "read", "write", "command")
_EMPTY = ("subscribe", "read")


class BadCapture(ValueError):
    """A capture file that cannot be read. The message names file, line and the fix."""


def _from_hex(value: object) -> object:
    return bytes.fromhex(value) if isinstance(value, str) else value


Hex = Annotated[
    bytes, BeforeValidator(_from_hex), PlainSerializer(lambda data: data.hex(" "), return_type=str)
]
"""Bytes, written in hexadecimal with or without blanks."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)


class CapturedAdvert(_Line):
    """What the device advertised; ``company_data`` is by company id (decimal), ``service_data`` by service."""

    name: str = ""
    services: tuple[str, ...] = ()
    company_data: dict[int, Hex] = Field(default_factory=dict)
    service_data: dict[str, Hex] = Field(default_factory=dict)


class Header(_Line):
    """Who was recorded, by what, when, and how it is known.

    ``origin`` is ``hardware`` (recorded), ``manual`` (typed from a document, which ``source`` cites) or
    ``synthetic`` (invented after the documents). ``note`` says what the capture shows. ``secrets`` are test
    keys, published or invented, for a conversation that needs them: a recording never holds any.
    """

    device: str
    firmware: str | None = None
    driver: str
    origin: Literal["hardware", "manual", "synthetic"]
    recorded: AwareDatetime
    hub: str
    model: str | None = None
    advert: CapturedAdvert | None = None
    characteristics: tuple[str, ...] = ()
    source: str | None = None
    note: str | None = None
    secrets: dict[str, Hex] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _manual_cites(self) -> Self:
        if self.origin == "manual" and not self.source:
            raise ValueError('origin "manual" needs a "source": which document, which section')
        return self

    @model_validator(mode="after")
    def _recording_has_no_secrets(self) -> Self:
        if self.origin == "hardware" and self.secrets:
            raise ValueError(
                'a recording holds no "secrets": they open a real device; take them away, or type the '
                'conversation again with test keys as origin "synthetic"'
            )
        return self


class Step(_Line):
    """One message, ``t`` seconds after `Header.recorded`."""

    t: float = Field(ge=0)
    by: Literal["hub", "device"] = Field(alias="from")
    do: HubDoes | DeviceDoes
    on: str = Field(min_length=1)
    data: Hex = Field(default=b"", alias="hex")

    @model_validator(mode="after")
    def _does_its_own(self) -> Self:
        if (self.do in _HUB_DOES) != (self.by == "hub"):
            raise ValueError(f'"{self.do}" is not what the {self.by} does')
        if self.do in _EMPTY and self.data:
            raise ValueError(f'"{self.do}" sends no bytes: take "hex" away')
        return self


Parsed = TypeVar("Parsed", Header, Step)


class Capture(BaseModel):
    """A recorded conversation. ``path`` is the file it was loaded from."""

    model_config = ConfigDict(frozen=True)

    path: Path
    header: Header
    steps: tuple[Step, ...]

    def place(self, index: int) -> str:
        """Where step ``index`` stands, as ``file:line``."""
        return f"{self.path}:{index + 2}"


def load(path: Path) -> Capture:
    """Read a capture file. Raises `BadCapture`."""
    lines = _text(path).splitlines()
    if not lines:
        raise BadCapture(f"{path}:1: empty file; the first line says what was recorded")
    header = _parse(Header, lines[0], f"{path}:1")
    steps: list[Step] = []
    for number, line in enumerate(lines[1:], start=2):
        step = _parse(Step, line, f"{path}:{number}")
        if steps and step.t < steps[-1].t:
            raise BadCapture(
                f'{path}:{number}: "t" is {step.t}, before the line above ({steps[-1].t}); '
                "put the steps in order of time"
            )
        steps.append(step)
    return Capture(path=path, header=header, steps=tuple(steps))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return data.decode("utf-8")
    except FileNotFoundError:
        raise BadCapture(
            f"{path} : ce fichier n'existe pas ; vérifiez son nom et son dossier · there is no such file; check its "
            "name and its folder"
        ) from None
    except OSError as error:
        raise BadCapture(
            f"{path}: cannot be read ({error.strerror}); name a capture file"
        ) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadCapture(
            f"{path}:{line}: not text in UTF-8; a capture has one JSON object a line"
        ) from None


def dump(capture: Capture, path: Path) -> None:
    """Write a capture file."""
    lines = [_line(capture.header), *map(_line, capture.steps)]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


class Tape:
    """Writes a capture while a link runs (a `devicehub.transport.hands.Recorder`). Each step is flushed."""

    def __init__(
        self, path: Path, header: Header, *, clock: Callable[[], datetime] = station_now
    ) -> None:
        self.steps = 0
        """How many have been written."""
        self._started = header.recorded
        self._elapsed = 0.0
        self._clock = clock
        self._file: TextIO = path.open("x", encoding="utf-8", newline="\n")
        self._write(header)

    def hub(self, do: HubDoes, on: str, data: bytes) -> None:
        """The hub asks."""
        self._step("hub", do, on, data)

    def device(self, do: DeviceDoes, on: str, data: bytes) -> None:
        """The device answers, or speaks by itself."""
        self._step("device", do, on, data)

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _step(
        self, by: Literal["hub", "device"], do: HubDoes | DeviceDoes, on: str, data: bytes
    ) -> None:
        # The station's clock may be set back while the tape runs; the steps stay in order.
        elapsed = round((self._clock() - self._started).total_seconds(), 6)
        self._elapsed = max(self._elapsed, elapsed)
        self._write(Step(t=self._elapsed, by=by, do=do, on=on, data=data))
        self.steps += 1

    def _write(self, part: Header | Step) -> None:
        self._file.write(_line(part))
        self._file.flush()


def _line(part: Header | Step) -> str:
    return part.model_dump_json(by_alias=True, exclude_defaults=True) + "\n"


def _parse(model: type[Parsed], line: str, place: str) -> Parsed:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        raise BadCapture(f"{place}: {in_words(error)}") from None


def in_words(error: ValidationError) -> str:
    """What is wrong with what somebody wrote, on one line: where, what, and the fix."""
    return "; ".join(map(_fault, error.errors()))


def _fault(fault: ErrorDetails) -> str:
    if fault["type"] == "union_tag_invalid":
        known = fault["ctx"]["expected_tags"]
        return f'"kind": no measurement is called {fault["ctx"]["tag"]!r}; known: {known}'
    if fault["type"] == "union_tag_not_found":
        return '"kind": missing; add it'
    if fault["type"] == "extra_forbidden":
        return f"{_where(fault)}: no such field; take it away or correct its name"
    if fault["type"] == "missing":
        return f"{_where(fault)}: missing; add it"
    if fault["type"] == "json_invalid":
        return f"not one JSON object: {fault['msg']}"
    found = (
        "" if fault["type"] == "value_error" and not fault["loc"] else f", not {fault['input']!r}"
    )
    return f"{_where(fault)}: {fault['msg'].removeprefix('Value error, ')}{found}".removeprefix(
        ": "
    )


def _where(fault: ErrorDetails) -> str:
    return ".".join(map(str, fault["loc"]))
