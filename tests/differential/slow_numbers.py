"""Numbers out of text, slowly: libc itself where a lens promises libc, Python itself where it promises Python, pandas for pandas.

A reader takes bytes and gives (value, bytes used), or None where there is no number.
"""
import ctypes
import re
import struct

libc = ctypes.CDLL(None)
SIZES = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "u8": 1, "u16": 2, "u32": 4, "u64": 8, "f32": 4, "f64": 8}
QUIET_NAN = b"\0\0\0\0\0\0\xf8\x7f"


def reader(name, result):
    function = getattr(libc, name)
    function.restype = result
    whole = result in (ctypes.c_long, ctypes.c_ulong)
    function.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)] + ([ctypes.c_int] if whole else [])

    def read(text, base=10):
        buffer = ctypes.create_string_buffer(text)
        end = ctypes.c_void_p()
        value = function(buffer, ctypes.byref(end), base) if whole else function(buffer, ctypes.byref(end))
        used = end.value - ctypes.addressof(buffer)
        return (value, used) if used else None
    return read


strtol, strtoul = reader("strtol", ctypes.c_long), reader("strtoul", ctypes.c_ulong)
libc_strtod = reader("strtod", ctypes.c_double)
# As bits: Python's float would lose a float's NaN.
libc_strtof = reader("strtof", ctypes.c_float)

PYTHON_FLOAT = re.compile(rb"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf(inity)?|nan)\Z", re.I)


def python_float(text):
    return (float(text), len(text)) if PYTHON_FLOAT.match(text) else None


class Pandas:
    """pandas.read_csv, one number at a time (each is remembered: it is slow)."""

    def __init__(self):
        try:
            import io
            import pandas
            self.pandas, self.io = pandas, io
        except ImportError:
            self.pandas = None
        self.known = {}

    def read(self, text, precision):
        used = len(text)
        # An exponent that an int does not hold makes pandas read anything; of more than 17 digits its newer reader leaves some.
        text = re.sub(rb"([eE][+-]?)0*([1-9]\d{8,})", lambda m: m[0] if not precision and len(m[0]) - len(m[1]) > 17 else
                      m[1] + b"999999999" + b" " * (len(m[0]) - len(m[1]) - 9), text)
        text = text.replace(b"\r", b" ")  # a line's end to pandas, wherever it stands
        key = (text, precision)
        if key not in self.known:
            self.known[key] = self.ask(text, precision)
        value = self.known[key]
        return None if value is None else (value, used)

    def ask(self, text, precision):
        # A column of nothing but whole numbers pandas reads as such, where its reader of doubles gives up: not this one.
        source = self.io.StringIO("x\n" + text.decode("latin-1") + "\n0.5\n")
        try:
            frame = self.pandas.read_csv(source, dtype="float64", float_precision=precision, na_filter=False, sep="\x01", quoting=3,
                                         skip_blank_lines=False, encoding="latin-1")
            return float(frame["x"].iloc[0]) if len(frame) == 2 else None
        except (ValueError, OverflowError):
            return None


pandas = Pandas()


def read_whole(how, text):
    """The number that all of text is, as (value, kind of the value): as= of delimited. None if it is none."""
    if how in ("strtol", "strtoul"):
        got, kind = (strtol if how == "strtol" else strtoul)(text), how[4:]
    elif how in ("strtod", "strtof", "float"):
        got, kind = (libc_strtod if how == "strtod" else libc_strtof)(text), "floating"
    elif how in ("python", "round_trip"):
        got, kind = python_float(text), "floating"
    else:
        got, kind = pandas.read(text, "legacy" if how == "pandas_legacy" else None), "floating"
    return (got[0], kind) if got and got[1] == len(text) and text else None


def store(value, to):
    """C's assignment of a number to a member of type `to`; a floating value out of range gives the nearest one, NaN 0."""
    if to == "f64":
        return struct.pack("<d", value)
    if to == "f32":
        return bytes(ctypes.c_float(value))
    bits = SIZES[to] * 8
    if isinstance(value, float):
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if to[0] == "i" else (0, (1 << bits) - 1)
        value = 0 if value != value else low if value < low else high if value > high else int(value)
    return (value & (1 << bits) - 1).to_bytes(bits // 8, "little")


# ---- C declarations, laid out by C's rules

C_TYPES = {"char": "i8", "signed char": "i8", "unsigned char": "u8", "short": "i16", "unsigned short": "u16", "int": "i32",
           "unsigned": "u32", "long": "i64", "unsigned long": "u64", "long long": "i64", "float": "f32", "double": "f64",
           "int8_t": "i8", "uint16_t": "u16", "int32_t": "i32", "uint64_t": "u64", "uint8_t": "u8", "int64_t": "i64"}


def lay_out(members):
    """[(type, bytes)] to ([offset], size of the struct); the alignment is that of the type."""
    at, alignment, offsets = 0, 1, []
    for kind, size in members:
        own = SIZES[kind]
        at = -(-at // own) * own
        alignment = max(alignment, own)
        offsets.append(at)
        at += size
    return offsets, -(-at // alignment) * alignment
