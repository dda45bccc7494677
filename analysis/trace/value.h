/*
 * value.h - members of JSON objects, as all reports write them.
 */
#ifndef LENS_VALUE_H
#define LENS_VALUE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A string of any bytes (utf8.h); NULL is null. */
json_object *value_text(const char *text);
void value_add_text(json_object *to, const char *key, const char *text);
void value_add_count(json_object *to, const char *key, uint64_t count);
void value_add_bool(json_object *to, const char *key, bool value);
/* Six digits are more than any figure here is good for; NAN is null. */
void value_add_number(json_object *to, const char *key, double value);
/* Prints the value for people to read, and puts it. 0 or -ENOMEM (also if it is NULL). */
int value_print(FILE *out, json_object *value);

#endif
