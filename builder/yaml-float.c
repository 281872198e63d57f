#include "yaml-float.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The shortest decimal digits that read back as the same number, and the exponent
 * of the first digit. single: as a 32-bit float.
 */
static int shortest_digits(double d, bool single, char *digits, int *ret_exp)
{
	char text[YAML_FLOAT_MAX], *e;
	int n = 0;

	for (int precision = 0; precision < 17; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision, fabs(d));
		if (single ? strtof(text, NULL) == (float)fabs(d) : strtod(text, NULL) == fabs(d))
			break;
	}
	e = strchr(text, 'e');
	*ret_exp = 0;
	for (char *c = e + 2; *c; c++)
		*ret_exp = *ret_exp * 10 + (*c - '0');
	if (e[1] == '-')
		*ret_exp = -*ret_exp;
	for (char *c = text; c < e; c++)
		if (*c != '.')
			digits[n++] = *c;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return n;
}

static void put_exponent(char *dst, const char *sign, const char *digits, int n, int exp, int width)
{
	(void)snprintf(dst, YAML_FLOAT_MAX, "%s%c%s%se%c%0*d", sign, digits[0], n > 1 ? "." : "",
		       digits + 1, exp < 0 ? '-' : '+', width, abs(exp));
}

static void put_plain(char *dst, const char *sign, const char *digits, int n, int exp)
{
	char *p = stpcpy(dst, sign);

	if (exp < 0) {
		p = stpcpy(p, "0.");
		for (int i = -1; i > exp; i--)
			*p++ = '0';
		(void)stpcpy(p, digits);
		return;
	}
	for (int i = 0; i <= exp || i < n; i++) {
		if (i == exp + 1)
			*p++ = '.';
		*p++ = i < n ? digits[i] : '0';
	}
	*p = '\0';
}

void yaml_float_format(double d, char *dst)
{
	const char *sign = signbit(d) ? "-" : "";
	char digits[24];
	int exp, n = shortest_digits(d, false, digits, &exp);

	if (d != 0 && (fabs(d) < 1e-6 || fabs(d) >= 1e21))
		put_exponent(dst, sign, digits, n, exp, 1);
	else
		put_plain(dst, sign, digits, n, exp);
}

void yaml_float_key_format(double d, char *dst)
{
	const char *sign = signbit(d) ? "-" : "";
	char digits[24];
	int exp, n;

	if (isnan(d) || isinf((float)d)) {
		(void)stpcpy(dst, isnan(d) ? ".nan" : d < 0 ? "-.inf" : ".inf");
		return;
	}
	n = shortest_digits((float)d, true, digits, &exp);
	if (exp < -4 || exp >= 6)
		put_exponent(dst, sign, digits, n, exp, 2);
	else
		put_plain(dst, sign, digits, n, exp);
}
