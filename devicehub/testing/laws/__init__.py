"""What every driver owes to those who rely on it: each law is a plain function that asserts.

`devicehub.testing.conformance` runs them under pytest. A law takes the driver and its captures; where it
fails, the message says what was fed and what came out.
"""

try:
    import hypothesis  # noqa: F401 - only to say in time, and usefully, that it lacks
    import jsonschema  # noqa: F401 - the same
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"the laws need the Python package {missing.name}: pip install 'devicehub[testing]'",
        name=missing.name,
    ) from None

from devicehub.testing.laws.clocks import law_clocks
from devicehub.testing.laws.conversation import law_any_time, law_faults, law_replay
from devicehub.testing.laws.declaration import law_declaration, law_matching, law_purity
from devicehub.testing.laws.decoding import law_noise, law_seal, law_truncation
from devicehub.testing.laws.framing import law_stream
from devicehub.testing.laws.line_noise import law_line_noise
from devicehub.testing.laws.measuring import law_json, law_units, law_wire
from devicehub.testing.laws.patients import law_read_again, law_repeats, law_two_patients
from devicehub.testing.laws.simulation import law_recording, law_simulator

__all__ = [
    "law_any_time",
    "law_clocks",
    "law_declaration",
    "law_faults",
    "law_json",
    "law_line_noise",
    "law_matching",
    "law_noise",
    "law_purity",
    "law_read_again",
    "law_recording",
    "law_repeats",
    "law_replay",
    "law_seal",
    "law_simulator",
    "law_stream",
    "law_truncation",
    "law_two_patients",
    "law_units",
    "law_wire",
]
