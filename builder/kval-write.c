#include "kval-write.h"

static int write_string(const char *s, size_t len, struct buf *out)
{
	static const char shorts[32] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	size_t from = 0;

	(void)buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		(void)buf_add(out, s + from, i - from);
		from = i + 1;
		if (c >= 0x20 || shorts[c])
			(void)buf_add(out, (char[]){ '\\', c >= 0x20 ? (char)c : shorts[c] }, 2);
		else
			(void)buf_addf(out, "\\u%04x", c);
	}
	(void)buf_add(out, s + from, len - from);
	return buf_addc(out, '"');
}

static void write_list(const struct kval *v, struct buf *out)
{
	(void)buf_addc(out, '[');
	for (size_t i = 0; i < v->items_len && buf_error(out) == 0; i++) {
		if (i > 0)
			(void)buf_addc(out, ',');
		(void)!kval_write_json(v->items[i], out);
	}
	(void)buf_addc(out, ']');
}

static void write_map(const struct kval *v, struct buf *out)
{
	(void)buf_addc(out, '{');
	for (size_t i = 0; i < v->pairs_len && buf_error(out) == 0; i++) {
		if (i > 0)
			(void)buf_addc(out, ',');
		(void)write_string(v->pairs[i].key->text, v->pairs[i].key->text_len, out);
		(void)buf_addc(out, ':');
		(void)!kval_write_json(v->pairs[i].value, out);
	}
	(void)buf_addc(out, '}');
}

int kval_write_json(const struct kval *v, struct buf *out)
{
	switch (v->type) {
	case KVAL_NULL:
		(void)buf_adds(out, "null");
		break;
	case KVAL_BOOL:
		(void)buf_adds(out, v->boolean ? "true" : "false");
		break;
	case KVAL_INT:
	case KVAL_FLOAT:
		(void)buf_add(out, v->text, v->text_len);
		break;
	case KVAL_STRING:
		(void)write_string(v->text, v->text_len, out);
		break;
	case KVAL_LIST:
		write_list(v, out);
		break;
	case KVAL_MAP:
		write_map(v, out);
		break;
	}
	return buf_error(out);
}
