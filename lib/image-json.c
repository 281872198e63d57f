#include "image-json.h"

static const struct json_field input_fields[] = {
	JSON_STRING(struct image_input, name, 0, &json_rule_line),
	JSON_STRING(struct image_input, version, JSON_NULLABLE, &json_rule_line),
	JSON_STRING(struct image_input, sha256, 0, &json_rule_sha256),
	{ 0 },
};
static const struct json_field partition_fields[] = {
	JSON_UINT(struct image_partition, number),
	JSON_STRING(struct image_partition, label, 0, NULL),
	JSON_STRING(struct image_partition, type, 0, &json_rule_uuid),
	JSON_STRING(struct image_partition, uuid, 0, &json_rule_uuid),
	JSON_U64(struct image_partition, start_bytes),
	JSON_U64(struct image_partition, size_bytes),
	JSON_STRING(struct image_partition, filesystem, JSON_NULLABLE, &json_rule_line),
	JSON_STRING(struct image_partition, fs_uuid, JSON_NULLABLE, &json_rule_line),
	{ 0 },
};
static const struct json_field extent_fields[] = {
	JSON_U64(struct image_extent, offset_bytes),
	JSON_U64(struct image_extent, length_bytes),
	JSON_STRING(struct image_extent, sha256, 0, &json_rule_sha256),
	{ 0 },
};
static const struct json_field fields[] = {
	JSON_STRING(struct image_json, cluster, 0, &json_rule_label),
	JSON_STRING(struct image_json, node, 0, &json_rule_label),
	JSON_STRING(struct image_json, board, 0, &json_rule_label),
	JSON_STRING(struct image_json, base, 0, &json_rule_sha256),
	JSON_STRING(struct image_json, seed, JSON_NULLABLE, &json_rule_sha256),
	JSON_U64(struct image_json, size_bytes),
	JSON_STRING(struct image_json, sha256, JSON_NULLABLE, &json_rule_sha256),
	JSON_LIST(struct image_json, inputs, input_fields),
	JSON_LIST(struct image_json, partitions, partition_fields),
	JSON_LIST(struct image_json, extents, extent_fields),
	{ 0 },
};

static const struct json_doc doc = {
	.what = "image.json",
	.schema = IMAGE_SCHEMA,
	.fields = fields,
	.max_bytes = IMAGE_JSON_MAX,
};

int image_json_parse(const char *text, size_t len, struct image_json *ret, struct err *err)
{
	struct image_json s = { 0 };
	int r = json_doc_parse(&doc, text, len, &s, err);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int image_json_format(const struct image_json *s, char **ret, size_t *ret_len, struct err *err)
{
	return json_doc_format(&doc, s, ret, ret_len, err);
}

void image_json_done(struct image_json *s)
{
	json_table_done(fields, s);
}
