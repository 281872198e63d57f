#include "seed-json.h"

static const struct json_field machine_fields[] = {
	{ "mac", JSON_KIND_STRING, JSON_NULLABLE, offsetof(struct seed_json, machine.mac),
	  .rule = &json_rule_mac },
	{ "serial", JSON_KIND_STRING, JSON_NULLABLE, offsetof(struct seed_json, machine.serial),
	  .rule = &json_rule_line },
	{ 0 },
};
static const struct json_field fields[] = {
	JSON_STRING(struct seed_json, cluster, 0, &json_rule_label),
	JSON_STRING(struct seed_json, cluster_id, 0, &json_rule_id),
	JSON_STRING(struct seed_json, node, 0, &json_rule_label),
	JSON_STRING(struct seed_json, board, 0, &json_rule_label),
	JSON_STRING(struct seed_json, base, 0, &json_rule_sha256),
	{ "machine", JSON_KIND_OBJECT, 0, 0, .fields = machine_fields },
	JSON_OBJECT(struct seed_json, system_disk, disk_match_fields),
	JSON_U64(struct seed_json, baked_at),
	JSON_STRINGS(struct seed_json, wipe, &json_rule_line),
	JSON_STRING(struct seed_json, digest, JSON_NULLABLE | JSON_OPTIONAL, &json_rule_sha256),
	{ 0 },
};

static const struct json_doc doc = {
	.what = "seed.json",
	.schema = SEED_SCHEMA,
	.fields = fields,
	.max_bytes = SEED_JSON_MAX,
};

int seed_json_parse(const char *text, size_t len, struct seed_json *ret, struct err *err)
{
	struct seed_json s = { 0 };
	int r = json_doc_parse(&doc, text, len, &s, err);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int seed_json_format(const struct seed_json *s, char **ret, size_t *ret_len, struct err *err)
{
	return json_doc_format(&doc, s, ret, ret_len, err);
}

void seed_json_done(struct seed_json *s)
{
	json_table_done(fields, s);
}
