/* lexer.c - see lexer.h. */
#include "liblens/plan/lexer.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"

#include <errno.h>
#include <float.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ------------------------------------------------------------------ places */

static void look_at(struct lensi_lexer *lexer, enum lensi_token_kind kind, size_t bytes)
{
    struct lensi_token *token = &lexer->token;

    memset(token, 0, sizeof *token);
    token->kind = kind;
    token->line = lexer->line;
    token->column = (unsigned)(lexer->at - lexer->line_start) + 1;
    token->text = lexer->at;
    token->bytes = bytes;
}

/* A bad token at lexer->at + skip. */
static int bad(struct lensi_lexer *lexer, size_t skip, const char *why)
{
    look_at(lexer, LENSI_TOKEN_BAD, 0);
    lexer->token.column += (unsigned)skip;
    if (why)
        lensi_format(lexer->error, sizeof lexer->error, "%s", why);
    return 0;
}

static void skip_space(struct lensi_lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (*lexer->at == '#') {
            while (lexer->at < lexer->end && *lexer->at != '\n')
                lexer->at++;
        } else if (is_space(*lexer->at)) {
            lexer->at++;
            if (lexer->at[-1] == '\n') {
                lexer->line++;
                lexer->line_start = lexer->at;
            }
        } else {
            break;
        }
    }
}

/* ------------------------------------------------------------------ strings */

/* Resolves the escape behind a backslash at `at`. Returns its bytes (0: not one) and the byte it stands for. */
static size_t escape(const char *at, const char *end, char *value)
{
    static const char letters[] = "ntrabfve\\\"'?", values[] = "\n\t\r\a\b\f\v\x1b\\\"'?";
    const char *found;

    if (at == end)
        return 0;
    if (*at == '0') {
        *value = '\0';
        return 1;
    }
    if (*at == 'x') {
        if (end - at < 3 || hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0)
            return 0;
        *value = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
        return 3;
    }
    found = *at ? strchr(letters, *at) : NULL;
    if (!found)
        return 0;
    *value = values[found - letters];
    return 1;
}

/* The length of the string's source with both quotes, or 0 if its line ends first. */
static size_t string_extent(const struct lensi_lexer *lexer)
{
    const char *at = lexer->at + 1;

    for (; at < lexer->end && *at != '\n'; at++) {
        if (*at == '"')
            return (size_t)(at - lexer->at) + 1;
        if (*at == '\\' && at + 1 < lexer->end && at[1] != '\n')
            at++;
    }
    return 0;
}

static int read_string(struct lensi_lexer *lexer)
{
    size_t extent = string_extent(lexer), length = 0;

    if (extent == 0)
        return bad(lexer, 0, "this string does not end on its line; close it with \"");
    char *text = lensi_arena_new(extent);
    if (!text)
        return -ENOMEM;
    const char *last = lexer->at + extent - 1;
    for (const char *at = lexer->at + 1; at < last; at++) {
        char value = *at;
        size_t skip = 0;

        if (value == '\\' && (skip = escape(at + 1, last, &value)) == 0)
            return bad(lexer, (size_t)(at - lexer->at),
                       "unknown escape; use \\n \\t \\r \\0 \\\\ \\\" or \\x and two hex digits");
        text[length++] = value;
        at += skip;
    }
    look_at(lexer, LENSI_TOKEN_STRING, length);
    lexer->token.text = text;
    lexer->at += extent;
    return 0;
}

/* ------------------------------------------------------------------ numbers */

/* The shift of a size's letter, or -1. */
static int size_shift(char c)
{
    static const char letters[] = "kmgt";
    const char *found = c ? strchr(letters, c | 32) : NULL;

    return found ? (int)(found - letters + 1) * 10 : -1;
}

/* Reads what stands behind the digits: nothing, B, or K M G T with or without B or iB. -1 if it is something else. */
static int read_suffix(const char *at, const char *end)
{
    int shift = 0;

    if (at < end && size_shift(*at) >= 0) {
        shift = size_shift(*at++);
        if (at < end && *at == 'i') {
            if (++at == end)
                return -1;
        }
    }
    if (at < end && *at == 'B')
        at++;
    return at == end ? shift : -1;
}

