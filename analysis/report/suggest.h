/*
 * suggest.h - the plan to begin with: sites of the ranking, the files behind them, and every lens that could make the
 * one of the other.
 *
 * The trace does not hold what was in memory. What kind of file it is, and how large the memory is beside it, leaves a
 * few lenses: all are listed, each is tried, and the proof decides.
 */
#ifndef LENS_SUGGEST_H
#define LENS_SUGGEST_H

#include "analysis/report/ranking.h"

/*
 * The plan for the first `rows` rows that come from files. What it has no lens for stands in it as a comment. NULL if
 * no row does (or no memory).
 */
char *suggest_plan(const struct ranking *ranking, size_t rows);
/* Whether a plan takes this row into account at all: large, in large blocks, and from a file. */
bool suggest_is_worth_it(const struct ranking *ranking, const struct ranking_row *row);

#endif
