#include "status-json.h"

static const char *const phase_names[] = {
	"starting", "working", "waiting", "ready", "failed", NULL,
};
static const char *const step_names[] = {
	"pending", "running", "waiting", "done", "failed", NULL,
};
static const char *const component_names[] = {
	"pending", "applying", "gating", "ready", "open", "handed-over", NULL,
};

const char *status_phase_to_string(enum status_phase p)
{
	return phase_names[p];
}

const char *step_state_to_string(enum step_state s)
{
	return step_names[s];
}

const char *component_state_to_string(enum component_state s)
{
	return component_names[s];
}

static const struct json_field step_fields[] = {
	JSON_STRING(struct status_step, name, 0, &json_rule_line),
	JSON_ENUM(struct status_step, state, step_names),
	JSON_STRING(struct status_step, reason, JSON_NULLABLE, NULL),
	JSON_U64(struct status_step, since),
	JSON_UINT(struct status_step, attempt),
	{ 0 },
};
static const struct json_field gate_fields[] = {
	JSON_STRING(struct status_gate, name, 0, &json_rule_line),
	JSON_ENUM(struct status_gate, state, step_names),
	JSON_STRING(struct status_gate, reason, JSON_NULLABLE, NULL),
	{ 0 },
};
static const struct json_field component_fields[] = {
	JSON_STRING(struct status_component, name, 0, &json_rule_line),
	JSON_ENUM(struct status_component, state, component_names),
	JSON_UINT(struct status_component, applied),
	JSON_UINT(struct status_component, objects),
	JSON_STRING(struct status_component, reason, JSON_NULLABLE, NULL),
	JSON_LIST(struct status_component, gates, gate_fields),
	{ 0 },
};
static const struct json_field fields[] = {
	JSON_STRING(struct status_json, node, 0, &json_rule_label),
	JSON_STRING(struct status_json, boot_id, 0, &json_rule_uuid),
	JSON_U64(struct status_json, updated_at),
	JSON_ENUM(struct status_json, phase, phase_names),
	JSON_LIST(struct status_json, steps, step_fields),
	JSON_LIST(struct status_json, components, component_fields),
	JSON_STRINGS(struct status_json, addresses, &json_rule_line),
	{ 0 },
};

static const struct json_doc doc = {
	.what = "status.json",
	.schema = STATUS_SCHEMA,
	.fields = fields,
	.max_bytes = STATUS_JSON_MAX,
};

int status_json_parse(const char *text, size_t len, struct status_json *ret, struct err *err)
{
	struct status_json s = { 0 };
	int r = json_doc_parse(&doc, text, len, &s, err);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int status_json_format(const struct status_json *s, char **ret, size_t *ret_len, struct err *err)
{
	return json_doc_format(&doc, s, ret, ret_len, err);
}

void status_json_done(struct status_json *s)
{
	json_table_done(fields, s);
}
