/*
 * number_scan.c - scanf's and pandas' ways to read a number.
 *
 * scanf first takes characters as long as they could belong to a number, then converts what it took; so it uses up
 * "1e" where strtod leaves the e. It never puts more than one character back.
 */
#include "lenses/number_inline.h"

#include <math.h>

/* ------------------------------------------------------------------ scanf */

static void set_cut(struct lens_number *out, size_t at, size_t n)
{
    out->flags = n - at < 2 ? LENS_NUMBER_CUT : 0;
}

/* Where the field ends at the latest. */
static size_t field_end(size_t space, size_t n, size_t width)
{
    return width && n - space > width ? space + width : n;
}

static int is_x(uint8_t c)
{
    return (c | 32) == 'x';
}

size_t lensi_scan_int(const uint8_t *p, size_t n, size_t width, unsigned base, int is_signed, struct lens_number *out)
{
    size_t space = lensi_space_bytes(p, n), end = field_end(space, n, width), at = space, digits;
    int negative = at < end && p[at] == '-', prefix, overflow;
    uint64_t v;

    at += negative || (at < end && p[at] == '+');
    /* Unlike strtol's, this prefix counts even if no digit follows: "0x" is a whole %x and means 0. */
    prefix = (base == 0 || base == 16) && end - at >= 2 && p[at] == '0' && is_x(p[at + 1]);
    if (base == 0)
        base = prefix ? 16 : at < end && p[at] == '0' ? 8 : 10;
    at += prefix ? 2 : 0;
    digits = lensi_read_digits(p + at, end - at, base, &v, &overflow);
    at += digits;
    set_cut(out, at, n);
    if (is_signed)
        lensi_clamp_signed(v, negative, overflow, out);
    else
        lensi_clamp_unsigned(v, negative, overflow, out);
    return digits || prefix ? at : 0;
}

/* inf, infinity or nan, whole: "infi" is an error, as too much is read to be put back. */
static size_t take_word(const uint8_t *p, size_t n)
{
    if (lensi_match_word(p, n, "nan"))
        return 3;
    if (!lensi_match_word(p, n, "inf"))
        return 0;
    if (n > 3 && (p[3] | 32) == 'i')
        return lensi_match_word(p, n, "infinity");
    return 3;
}

/* The characters scanf takes for a decimal or hexadecimal float. */
static size_t take_float(const uint8_t *p, size_t n, int hex)
{
    int digit = 0, point = 0, exponent = 0;
    const uint8_t mark = hex ? 'p' : 'e';
    size_t at = hex ? 2 : 0;

    for (; at < n; at++) {
        uint8_t c = p[at];

        if (lensi_is_digit(c) || (hex && !exponent && lensi_digit_value(c) < 16))
            digit = 1;
        else if (exponent && (c == '-' || c == '+') && (p[at - 1] | 32) == mark)
            continue;
        else if (digit && !exponent && (c | 32) == mark)
            exponent = point = 1;
        else if (c == '.' && !point)
            point = 1;
        else
            break;
    }
    return at;
}

/* The field of a float at p, sign included: sets *field, returns 0 where scanf fails. */
static size_t float_field(const uint8_t *p, size_t n, size_t width, size_t *space, struct lens_number *out)
{
    size_t at, end, used;
    unsigned need;
    int hex;

    *space = at = lensi_space_bytes(p, n);
    end = field_end(at, n, width);
    at += at < end && (p[at] == '-' || p[at] == '+');
    used = take_word(p + at, end - at);
    if (!used && at < end && (lensi_is_digit(p[at]) || p[at] == '.')) {
        /* Where the width ends at the x, the x is no part of the number. */
        need = width && end - *space == width ? 3 : 2;
        hex = end - at >= need && p[at] == '0' && is_x(p[at + 1]);
        used = take_float(p + at, end - at, hex);
        if (hex && used == 2)
            used = 0;
    }
    out->u = 0;
    out->flags = n - at - used < 16 ? LENS_NUMBER_CUT : 0;
    return used ? at + used : 0;
}

