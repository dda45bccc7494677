"""Random files and arguments for each lens: a case is an expression, a file, and what the slow lens makes of it."""
import gzip
import zlib

import frames
import slow_lenses as slow
from slow_delimited import PANDAS_MISSING, Shape, delimited
from slow_numbers import C_TYPES, SIZES, pandas

INTEGERS = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"]
EDGES = [b"-0", b"0", b"-0.0", b"inf", b"-inf", b"nan", b"NaN", b"-nan", b"1e", b"1e+", b".", b"-", b"+", b"", b"1e400", b"-1e400", b"1e-400",
         b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809", b"18446744073709551615",
         b"18446744073709551616", b"99999999999999999999999999", b"2147483648", b"-2147483649", b"4294967296", b"0x1F", b"0x", b"0x1.8p3",
         b"017", b"08", b"+7", b"- 7", b"1.", b".5", b"1..2", b"1e5e5", b"infinity", b"infinit", b"nan(12)", b"1_0", b"1,5", b"4.9e-324",
         b"1.7976931348623157e308", b"1.7976931348623159e308", b"0.1", b"3.4028235677973366e38", b"5e-45", b"1e-45", b"16777217",
         b"9007199254740993", b"9007199254740992.5", b"1e22", b"1e23", b"0e99999999999", b"00000000000000000000000000001", b"1d5", b"\xff"]


class Case:
    """view: None if the file is refused. slack: how many of the view's last bytes may lack. may_refuse: the file may also be refused."""

    def __init__(self, expression, data, view, room, slack=0, may_refuse=False):
        self.expression, self.data, self.view, self.room, self.slack, self.may_refuse = expression, data, view, room, slack, may_refuse


def quoted(raw):
    """Bytes as a string of the plan language."""
    out = ""
    for b in raw:
        out += {34: '\\"', 92: "\\\\"}.get(b) or (chr(b) if 32 <= b < 127 else "\\x%02x" % b)
    return '"' + out + '"'


def arguments(name, *given):
    given = [g for g in given if g]
    return name + ("(" + ", ".join(given) + ")" if given else "")


def noise(r, most):
    n = r.choice([0, 1, 2, 3, 7, 8, 9, r.randrange(most), r.randrange(most)])
    return r.randbytes(n) if r.random() < 0.5 else bytes(r.choices(b"\0\n\xff a0,\x80\x7f", k=n))


def whole_number(r):
    kind = r.random()
    if kind < 0.6:
        return str(r.randrange(-999, 10000)).encode()
    if kind < 0.8:
        return str(r.randrange(-2**31, 2**31)).encode()
    return str(r.randrange(-2**64, 2**65)).encode() if kind < 0.95 else b"%0*d" % (r.randrange(1, 40), r.randrange(100))


def real_number(r):
    kind = r.random()
    if kind < 0.3:
        return b"%.*f" % (r.randrange(8), r.uniform(-1000, 1000))
    if kind < 0.5:
        return repr(r.uniform(-1, 1) * 10.0 ** r.randrange(-300, 300)).encode()
    if kind < 0.6:
        return b"%.*e" % (r.randrange(25), r.uniform(-10, 10) * 10.0 ** r.randrange(-44, 39))
    if kind < 0.65:
        digits = str(r.getrandbits(r.choice([24, 53, 54, 64, 65, 100, 400]))).encode()
        return digits + b"." + b"0" * r.randrange(30) + str(r.getrandbits(64)).encode() + r.choice([b"", b"e-20", b"E15"])
    return whole_number(r)


def how_many(r, *few):
    """Of rows: few, or seldom so many that windows and checkpoints of the usual sizes are passed."""
    return r.choice(few) if r.random() < 0.995 else r.randrange(500, 4000)


def number(r, real, breaks=0.02):
    kind = r.random()
    if kind < breaks:
        return r.choice(EDGES) if r.random() < 0.995 else b"%d" % r.randrange(10) * r.randrange(1000, 60000)
    return real_number(r) if real else whole_number(r)


