#include "yaml-timestamp.h"

#include <string.h>

#define NO_NUMBER 1000U

/* Up to two digits. */
static unsigned int number(const char **s)
{
	unsigned int n = 0, i = 0;

	for (; i < 2 && **s >= '0' && **s <= '9'; i++, (*s)++)
		n = n * 10 + (unsigned int)(**s - '0');
	return i > 0 ? n : NO_NUMBER;
}

static bool take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool take_date(const char **s)
{
	static const unsigned int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned int year = 0, month, day, leap;

	if (strspn(*s, "0123456789") != 4)
		return false;
	for (int i = 0; i < 4; i++)
		year = year * 10 + (unsigned int)(*(*s)++ - '0');
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (!take(s, '-'))
		return false;
	month = number(s);
	if (month < 1 || month > 12 || !take(s, '-'))
		return false;
	day = number(s);
	return day >= 1 && day <= days[month - 1] + (month == 2 ? leap : 0);
}

/* Hours, minutes, seconds and maybe a fraction. */
static bool take_clock(const char **s)
{
	size_t n;

	if (number(s) > 23 || !take(s, ':') || number(s) > 59 || !take(s, ':') || number(s) > 59)
		return false;
	if (**s != '.' && **s != ',')
		return true;
	n = strspn(*s + 1, "0123456789");
	*s += 1 + n;
	return n > 0;
}

static bool is_zone(const char *s)
{
	if (strcmp(s, "Z") == 0)
		return true;
	return (*s == '+' || *s == '-') && strlen(s) == 6 && s[3] == ':' &&
	       strspn(s + 1, "0123456789") == 2 && strspn(s + 4, "0123456789") == 2 &&
	       (s[1] - '0') * 10 + s[2] - '0' <= 24 && s[4] <= '5';
}

bool yaml_is_timestamp(const char *s)
{
	char sep;

	if (!take_date(&s))
		return false;
	sep = *s;
	if (sep == '\0')
		return true;
	if (sep != 'T' && sep != 't' && sep != ' ')
		return false;
	s++;
	return take_clock(&s) && (sep == ' ' ? *s == '\0' : is_zone(s));
}
