#include "base-json.h"

static const struct json_field fields[] = {
	JSON_STRING(struct base_json, id, 0, &json_rule_sha256),
	JSON_STRING(struct base_json, cluster_id, 0, &json_rule_id),
	JSON_STRING(struct base_json, board, 0, &json_rule_label),
	JSON_STRING(struct base_json, arch, 0, &json_rule_label),
	JSON_STRING(struct base_json, kernel, 0, &json_rule_line),
	JSON_U64(struct base_json, created_at),
	JSON_STRING(struct base_json, root_uuid, 0, &json_rule_uuid),
	JSON_STRING(struct base_json, boot_uuid, 0, &json_rule_volume_id),
	{ 0 },
};

static const struct json_doc doc = {
	.what = "base.json",
	.schema = BASE_SCHEMA,
	.fields = fields,
	.max_bytes = BASE_JSON_MAX,
};

int base_json_parse(const char *text, size_t len, struct base_json *ret, struct err *err)
{
	struct base_json s = { 0 };
	int r = json_doc_parse(&doc, text, len, &s, err);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int base_json_format(const struct base_json *s, char **ret, size_t *ret_len, struct err *err)
{
	return json_doc_format(&doc, s, ret, ret_len, err);
}

void base_json_done(struct base_json *s)
{
	json_table_done(fields, s);
}
