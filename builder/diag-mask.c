/* diag-mask - which parts of a line look like a secret and are never shown */
#include "diag.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define RANDOM_MIN 24 /* characters of a word that is taken for a random one */
#define HEX_MIN 32

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=' || c == '_' ||
	       c == '-';
}

/* Forms that issuers of tokens document, by their beginning. */
static bool known_token(const char *s, size_t len)
{
	static const char *const starts[] = {
		"ghp_",	 "gho_",    "ghs_", "github_pat_",     "glpat-", "xoxb-",
		"xoxp-", "AKIA",    "ASIA", "AGE-SECRET-KEY-", "eyJ",	 "sk-",
		"hvs.",	 "dop_v1_", "K10",  "pypi-",	       "npm_",
	};

	if (len < 20 || strncmp(s, "sk-ssh-", 7) == 0 || strncmp(s, "sk-ecdsa-", 9) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (strncmp(s, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool looks_uuid(const char *s, size_t len)
{
	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((i == 8 || i == 13 || i == 18 || i == 23) ? s[i] != '-'
							      : !isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* "//user:password@host" at s: the length of "user:password", else 0. */
static size_t userinfo(const char *s, size_t len)
{
	size_t n = 0, colon = 0;

	if (len < 5 || s[0] != '/' || s[1] != '/')
		return 0;
	for (size_t i = 2; i < len && !strchr("/ \"'\t", s[i]); i++) {
		if (s[i] == ':' && !colon)
			colon = i;
		if (s[i] == '@')
			n = i - 2;
	}
	return colon && colon < n + 2 ? n : 0;
}

/* One word of many kinds of characters, or of hex digits alone. */
static bool looks_random(const char *s, size_t len)
{
	size_t upper = 0, lower = 0, digit = 0, hex = 0, turns = 0;

	for (size_t i = 0; i < len; i++) {
		if (!is_word(s[i]))
			return false;
		upper += isupper((unsigned char)s[i]) != 0;
		lower += islower((unsigned char)s[i]) != 0;
		digit += isdigit((unsigned char)s[i]) != 0;
		hex += isxdigit((unsigned char)s[i]) != 0;
		turns += i > 0 && (isalpha((unsigned char)s[i]) != 0) !=
					  (isalpha((unsigned char)s[i - 1]) != 0);
	}
	if (hex == len && len >= HEX_MIN)
		return true;
	return upper > 1 && lower > 1 && digit > 1 && turns >= 4;
}

bool mask_is_secret(const char *s, size_t len)
{
	if (memmem(s, len, "PRIVATE KEY", 11) || known_token(s, len))
		return true;
	for (size_t i = 0; i < len; i++)
		if (userinfo(s + i, len - i))
			return true;
	if (len < RANDOM_MIN || looks_uuid(s, len))
		return false;
	if (len > 8 && strncmp(s, "AAAA", 4) == 0) /* the blob of a public ssh key */
		return false;
	return looks_random(s, len);
}

/* Keys whose value is a secret, whoever reads the file. */
static bool secret_key(const char *s, size_t len)
{
	static const char *const words[] = { "token",	   "password", "passwd", "passphrase",
					     "secret_key", "api_key",  "apikey", "private_key",
					     "ssh_key",	   "secret",   "bearer" };
	char low[40];

	if (len == 0 || len >= sizeof(low))
		return false;
	for (size_t i = 0; i <= len; i++)
		low[i] = i == len ? '\0' : s[i] == '-' ? '_' : (char)tolower((unsigned char)s[i]);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (len >= n && strcmp(low + len - n, words[i]) == 0)
			return true;
	}
	return false;
}

/* Keys whose values are long and harmless. */
static bool plain_key(const char *s, size_t len)
{
	static const char *const names[] = { "by_id",  "wwid", "serial", "repo",
					     "mirror", "fsid", "path",	 "security_mirror" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && strncmp(s, names[i], len) == 0)
			return true;
	return false;
}

static void hide_range(bool *hide, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		hide[i] = true;
}

/* What closes or separates a value without quotes. */
static bool ends_plain(const char *line, size_t len, size_t i)
{
	char c = line[i];

	return c == ',' || c == '}' || c == ']' || (c == ' ' && i + 1 < len && line[i + 1] == '#');
}

/* The end of the value that begins at from: what closes or separates it, not inside quotes. */
static size_t value_end(const char *line, size_t len, size_t from)
{
	char quote = line[from] == '"' || line[from] == '\'' ? line[from] : 0;

	for (size_t i = from + 1; i < len; i++) {
		if (quote == '"' && line[i] == '\\')
			i++;
		else if (quote && line[i] == quote)
			return i + 1;
		else if (!quote && ends_plain(line, len, i))
			return i;
	}
	return len;
}

/* "key: value": hide the value when the key is named like a secret. */
static void mask_key_value(const char *line, size_t len, size_t colon, bool *hide, bool *plain)
{
	size_t key = colon, from = colon + 1;

	while (key > 0 &&
	       (isalnum((unsigned char)line[key - 1]) || strchr("_-.\"'", line[key - 1])))
		key--;
	while (key < colon && strchr("\"'", line[key]))
		key++;
	while (colon > key && strchr("\"'", line[colon - 1]))
		colon--;
	*plain = plain_key(line + key, colon - key);
	while (from < len && line[from] == ' ')
		from++;
	if (!secret_key(line + key, colon - key) || from >= len || strchr("{[|>#\r", line[from]))
		return;
	hide_range(hide, from, value_end(line, len, from));
}

/* A private key: its lines are hidden to the last. */
static bool mask_pem(const char *line, size_t len, bool *hide, bool *in_pem)
{
	size_t from = 0;

	if (memmem(line, len, "-----BEGIN", 10) && memmem(line, len, "PRIVATE KEY", 11))
		*in_pem = true;
	if (!*in_pem)
		return false;
	while (from < len && line[from] == ' ')
		from++;
	hide_range(hide, from, len);
	if (memmem(line, len, "-----END", 8))
		*in_pem = false;
	return true;
}

void mask_line(const char *line, size_t len, bool *hide, bool *in_pem)
{
	bool plain = false;

	if (mask_pem(line, len, hide, in_pem))
		return;
	for (size_t i = 0; i < len; i++) {
		size_t end = i, user = userinfo(line + i, len - i);

		if (user)
			hide_range(hide, i + 2, i + 2 + user);
		if (line[i] == ':' && (i + 1 == len || line[i + 1] == ' '))
			mask_key_value(line, len, i, hide, &plain);
		while (end < len && is_word(line[end]))
			end++;
		if (end > i && !plain && mask_is_secret(line + i, end - i))
			hide_range(hide, i, end);
		if (end > i)
			i = end - 1;
	}
}
