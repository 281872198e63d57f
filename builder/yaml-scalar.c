#include "yaml-scalar.h"

#include "base64.h"
#include "utf8.h"
#include "yaml-float.h"
#include "yaml-timestamp.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool in_words(const char *const *words, const char *s)
{
	for (; *words; words++)
		if (strcmp(*words, s) == 0)
			return true;
	return false;
}

static const char *const true_words[] = { "y",	  "Y",	  "yes", "Yes", "YES", "true",
					  "True", "TRUE", "on",	 "On",	"ON",  NULL };
static const char *const false_words[] = { "n",	    "N",     "no",  "No",  "NO",  "false",
					   "False", "FALSE", "off", "Off", "OFF", NULL };
static const char *const null_words[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const nan_words[] = { ".nan", ".NaN", ".NAN", NULL };
static const char *const inf_words[] = { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL };
static const char *const minus_inf_words[] = { "-.inf", "-.Inf", "-.INF", NULL };

static int new_float(struct kval_pool *p, double d, struct kval **ret)
{
	char text[YAML_FLOAT_MAX];

	if (isfinite(d))
		yaml_float_format(d, text);
	else /* no JSON; the caller refuses it as a value, and a key has these names */
		(void)stpcpy(text, isnan(d) ? ".nan" : d < 0 ? "-.inf" : ".inf");
	*ret = kval_new_text(p, KVAL_FLOAT, text, strlen(text));
	return *ret ? 1 : -ENOMEM;
}

/* Word lookups: 1 found, 0 not. */
static int resolve_word(struct kval_pool *p, const char *s, struct kval **ret)
{
	if (in_words(null_words, s)) {
		*ret = kval_new(p, KVAL_NULL);
		return *ret ? 1 : -ENOMEM;
	}
	if (in_words(true_words, s) || in_words(false_words, s)) {
		*ret = kval_new_bool(p, in_words(true_words, s));
		return *ret ? 1 : -ENOMEM;
	}
	if (in_words(nan_words, s))
		return new_float(p, NAN, ret);
	if (in_words(inf_words, s))
		return new_float(p, INFINITY, ret);
	if (in_words(minus_inf_words, s))
		return new_float(p, -INFINITY, ret);
	return 0;
}

static bool digits_to_u64(const char *s, unsigned int base, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned int d = *s >= '0' && *s <= '9'	  ? (unsigned int)(*s - '0')
				 : *s >= 'a' && *s <= 'z' ? (unsigned int)(*s - 'a') + 10
				 : *s >= 'A' && *s <= 'Z' ? (unsigned int)(*s - 'A') + 10
							  : 99;

		if (d >= base || __builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)d, &n))
			return false;
	}
	*ret = n;
	return true;
}

/* strconv.ParseInt(s, 0, 64), then ParseUint, then Go's own "0b" with a sign behind it. */
static bool parse_int(const char *s, bool *ret_minus, uint64_t *ret)
{
	bool sign = *s == '+' || *s == '-';
	bool minus = *s == '-';
	const char *d = s + sign;
	unsigned int base = 10;

	if (d[0] == '0' && d[1]) {
		switch (d[1]) {
		case 'x':
		case 'X':
			base = 16;
			d += 2;
			break;
		case 'o':
		case 'O':
			base = 8;
			d += 2;
			break;
		case 'b':
		case 'B':
			base = 2;
			if (d[1] == 'b' && (d[2] == '+' || (d[2] == '-' && !minus)) && !sign) {
				minus = d[2] == '-';
				sign = true;
				d++;
			}
			d += 2;
			break;
		default:
			base = 8;
			d++;
		}
	}
	if (!digits_to_u64(d, base, ret))
		return false;
	*ret_minus = minus;
	return !sign || *ret <= (uint64_t)INT64_MAX + minus;
}

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$ */
static bool is_yaml_float(const char *s)
{
	size_t whole, part;

	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		part = strspn(s + 1, "0123456789");
		if (whole == 0 && part == 0)
			return false;
		s += 1 + part;
	} else if (whole == 0) {
		return false;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		part = strspn(s, "0123456789");
		if (part == 0)
			return false;
		s += part;
	}
	return *s == '\0';
}

static int resolve_number(struct kval_pool *p, const char *in, struct kval **ret)
{
	cleanup_free char *plain = NULL;
	uint64_t n;
	bool minus;
	double d;
	char text[32], *to;

	if (in[0] != '.') {
		plain = to = malloc(strlen(in) + 1);
		if (!plain)
			return -ENOMEM;
		for (const char *c = in; *c; c++)
			if (*c != '_')
				*to++ = *c;
		*to = '\0';
		if (parse_int(plain, &minus, &n)) {
			(void)snprintf(text, sizeof(text), "%s%" PRIu64, minus && n > 0 ? "-" : "",
				       n);
			*ret = kval_new_text(p, KVAL_INT, text, strlen(text));
			return *ret ? 1 : -ENOMEM;
		}
	}
	if (!is_yaml_float(plain ? plain : in))
		return 0;
	d = strtod(plain ? plain : in,
		   NULL); /* the form was checked: the whole string is a number */
	return isinf(d) ? 0 : new_float(p, d, ret);
}