def damaged(r, data):
    """Mostly as it is; sometimes bytes changed, left out, doubled, or the end cut off."""
    if r.random() < 0.6 or not data:
        return data
    data = bytearray(data)
    for _ in range(r.choice([1, 1, 2, 5])):
        at = r.randrange(len(data) + 1)
        how = r.randrange(5)
        if how == 0:
            data[at:at + 1] = r.choice([b"x", b"\n", b" ", b"", b"-", b"\t", b"7", b"e", b".", b"\r\n", b",", b":", b"#", b'"'])
        elif how == 1:
            del data[at:at + r.randrange(1, 9)]
        elif how == 2:
            data[at:at] = data[at:at + r.randrange(40)]
        elif how == 3:
            del data[at:]
        else:
            data[at:at] = r.choice(EDGES)
    return bytes(data)


# ---- lenses that look at no text


def verbatim_case(r, _):
    data = noise(r, 20000)
    return Case("verbatim", data, data, len(data) + 10)


def fill_case(r, _):
    kind = r.choice(INTEGERS + ["f32", "f64"])
    value = r.choice([0, 1, 7, 100]) if kind[0] != "f" else r.choice([0, 1, -2, 0.5, 1e10, -0.1])
    count = r.choice([None, r.randrange(1, 500)])
    room = r.randrange(1, 3000) if count is None else count * SIZES[kind] + 10
    view = slow.fill(value, kind, room if count is None else count * SIZES[kind])
    return Case(arguments("fill", "value=%r" % value, "type=" + kind, count and "count=%d" % count), noise(r, 100), view, room)


def members_of(r, plain):
    out, at = b"", 0
    for _ in range(r.choice([1, 1, 1, 2, 5])):
        part = plain[at:] if r.random() < 0.3 else plain[at:at + r.randrange(len(plain) + 1)]
        at += len(part)
        kind = r.random()
        packer = zlib.compressobj(r.randrange(10), zlib.DEFLATED, -15, r.randrange(1, 10), r.choice([0, 1, 2, 3, 4]))
        body = b"".join(packer.compress(part[i:i + 700]) + (packer.flush(r.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])) if kind < 0.2 else b"")
                        for i in range(0, len(part), 700)) + packer.flush()
        flags = r.choice([0, 0, 8, 4, 16, 2, 31, 1])
        extra = b"\5\0abcde" if flags & 4 else b""
        name = (b"name\0" if flags & 8 else b"") + (b"a comment\0" if flags & 16 else b"") + (b"hc" if flags & 2 else b"")
        out += b"\x1f\x8b\x08" + bytes([flags]) + r.randbytes(6) + extra + name + body
        out += zlib.crc32(part).to_bytes(4, "little") + (len(part) & 0xFFFFFFFF).to_bytes(4, "little")
    return out + r.choice([b"", b"", b"\0\0\0", b"trailing", b"\x1f\x8b", b"\x1f\x8b\x08"])


