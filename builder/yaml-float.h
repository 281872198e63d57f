/*
 * yaml-float - floats as text, digit for digit as Go writes them
 *
 * The shortest decimal digits that read back as the same number. As a value Go's JSON form
 * (encoding/json): an exponent below 1e-6 and from 1e21 on. As a mapping key that of go-yaml,
 * strconv.FormatFloat(d, 'g', -1, 32): 32-bit precision, an exponent below 1e-4 and from 1e6 on.
 */
#pragma once

#define YAML_FLOAT_MAX 48 /* bytes that @dst has */

void yaml_float_format(double d, char *dst);	 /* @d is finite: JSON has nothing else */
void yaml_float_key_format(double d, char *dst); /* .nan, .inf and -.inf too */
