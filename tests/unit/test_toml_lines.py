"""The scanner finds each key on the line where it was written, in any document tomllib accepts."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.toml_lines import KeyPath, toml_lines

EXAMPLE = """\
# a comment with [brackets] and key = "value"
title = "first"
[station]
id = "room-1"
"quoted key" = 1
a.b.c = 2
text = \"\"\"
[not.a.table]
key = "no"
\\\"\"\" still inside \"\"\"\"
after = 'here'

[[device]]
id = "cuff"
[device.extra]
deep = true
[[device]]
id = "scale"
points = [
  1,      # one
  { x = 1, y = [2,
    3] },
]
inline = { k.l = "}", m = '#' }
[device.extra]
deep = false
[late.child]
x = 1
[late]
y = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("station",), 3),
        (("station", "id"), 4),
        (("station", "quoted key"), 5),
        (("station", "a"), 6),
        (("station", "a", "b", "c"), 6),
        (("station", "text"), 7),
        (("station", "after"), 11),
        (("device",), 13),
        (("device", 0), 13),
        (("device", 0, "id"), 14),
        (("device", 0, "extra", "deep"), 16),
        (("device", 1), 17),
        (("device", 1, "id"), 18),
        (("device", 1, "points"), 19),
        (("device", 1, "points", 0), 20),
        (("device", 1, "points", 1, "x"), 21),
        (("device", 1, "points", 1, "y", 1), 22),
        (("device", 1, "inline", "k", "l"), 24),
        (("device", 1, "inline", "m"), 24),
        (("device", 1, "extra", "deep"), 26),
        (("late", "child"), 27),
        (("late",), 29),
        (("late", "y"), 30),
        (("device", 1, "not there", "at all"), 17),
        (("nowhere",), 1),
    ],
)
def test_a_key_is_found_on_its_line_or_its_nearest_known_parents(path: KeyPath, line: int) -> None:
    tomllib.loads(EXAMPLE)
    assert toml_lines(EXAMPLE).line(path) == line


def test_line_ends_of_windows_count_once() -> None:
    text = 'a = 1\r\n[t]\r\nb = """\r\nx\r\n"""\r\nc = 2\r\n'
    assert toml_lines(text).line(("t", "c")) == 6


names = st.text(min_size=1, max_size=8).filter(lambda name: name.isprintable())
bare = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
tricky = st.sampled_from(['"', "'", "[", "]", "{", "}", "#", "=", ",", "\\", "\n", " ", "a", "."])
words = st.lists(tricky, max_size=12).map("".join)


def basic(text: str) -> str:
    """A one-line string or key: what JSON writes is also TOML."""
    return json.dumps(text, ensure_ascii=False)


def several_lines(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""\n{escaped}"""'


scalars = st.one_of(
    st.integers(-(2**40), 2**40).map(str),
    st.booleans().map(lambda flag: "true" if flag else "false"),
    words.map(basic),
    words.map(several_lines),
    words.filter(lambda text: "'" not in text and "\n" not in text).map(lambda text: f"'{text}'"),
    words.filter(lambda text: "'" not in text).map(lambda text: f"'''{text}'''"),
    st.just("1979-05-27 07:32:00Z"),
)


class Writer:
    """Writes a document and notes on which line each key was written."""

    def __init__(self) -> None:
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def here(self) -> int:
        return self.text.count("\n") + 1

    def note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.here())


@st.composite
def keys(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(st.one_of(bare, names))
    plain = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    return name, name if plain and draw(st.booleans()) else basic(name)


def write_value(draw: st.DrawFn, writer: Writer, path: KeyPath, depth: int) -> None:
    shape = draw(st.sampled_from(["scalar", "scalar", "array", "table"] if depth else ["scalar"]))
    if shape == "array":
        writer.text += "["
        for index in range(draw(st.integers(0, 3))):
            writer.text += draw(st.sampled_from(["", "\n", " # ] } = \n", "\n\n  "]))
            writer.note((*path, index))
            write_value(draw, writer, (*path, index), depth - 1)
            writer.text += draw(st.sampled_from([",", " ,", "\n,"]))
        writer.text += draw(st.sampled_from(["", "\n"])) + "]"
    elif shape == "table":
        writer.text += "{"
        unique = draw(st.lists(keys(), max_size=3, unique_by=lambda key: key[0]))
        for index, (name, written) in enumerate(unique):
            writer.text += ", " if index else " "
            writer.note((*path, name))
            writer.text += f"{written} = "
            write_value(draw, writer, (*path, name), depth - 1)
        writer.text += " }"
    else:
        writer.text += draw(scalars)


def write_pairs(draw: st.DrawFn, writer: Writer, table: KeyPath) -> None:
    for name, written in draw(st.lists(keys(), max_size=3, unique_by=lambda key: key[0])):
        writer.text += draw(st.sampled_from(["", "\n", "# [x]\n", "  "]))
        writer.note((*table, name))
        writer.text += written
        path: KeyPath = (*table, name)
        if draw(st.booleans()):
            inner, dotted = draw(keys())
            path = (*path, inner)
            writer.note(path)
            writer.text += f" . {dotted}"
        writer.text += " = "
        write_value(draw, writer, path, depth=2)
        writer.text += draw(st.sampled_from(["\n", " # = [\n", "\r\n"]))


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    writer = Writer()
    write_pairs(draw, writer, ())
    taken = {path[0] for path in writer.lines}
    tables = draw(st.lists(keys(), max_size=4, unique_by=lambda key: key[0]))
    for name, written in tables:
        if name in taken:
            continue
        if draw(st.booleans()):
            writer.note((name,))
            writer.text += f"[{written}]\n"
            write_pairs(draw, writer, (name,))
        else:
            for index in range(draw(st.integers(1, 3))):
                writer.note((name,))
                writer.note((name, index))
                writer.text += f"[[ {written} ]]  # [[no]]\n"
                write_pairs(draw, writer, (name, index))
                if (name, index, "sub") not in writer.lines:
                    writer.note((name, index, "sub"))
                    writer.text += f"[{written}.sub]\n"
                    write_pairs(draw, writer, (name, index, "sub"))
    return writer


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return {path} - {()} | {deep for key, item in inner for deep in paths_of(item, (*path, key))}


@given(documents())
def test_the_line_found_is_the_line_written(writer: Writer) -> None:
    tree = tomllib.loads(writer.text)
    assert paths_of(tree) == set(writer.lines), "the test writes what it says it writes"
    assert toml_lines(writer.text).lines == writer.lines


@given(words)
def test_what_tomllib_would_refuse_ends_all_the_same(text: str) -> None:
    toml_lines(text)
