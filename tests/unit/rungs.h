/*
 * rungs.h - tests that run on every rung of the fault ladder; a rung this machine lacks is a skip that says why.
 */
#ifndef TESTS_UNIT_RUNGS_H
#define TESTS_UNIT_RUNGS_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

static const char *const rung_names[] = {"inthread", "thread", "protect"};

/* A test with the index of its rung in `rung`; the engine is told by the environment, before it starts. */
#define RUNG_TEST(suite, test) \
    ParameterizedTestParameters(suite, test) \
    { \
        static int indices[] = {0, 1, 2}; \
        return cr_make_param_array(int, indices, 3); \
    } \
    static void suite##_##test##_on(const char *rung); \
    ParameterizedTest(int *index, suite, test) \
    { \
        setenv("LENS_FAULT", rung_names[*index], 1); \
        suite##_##test##_on(rung_names[*index]); \
    } \
    static void suite##_##test##_on(const char *rung)

#endif
