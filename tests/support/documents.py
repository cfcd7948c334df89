"""The documents' own examples, as the tests that run them take them out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

_NAMED = re.compile(r"`([\w./-]+\.\w+)`[^`]*:\n\n```\w+\n(.*?)```", re.DOTALL)


def named_blocks(document: Path) -> dict[str, str]:
    """Each block of a document that a file's name introduces, by that name."""
    return dict(_NAMED.findall(document.read_text("utf-8")))