size_t lensi_scan_double(const uint8_t *p, size_t n, size_t width, struct lens_number *out)
{
    size_t space, used = float_field(p, n, width, &space, out);
    unsigned cut = out->flags;

    if (!used || !lensi_strtod(p + space, used - space, out))
        return 0;
    out->flags = (out->flags & LENS_NUMBER_OVERFLOW) | cut;
    return used;
}

size_t lensi_scan_float(const uint8_t *p, size_t n, size_t width, struct lens_number *out)
{
    size_t space, used = float_field(p, n, width, &space, out);
    unsigned cut = out->flags;

    if (!used || !lensi_strtof(p + space, used - space, out))
        return 0;
    out->flags = (out->flags & LENS_NUMBER_OVERFLOW) | cut;
    return used;
}

/* ------------------------------------------------------------------ pandas */

/* Powers of ten as the compiler rounds them. */
static const double pandas_ten[309] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
    1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37,
    1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55,
    1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64, 1e65, 1e66, 1e67, 1e68, 1e69, 1e70, 1e71, 1e72, 1e73,
    1e74, 1e75, 1e76, 1e77, 1e78, 1e79, 1e80, 1e81, 1e82, 1e83, 1e84, 1e85, 1e86, 1e87, 1e88, 1e89, 1e90, 1e91,
    1e92, 1e93, 1e94, 1e95, 1e96, 1e97, 1e98, 1e99, 1e100, 1e101, 1e102, 1e103, 1e104, 1e105, 1e106, 1e107, 1e108,
    1e109, 1e110, 1e111, 1e112, 1e113, 1e114, 1e115, 1e116, 1e117, 1e118, 1e119, 1e120, 1e121, 1e122, 1e123,
    1e124, 1e125, 1e126, 1e127, 1e128, 1e129, 1e130, 1e131, 1e132, 1e133, 1e134, 1e135, 1e136, 1e137, 1e138,
    1e139, 1e140, 1e141, 1e142, 1e143, 1e144, 1e145, 1e146, 1e147, 1e148, 1e149, 1e150, 1e151, 1e152, 1e153,
    1e154, 1e155, 1e156, 1e157, 1e158, 1e159, 1e160, 1e161, 1e162, 1e163, 1e164, 1e165, 1e166, 1e167, 1e168,
    1e169, 1e170, 1e171, 1e172, 1e173, 1e174, 1e175, 1e176, 1e177, 1e178, 1e179, 1e180, 1e181, 1e182, 1e183,
    1e184, 1e185, 1e186, 1e187, 1e188, 1e189, 1e190, 1e191, 1e192, 1e193, 1e194, 1e195, 1e196, 1e197, 1e198,
    1e199, 1e200, 1e201, 1e202, 1e203, 1e204, 1e205, 1e206, 1e207, 1e208, 1e209, 1e210, 1e211, 1e212, 1e213,
    1e214, 1e215, 1e216, 1e217, 1e218, 1e219, 1e220, 1e221, 1e222, 1e223, 1e224, 1e225, 1e226, 1e227, 1e228,
    1e229, 1e230, 1e231, 1e232, 1e233, 1e234, 1e235, 1e236, 1e237, 1e238, 1e239, 1e240, 1e241, 1e242, 1e243,
    1e244, 1e245, 1e246, 1e247, 1e248, 1e249, 1e250, 1e251, 1e252, 1e253, 1e254, 1e255, 1e256, 1e257, 1e258,
    1e259, 1e260, 1e261, 1e262, 1e263, 1e264, 1e265, 1e266, 1e267, 1e268, 1e269, 1e270, 1e271, 1e272, 1e273,
    1e274, 1e275, 1e276, 1e277, 1e278, 1e279, 1e280, 1e281, 1e282, 1e283, 1e284, 1e285, 1e286, 1e287, 1e288,
    1e289, 1e290, 1e291, 1e292, 1e293, 1e294, 1e295, 1e296, 1e297, 1e298, 1e299, 1e300, 1e301, 1e302, 1e303,
    1e304, 1e305, 1e306, 1e307, 1e308,
};