/* JSON is UTF-8: each byte that is not becomes U+FFFD, as Go writes it. */
static int replace_bad_utf8(struct kval_pool *p, struct kval *v)
{
	char *out = kval_alloc(p, v->text_len * 3 + 1);
	size_t to = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < v->text_len;) {
		uint32_t c;
		size_t n = utf8_decode(v->text + i, v->text_len - i, &c);

		memcpy(out + to, n > 0 ? v->text + i : "\xef\xbf\xbd", n > 0 ? n : 3);
		to += n > 0 ? n : 3;
		i += n > 0 ? n : 1;
	}
	v->text = out;
	v->text_len = to;
	return 0;
}

/* Line breaks in it do not count. */
static int decode_binary(struct kval_pool *p, const char *s, struct kval **ret)
{
	cleanup_free char *packed = malloc(strlen(s) + 1), *data = NULL;
	char *to = packed;
	size_t len;
	int r;

	if (!packed)
		return -ENOMEM;
	for (; *s; s++)
		if (*s != '\n' && *s != '\r')
			*to++ = *s;
	*to = '\0';
	r = base64_decode(packed, &data, &len);
	if (r < 0)
		return r;
	*ret = kval_new_text(p, KVAL_STRING, data, len);
	return *ret ? replace_bad_utf8(p, *ret) : -ENOMEM;
}

static const struct {
	const char *tag;
	enum kval_type type;
} core_tags[] = {
	{ YAML_TAG("bool"), KVAL_BOOL },
	{ YAML_TAG("int"), KVAL_INT },
	{ YAML_TAG("float"), KVAL_FLOAT },
	{ YAML_TAG("null"), KVAL_NULL },
};

/* Untagged: what the text looks like. */
static int resolve_plain(struct kval_pool *p, const char *text, size_t len, struct kval **ret)
{
	int r = 0;

	*ret = NULL;
	if (len == 0 || strchr("yYnNtTfFoO~.+-0123456789", text[0])) {
		r = resolve_word(p, text, ret);
		if (r == 0 && strchr(".+-0123456789", text[0]))
			r = resolve_number(p, text, ret);
	}
	if (r == 0)
		*ret = kval_new_text(p, KVAL_STRING, text, len);
	return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

/* !!int, !!float and kin: the text must be one; a whole number is a !!float too. */
static int resolve_tagged(struct kval_pool *p, enum kval_type type, const char *text, size_t len,
			  struct kval **ret, const char **ret_why)
{
	int64_t n;
	int r = resolve_plain(p, text, len, ret);

	if (r < 0 || (*ret)->type == type)
		return r;
	if (type == KVAL_FLOAT && (*ret)->type == KVAL_INT && kval_to_i64(*ret, &n)) {
		r = new_float(p, (double)n, ret);
		return r < 0 ? r : 0;
	}
	*ret_why = "the value does not fit its tag";
	return -EINVAL;
}

int yaml_scalar_resolve(struct kval_pool *p, const char *tag, const char *text, size_t len,
			struct kval **ret, const char **ret_why)
{
	int r;

	if (strcmp(tag, YAML_TAG("binary")) == 0) {
		r = decode_binary(p, text, ret);
		if (r == -EINVAL)
			*ret_why = "the !!binary value is not base64";
		return r;
	}
	if (strcmp(tag, "") == 0)
		return resolve_plain(p, text, len, ret);
	if (strcmp(tag, YAML_TAG("timestamp")) == 0 && yaml_is_timestamp(text)) {
		*ret = kval_new_text(p, KVAL_STRING, text, len);
		return *ret ? 0 : -ENOMEM;
	}
	if (strcmp(tag, YAML_TAG("timestamp")) == 0) {
		*ret_why = "the value is no !!timestamp";
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(core_tags); i++)
		if (strcmp(tag, core_tags[i].tag) == 0)
			return resolve_tagged(p, core_tags[i].type, text, len, ret, ret_why);
	*ret = kval_new_text(p, KVAL_STRING, text, len);
	return *ret ? 0 : -ENOMEM;
}

int yaml_scalar_key(struct kval_pool *p, const struct kval *v, const char **ret_text,
		    size_t *ret_len, const char **ret_why)
{
	char text[YAML_FLOAT_MAX];
	int64_t n;

	switch (v->type) {
	case KVAL_STRING:
		*ret_text = v->text;
		*ret_len = v->text_len;
		return 0;
	case KVAL_BOOL:
		*ret_text = v->boolean ? "true" : "false";
		*ret_len = strlen(*ret_text);
		return 0;
	case KVAL_INT:
		if (!kval_to_i64(v, &n))
			break;
		*ret_text = v->text;
		*ret_len = v->text_len;
		return 0;
	case KVAL_FLOAT:
		if (v->text[0] == '.' || v->text[1] == '.') {
			if (v->text[0] == '.' || v->text[2] == 'i') { /* .nan .inf -.inf */
				*ret_text = v->text;
				*ret_len = v->text_len;
				return 0;
			}
		}
		yaml_float_key_format(strtod(v->text, NULL), text);
		*ret_len = strlen(text);
		*ret_text = kval_strndup(p, text, *ret_len);
		return *ret_text ? 0 : -ENOMEM;
	case KVAL_NULL:
		*ret_why = "a key must not be null";
		return -EINVAL;
	default:
		break;
	}
	*ret_why = v->type == KVAL_INT ? "an integer key must fit 64 bits with a sign"
				       : "a key must be a scalar, not a list or a map";
	return -EINVAL;
}
