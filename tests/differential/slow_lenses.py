"""Each lens of docs/lenses/*.md once more, from its page and not from its code: slow, simple, in whole files.

Each function gives the whole view as bytes. `Refused` where the page says that a file is refused.
"""
import ctypes
import io
import struct
import zlib

from slow_numbers import QUIET_NAN, SIZES, lay_out, libc, libc_strtod, libc_strtof, read_whole, store, strtol, strtoul

SPACE = b" \t\n\v\f\r"
BLANKS = b" \t"


class Refused(Exception):
    pass


class CutShort(Exception):
    """The first member's header has no end: the page leaves open whether the file is refused or its view is empty."""


def fill(value, kind, room):
    one = store(float(value) if kind[0] == "f" else value, kind)
    return (one * (room // len(one) + 1))[:room]


# ---- gunzip


def member_begin(data, at):
    """Where the deflate stream of the member at `at` begins, or None."""
    if data[at:at + 3] != b"\x1f\x8b\x08" or len(data) < at + 10 or data[at + 3] & 0xE0:
        return None
    flags, at = data[at + 3], at + 10
    if flags & 4:
        if len(data) < at + 2:
            return None
        at += 2 + struct.unpack_from("<H", data, at)[0]
    for bit in (8, 16):
        if flags & bit:
            end = data.find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    at += 2 if flags & 2 else 0
    return at if at <= len(data) else None


class Bits:
    def __init__(self, data, at):
        self.data, self.at, self.bit = data, at, 0

    def take(self, count):
        value = 0
        for i in range(count):
            if self.at >= len(self.data):
                raise EOFError
            value |= (self.data[self.at] >> self.bit & 1) << i
            self.bit = (self.bit + 1) % 8
            self.at += self.bit == 0
        return value


class Huffman:
    """A canonical code, as RFC 1951 says; refused if it is over-subscribed, or has holes and is not a single code of one bit."""

    def __init__(self, lengths, one_may_do):
        self.codes, code, left = {}, 0, 1
        for length in range(1, 16):
            code, left = code * 2, left * 2
            for symbol, own in enumerate(lengths):
                if own == length:
                    self.codes[length, code] = symbol
                    code, left = code + 1, left - 1
            if left < 0:
                raise ValueError
        used = [own for own in lengths if own]
        if left > 0 and used and not (one_may_do and used == [1]):
            raise ValueError

    def symbol(self, bits):
        code = 0
        for length in range(1, 16):
            code = code * 2 + bits.take(1)
            if (length, code) in self.codes:
                return self.codes[length, code]
        raise ValueError


LENGTHS = [(3 + i, 0) for i in range(8)] + [(3 + (4 + i % 4 << i // 4), i // 4) for i in range(4, 24)] + [(258, 0)]
DISTANCES = [(1 + i, 0) for i in range(4)] + [(1 + (2 + i % 2 << i // 2), i // 2) for i in range(2, 28)]


def read_codes(bits):
    literals, distances = bits.take(5) + 257, bits.take(5) + 1
    order, lengths = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15], [0] * 19
    if literals > 286 or distances > 30:
        bits.take(4)
        raise ValueError
    for symbol in order[:bits.take(4) + 4]:
        lengths[symbol] = bits.take(3)
    code, lengths = Huffman(lengths, False), []
    while len(lengths) < literals + distances:
        symbol = code.symbol(bits)
        if symbol < 16:
            lengths.append(symbol)
            continue
        if symbol == 16 and not lengths:
            raise ValueError
        again = lengths[-1] if symbol == 16 else 0
        lengths += [again] * (bits.take(2) + 3 if symbol == 16 else bits.take(3) + 3 if symbol == 17 else bits.take(7) + 11)
    if len(lengths) > literals + distances or not lengths[256]:
        raise ValueError
    return Huffman(lengths[:literals], True), Huffman(lengths[literals:], True)


def inflate_block(bits, out, codes):
    while (symbol := codes[0].symbol(bits)) != 256:
        if symbol < 256:
            out.append(symbol)
            continue
        if symbol > 285:
            raise ValueError
        length, extra = LENGTHS[symbol - 257]
        length += bits.take(extra)
        symbol = codes[1].symbol(bits)
        if symbol > 29:
            raise ValueError
        distance, extra = DISTANCES[symbol]
        distance += bits.take(extra)
        if distance > len(out):
            raise ValueError
        for _ in range(length):
            out.append(out[-distance])


def inflate_slowly(data, at):
    """What can be decoded of a stream that ends badly."""
    bits, out, last = Bits(data, at), bytearray(), 0
    fixed = Huffman([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, False), Huffman([5] * 32, False)
    try:
        while not last:
            last, kind = bits.take(1), bits.take(2)
            if kind == 3:
                raise ValueError
            if kind:
                inflate_block(bits, out, fixed if kind == 1 else read_codes(bits))
                continue
            bits.at, bits.bit = bits.at + (bits.bit > 0), 0
            size = bits.take(16)
            if bits.take(16) != size ^ 0xFFFF:
                raise ValueError
            out += data[bits.at:bits.at + size]
            bits.at += size
            if bits.at > len(data):
                raise EOFError
    except (ValueError, EOFError):
        pass
    return bytes(out)


def inflate(data, at):
    """What can be decoded of the stream, and where it ended (None: it did not)."""
    z = zlib.decompressobj(-15)
    try:
        whole = z.decompress(data[at:])
        if z.eof:
            return whole, len(data) - len(z.unused_data)
    except zlib.error:
        pass
    return inflate_slowly(data, at), None


def gunzip(data):
    begin, out = member_begin(data, 0), b""
    if begin is None:
        if member_begin(data[:3] + b"\0" + data[4:10], 0) is None or data[3] & 0xE0:
            raise Refused
        raise CutShort
    while begin is not None:
        made, end = inflate(data, begin)
        out += made
        if end is None or end + 8 > len(data):
            break
        begin = member_begin(data, end + 8)
    return out


# ---- skip


def pass_lines(data, at, lines):
    for _ in range(lines):
        end = data.find(b"\n", at)
        if end < 0:
            return len(data)
        at = end + 1
    return at


def scan_header(data, form):
    """Where a scanf format's match ends: tried with libc on the text, byte for byte what %n says."""
    buffer, end = ctypes.create_string_buffer(data), ctypes.c_int(-1)
    stored = form.replace(b"%%", b"").replace(b"%*", b"").count(b"%")
    libc.sscanf(buffer, form + b"%n", *[ctypes.create_string_buffer(len(data) + 8) for _ in range(stored)], ctypes.byref(end))
    if end.value < 0:
        raise Refused
    return end.value


def skip(data, header=0, lines=0, count=0, last=0, bytes_max=None, before=b""):
    at = pass_lines(data, header, lines) + count
    end = max(len(data) - last, 0)
    part = data[at:end] if at < end else b""
    return before + (part if bytes_max is None else part[:bytes_max])


# ---- bytes


def byte_map(data, pairs, case):
    table = list(range(256))
    for i in range(256):
        if case == "upper" and 97 <= i <= 122:
            table[i] = i - 32
        if case == "lower" and 65 <= i <= 90:
            table[i] = i + 32
    for one, other in pairs:
        table[one] = other
    return bytes(table[b] for b in data)


def swapped(data, size):
    whole = len(data) // size * size
    return b"".join(data[i:i + size][::-1] for i in range(0, whole, size)) + data[whole:]


def single(value):
    return ctypes.c_float(value).value


def element(raw, kind, big):
    if kind[0] == "f":
        return struct.unpack((">" if big else "<") + ("f" if kind == "f32" else "d"), raw)[0]
    return int.from_bytes(raw, "big" if big else "little", signed=kind[0] == "i")


def scaled(value, scale, add, working):
    if working == "whole":
        return value * int(scale) + int(add)
    value, scale, add = float(value), float(scale), float(add)
    if working == "double":
        return value * scale + add
    return single(single(single(value) * single(scale)) + single(add))


def widened(data, source, source_big, view, view_big, scale, add, working):
    """working: None for no arithmetic, or what scale and add are computed in."""
    size, out = SIZES[source], []
    if source == view and not working:  # no change of kind: also a signalling NaN stays
        whole = data[:len(data) // size * size]
        return whole if source_big == view_big else swapped(whole, size)
    for i in range(0, len(data) // size * size, size):
        value = element(data[i:i + size], source, source_big)
        if working:
            value = scaled(value, scale, add, working)
        made = store(value, view)
        out.append(made[::-1] if view_big else made)
    return b"".join(out)


# ---- record

CONVERSIONS = {"hhd": "i8", "hd": "i16", "d": "i32", "ld": "i64", "lld": "i64", "i": "i32", "hhi": "i8", "u": "u32", "hhu": "u8", "hu": "u16",
               "lu": "u64", "x": "u32", "lx": "u64", "hx": "u16", "o": "u32", "lo": "u64", "jd": "i64", "zu": "u64", "td": "i64",
               "f": "f32", "lf": "f64"}


class Files:
    """C's streams, for fscanf itself."""
    libc.fopen.restype = ctypes.c_void_p
    libc.fclose.argtypes = libc.fgetc.argtypes = [ctypes.c_void_p]
    libc.fscanf.argtypes = [ctypes.c_void_p, ctypes.c_char_p]


def record(path, data, form, stored, struct_members, skip_lines, stride, by_line):
    """stored: the kind of each stored conversion (a key of SIZES), or ("text", bytes, NUL) ; struct_members: the same, or None."""
    natural = [(s, SIZES[s]) if isinstance(s, str) else ("i8", s[1]) for s in stored]
    members = [(s, SIZES[s]) if isinstance(s, str) else ("i8", s[1]) for s in struct_members] if struct_members else natural
    offsets, size = lay_out(members)
    rooms = [ctypes.create_string_buffer(n + 8) for _, n in natural]
    pointers = [ctypes.c_void_p(ctypes.addressof(r)) for r in rooms]
    out = []

    def emit():
        one = bytearray(stride or size)
        for kind, (own, n), (to, room_bytes), offset, room in zip(stored, natural, members, offsets, rooms):
            if isinstance(kind, str):
                made = room.raw[:n] if kind == to else store(element(room.raw[:n], own, False), to)
            else:
                made = room.raw[:n]
            one[offset:offset + len(made)] = made
        out.append(bytes(one))

    def clear():
        for room in rooms:
            ctypes.memset(room, 0, len(room))

    if by_line:
        for line in io.BytesIO(data[pass_lines(data, 0, skip_lines):]):
            clear()
            if libc.sscanf(ctypes.create_string_buffer(line), form, *pointers) == len(stored):
                emit()
        return b"".join(out)
    stream = libc.fopen(path.encode(), b"r")
    left = skip_lines
    while left and (c := libc.fgetc(stream)) != -1:
        left -= c == 10
    while True:
        clear()
        if libc.fscanf(stream, form, *pointers) != len(stored):
            break
        emit()
    libc.fclose(stream)
    return b"".join(out)


# ---- rows and tokens


def strict_number(kind, text):
    """strtol's, strtoul's, strtod's or strtof's number at the front of text, as (bytes stored, used, value)."""
    read = {"i": strtol, "u": strtoul}.get(kind[0]) or (libc_strtod if kind == "f64" else libc_strtof)
    got = read(text)
    return got and (store(got[0], kind), got[1], got[0])


def element_of(parts, members, line, at, separators):
    """parts: conversions (a kind) and literal bytes. The struct, its first number, where it ends; None if the line goes on with something else."""
    offsets, size = lay_out([(m, SIZES[m]) for m in members])
    one, first, k = bytearray(size), None, 0
    for part in parts:
        if isinstance(part, bytes):
            if line[at:at + len(part)] != part:
                return None
            at += len(part)
            continue
        got = strict_number(part, line[at:])
        if got is None:
            return None
        made = got[0] if part == members[k] else store(element(got[0], part, False), members[k])
        one[offsets[k]:offsets[k] + len(made)] = made
        first = element(made, members[0], False) if first is None else first
        at, k = at + got[1], k + 1
    return (bytes(one), first, at) if at == len(line) or line[at] in SPACE + separators else None


def elements_of(parts, members, line, label, separators):
    """All elements of a line, as far as they are; and whether that was all of it."""
    at, out = 0, []

    def pass_over(between):
        nonlocal at
        while at < len(line) and (line[at] in SPACE + separators) == between:
            at += 1
    for _ in range(label):
        pass_over(True)
        pass_over(False)
    pass_over(True)
    while at < len(line):
        got = element_of(parts, members, line, at, separators)
        if got is None:
            return out, False
        out.append(got)
        at = got[2]
        pass_over(True)
    return out, True


def constant(members, values):
    offsets, size = lay_out([(m, SIZES[m]) for m in members])
    one = bytearray(size)
    for offset, kind, value in zip(offsets, members, values):
        one[offset:offset + SIZES[kind]] = store(float(value) if kind[0] == "f" else value, kind)
    return bytes(one)


def rows(data, parts, members, label, end, bias, bias_index, separators):
    """bias: None or a number; bias_index: a number or None for the highest index plus one."""
    out, highest, holes = [], 0, []
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for line in lines:
        elements, good = elements_of(parts, members, line, label, separators)
        out += [e[0] for e in elements]
        highest = max([highest] + [e[1] for e in elements])
        if not good:
            break
        if bias is not None:
            holes.append(len(out))
            out.append(b"")
        if end is not None:
            out.append(constant(members, end + [0] * (len(members) - len(end))))
    for k in holes:
        index = highest + 1 if bias_index is None else bias_index
        out[k] = constant(members, [index] + [0] * (len(members) - 2) + [bias])
    return b"".join(out)


def tokens(data, form, kind, skip_lines, comment, every, first, add, lead=None, most=None):
    lines = data.split(b"\n")
    text = [line for line in lines if comment is None or line[:1] != comment][skip_lines:]
    text, out, number = b"\n".join(text), [], 0
    buffer = ctypes.create_string_buffer(text)
    room, end, at, taken, by_line = ctypes.create_string_buffer(8), ctypes.c_int(), 0, 0, lead is not None or most is not None
    first += lead or 0
    while True:
        while at < len(text) and text[at] in SPACE:
            if by_line and text[at:at + 1] == b"\n":
                number = taken = 0
            at += 1
        if at == len(text):
            break
        if number >= first and (number - first) % every == 0 and (most is None or taken < most):
            taken += 1
            if libc.sscanf(ctypes.c_void_p(ctypes.addressof(buffer) + at), form + b"%n", room, ctypes.byref(end)) != 1:
                break
            value = element(room.raw[:SIZES[kind]], kind, False)
            out.append(store(value + add, kind) if add else room.raw[:SIZES[kind]])
            at += end.value
        else:
            while at < len(text) and text[at] not in SPACE:
                at += 1
        number += 1
    return b"".join(out)