/* A decimal as pandas takes it apart: digits go into a double one by one, which rounds from the 17th on. */
struct pandas {
    double number;
    int64_t exponent;
    int digits, negative;
};

static size_t pandas_digits(const uint8_t *p, size_t n, int max_digits, struct pandas *d)
{
    size_t at = 0;

    for (; at < n && lensi_is_digit(p[at]); at++)
        if (d->digits < max_digits) {
            d->number = d->number * 10. + (p[at] - '0');
            d->digits++;
        } else {
            d->exponent++;
        }
    return at;
}

/* e or E, a sign, as many digits at most. Without digits pandas stops behind the e, or behind its sign, less one. */
static size_t pandas_exponent(const uint8_t *p, size_t n, int max_digits, struct pandas *d)
{
    size_t at = 1, end;
    int negative;
    int64_t v = 0;

    if (n == 0 || (p[0] | 32) != 'e')
        return 0;
    negative = at < n && p[at] == '-';
    at += negative || (at < n && p[at] == '+');
    if (at == n || !lensi_is_digit(p[at]))
        return at - 1;
    end = n - at > (size_t)max_digits ? at + (size_t)max_digits : n;
    for (; at < end && lensi_is_digit(p[at]); at++)
        v = v < 1 << 30 ? v * 10 + (p[at] - '0') : v;
    d->exponent += negative ? -v : v;
    return at;
}

static size_t pandas_parse(const uint8_t *p, size_t n, int max_digits, struct pandas *d)
{
    size_t at = lensi_space_bytes(p, n), fraction;

    memset(d, 0, sizeof *d);
    d->negative = at < n && p[at] == '-';
    at += d->negative || (at < n && p[at] == '+');
    at += pandas_digits(p + at, n - at, max_digits, d);
    if (at < n && p[at] == '.') {
        fraction = pandas_digits(p + at + 1, n - at - 1, max_digits, d);
        d->exponent -= (int64_t)fraction;
        at += 1 + fraction;
    }
    if (!d->digits)
        return 0;
    d->number = d->negative ? -d->number : d->number;
    return at + pandas_exponent(p + at, n - at, max_digits, d);
}

static void pandas_flags(struct lens_number *out, const uint8_t *p, size_t used, size_t n)
{
    out->flags = n - (used ? used : lensi_space_bytes(p, n)) < 4 ? LENS_NUMBER_CUT : 0;
    if (isinf(out->d))
        out->flags |= LENS_NUMBER_OVERFLOW;
}

size_t lensi_pandas(const uint8_t *p, size_t n, struct lens_number *out)
{
    struct pandas d;
    size_t used = pandas_parse(p, n, 17, &d);

    if (d.exponent > 308)
        out->d = HUGE_VAL;
    else if (d.exponent > 0)
        out->d = d.number * pandas_ten[d.exponent];
    else if (d.exponent >= -308)
        out->d = d.number / pandas_ten[-d.exponent];
    else if (d.exponent >= -616)
        out->d = d.number / pandas_ten[-308 - d.exponent] / pandas_ten[308];
    else
        out->d = 0;
    pandas_flags(out, p, used, n);
    return used;
}

size_t lensi_pandas_legacy(const uint8_t *p, size_t n, struct lens_number *out)
{
    struct pandas d;
    size_t used = pandas_parse(p, n, INT32_MAX, &d);
    double ten = 10;

    out->d = d.number;
    if (d.exponent < -1021 || d.exponent > 1024) {
        out->d = HUGE_VAL;
        d.exponent = 0;
    }
    for (int64_t k = d.exponent < 0 ? -d.exponent : d.exponent; k; k >>= 1, ten *= ten)
        if (k & 1)
            out->d = d.exponent < 0 ? out->d / ten : out->d * ten;
    pandas_flags(out, p, used, n);
    return used;
}
