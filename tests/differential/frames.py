"""`delimited` where it finds out by itself how a text is written and what its columns hold, against pandas.read_csv."""
import io
import warnings

try:
    import numpy
    import pandas
except ImportError:
    pandas = None


def whole(r):
    return str(r.randrange(-999, 100000))


def real(r):
    return "%.*f" % (r.randrange(1, 7), r.uniform(-1000, 1000))


KINDS = {
    "whole": whole, "real": real, "both": lambda r: r.choice([whole, real])(r), "exponent": lambda r: "%.3e" % r.uniform(-1e9, 1e9),
    "unsigned": lambda r: str(r.randrange(2**63, 2**64)), "any unsigned": lambda r: str(r.randrange(2**64)),
    "signs and unsigned": lambda r: str(r.randrange(-2**62, 2**64)), "huge": lambda r: r.choice([whole(r), str(2**70)]),
    "low": lambda r: r.choice([whole(r), str(-2**70)]), "huge and real": lambda r: r.choice([real(r), whole(r), str(2**70), str(-2**70)]),
    "unsigned and real": lambda r: r.choice([str(2**63 + 9), real(r)]), "low and real": lambda r: r.choice([str(-2**63 - 9), real(r)]),
    "missing wholes": lambda r: r.choice([whole(r), whole(r), ""]), "missing reals": lambda r: r.choice([real(r), "NA", "nan", ""]),
    "missing unsigned": lambda r: r.choice([str(2**63 + 5), ""]), "missing": lambda r: "", "zeros": lambda r: r.choice(["-0", "0", "-0.0"]),
    "truth": lambda r: r.choice(["True", "False", "TRUE", "false"]), "missing truth": lambda r: r.choice(["True", ""]),
    "truth and whole": lambda r: r.choice(["True", "1"]), "text": lambda r: r.choice(["abc", "x y", '"a,b"', "7x", "2020-01-02"]),
    "one odd": lambda r: r.choice([real(r)] * 100 + ["odd"]), "blanks": lambda r: " " + whole(r), "inf": lambda r: r.choice(["inf", "-inf", real(r)]),
    "short": lambda r: r.choice([".5", "5.", "-.25", "+5"]), "marks": lambda r: '"%s"' % format(r.randrange(10**6), ","),
}
# Of numbers that a double cannot hold, pandas rounds those of a piece of whole numbers in another way.
SMALL = [k for k in KINDS if not any(word in k for word in ("unsigned", "huge", "low", "marks"))]


def bytes_of(column, bare):
    return bytes(8 * len(column)) if column.dtype == object else b"" if bare else column.values.tobytes()


def frame_text(r, kinds, sep, line_end):
    """Wide frames have two pieces, and a column may hold something else in the second."""
    later = [r.choice(SMALL) if len(kinds) > 100 and r.random() < 0.1 else k for k in kinds]
    rows = r.choice([2048, 2060]) if len(kinds) > 100 else r.choice([1, 3, 50, 200])
    lines = [sep.join("c%d" % k for k in range(len(kinds)))]
    lines += [sep.join(KINDS[k](r) for k in (kinds if row < 2048 else later)) for row in range(rows)]
    return line_end.join(lines) + r.choice(["", line_end])


def frame_case(r, make_case):
    """A file, an expression, and what pandas holds."""
    width = 300 if r.random() < 0.01 else r.randrange(2, 9)
    names = r.sample(SMALL if width > 100 else list(KINDS), r.randrange(1, 5))
    kinds, sep = [r.choice(names) for _ in range(width)], r.choice([",", ",", ";", "\t", "|"])
    line_end = r.choice(["\n", "\n", "\r\n", "\r"])
    if line_end == "\r":  # behind which pandas takes blanks and separators for more of the line end
        kinds[0] = "real"
    data = frame_text(r, kinds, sep, line_end).encode()
    marks = "marks" in kinds[:1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frame = pandas.read_csv(io.BytesIO(data), sep=sep, thousands="," if marks else None)
        except pandas.errors.ParserError:  # "Buffer overflow caught": pandas fails at some texts with CR line ends
            return frame_case(r, make_case)
    given = "delimited(dialect=guess, header=1, layout=columns, as=pandas%s, %s)"
    marked = ", thousands=\",\"" if marks else ""
    word, dtype = r.choice([("columns=same", numpy.float64), ("columns=same, type=i64", numpy.int64), ("columns=same, type=u64", numpy.uint64),
                            ("columns=same, type=bool", numpy.bool_), ("type=own", None)])
    columns = [frame[c] for c in frame.columns if dtype is None or frame[c].dtype == dtype]
    view = b"".join(bytes_of(c, False) for c in columns)
    return make_case(given % (marked, word), data, view, len(view) + 200)
