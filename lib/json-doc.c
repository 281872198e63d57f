/* json-doc - whole documents of json-table.h, and the rules for texts */
#include "json-table.h"

#include <ctype.h>
#include <string.h>

static bool is_hex(const char *s, size_t len)
{
	return strlen(s) == len && strspn(s, "0123456789abcdef") == len;
}

static bool ok_sha256(const char *s)
{
	return is_hex(s, 64);
}

static bool ok_id(const char *s)
{
	return is_hex(s, 32);
}

static bool ok_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !s[i] || !strchr("0123456789abcdef", s[i]))
			return false;
	}
	return s[36] == '\0';
}

static bool ok_label(const char *s)
{
	size_t len = strlen(s);

	return len >= 1 && len <= 63 && s[0] != '-' && s[len - 1] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool ok_mac(const char *s)
{
	for (size_t i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !s[i] || !strchr("0123456789abcdef", s[i]))
			return false;
	return s[17] == '\0';
}

static bool ok_volume_id(const char *s)
{
	return strlen(s) == 9 && s[4] == '-' && strspn(s, "0123456789ABCDEF") == 4 &&
	       strspn(s + 5, "0123456789ABCDEF") == 4;
}

static bool ok_line(const char *s)
{
	for (const char *p = s; *p; p++)
		if (iscntrl((unsigned char)*p))
			return false;
	return *s != '\0';
}

const struct json_rule json_rule_sha256 = { ok_sha256, "a SHA-256 of 64 hex digits" };
const struct json_rule json_rule_id = { ok_id, "an id of 32 hex digits" };
const struct json_rule json_rule_uuid = { ok_uuid, "a UUID in lower case" };
const struct json_rule json_rule_label = { ok_label, "a DNS label" };
const struct json_rule json_rule_mac = { ok_mac, "a MAC address in lower case" };
const struct json_rule json_rule_volume_id = { ok_volume_id, "a FAT volume id like 1A2B-3C4D" };
const struct json_rule json_rule_line = { ok_line, "a line of text" };

int json_doc_parse(const struct json_doc *doc, const char *text, size_t len, void *dst,
		   struct err *err)
{
	json_auto_t *obj = NULL;
	const json_t *schema;
	json_error_t e = { 0 }; /* without memory jansson leaves it as it is */
	int r;

	if (len > doc->max_bytes)
		return err_setf(err, -E2BIG, "%s: %zu bytes, more than %zu", doc->what, len,
				doc->max_bytes);
	obj = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	/* jansson has no text for every shortage of memory, but one for every mistake */
	if (!obj && (json_error_code(&e) == json_error_out_of_memory || !e.text[0]))
		return err_nomem(err);
	if (!obj) {
		for (char *p = e.text; *p; p++) /* it quotes the file */
			if (iscntrl((unsigned char)*p))
				*p = '?';
		return err_setf(err, -EINVAL, "%s:%d:%d: %s", doc->what, e.line, e.column, e.text);
	}
	schema = json_object_get(obj, "schema");
	if (!json_is_integer(schema))
		return err_setf(err, -EINVAL, "%s: no schema number", doc->what);
	if (json_integer_value(schema) != (json_int_t)doc->schema)
		return err_setf(err, -EPROTONOSUPPORT,
				"%s: schema %" JSON_INTEGER_FORMAT ", this program knows %u",
				doc->what, json_integer_value(schema), doc->schema);
	r = json_table_decode(doc->fields, obj, dst, err);
	return r < 0 ? err_wrapf(err, r, "%s", doc->what) : 0;
}

int json_doc_format(const struct json_doc *doc, const void *src, char **ret, size_t *ret_len,
		    struct err *err)
{
	json_auto_t *obj = NULL, *all = NULL;
	cleanup_free char *text = NULL, *line = NULL;
	int len, r;

	r = json_table_encode(doc->fields, src, &obj, err);
	if (r < 0)
		return err_wrapf(err, r, "%s", doc->what);
	all = json_pack("{s:i}", "schema", (int)doc->schema);
	if (!all || json_object_update(all, obj) < 0)
		return err_nomem(err);
	text = json_dumps(all, JSON_INDENT(2));
	if (!text)
		return err_nomem(err);
	len = asprintf(&line, "%s\n", text);
	if (len < 0)
		return err_nomem(err);
	if ((size_t)len > doc->max_bytes)
		return err_setf(err, -E2BIG, "%s: %d bytes, more than %zu", doc->what, len,
				doc->max_bytes);
	*ret = TAKE_PTR(line);
	if (ret_len)
		*ret_len = (size_t)len;
	return 0;
}