static const char *read_hex(const char *at, const char *end, struct lensi_literal *number)
{
    const char *start = at;

    for (; at < end && hex_digit(*at) >= 0; at++) {
        if (number->digits >> 60)
            return NULL;
        number->digits = number->digits * 16 + (unsigned)hex_digit(*at);
    }
    return at == start ? NULL : at;
}

/* Takes one more digit; more than 19 of them (zeros in front not counted) are too many. */
static bool take_digit(struct lensi_literal *number, char c, bool fraction)
{
    if (number->digits > (UINT64_MAX - 9) / 10)
        return false;
    number->digits = number->digits * 10 + (unsigned)(c - '0');
    number->exponent -= fraction;
    return true;
}

static const char *read_exponent(const char *at, const char *end, struct lensi_literal *number)
{
    const char *digits = at + 1;
    bool negative = digits < end && *digits == '-';
    int exponent = 0;

    digits += digits < end && (*digits == '-' || *digits == '+');
    if (digits == end || !is_digit(*digits))
        return at;
    for (; digits < end && is_digit(*digits); digits++)
        exponent = exponent < 1000 ? exponent * 10 + (*digits - '0') : exponent;
    number->exponent += negative ? -exponent : exponent;
    return digits;
}

static const char *read_decimal(const char *at, const char *end, struct lensi_literal *number)
{
    bool any = false, fraction = false;

    for (; at < end && (is_digit(*at) || (*at == '.' && !fraction)); at++) {
        if (*at == '.') {
            fraction = true;
        } else {
            any = true;
            if (!take_digit(number, *at, fraction))
                return NULL;
        }
    }
    if (!any)
        return NULL;
    return at < end && (*at | 32) == 'e' ? read_exponent(at, end, number) : at;
}

/*
 * Wide enough that powers of ten up to 48 are exact and the second rounding, to double, meets no tie that the first one
 * made: so the result is strtod's.
 */
#if LDBL_MANT_DIG >= 113
typedef long double wide;
#else
typedef __float128 wide;
#endif

/* digits * 10^exponent. */
static double scaled(uint64_t digits, int exponent)
{
    wide value = (wide)digits, power = 1;

    for (int i = exponent < 0 ? -exponent : exponent; i; i--)
        power *= 10;
    return (double)(exponent < 0 ? value / power : value * power);
}

/* Gives the number its one form (no trailing zeros) and its values. */
static void settle(struct lensi_literal *number)
{
    uint64_t whole = number->digits;
    int exponent = number->exponent;

    for (; whole && exponent < 0 && whole % 10 == 0; exponent++)
        whole /= 10;
    number->digits = whole;
    number->exponent = whole ? exponent : 0;
    number->negative = number->negative && whole;
    number->value = scaled(whole, number->exponent) * (number->negative ? -1 : 1);
    for (; exponent > 0 && whole <= INT64_MAX / 10; exponent--)
        whole *= 10;
    number->whole = whole == 0 || (exponent == 0 && whole <= INT64_MAX);
    number->integer = !number->whole ? 0 : number->negative ? -(int64_t)whole : (int64_t)whole;
}

/* Multiplies by a size's power of two: digits stay a whole number if they can, at the cost of decimals (1.5K). */
static bool scale_up(struct lensi_literal *number, int shift)
{
    for (; shift > 0; shift--) {
        while (number->exponent < 0 && number->digits % 10 == 0 && number->digits) {
            number->digits /= 10;
            number->exponent++;
        }
        if (number->digits >> 63)
            return false;
        number->digits *= 2;
    }
    return true;
}

int lensi_literal_read(const char *text, size_t bytes, struct lensi_literal *number, const char **problem)
{
    static const char too_large[] = "this number is too large or has too many digits; use at most 19";
    const char *at = text, *end = text + bytes;

    memset(number, 0, sizeof *number);
    *problem = "this is not a number; write digits, or a size such as 64K or 1.5G";
    if (at < end && (*at == '-' || *at == '+'))
        number->negative = *at++ == '-';
    if (end - at > 2 && at[0] == '0' && (at[1] | 32) == 'x')
        at = read_hex(at + 2, end, number);
    else
        at = read_decimal(at, end, number);
    if (!at) {
        if (number->digits >> 56)
            *problem = too_large;
        return -EINVAL;
    }
    int shift = read_suffix(at, end);
    if (shift < 0) {
        *problem = "this is not a number; sizes end in K, M, G or T";
        return -EINVAL;
    }
    *problem = too_large;
    if (number->exponent > 280 || number->exponent < -280 || !scale_up(number, shift))
        return -EINVAL;
    settle(number);
    return 0;
}

