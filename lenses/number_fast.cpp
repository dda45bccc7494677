/*
 * number_fast.cpp - the only door to fast_float (Lemire, "Number Parsing at a Gigabyte per Second", 2021).
 *
 * Header only: no symbol of the C++ runtime is needed. Called by number.c and number_inline.h, with text whose
 * shape they have checked. The longest way (over 19 digits, a tie that 128 bits do not decide) takes about 2 KB of
 * stack; everything else a few dozen bytes.
 */
#include "lenses/number_parts.h"

/* Its assertions are for its own tests; here they would bring abort() into a signal handler. */
#define NDEBUG 1
#include <fast_float/fast_float.h>

namespace {

template <typename T> size_t decimal(const uint8_t *p, size_t n, T *value)
{
    const char *text = reinterpret_cast<const char *>(p);

    return static_cast<size_t>(fast_float::from_chars(text, text + n, *value).ptr - text);
}

template <typename T> int round_to(uint64_t mantissa, int64_t q, T *value)
{
    fast_float::adjusted_mantissa am = fast_float::compute_float<fast_float::binary_format<T>>(q, mantissa);

    if (am.power2 < 0)
        return 0;
    fast_float::to_float(false, am, *value);
    return 1;
}

} // namespace

extern "C" {

size_t lensi_decimal_double(const uint8_t *p, size_t n, double *value) { return decimal(p, n, value); }
size_t lensi_decimal_float(const uint8_t *p, size_t n, float *value) { return decimal(p, n, value); }

int lensi_round_double(uint64_t mantissa, int64_t q, double *value) { return round_to(mantissa, q, value); }
int lensi_round_float(uint64_t mantissa, int64_t q, float *value) { return round_to(mantissa, q, value); }

/*
 * The upper 64 bits of 10^q, rounded down, for q in fast_float's range [-342, 308]: 10^q is *bits * 2^*power times
 * 1 + less than 2^-63. For printing, which proves its result by reading it back.
 */
int lensi_power_of_ten(int64_t q, uint64_t *bits, int *power)
{
    using fast_float::powers;

    if (q < powers::smallest_power_of_five || q > powers::largest_power_of_five)
        return 0;
    *bits = powers::power_of_five_128[2 * (q - powers::smallest_power_of_five)];
    *power = static_cast<int>((((152170 + 65536) * q) >> 16) - 63);
    return 1;
}

} // extern "C"
