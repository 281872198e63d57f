#include "disk-match.h"

const struct json_field disk_match_fields[] = {
	JSON_STRING(struct disk_match, serial, JSON_NULLABLE | JSON_OPTIONAL, &json_rule_line),
	JSON_STRING(struct disk_match, wwid, JSON_NULLABLE | JSON_OPTIONAL, &json_rule_line),
	JSON_STRING(struct disk_match, by_id, JSON_NULLABLE | JSON_OPTIONAL, &json_rule_line),
	JSON_STRING(struct disk_match, transport, JSON_NULLABLE | JSON_OPTIONAL, &json_rule_label),
	{ "min_bytes", JSON_KIND_U64, JSON_OPTIONAL,
	  .offset = offsetof(struct disk_match, min_bytes) },
	{ "max_bytes", JSON_KIND_U64, JSON_OPTIONAL,
	  .offset = offsetof(struct disk_match, max_bytes) },
	{ 0 },
};
