import math
from itertools import pairwise

import pytest

from devicehub.testing.heart import CHEST, ELECTRODES, Heart, leads_of

HERTZ = 500
RATE = 60.0


def recording(seed: int, seconds: float = 10.0, **more: float) -> dict[str, list[float]]:
    heart = Heart(seed, **more)
    samples = [leads_of(heart.potentials(n / HERTZ)) for n in range(round(seconds * HERTZ))]
    return {lead: [sample[lead] for sample in samples] for lead in samples[0]}


@pytest.mark.parametrize("seed", range(4))
def test_einthoven_and_goldberger_hold_at_every_sample(seed: int) -> None:
    leads = recording(seed, 3.0)
    for i, ii, iii, avr, avl, avf in zip(
        *(leads[name] for name in ("I", "II", "III", "aVR", "aVL", "aVF")), strict=True
    ):
        assert i + iii == pytest.approx(ii)
        assert avr + avl + avf == pytest.approx(0, abs=1e-9)
        assert avr == pytest.approx(-(i + ii) / 2)
        assert avl == pytest.approx((i - iii) / 2)
        assert avf == pytest.approx((ii + iii) / 2)


def test_the_limb_electrodes_are_their_own_terminal() -> None:
    heart = Heart(3)
    x, y, z = heart.dipole(0.5)
    assert (x, y, z) != (0, 0, 0)
    from devicehub.testing.heart import SEEN_FROM

    for axis in range(3):
        assert sum(SEEN_FROM[name][axis] for name in ("RA", "LA", "LL")) == pytest.approx(0)


def tallest(values: list[float]) -> tuple[float, float]:
    """R and S: what stands out most above and below the line."""
    line = sorted(values)[len(values) // 2]
    return max(values) - line, line - min(values)


@pytest.mark.parametrize("seed", range(4))
def test_r_points_where_it_does_in_a_healthy_heart(seed: int) -> None:
    leads = {lead: tallest(values) for lead, values in recording(seed).items()}
    for up in ("I", "II", "aVF", "V4", "V5", "V6"):
        assert leads[up][0] > 2 * leads[up][1], up
    for down in ("aVR", "V1", "V2"):
        assert leads[down][1] > 2 * leads[down][0], down
    grows = [leads[name][0] for name in CHEST[:4]]
    assert grows == sorted(grows), "R grows from V1 to V4"
    vanishes = [leads[name][1] for name in CHEST[1:]]
    assert vanishes == sorted(vanishes, reverse=True), "S vanishes from V2 to V6"


def test_the_axis_is_ordinary() -> None:
    leads = recording(1, rate=RATE)
    peak = max(range(len(leads["II"])), key=lambda n: leads["II"][n])
    axis = math.degrees(math.atan2(2 / math.sqrt(3) * leads["aVF"][peak], leads["I"][peak]))
    assert 0 < axis < 90


def test_every_beat_has_a_p_and_a_t() -> None:
    leads = recording(2, rate=RATE)["II"]
    peak = max(range(HERTZ, 9 * HERTZ), key=lambda n: leads[n])
    line = leads[peak - round(0.09 * HERTZ)]
    p = max(leads[peak - round(0.22 * HERTZ) : peak - round(0.12 * HERTZ)]) - line
    t = max(leads[peak + round(0.18 * HERTZ) : peak + round(0.40 * HERTZ)]) - line
    assert 50 < p < 250
    assert 100 < t < 700
    assert leads[peak] - line > 2 * t


def beats_of(values: list[float]) -> list[int]:
    high = max(values) * 0.6
    return [
        n
        for n in range(1, len(values) - 1)
        if values[n] > high and values[n - 1] < values[n] >= values[n + 1]
    ]


@pytest.mark.parametrize("rate", [45.0, 60.0, 120.0])
def test_the_rate_is_the_given_one_and_breathes(rate: float) -> None:
    beats = beats_of(recording(5, 60.0, rate=rate)["II"])
    intervals = [(b - a) / HERTZ for a, b in pairwise(beats)]
    assert 60 / (sum(intervals) / len(intervals)) == pytest.approx(rate, rel=0.02)
    spread = max(intervals) - min(intervals)
    assert 0.04 * 60 / rate < spread < 0.25 * 60 / rate


def test_the_same_seed_is_the_same_heart_and_another_is_not() -> None:
    first, again, other = (recording(seed, 2.0) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_the_rate_of_sampling_does_not_change_the_heart() -> None:
    slow, quick = Heart(4), Heart(4)
    at_once = [quick.potentials(n / 1000) for n in range(2000)]
    seldom = [slow.potentials(n / 100) for n in range(200)]
    assert seldom == at_once[::10]
    assert set(seldom[0]) == set(ELECTRODES)