size_t lensi_literal_print(const struct lensi_literal *number, char *to, size_t room)
{
    const char *sign = number->negative ? "-" : "";
    char digits[24];
    size_t count;

    if (number->whole)
        return lensi_format(to, room, "%lld", (long long)number->integer);
    count = lensi_format(digits, sizeof digits, "%llu", (unsigned long long)number->digits);
    size_t places = (size_t)-number->exponent;
    if (number->exponent >= 0 || places > 20)
        return lensi_format(to, room, "%s%se%d", sign, digits, number->exponent);
    if (places < count)
        return lensi_format(to, room, "%s%.*s.%s", sign, (int)(count - places), digits, digits + count - places);
    return lensi_format(to, room, "%s0.%.*s%s", sign, (int)(places - count), "00000000000000000000", digits);
}

/* A number ends where neither a digit, a letter, a dot, nor the sign of an exponent goes on. */
static int read_number(struct lensi_lexer *lexer)
{
    const char *at = lexer->at + 1, *problem;
    bool hex = lexer->end - lexer->at > 1 && lexer->at[0] == '0' && (lexer->at[1] | 32) == 'x';
    struct lensi_literal number;

    while (at < lexer->end && (is_digit(*at) || is_letter(*at) || *at == '.' ||
                               ((*at == '-' || *at == '+') && (at[-1] | 32) == 'e' && !hex)))
        at++;
    if (lensi_literal_read(lexer->at, (size_t)(at - lexer->at), &number, &problem) < 0)
        return bad(lexer, 0, problem);
    look_at(lexer, LENSI_TOKEN_NUMBER, (size_t)(at - lexer->at));
    lexer->token.number = number;
    lexer->at = at;
    return 0;
}

/* ------------------------------------------------------------------ tokens */

static int read_word(struct lensi_lexer *lexer)
{
    const char *at = lexer->at;

    while (at < lexer->end && (is_letter(*at) || is_digit(*at) || *at == '-'))
        at++;
    look_at(lexer, LENSI_TOKEN_WORD, (size_t)(at - lexer->at));
    lexer->at = at;
    return 0;
}

static int read_stray(struct lensi_lexer *lexer)
{
    unsigned char c = (unsigned char)*lexer->at;

    if (c > ' ' && c < 0x7f)
        lensi_format(lexer->error, sizeof lexer->error, "stray %c; %s", c,
                     c == '\'' ? "strings stand in double quotes"
                     : c == ';' ? "a line needs no sign at its end"
                                : "names and patterns stand in double quotes");
    else
        lensi_format(lexer->error, sizeof lexer->error, "stray byte 0x%02x; a plan is plain text", c);
    return bad(lexer, 0, NULL);
}

int lensi_lexer_next(struct lensi_lexer *lexer)
{
    if (lexer->token.kind == LENSI_TOKEN_BAD)
        return 0;
    skip_space(lexer);
    if (lexer->at == lexer->end) {
        look_at(lexer, LENSI_TOKEN_END, 0);
        return 0;
    }
    char c = *lexer->at;
    if (c == '"')
        return read_string(lexer);
    if (is_digit(c) || c == '-' || c == '+' || c == '.')
        return read_number(lexer);
    if (is_letter(c))
        return read_word(lexer);
    if (c && strchr("=|(){}[],", c)) {
        look_at(lexer, LENSI_TOKEN_SIGN, 1);
        lexer->at++;
        return 0;
    }
    return read_stray(lexer);
}

int lensi_lexer_start(struct lensi_lexer *lexer, const char *text, size_t bytes)
{
    memset(lexer, 0, sizeof *lexer);
    lexer->at = lexer->line_start = text;
    lexer->end = text + bytes;
    lexer->line = 1;
    return lensi_lexer_next(lexer);
}

bool lensi_token_is(const struct lensi_token *token, const char *text)
{
    return (token->kind == LENSI_TOKEN_WORD || token->kind == LENSI_TOKEN_SIGN) && token->bytes == strlen(text) &&
           memcmp(token->text, text, token->bytes) == 0;
}
