#include "board-json.h"

static const char *const boots[] = { "rpi", "uefi", NULL };
static const struct json_field fields[] = {
	JSON_ENUM(struct board_json, boot, boots),
	JSON_STRINGS(struct board_json, modules, &json_rule_line),
	JSON_STRINGS(struct board_json, microcode, &json_rule_line),
	{ 0 },
};
static const struct json_doc doc = {
	.what = "board.json",
	.schema = BOARD_JSON_SCHEMA,
	.fields = fields,
	.max_bytes = BOARD_JSON_MAX,
};

int board_json_parse(const char *text, size_t len, struct board_json *ret, struct err *err)
{
	struct board_json s = { 0 };
	int r = json_doc_parse(&doc, text, len, &s, err);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int board_json_format(const struct board_json *s, char **ret, size_t *ret_len, struct err *err)
{
	return json_doc_format(&doc, s, ret, ret_len, err);
}

void board_json_done(struct board_json *s)
{
	json_table_done(fields, s);
}
