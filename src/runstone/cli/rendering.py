"""Standard output for people: lines, facts and tables.

- Whatever is printed here passes `safe_text`; colour is put on afterwards. No command writes recorded text to a
  terminal in another way.
- Colour only on a terminal, and not where `NO_COLOR` is set or `TERM` is `dumb`.
- Tables fit the terminal (or `COLUMNS`); into a pipe or a file nothing is cut.
- What the encoding of the stream cannot hold is an escape before it is measured; quotation marks, dots and dashes are
  those of ASCII there.
- On a terminal a cell that runs from right to left keeps that to itself: the cells beside it stand where they stood.
"""

from __future__ import annotations

import json
import os
import sys
from codecs import getincrementaldecoder, register_error
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, TextIO

from runstone.core.canonical import is_unicode
from runstone.core.terminal import beginning, isolated, narrowed, runs_right_to_left, safe_text, text_width
from runstone.core.values import undecoded
from runstone.locate import hidden

STYLES: Final = {"bold": "1", "dim": "2", "good": "32", "bad": "31", "warn": "33", "live": "36"}
LABEL_CELLS: Final = 9
"""Width of the label before a fact; a run digest beside it ends at column 80."""
GAP: Final = "  "
MIN_FLEXIBLE_CELLS: Final = 8
KEPT: Final = 9
"""`keep` of a column that is always shown."""
SPELLED: Final = "runstone.spelled"
"""Error handler of a stream: what it cannot hold is spelled in ASCII."""
_SPELLINGS: Final = {"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "·": "-", "×": "x"}


def _spelled(exc: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for characters that an encoding cannot hold, and where to go on."""
    if not isinstance(exc, UnicodeEncodeError):
        raise exc
    marks = exc.object[exc.start : exc.end]
    return "".join(_SPELLINGS.get(mark) or mark.encode("ascii", "backslashreplace").decode() for mark in marks), exc.end


register_error(SPELLED, _spelled)


class Span(NamedTuple):
    """Text with a style of `STYLES`."""

    text: str
    style: str = ""


Cell = str | Span


class Column(NamedTuple):
    """A column of a table. Where it is too wide, the widest flexible columns are cut, then those of least `keep` go."""

    title: str
    right: bool = False
    flexible: bool = False
    keep: int = KEPT


class Note(NamedTuple):
    """What stands below a row of a table, from a column on, broken at spaces to fit."""

    cells: Sequence[Cell]
    indent: int


class Screen:
    """A stream that people read; standard output unless another one is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self.terminal = self._stream.isatty()
        self.moves = self.terminal and os.environ.get("TERM") != "dumb"  # the cursor, where it is told to
        self.colour = self.moves and not os.environ.get("NO_COLOR")
        self.width = _width(self._stream) if self.terminal else _columns()
        self._encoding = self._stream.encoding or ""
        self.unicode = "utf" in self._encoding.lower()
        self._more = "…" if self.unicode else "~"

    def line(self, *cells: Cell) -> None:
        """One line: the cells side by side."""
        self._stream.write("".join(map(self._painted, cells)).rstrip(" ") + "\n")

    def text(self, text: str) -> None:
        """Text of any number of lines, or a part of one; line ends and tabs stay, what else controls is shown."""
        parts = text.split("\n")
        self._stream.write("\n".join(part if part.isprintable() else _line_text(part) for part in parts))

    def pieces(self, pieces: Iterable[bytes]) -> None:
        """Bytes as `text`, however they are cut; what is not UTF-8 is shown as `\\xNN`."""
        decode = getincrementaldecoder("utf-8")("backslashreplace").decode
        for piece in pieces:
            self.text(decode(piece))
        self.text(decode(b"", final=True))

    def flush(self) -> None:
        """Show what was printed so far."""
        self._stream.flush()

    def heading(self, title: str, *notes: Cell) -> None:
        """An empty line, then the title of what follows."""
        self._stream.write("\n")
        self.line(Span(title, "bold"), *(cell for note in notes for cell in (GAP, note)))

    def title(self, name: str, *tail: Cell) -> None:
        """The first line of a page, a name and what is said of it. Where that is too wide, the name goes on below
        itself and the rest stands on a line of its own: nothing of either is cut."""
        rest = [cell for one in tail for cell in (GAP, one)]
        if self.width is None or self._length((name, *rest)) <= self.width:
            self.line(Span(name, "bold"), *rest)
            return
        for part in _broken(self._shown(name), self.width):
            self.line(Span(part, "bold"))
        self.line(*rest[1:])

    def begin_page(self) -> None:
        """Wipe the terminal: what is printed next begins at its top."""
        self._stream.write("\x1b[H\x1b[2J")

    def write_over(self, text: str) -> None:
        """`text` in the place of the line that is being written on a terminal, as much of it as fits."""
        shown = self._shown(text)
        self._stream.write("\r\x1b[K" + (shown if self.width is None else cut(shown, self.width - 1, self._more)))
        self._stream.flush()

    def facts(self, rows: Iterable[tuple[str, Sequence[Cell]]]) -> None:
        """Lines of a label and a value; a value that is too long goes on below itself, broken at its spaces."""
        for label, cells in rows:
            self.wrapped(Span(label, "dim"), cells, indent=LABEL_CELLS)

    def wrapped(self, head: Cell, cells: Sequence[Cell], indent: int) -> None:
        """`head`, then from column `indent` on the cells with a space between them, broken at spaces to fit."""
        for number, part in enumerate(self._wrapped(cells, indent)):
            self.line(Span((_text(head) if number == 0 else "").ljust(indent), _style(head)), *part)

    def _wrapped(self, cells: Sequence[Cell], indent: int) -> Iterable[list[Cell]]:
        line: list[Cell] = []
        used = indent
        for cell in cells:
            words: list[str] = []  # of this cell on this line
            for word in self._shown(cell).split(" "):
                cost = text_width(word) + bool(line or words)
                if (line or words) and self.width is not None and used + cost > self.width:
                    yield _with(line, words, cell)
                    line, words, used, cost = [], [], indent, cost - 1
                words.append(word)
                used += cost
            line = _with(line, words, cell)
        yield line

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Cell]],
        indent: int = 2,
        notes: Sequence[Sequence[Note]] = (),
    ) -> None:
        """Aligned columns below their titles; a table without rows is not printed. `notes` stand below their rows."""
        if not rows:
            return
        widths = self.widths(columns, rows, indent)
        titles = [Span(column.title, "dim") for column in columns]
        self._row(columns, titles, widths, indent)
        for at, row in enumerate(rows):
            self._row(columns, row, widths, indent)
            for note in notes[at] if notes else ():
                self.wrapped("", note.cells, note.indent)

    def widths(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], indent: int = 2) -> dict[int, int]:
        """Column number → width, of those that a table shows; it has at least one row."""
        natural = [
            max(text_width(column.title), *(text_width(self._shown(row[at])) for row in rows))
            for at, column in enumerate(columns)
        ]
        return _fitted(columns, natural, None if self.width is None else self.width - indent)

    def listing(
        self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], notes: Sequence[Sequence[Note]] = ()
    ) -> None:
        """A table that loses no column: where it is too wide, the first cell of a row stands whole above the others.

        Spaces before the first cell stand before the second one, too. `notes` stand below their rows.
        """
        if not rows or self.fits(columns, rows):
            self.table(columns, rows, indent=0, notes=notes)
            return
        rest, below = columns[1:], [_indented(row) for row in rows]
        widths = self.widths(rest, below, len(GAP))
        self.line(Span(columns[0].title, "dim"))
        self._row(rest, [Span(column.title, "dim") for column in rest], widths, len(GAP))
        for at, (row, others) in enumerate(zip(rows, below, strict=True)):
            self.line(Span(_text(row[0]), "bold"))
            self._row(rest, others, widths, len(GAP))
            for note in notes[at] if notes else ():
                self.wrapped("", note.cells, note.indent)

    def fits(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> bool:
        """Whether `listing` sets a row in one line; else in two, and the titles, too."""
        widths = self.widths(columns, rows, 0)
        cells = sum(widths.values()) + len(GAP) * (len(widths) - 1)
        return len(widths) == len(columns) and (self.width is None or cells <= self.width)

    def height(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> int:
        """Lines of a terminal that `listing` takes."""
        if not rows or self.fits(columns, rows):
            return len(rows) + bool(rows)
        return 2 + sum(self.lines(row[0]) + 1 for row in rows)

    def lines(self, *cells: Cell) -> int:
        """Lines of a terminal that `line` takes: what is too wide goes on in the next one."""
        return 1 if self.width is None else max(1, -(-self._length(cells) // self.width))

    def stacked(self, head: Sequence[Cell], tail: Cell) -> None:
        """One line; where it is too wide, `tail` stands below it. Neither is cut: both are there to be copied."""
        if self.lines(*head, GAP, tail) == 1:
            self.line(*head, GAP, tail)
        else:
            self.line(*head)
            self.line(GAP, tail)

    def _row(self, columns: Sequence[Column], row: Sequence[Cell], widths: dict[int, int], indent: int) -> None:
        cells: list[Cell] = [" " * indent]
        for at in sorted(widths):
            cells += self._padded(row[at], widths[at], right=columns[at].right)
            cells.append(GAP)
        self.line(*cells[:-1])

    def _padded(self, cell: Cell, width: int, *, right: bool) -> list[Cell]:
        text = self._shown(cell)
        if text_width(text) > width:  # as deep as before, where that leaves room for a name
            name = text.lstrip(" ")
            depth = min(len(text) - len(name), width // 2)
            text = " " * depth + narrowed(name, width - depth, self._more)
        space = " " * (width - text_width(text))
        painted = Span(text, _style(cell))
        return [space, painted] if right else [painted, space]

    def _length(self, cells: Iterable[Cell]) -> int:
        return sum(text_width(self._shown(cell)) for cell in cells)

    def _shown(self, cell: Cell) -> str:
        """The text of a cell as the stream can hold it."""
        text = safe_text(_text(cell))
        if self.unicode or not self._encoding or text.isascii():
            return text
        return text.encode(self._encoding, SPELLED).decode(self._encoding)

    def _painted(self, cell: Cell) -> str:
        text, style = self._shown(cell), _style(cell)
        if self.terminal and self.unicode and runs_right_to_left(text):
            text = isolated(text)
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour and style and text else text


def _text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Span) else cell


def _style(cell: Cell) -> str:
    return cell.style if isinstance(cell, Span) else ""


def _with(line: list[Cell], words: list[str], cell: Cell) -> list[Cell]:
    """A line and the words of a cell behind it."""
    part: list[Cell] = [Span(" ".join(words), _style(cell))] if words else []
    return [*line, " ", *part] if line and part else [*line, *part]


def _indented(row: Sequence[Cell]) -> list[Cell]:
    """What stands below the first cell of a row; its own first cell is as deep as that."""
    head = _text(row[0])
    space = head[: len(head) - len(head.lstrip(" "))]
    return [Span(space + _text(row[1]), _style(row[1])), *row[2:]]


def _line_text(line: str) -> str:
    return "\t".join(map(safe_text, line.split("\t")))


def _columns() -> int | None:
    """The width that `COLUMNS` asks for."""
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isdecimal() and text.isascii() and 0 < len(text) < 6 and int(text) > 0 else None


def _width(stream: TextIO) -> int:
    try:
        return _columns() or os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _broken(text: str, width: int) -> Iterable[str]:
    """A text as lines that fit, broken at its spaces, and within a word that is wider than a line."""
    line = ""
    for word in text.split(" "):
        if line and text_width(line) + 1 + text_width(word) <= width:
            line += f" {word}"
            continue
        if line:
            yield line
        line = word
        while text_width(line) > width:
            begun = beginning(line, width) or line[:1]
            yield begun
            line = line[len(begun) :]
    yield line


def cut(text: str, width: int, more: str = "…") -> str:
    """`text`, or as much of its beginning as fits `width` cells with `more` behind it."""
    return text if text_width(text) <= width else beginning(text, width - len(more)) + more


def _fitted(columns: Sequence[Column], natural: list[int], width: int | None) -> dict[int, int]:
    """Column number → width, of the columns that are shown."""
    if width is None:
        return dict(enumerate(natural))
    natural = [min(cells, width) if column.flexible else cells for column, cells in zip(columns, natural, strict=True)]
    widths = dict(enumerate(natural))
    while True:
        over = sum(widths.values()) + len(GAP) * (len(widths) - 1) - width
        flexible = [at for at in widths if columns[at].flexible]
        while over > 0 and flexible:
            widest = max(flexible, key=lambda at: widths[at])
            if widths[widest] <= MIN_FLEXIBLE_CELLS:
                break
            widths[widest] -= 1
            over -= 1
        weakest = min(widths, key=lambda at: (columns[at].keep, -at))
        if over <= 0 or columns[weakest].keep == KEPT:
            return widths
        widths = {at: natural[at] for at in widths if at != weakest}


def print_json(value: Any) -> None:
    """A value on standard output as ASCII JSON, which no terminal interprets."""
    sys.stdout.write(_json_text(value, indent=2) + "\n")


def print_json_line(value: Any) -> None:
    """A value as one line of JSON, seen at once by who reads a stream."""
    sys.stdout.write(_json_text(value) + "\n")
    sys.stdout.flush()


def _json_text(value: Any, indent: int | None = None) -> str:
    """JSON that every reader takes: the name of a file may be no Unicode, and half a surrogate pair is no JSON."""
    text = json.dumps(value, indent=indent)
    return json.dumps(_decoded(value), indent=indent) if "\\ud" in text else text


def _decoded(value: Any) -> Any:
    """A value of JSON whose texts all are Unicode."""
    if isinstance(value, dict):
        return {_decoded(name): _decoded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_decoded(item) for item in value]
    return undecoded(value) if isinstance(value, str) and not is_unicode(value) else value


def say(message: str) -> None:
    """A remark on standard error, which leaves standard output to the answer. It may repeat what was asked for."""
    sys.stdout.flush()
    sys.stderr.write(f"runstone: {safe_text(hidden(message))}\n")
