/*
 * test_demangle.c - names as their language writes them, short names for tables, and texts that are no names.
 */
#include "analysis/names/demangle.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void full(const char *symbol, const char *expected)
{
    char *name = demangle(symbol);

    if (expected)
        cr_assert_str_eq(name ? name : "(null)", expected);
    else
        cr_assert_null(name, "%s gave %s", symbol, name);
    free(name);
}

Test(demangle, knows_both_languages_and_leaves_others)
{
    full("_Znwm", "operator new(unsigned long)");
    full("_ZN4shop6BasketC2Ei", "shop::Basket::Basket(int)");
    full("_ZN4shop6Basket4makeIdEEPT_i", "shop::Basket::make<double>(int)");
    full("_ZN12_GLOBAL__N_15localEv", "(anonymous namespace)::local()");
    full("_ZN5alloc3vec12Vec$LT$T$GT$4push17h0123456789abcdefE", "alloc::vec::Vec<T>::push");
    full("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
    full("main", NULL);
    full("", NULL);
    full("_Z", NULL);
    full("_Zqqqqqqqqq", NULL);
    full("_R", NULL);
}

static void brief(const char *name, const char *expected)
{
    char to[200];

    demangle_shorten(name, to, sizeof to);
    cr_assert_str_eq(to, expected, "%s gave %s, not %s", name, to, expected);
}

Test(demangle, shortens)
{
    brief("main", "main");
    brief("std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector::push_back");
    brief("shop::Basket::size() const", "shop::Basket::size");
    brief("void (*)(int)", "void ");
    brief("(anonymous namespace)::local(int)", "(anonymous namespace)::local");
    brief("operator new(unsigned long)", "operator new");
    brief("operator new[](unsigned long)", "operator new[]");
    brief("shop::operator<(shop::A const&, shop::A const&)", "shop::operator<");
    brief("shop::F::operator()(int) const", "shop::F::operator()");
    brief("shop::F<int>::operator-><char>()", "shop::F::operator->");
    brief("outer(int)::{lambda(int)#1}::operator()(int) const", "outer::{lambda#1}::operator()");
    brief("a::b<(c)1>::d()", "a::b::d");
    brief("f(std::function<void ()>, int) [clone .cold]", "f");
    brief("<alloc::vec::Vec<T> as core::iter::Extend<T>>::extend", "<alloc::vec::Vec as core::iter::Extend>::extend");
    brief("alloc::vec::Vec<T>::push", "alloc::vec::Vec::push");
    brief("parse_row.constprop.0", "parse_row");
    brief("parse_row.isra.0.cold", "parse_row");
    brief("__GI_setlocale", "setlocale");
    brief("liblinear.so+0x1f", "liblinear");
    brief("my_operator_x<int>()", "my_operator_x");
}

Test(demangle, survives_what_is_no_name)
{
    char to[16], *deep = malloc(200001);

    brief("", "");
    brief("<<<<", "<<<<");
    brief(">", ">");
    brief("a<b", "a");
    brief("(", "(");
    brief("f(", "f");
    memset(deep, '<', 200000);
    deep[200000] = '\0';
    demangle_shorten(deep, to, sizeof to);
    cr_assert_eq(strlen(to), sizeof to - 1);
    memcpy(deep, "_Z", 2);
    memset(deep + 2, 'N', 199998);
    free(demangle(deep));
    memset(deep + 2, 'P', 199998);
    free(demangle(deep));
    demangle_shorten("name", to, 1);
    cr_assert_str_eq(to, "");
    demangle_shorten("name", to, 3);
    cr_assert_str_eq(to, "na");
    demangle_shorten("name", NULL, 0);
    free(deep);
}
