/* yaml-scan - characters that no file of ours holds, with line and column of our own count */
#include "utf8.h"
#include "yaml-doc.h"

#include <stdint.h>
#include <string.h>

#define SCAN_DIAGS_MAX 10

/* UTF-16 has a byte order mark, or a NUL in every second byte of what is ASCII. */
static bool is_utf16(const unsigned char *s, size_t len)
{
	size_t even = 0, odd = 0, n = len < 64 ? len : 64;

	if (len >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff)))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == 0 && i % 2 == 0)
			even++;
		else if (s[i] == 0)
			odd++;
	}
	return n >= 4 && (even > n / 3 || odd > n / 3);
}

/* Why a character is refused, or NULL. */
static const char *refusal(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		const char *why;
	} refused[] = {
		{ 0, 0, "NUL character" },
		{ '\t', '\n', NULL },
		{ '\r', '\r', "carriage return without a line feed" },
		{ 0x01, 0x1f, "control character" },
		{ 0x7f, 0x9f, "control character" },
		{ 0x2028, 0x2029, "line separator of Unicode" },
		{ 0x202a, 0x202e, "character that turns the writing direction" },
		{ 0x2066, 0x2069, "character that turns the writing direction" },
		{ 0xfeff, 0xfeff, "byte order mark inside the text" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (c >= refused[i].first && c <= refused[i].last)
			return refused[i].why;
	return (c & 0xfffe) == 0xfffe ? "character that Unicode does not have" : NULL;
}

int yaml_scan(const char *text, size_t len, struct diag_list *diags)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned int line = 1, col = 1, found = 0;
	bool bad = false;

	if (is_utf16(s, len)) {
		diag_addf(diags, 1, 1, 0, "the file is UTF-16; save it as UTF-8");
		return -EINVAL;
	}
	for (size_t i = 0, n; i < len && found < SCAN_DIAGS_MAX; i += n, col++) {
		uint32_t c = 0;
		const char *why;

		n = utf8_decode((const char *)s + i, len - i, &c);
		if (n == 0) { /* once for a run of bytes that belong together */
			n = 1;
			if (!bad)
				diag_addf(diags, line, col, 1, "invalid UTF-8 (byte 0x%02x)", s[i]);
			found += !bad;
			bad = true;
			continue;
		}
		bad = false;
		if (c == '\r' && i + 1 < len && s[i + 1] == '\n')
			n = 2, c = '\n';
		why = refusal(c);
		if (why) {
			found++;
			diag_addf(diags, line, col, 1, "%s (U+%04X)", why, (unsigned int)c);
		}
		if (c == '\n')
			line++, col = 0;
	}
	return found ? -EINVAL : 0;
}