def some_text(r, most):
    words = [whole_number(r) for _ in range(20)] + [b"abc", b"\n", b" "]
    return b" ".join(r.choices(words, k=r.randrange(most // 5 + 1)))


def gunzip_case(r, _):
    plain = r.choice([some_text(r, 4000), noise(r, 3000), some_text(r, 60000) if r.random() < 0.2 else b"", bytes(r.randrange(70000))])
    data = gzip.compress(plain) if r.random() < 0.2 else members_of(r, plain)
    if r.random() < 0.4 and len(plain) < 8000:
        data = bytearray(data)
        for _ in range(r.choice([1, 1, 3])):
            data[r.randrange(len(data))] = r.randrange(256)
        data = bytes(data[:r.randrange(len(data) + 1)] if r.random() < 0.4 else data)
    view, cut_short = None, False
    try:
        view = slow.gunzip(data)
    except slow.CutShort:
        view, cut_short = b"", True
    except slow.Refused:
        pass
    return Case("gunzip", data, view, len(view or b"") + 10, may_refuse=cut_short)


def skip_case(r, _):
    lines, count, last = r.choice([0, 0, 1, 2, 9]), r.choice([0, 0, 1, 10, 5000]), r.choice([0, 0, 1, 7, 9999])
    most, before = r.choice([None, None, 0, 1, 50]), r.choice([b"", b"", b"\xff" * 8, b"ab\0\n\"c"])
    data, form, header = some_text(r, 600) if r.random() < 0.7 else noise(r, 2000), None, 0
    if r.random() < 0.3:
        form, data = r.choice([(b"%d", b" 12 "), (b"P%d %d", b"P5  33 "), (b"%d,%f", b"1,2.5e3x"), (b"%3s %c", b"ab c"), (b"%*d %%", b"4 %"),
                               (b"head %u\n", b"head 7\n \n")]), data
        form, data = form[0], damaged(r, form[1]) + data.replace(b"\0", b"0")
        try:
            header = slow.scan_header(data, form)
        except slow.Refused:
            header = None
    view = None if header is None else slow.skip(data, header, lines, count, last, most, before)
    expression = arguments("skip", count and "bytes=%d" % count, lines and "lines=%d" % lines, last and "last=%d" % last,
                           most is not None and "bytes_max=%d" % most, before and "before=" + quoted(before), form and "scan=" + quoted(form))
    return Case(expression, data, view, len(data) + 100)


def bytes_case(r, _):
    data, kind = noise(r, 6000), r.randrange(4)
    if kind == 0:
        size = r.choice([2, 4, 8])
        return Case("bytes(swap=%d)" % size, data, slow.swapped(data, size), len(data) + 10)
    if kind == 1:
        case = r.choice([None, "upper", "lower"])
        one = r.sample(range(256), r.randrange(0 if case else 1, 20))
        pairs = [(a, r.randrange(256)) for a in one]
        text = [quoted(bytes([b])) for pair in pairs for b in pair]
        return Case(arguments("bytes", pairs and "map=[%s]" % ", ".join(text), case and "case=" + case), data, slow.byte_map(data, pairs, case),
                    len(data) + 10)
    source, view = r.choice(INTEGERS + ["f32", "f64"]), r.choice(INTEGERS + ["f32", "f64"])
    ends = [r.choice(["", "le", "be"]) if SIZES[k] > 1 else "" for k in (source, view)]
    scale, add, working = 1, 0, None
    floats = source[0] == "f" or view[0] == "f"
    if kind == 3:
        scale, add = r.choice([1, 2, -3, 0.5, 1e-3, 1000003]), r.choice([0, 1, -10, 0.25, 1e6, 2**40])
        working = r.choice([None, "double", "float"])
    text = working and "in=" + working
    if working is None and (scale != 1 or add != 0):
        working = "whole" if not floats and scale % 1 == 0 and add % 1 == 0 else "double"
    if source[0] == "f":
        data = b"".join(slow.store(r.choice([r.uniform(-300, 300), r.uniform(-1, 1) * 10.0**r.randrange(-30, 30), 0.0, -0.0, float("inf")]), source)
                        for _ in range(r.randrange(200))) + data[:3]
    made = slow.widened(data, source, ends[0] == "be", view, ends[1] == "be", scale, add, working)
    expression = arguments("bytes", "from=" + source + ends[0], "to=" + view + ends[1], scale != 1 and "scale=%r" % scale, add and "add=%r" % add, text)
    return Case(expression, data, made, len(made) + 10)


# ---- text


def declarations(r, kinds):
    """C declarations of members of these kinds."""
    names = {kind: [c for c, k in C_TYPES.items() if k == kind and c != "char"] for kind in SIZES}
    return b" ".join(("%s m%d;" % (r.choice(names[kind]), i)).encode() if isinstance(kind, str) else b"char m%d[%d];" % (i, kind[1])
                     for i, kind in enumerate(kinds))


def conversion(r):
    """A conversion, what it stores, and a writer of text for it."""
    kind = r.random()
    if kind < 0.75:
        letters = r.choice(list(slow.CONVERSIONS))
        stored = slow.CONVERSIONS[letters]
        width = r.choice([b"", b"", b"", b"3", b"9"])
        return b"%" + width + letters.encode(), stored, lambda: number(r, stored[0] == "f") if letters[-1] not in "xo" else b"%x" % r.getrandbits(40)
    n = r.randrange(1, 9)
    if kind < 0.83:
        return b"%%%ds" % n, ("text", n + 1), lambda: bytes(r.choices(b"abcXYZ0-_.", k=r.randrange(1, n + 2)))
    if kind < 0.9:
        return b"%%%d[a-z]" % n, ("text", n + 1), lambda: bytes(r.choices(b"abcxyz", k=r.randrange(1, n + 1)))
    if kind < 0.95:
        return b"%%%d[^,;\n]" % n, ("text", n + 1), lambda: bytes(r.choices(b"abc 12", k=r.randrange(1, n + 1)))
    return (b"%%%dc" % n if n > 1 else b"%c"), ("text", n if n > 1 else 1), lambda: bytes(r.choices(b"abc 12", k=n))


def record_case(r, path):
    parts = [conversion(r) for _ in range(r.choice([1, 1, 2, 2, 3, 5]))]
    between = [r.choice([b",", b" ", b";", b"=", b" , ", b"%%", b" x"]) for _ in parts[1:]]
    if r.random() < 0.2:
        between = [b + r.choice([b"%*d ", b"%*s ", b"%*3c"]) for b in between]
    end = r.choice([b"\n", b";\n", b" ", b"", b"; "])
    form = b"".join(p[0] + b for p, b in zip(parts, between + [b""])) + end
    filler = {b"%*d ": b"7 ", b"%*s ": b"word ", b"%*3c": b"3.x"}

    def plain(text):
        for form_of, written in filler.items():
            text = text.replace(form_of, written)
        return text.replace(b"%%", b"%")
    one_line = r.choice([b"\n", b"\n", b"\r\n", b"\n\n", b" "])
    data = b"".join(b"".join(p[2]() + plain(b) for p, b in zip(parts, between + [b""])) + end.rstrip() + one_line for _ in range(how_many(r, 0, 1, 5, 60)))
    data = damaged(r, data)
    skip_lines, by_line = r.choice([0, 0, 0, 1, 3]), r.random() < 0.25
    if by_line:
        data = data.replace(b"\0", b"0")
    stored = [p[1] for p in parts]
    members = None
    if r.random() < 0.3:
        members = [(r.choice(INTEGERS) if s[0] != "f" else r.choice(["f32", "f64"])) if isinstance(s, str) else (s[0], s[1] + r.randrange(4)) for s in stored]
    with open(path, "wb") as file:
        file.write(data)
    _, size = slow.lay_out([(s, SIZES[s]) if isinstance(s, str) else ("i8", s[1]) for s in members or stored])
    stride = r.choice([0, 0, 0, size, size + 3])
    view = slow.record(path, data, form, stored, members, skip_lines, stride, by_line)
    expression = arguments("record", quoted(form), members and "struct=" + quoted(declarations(r, members)), skip_lines and "skip_lines=%d" % skip_lines,
                           stride and "stride=%d" % stride, by_line and "lines=yes")
    return Case(expression, data, view, len(view) + 200)


def rows_case(r, _):
    kinds = r.choice([["i32", "f64"], ["i32", "f64"], ["i32"], ["f64"], ["f32", "i64"], ["u32", "i32", "f32"], ["i64", "f64"]])
    letters = {"i32": b"%d", "u32": b"%u", "i64": b"%ld", "f64": b"%lf", "f32": b"%f"}
    literal = r.choice([b":", b":", b"=", b"/", b"::"])
    parts = [p for k in kinds for p in (literal, k)][1:]
    form = b"".join(p if isinstance(p, bytes) else letters[p] for p in parts)
    members = [r.choice(["i64", "i32", "i16"]) if k[0] != "f" else r.choice(["f64", "f32"]) for k in kinds] if r.random() < 0.2 else kinds
    separators = r.choice([b" \t", b" \t", b",", b" ;|"])
    label, end = r.choice([1, 1, 1, 0, 2]), r.choice([[-1], [-1], [-1, 0], None, [7], [0]])
    end = end and end[:len(kinds)]
    bias = r.choice([None, 1, 0.5]) if len(kinds) > 1 and kinds[0][0] != "f" else None
    if bias == 0.5 and members[-1][0] != "f":
        bias = 1
    index = r.choice([None, 0, 5]) if bias is not None else None
    space = r.choice([b" ", b" ", b"\t", b"  "]) if b" " in separators else separators

    def line():
        words = [whole_number(r) for _ in range(label)]
        for _ in range(r.choice([0, 1, 3, 10])):
            words.append(literal.join(b"%d" % r.randrange(1, 1000) if r.random() < 0.97 and k[0] != "f" else number(r, k[0] == "f", 0.003) for k in kinds))
        return r.choice([b"", b"", space]) + space.join(words) + r.choice([b"", b"", space, b"\r"])
    data = damaged(r, b"\n".join(line() for _ in range(how_many(r, 0, 1, 3, 30))) + r.choice([b"\n", b""]))
    view = slow.rows(data, parts, members, label, end, bias, index, separators)
    expression = arguments("rows", quoted(form), members != kinds and "struct=" + quoted(declarations(r, members)), label != 1 and "label=%d" % label,
                           end != [-1] and "end=[%s]" % ", ".join(map(str, end or [])), bias is not None and "bias=%r" % bias,
                           bias is not None and "bias_index=%s" % ("max" if index is None else index), separators != b" \t" and "separators=" + quoted(separators))
    return Case(expression, data, view, len(view) + 200)


def tokens_case(r, _):
    letters = r.choice(["d", "d", "ld", "u", "x", "f", "lf", "hd", "hhu", "i", "lu"])
    kind = slow.CONVERSIONS[letters]
    skip_lines, every, first = r.choice([0, 0, 1, 2]), r.choice([1, 1, 2, 3]), r.choice([0, 0, 1, 5])
    comment = r.choice([None, b"%", b"#"])
    add = r.choice([0, 0, -1, 5] + ([0.5] if kind[0] == "f" else []))

    def line():
        if comment and r.random() < 0.2:
            return comment + some_text(r, 30).replace(b"\n", b" ")
        return r.choice([b" ", b" ", b"\t", b"  "]).join(number(r, kind[0] == "f", 0.002) for _ in range(r.choice([0, 1, 5, 20])))
    data = damaged(r, b"\n".join(line() for _ in range(how_many(r, 0, 1, 3, 40))) + r.choice([b"\n", b"", b"\r\n"])).replace(b"\0", b"0")
    lead, most = r.choice([(None, None), (None, None), (0, None), (2, None), (None, 1), (1, 3)])
    view = slow.tokens(data, b"%" + letters.encode(), kind, skip_lines, comment, every, first, add, lead, most)
    expression = arguments("tokens", quoted(b"%" + letters.encode()), skip_lines and "skip_lines=%d" % skip_lines, comment and "comment=" + quoted(comment),
                           every != 1 and "every=%d" % every, first and "from=%d" % first, add and "add=%r" % add, lead is not None and "lead=%d" % lead, most and "most=%d" % most)
    return Case(expression, data, view, len(view) + 200)


# ---- delimited


def delimited_field(r, shape, d):
    if shape.text_bytes:
        text = bytes(r.choices(b"abc 1'\xe9" if d["sep"] is not None else b"abc1'\xe9", k=r.randrange(0 if d["quote"] else 1, 9)))
    else:
        text = number(r, shape.kind[0] == "f", 0.01)
        if shape.missing and r.random() < 0.1:
            text = r.choice(shape.missing)
        if d["decimal"] != b".":
            text = text.replace(b".", d["decimal"])
    if d["quote"] and r.random() < 0.1:
        extra = r.choice([b"", b"", d["sep"] or b" ", b"\n" if shape.text_bytes else b""])
        text = d["quote"] + text.replace(d["quote"], d["quote"] * 2) + (extra if shape.text_bytes else b"") + d["quote"]
    elif r.random() < 0.1 and not shape.text_bytes:
        text = r.choice([b" ", b""]) + text + b" "
    return text


def delimited_file(r, d, shapes, header, skip_lines):
    sep = d["sep"] or b" "
    lines = [some_text(r, 20).replace(b"\n", b"") for _ in range(skip_lines)]
    lines += [sep.join(b"c%d" % k for k in range(len(shapes))) for _ in range(header)]
    for _ in range(how_many(r, 0, 1, 3, 10, 60)):
        kind = r.random()
        if kind < 0.04:
            lines.append(r.choice([b"", b"  ", b" "]))
        elif kind < 0.08 and d["comment"]:
            lines.append(r.choice([b"", b" "]) + d["comment"] + b" 1,2 \"")
        else:
            fields = [delimited_field(r, s, d) for s in shapes]
            if r.random() < 0.01:
                fields = fields[:-1] if r.random() < 0.5 else fields + [b"3"]
            line = sep.join(fields)
            if d["sep"] is None and r.random() < 0.2:
                line = b" " + line.replace(b" ", b" \t ") + b" "
            lines.append(line + (d["comment"] + b" x, 1" if d["comment"] and r.random() < 0.05 else b""))
    end = r.choice([b"\n", b"\n", b"\r\n"])
    return end.join(lines) + r.choice([end, end, b""])


def matrix(r, missing, decimal):
    """type= and as= of a matrix, and the shape."""
    kind, how = r.choice([("f64", None), ("f64", None), ("f32", None), ("i64", None), ("i32", None), (r.choice(INTEGERS), None),
                          ("f32", "strtof"), ("f64", "float"), ("f64", "python"), ("f64", "round_trip"), ("f32", "python"), ("i32", "strtod"), ("f32", "strtod"),
                          ("f64", "pandas"), ("f64", "pandas"), ("f64", "pandas_legacy")])
    if how and how.startswith("pandas") and not pandas.pandas:
        how = None
    reader = how or {"f64": "strtod", "f32": "strtof"}.get(kind) or ("strtol" if kind[0] == "i" else "strtoul")
    return kind, how, Shape(kind, reader, missing, decimal)


def members(r, missing, decimal):
    """C declarations and the shapes of their fields."""
    text, shapes = [], []
    for i in range(r.randrange(1, 6)):
        kind = r.choice(["i32", "f64", "f32", "i64", "u16", "i16", "u64", "text", "text", "u8"])
        if kind == "text":
            n = r.randrange(2, 8)
            text.append("char m%d[%d];" % (i, n))
            shapes.append(Shape("i8", None, [], decimal, n))
            continue
        count = r.choice([0, 0, 0, 2])
        name = r.choice([c for c, k in C_TYPES.items() if k == kind and c not in ("char", "signed char")])
        text.append("%s m%d%s;" % (name, i, "[%d]" % count if count else ""))
        reader = {"f64": "strtod", "f32": "strtof"}.get(kind) or ("strtol" if kind[0] == "i" else "strtoul")
        shapes += [Shape(kind, reader, missing, decimal)] * max(count, 1)
    return " ".join(text), shapes


def delimited_case(r, _):
    d = {"sep": r.choice([b",", b",", b";", b"\t", b"|", None]), "quote": r.choice([b'"', b'"', b"'", None]), "comment": r.choice([None, None, b"#", b"%"])}
    d["decimal"] = b"," if d["sep"] != b"," and r.random() < 0.2 else b"."
    missing = r.choice([[], [], [], [b"-"], [b"NA", b""], [b"none", b"-9"]])
    skip_lines, header = r.choice([0, 0, 1, 2]), r.choice([0, 0, 1, 1, 2])
    layout, given, declared = r.choice(["rows", "rows", "columns", "struct"]), [], None
    fill = r.choice([None, None, None, True, False])
    if layout == "struct":
        declared, shapes = members(r, missing, d["decimal"])
        width, filling = len(shapes), bool(fill)
    else:
        kind, how, shape = matrix(r, missing, d["decimal"])
        if how in ("pandas", "pandas_legacy"):
            shape.missing = missing or PANDAS_MISSING
        filling = fill if fill is not None else how in ("pandas", "pandas_legacy")
        width = r.randrange(1, 6)
        shapes = [shape] * width
        given += [kind != "f64" and how != "strtof" and "type=" + {"f32": "float"}.get(kind, kind), how and "as=" + how]
    columns = None
    if r.random() < 0.3:
        chosen = [r.randrange(width) for _ in shapes] if layout == "struct" else r.sample(range(width), r.randrange(1, width + 1))
        columns = [b"c%d" % c for c in chosen] if header == 1 and r.random() < 0.5 else chosen
        given.append("columns=[%s]" % ", ".join(quoted(c) if isinstance(c, bytes) else str(c) for c in columns))
        written = list(shapes)
        for shape, c in zip(shapes, chosen):
            written[c] = shape
    data = damaged(r, delimited_file(r, d, written if columns else shapes, header, skip_lines))
    slack = 0
    try:
        view, slack = delimited(data, d["sep"], d["quote"], d["comment"], skip_lines, header, columns, layout, shapes if layout == "struct" else [shape], filling)
    except slow.Refused:
        view = None
    given += [d["sep"] != b"," and "sep=" + ("space" if d["sep"] is None else quoted(d["sep"])),
              d["quote"] != b'"' and "quote=" + (quoted(d["quote"]) if d["quote"] else "none"), d["comment"] and "comment=" + quoted(d["comment"]),
              d["decimal"] != b"." and "decimal=" + quoted(d["decimal"]), skip_lines and "skip_lines=%d" % skip_lines, header and "header=%d" % header,
              layout == "columns" and "layout=columns", declared and "struct=" + quoted(declared.encode()),
              missing and "na=[%s]" % ", ".join(quoted(m) for m in missing), fill is not None and "fill=" + ("yes" if fill else "no")]
    return Case(arguments("delimited", *given), data, view, len(view or b"") + 200, slack)


def frame_case(r, path):
    return frames.frame_case(r, Case) if frames.pandas else delimited_case(r, path)


# ---- pipes


def pipe_case(r, path):
    """The file of another case, compressed or behind a header."""
    inner = r.choice([tokens_case, rows_case, bytes_case, delimited_case, record_case, verbatim_case])(r, path)
    if r.random() < 0.6:
        return Case("gunzip | " + inner.expression, gzip.compress(inner.data, 1), inner.view, inner.room, inner.slack)
    head = r.randbytes(r.randrange(1, 300))
    expression = "skip(bytes=%d) | %s" % (len(head), inner.expression)
    if r.random() < 0.5:
        return Case("gunzip | " + expression, gzip.compress(head + inner.data, 1), inner.view, inner.room, inner.slack)
    return Case(expression, head + inner.data, inner.view, inner.room, inner.slack)


KINDS = {"verbatim": verbatim_case, "fill": fill_case, "gunzip": gunzip_case, "skip": skip_case, "bytes": bytes_case, "record": record_case,
         "rows": rows_case, "tokens": tokens_case, "delimited": delimited_case, "frames": frame_case, "pipe": pipe_case}
