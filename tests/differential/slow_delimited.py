"""The lens `delimited` once more, from docs/lenses/delimited.md: the whole file into rows, the rows into the view."""
from slow_lenses import BLANKS, SPACE, Refused, pass_lines
from slow_numbers import QUIET_NAN, SIZES, lay_out, read_whole, store

PANDAS_MISSING = [b"", b"#N/A", b"#N/A N/A", b"#NA", b"-1.#IND", b"-1.#QNAN", b"-NaN", b"-nan", b"1.#IND", b"1.#QNAN", b"<NA>", b"N/A", b"NA",
                  b"NULL", b"NaN", b"n/a", b"nan", b"null"]


class Text:
    """One file, read field by field. A field is its content, or None if its quotes are wrong."""

    def __init__(self, data, sep, quote, comment):
        self.data, self.sep, self.quote, self.comment, self.at = data, sep, quote, comment, 0
        self.blanks = BLANKS if sep is None else bytes(b for b in BLANKS if b != sep[0])

    def here(self):
        return self.data[self.at:self.at + 1]

    def line_ends(self):
        return self.at == len(self.data) or self.here() == b"\n" or self.data[self.at:self.at + 2] == b"\r\n"

    def next_line(self):
        end = self.data.find(b"\n", self.at)
        self.at = len(self.data) if end < 0 else end + 1

    def stops(self):
        return self.line_ends() or (self.comment is not None and self.here() == self.comment)

    def pass_blanks(self):
        while self.here() and self.here() in self.blanks:
            self.at += 1

    def begin_row(self):
        """Goes over what is no row; False at the end of the file."""
        while self.at < len(self.data):
            start = self.at
            self.pass_blanks()
            if not self.stops():
                self.at = start
                return True
            self.next_line()
        return False

    def separates(self):
        return self.here() in BLANKS if self.sep is None else self.here() == self.sep

    def quoted(self):
        content = bytearray()
        self.at += 1
        while True:
            if self.at == len(self.data):
                return None
            if self.here() != self.quote:
                content += self.here()
                self.at += 1
            elif self.data[self.at + 1:self.at + 2] == self.quote:
                content += self.quote
                self.at += 2
            else:
                break
        self.at += 1
        good = True
        while not self.stops() and not self.separates():
            good = good and self.here() in self.blanks
            self.at += 1
        return bytes(content) if good else None

    def plain(self):
        start = self.at
        while not self.stops() and not self.separates():
            self.at += 1
        return self.data[start:self.at]

    def row(self):
        fields = []
        while True:
            if self.sep is None:
                self.pass_blanks()
                if self.stops():
                    break
            fields.append(self.quoted() if self.quote is not None and self.here() == self.quote else self.plain())
            if self.stops():
                break
            self.at += self.sep is not None
        self.next_line()
        return fields


class Shape:
    """What the arguments say of one field: its type and reader, or how much text it may hold."""

    def __init__(self, kind, how, missing, decimal, text_bytes=0):
        self.kind, self.how, self.missing, self.decimal, self.text_bytes = kind, how, missing, decimal, text_bytes

    def make(self, field):
        """The bytes, or None if the field is not good."""
        if field is None:
            return None
        if self.text_bytes:
            return field[:max(self.text_bytes - 1, 1)].ljust(self.text_bytes, b"\0")
        if field in self.missing:
            return self.none()
        if self.how not in ("pandas", "pandas_legacy"):  # which says by itself where blanks may be
            field = field.strip(SPACE)
        if self.decimal != b".":
            if b"." in field:
                return None
            field = field.replace(self.decimal, b".")
        got = read_whole(self.how, field)
        return got and store(got[0], self.kind)

    def none(self):
        if self.text_bytes:
            return bytes(self.text_bytes)
        return {"f64": QUIET_NAN, "f32": b"\0\0\xc0\x7f"}.get(self.kind)


def parse(data, sep, quote, comment, skip_lines, header):
    text, names, rows = Text(data, sep, quote, comment), [], []
    text.at = pass_lines(data, 0, skip_lines)
    for number in range(header):
        if text.begin_row():
            row = text.row()
            names = names if number else row
            if None in row:
                raise Refused
    while text.begin_row():
        rows.append(text.row())
    return names, rows


def choose(columns, names, rows):
    if columns is None:
        return list(range(len(rows[0]))) if rows else []
    if columns and isinstance(columns[0], bytes):
        if not names:  # the file ends before its header
            return []
        if any(c not in names for c in columns):
            raise Refused
        return [names.index(c) for c in columns]
    return columns


def element(row, column, shape, fill):
    if None in row[:column]:  # nobody knows where the fields behind a broken one are
        return None
    if column >= len(row):
        return shape.none() if fill else None
    return shape.make(row[column])


def delimited(data, sep, quote, comment, skip_lines, header, columns, layout, shapes, fill):
    """shapes: one for a matrix, else one for each field of the struct. The view, and how many of its last bytes may lack."""
    names, rows = parse(data, sep, quote, comment, skip_lines, header)
    if any(None in row for row in rows) if layout == "columns" else rows and columns is None and layout != "struct" and None in rows[0]:
        raise Refused
    struct = layout == "struct"
    chosen = list(range(len(shapes))) if struct and columns is None else choose(columns, names, rows)
    width = None if columns is not None or struct or not rows else len(rows[0])
    out = bytearray()
    if layout == "columns":
        for column in chosen:
            for row in rows:
                made = element(row, column, shapes[0], fill)
                if made is None:
                    return bytes(out), 0
                out += made
        return bytes(out), 0
    offsets, size = lay_out([(s.kind, s.text_bytes or SIZES[s.kind]) for s in shapes]) if struct else ([], 0)
    for row in rows:
        front = len(out)
        for k, column in enumerate(chosen):
            made = element(row, column, shapes[k] if struct else shapes[0], fill)
            padding = front + offsets[k] - len(out) if struct else 0
            out += bytes(padding)
            if made is None:
                return bytes(out), padding
            out += made
        if struct:
            out += bytes(front + size - len(out))
        if None in row or (width is not None and len(row) > width and not fill):
            return bytes(out), 0
    return bytes(out), 0
