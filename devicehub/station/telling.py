"""What to do, in words: why a measurement is absent, what a device needs, where a series stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from devicehub.devices.adoption import Challenge, NotAdopted, Stage
from devicehub.devices.commissioning import Double
from devicehub.devices.upkeep import Notice
from devicehub.reading.derivation import Member
from devicehub.reading.metrology import Metrology
from devicehub.reading.reading import Reading
from devicehub.station.words import Words
from devicehub.visit import policy
from devicehub.visit.course import Course
from devicehub.visit.earlier import Doubt
from devicehub.visit.gate import Hold
from devicehub.visit.plan import Cause, NotFiled, Trouble
from devicehub.visit.series import Series, other_arm, takes_more

NEARLY_A_SECOND: Final = timedelta(microseconds=999_999)


class Told(NamedTuple):
    """What is so, and the next physical act."""

    what: str
    act: str


def cause(words: Words, why: Cause) -> Told:
    """Why a planned measurement is absent."""
    if why.code == "in_quarantine":
        return _in_the_tray(words, why)
    device, holder = why.device or "", why.detail or words("port.unnamed")
    time = words.clock(why.at) if why.at is not None else ""
    return Told(
        words(f"absent.{why.code}", device=device, holder=holder, time=time),
        words(f"act.{why.code}", device=device),
    )


def _in_the_tray(words: Words, why: Cause) -> Told:
    came = words.clock(why.at) if why.at is not None else ""
    act = words("act.in_quarantine")
    if why.counts_from is not None:
        # A second that has begun is over by then.
        act = words("act.in_quarantine.later", time=words.clock(why.counts_from + NEARLY_A_SECOND))
    return Told(words("absent.in_quarantine", time=came, reason=words(f"reason.{why.detail}")), act)


def trouble(words: Words, why: Trouble, device: str, holder: str | None) -> str:
    """Why a device is not read, and the next physical act, as its row on the rail says it."""
    if why in ("no_place", "not_paired", "bond_lost", "bond_elsewhere", "pairing_put_off"):
        return words(f"why.{why}")
    return " ".join(cause(words, Cause(why, device, holder)))


def not_filed(words: Words, why: NotFiled) -> Told:
    """Why what was accepted is not in the record; nothing needs to be measured again."""
    return Told(words.count(f"not_filed.{why.code}", why.count), words(f"not_filed_act.{why.code}"))


def notice(words: Words, what: Notice) -> str:
    """What a person should see to about a device."""
    check = words(f"check.{what.check}") if what.check is not None else ""
    day = words.day(what.due) if what.due is not None else ""
    text = words(f"notice.{what.matter}", check=check, day=day)
    return f"{text} {words('notice.blocks')}" if what.blocks else text


def doubt(
    words: Words, code: str, metrology: Metrology | None = None, *, is_fact: bool = False
) -> str:
    """One of `devicehub.visit.policy.flags` that is no flag of the device: what to look at.

    ``is_fact`` says only what was so: of a reading that waits for nobody.
    ``metrology`` is the reading's: a check that is missing, that was not passed and that is overdue are not the same.
    """
    if code == "metrology_lapsed" and metrology is not None:
        worst = metrology.worst_lapsed
        day = worst.due if worst.standing == "overdue" else worst.done_on
        return words(
            f"lapsed.{worst.standing}",
            check=words(f"check.{worst.check}"),
            day=words.day(day) if day is not None else "",
        )
    return words(f"fact.{code}" if is_fact else f"doubt.{code}")


def flags(
    words: Words,
    reading: Reading,
    unlike: Doubt | None,
    held: Hold | None = None,
    *,
    is_fact: bool = False,
) -> tuple[str, ...]:
    """What a person should know before trusting a value, each once. ``unlike`` is what the desk doubts of it.

    ``is_fact`` is as for `doubt`. What already holds it back (``held``) is said there, and not again.
    """
    said = []
    for code in policy.flags(reading, unlike):
        if code in reading.measurement.flags:
            said.append(words(f"flag.{code}"))
        elif code not in ("impossible", held):  # its state says so
            said.append(doubt(words, code, reading.metrology, is_fact=is_fact))
    return tuple(dict.fromkeys(said))


def mode(words: Words, reading: Reading, held: Hold | None = None) -> str | None:
    """That a reading's mode needs an operator's judgement, where that is so; ``held`` is as for `flags`."""
    if "not_automatic" not in policy.flags(reading) or held == "not_automatic":
        return None
    return doubt(words, "not_automatic", is_fact=True)


def hold(words: Words, code: Hold, metrology: Metrology | None = None) -> str:
    """Why only the physician can accept a reading. ``metrology`` is as for `doubt`."""
    if code == "metrology_lapsed":
        return f"{doubt(words, code, metrology)} {words('hold.physician')}"
    return words(f"hold.{code}")


def course(words: Words, series: Series, now: Course, moment: datetime) -> str:
    """What the person does next in a series. It is never the hub that starts the cuff."""
    arm = words(f"arm.{series.arm}") if series.arm is not None else ""
    other = words(f"arm.{other_arm(series.arm)}") if series.arm is not None else ""
    if now.due_at is not None and now.due_at > moment and now.act != "rest":
        if now.act == "other_arm":
            return words("series.wait.other_arm", other=other)
        return words("series.wait.arm", arm=arm) if series.rules.both_arms else words("series.wait")
    proposed = words(f"arm.{now.proposed_arm}") if now.proposed_arm is not None else ""
    return words(
        f"series.{now.act}",
        arm=arm,
        other=other,
        proposed=proposed,
        number=now.number,
        count=now.count,
        minute=now.minute,
    )


def no_mean(words: Words, series: Series, now: Course) -> str | None:
    """That a series which had come to its end has no mean, and what to do where it can take no other measurement."""
    if not now.lacking:
        return None
    told = words.count("series.no_mean", now.lacking)
    return told if takes_more(series) else f"{told} {words('series.no_mean.over')}"


def label(words: Words, member: Member) -> str:
    """Where a member of a series was taken: arm, posture, minute of standing."""
    parts = [
        words(f"arm.{member.arm}") if member.arm is not None else "",
        words(f"posture.{member.posture}") if member.posture is not None else "",
        words("posture.minute", minute=member.minute) if member.minute is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def double(words: Words, seen: Double) -> str:
    """A device in range that answers to the room's and is not, or not yet, one of them."""
    name = seen.what.binding.name if seen.what.binding is not None else ""
    return words(f"double.{seen.what.standing}", device=name, end=_end(seen.address))


def adoption(words: Words, challenge: Challenge, stage: Stage) -> str:
    """Where the adoption of a device stands, and what was heard, to be compared with its label."""
    heard = [
        words("adoption.heard", name=one.name or words("adoption.unnamed"), end=_end(one.address))
        for one in challenge.woken
    ]
    return words(f"adoption.{stage}", code=challenge.code, heard=", ".join(heard))


def _end(address: str) -> str:
    """The last four characters of an address, as a label prints them."""
    return address[-5 if ":" in address else -4 :].upper()


def not_adopted(words: Words, why: NotAdopted) -> str:
    """Why a device was not adopted."""
    return words(f"not_adopted.{why.why}")
