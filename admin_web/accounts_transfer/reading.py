"""A spreadsheet somebody uploaded, as rows of text: checked by its content, bounded in every direction.

Excel workbooks (.xlsx) and comma-separated text (UTF-8, UTF-16 with a mark, GB18030 and so GBK). The name of the
file decides nothing.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from xml.parsers import expat

from python_calamine import CalamineError, load_workbook

from core import real_threads
from core.errors import CallerFault
from core.i18n import LazyText, lazy

MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_CELL = 1_000
"""Characters of a cell; longer ones are cut, and what they fill refuses them by its own rule."""
MAX_CELLS = 2 * MAX_ROWS * MAX_COLUMNS
"""Cells of the rectangle a sheet spans, empty ones too."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_MEMBERS = 500
_PLACE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
"""Where a cell is: B7."""
_PART = re.compile(r"\[Content_Types\]\.xml|_rels/.*|xl/(?!.*\.bin\Z).*", re.DOTALL)
"""Names of what an .xlsx is made of; binary parts (macros, sheets of an .xlsb) and other kinds' parts are left out."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins old workbooks (.xls) and encrypted new ones (MS-CFB §2.2)."""


class UnreadableFileError(CallerFault):
    """The file cannot be taken; `reason` says why."""

    id = "unreadable-file"
    status = 422
    sentence = lazy("%(reason)s")


@dataclasses.dataclass(frozen=True)
class Table:
    """The first row and those below it; every row is as long as the first. `rows` are (number in the file, cells)."""

    header: list[str]
    rows: list[tuple[int, list[str]]]


def read_table(data: bytes) -> Table:
    """Return the first sheet of the file. Raises :class:`UnreadableFileError`."""
    return real_threads.run(_read, data)


def _read(data: bytes) -> Table:
    if not data:
        raise _refused(lazy("The file is empty."))
    if data.startswith(b"PK"):
        grid = _workbook(data)
    elif data.startswith(_OLE):
        raise _refused(lazy("This is an old or an encrypted workbook. Save it as .xlsx without a password."))
    else:
        grid = _text(data)
    return _table(grid)


def _table(grid: list[list[str]]) -> Table:
    filled = [(number, row) for number, row in enumerate(grid, 1) if any(row)]
    if len(filled) < 2:
        raise _refused(lazy("The file has no rows below the headings."))
    if len(filled) > MAX_ROWS + 1:
        raise _refused(lazy("The file has more than %(maximum)s rows. Divide it.", maximum=MAX_ROWS))
    header = filled[0][1]
    while header and not header[-1]:
        header = header[:-1]
    if not 0 < len(header) <= MAX_COLUMNS:
        raise _refused(lazy("The first row must have headings, at most %(maximum)s.", maximum=MAX_COLUMNS))
    width = len(header)
    rows = [(number, (row + [""] * width)[:width]) for number, row in filled[1:]]
    return Table(header, rows)


def _workbook(data: bytes) -> list[list[str]]:
    checked = _checked(data)
    try:
        workbook = load_workbook(io.BytesIO(checked))
        sheet = workbook.get_sheet_by_index(0)
        cells = sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS + 2)
    except (CalamineError, IndexError, ValueError, OSError) as error:
        raise _refused(lazy("The workbook is damaged and cannot be read.")) from error
    return [[_cell(value) for value in row[:MAX_COLUMNS]] for row in cells]


def _checked(data: bytes) -> bytes:
    """Return the workbook's parts in an archive of our own, so that what was checked is what is read: no directory
    that says one thing and streams that say another, no second part of a name, no workbook of another kind beside it.

    Refuse what unpacks to far more than it is, and sheets whose cells lie far apart: a reader would make room for all
    between them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(each.file_size for each in members) > MAX_UNPACKED_BYTES:
                raise _refused(lazy("The workbook is too large when unpacked."))
            if any(each.flag_bits & 1 for each in members):
                raise _refused(lazy("The workbook is encrypted. Save it without a password."))
            names = [each.filename for each in members]
            if "[Content_Types].xml" not in names or not any(each.startswith("xl/") for each in names):
                raise _refused(lazy("This is no workbook. Choose an .xlsx or .csv file."))
            parts = {
                each.filename: _part(archive, each) for each in members if _PART.fullmatch(each.filename)
            }
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise _refused(lazy("The workbook is damaged and cannot be read.")) from error
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, part in parts.items():
            if b"sheetData" in part:  # a sheet, whatever it is called
                _Extent().check(part)
            archive.writestr(name, part)
    return made.getvalue()


def _part(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return a part, no byte beyond the size that was added up. Other ways of packing than Excel's unpack unbounded."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused(lazy("The workbook is damaged and cannot be read."))
    with archive.open(member) as file:
        return file.read(member.file_size)


class _Extent:
    """The rectangle a sheet's cells span. Rows and cells may say where they are; if not, each follows the one before
    (ECMA-376 part 1, 18.3.1.4 and 18.3.1.73).
    """

    def __init__(self) -> None:
        self._row = self._column = 0
        self._tallest = self._widest = 1

    def check(self, sheet: bytes) -> None:
        """Raise :class:`UnreadableFileError` for a sheet that spans too much, or is no XML."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._begun
        parser.StartDoctypeDeclHandler = self._declared
        try:
            parser.Parse(sheet, True)
        except (expat.ExpatError, LookupError, ValueError) as error:  # or of an encoding there is not
            raise _refused(lazy("The workbook is damaged and cannot be read.")) from error

    def _declared(self, *_: object) -> None:
        raise _refused(lazy("The workbook is damaged and cannot be read."))

    def _begun(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
            self._tallest = max(self._tallest, self._row)
        elif kind == "c":
            self._cell(attributes.get("r"))

    def _cell(self, place: str | None) -> None:
        self._column += 1
        if place is not None:
            named = _PLACE.fullmatch(place)
            if named is None:
                raise ValueError(place)
            self._column = _column(named[1])
            self._tallest = max(self._tallest, int(named[2]))
        self._widest = max(self._widest, self._column)
        if self._widest * self._tallest > MAX_CELLS:
            raise _refused(
                lazy("The sheet has cells far from the others. Keep the table at the top left, alone.")
            )


def _column(letters: str) -> int:
    """Return the number of a column's letters: A is 1, AA is 27."""
    number = 0
    for each in letters.upper():
        number = number * 26 + ord(each) - 64
    return number


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value).strip()[:MAX_CELL]


def _text(data: bytes) -> list[list[str]]:
    text = _decoded(data)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        grid = []
        for row in rows:
            grid.append([cell.strip()[:MAX_CELL] for cell in row[:MAX_COLUMNS]])
            if len(grid) > 2 * MAX_ROWS:
                break
        return grid
    except csv.Error as error:
        raise _refused(lazy("The file is neither a workbook nor comma-separated text.")) from error


def _decoded(data: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            encodings = [encoding]
            break
    else:
        encodings = ["utf-8", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if re.search(r"[\x00-\x08\x0e-\x1f]", text):
            break
        return text
    raise _refused(lazy("The file is neither a workbook nor comma-separated text."))


def _refused(reason: LazyText) -> UnreadableFileError:
    return UnreadableFileError(field="file", reason=reason)
