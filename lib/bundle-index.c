#include "bundle-index.h"

#include "gates.h"

#include <string.h>

static const char *const gate_names[] = { "ready", "none", "gone-ok", NULL };
static const char *const phase_names[] = { "pre", "post", NULL };
static const char *const delete_names[] = { "before-creation", "succeeded", "failed", NULL };

static const struct json_field hook_fields[] = {
	JSON_ENUM(struct bundle_hook, phase, phase_names),
	JSON_INT(struct bundle_hook, weight),
	JSON_FLAGS(struct bundle_hook, delete, delete_names),
	{ 0 },
};
static const struct json_field object_fields[] = {
	JSON_STRING(struct bundle_object, group, 0, NULL),
	JSON_STRING(struct bundle_object, version, 0, &json_rule_line),
	JSON_STRING(struct bundle_object, kind, 0, &json_rule_line),
	JSON_STRING(struct bundle_object, plural, 0, &json_rule_line),
	JSON_BOOL(struct bundle_object, namespaced),
	JSON_STRING(struct bundle_object, namespace, JSON_NULLABLE, &json_rule_line),
	JSON_STRING(struct bundle_object, name, 0, &json_rule_line),
	JSON_UINT(struct bundle_object, wave),
	JSON_ENUM(struct bundle_object, gate, gate_names),
	JSON_OBJECT_PTR(struct bundle_object, hook, hook_fields),
	JSON_BOOL(struct bundle_object, crd),
	JSON_BOOL(struct bundle_object, handover),
	JSON_BOOL(struct bundle_object, secret),
	JSON_STRING(struct bundle_object, sha256, 0, &json_rule_sha256),
	JSON_U64(struct bundle_object, bytes),
	{ 0 },
};
static const struct json_field gate_fields[] = {
	JSON_STRING(struct bundle_gate_spec, name, 0, &json_rule_line),
	JSON_BOOL(struct bundle_gate_spec, hard),
	JSON_U64(struct bundle_gate_spec, timeout_s),
	JSON_RAW(struct bundle_gate_spec, args),
	{ 0 },
};
static const struct json_field component_fields[] = {
	JSON_STRING(struct bundle_component, name, 0, &json_rule_line),
	JSON_STRING(struct bundle_component, namespace, 0, &json_rule_line),
	JSON_STRINGS(struct bundle_component, after, &json_rule_line),
	JSON_STRING(struct bundle_component, application, JSON_NULLABLE, &json_rule_line),
	JSON_LIST(struct bundle_component, gates, gate_fields),
	JSON_STRINGS(struct bundle_component, images, &json_rule_line),
	JSON_LIST(struct bundle_component, objects, object_fields),
	{ 0 },
};
static const struct json_field fields[] = {
	JSON_STRING(struct bundle_index, cluster_id, 0, &json_rule_id),
	JSON_STRING(struct bundle_index, kubernetes, 0, &json_rule_line),
	JSON_LIST(struct bundle_index, components, component_fields),
	{ 0 },
};
static const struct json_doc doc = {
	.what = "index.json",
	.schema = BUNDLE_INDEX_SCHEMA,
	.fields = fields,
	.max_bytes = BUNDLE_INDEX_MAX,
};

static const struct {
	unsigned int wave;
	const char *name;
} wave_names[] = {
	{ WAVE_CRDS, "crds" },
	{ WAVE_NAMESPACES, "namespaces" },
	{ WAVE_CLASSES, "classes" },
	{ WAVE_RBAC, "rbac" },
	{ WAVE_CONFIG, "config" },
	{ WAVE_SERVICES, "services" },
	{ WAVE_PRE_HOOKS, "pre-hooks" },
	{ WAVE_WORKLOADS, "workloads" },
	{ WAVE_WEBHOOKS, "webhooks" },
	{ WAVE_CUSTOM, "custom" },
	{ WAVE_POST_HOOKS, "post-hooks" },
	{ WAVE_APPLICATIONS, "applications" },
};

const char *bundle_wave_to_string(unsigned int wave)
{
	for (size_t i = 0; i < ARRAY_SIZE(wave_names); i++)
		if (wave_names[i].wave == wave)
			return wave_names[i].name;
	return NULL;
}

const char *bundle_gate_to_string(enum bundle_gate g)
{
	return gate_names[g];
}

static int check_object(const struct bundle_object *o, unsigned int wave_before, struct err *err)
{
	if (!bundle_wave_to_string(o->wave))
		return err_setf(err, -EINVAL, "index.json: %s '%s': there is no wave %u", o->kind,
				o->name, o->wave);
	if (o->wave < wave_before)
		return err_setf(err, -EINVAL,
				"index.json: %s '%s' of wave %u stands behind wave %u", o->kind,
				o->name, o->wave, wave_before);
	if (o->namespaced != !!o->namespace)
		return err_setf(err, -EINVAL, "index.json: %s '%s': %s", o->kind, o->name,
				o->namespaced ? "the namespace is missing"
					      : "a namespace where none may be");
	/* these become parts of a URL */
	for (size_t i = 0; i < 5; i++) {
		const char *s = (const char *const[]){ o->group, o->version, o->plural,
						       o->namespace, o->name }[i];

		if (s && (strpbrk(s, "/?#%") || strcmp(s, "..") == 0))
			return err_setf(err, -EINVAL, "index.json: %s '%s': not a name: '%s'",
					o->kind, o->name, s);
	}
	return 0;
}

static int check(const struct bundle_index *b, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < b->components.len; i++) {
		const struct bundle_component *c = &b->components.items[i];

		for (size_t j = 0; j < c->gates.len && r == 0; j++) {
			const struct gate_def *g = gate_find(c->gates.items[j].name);

			if (!g)
				return err_setf(err, -EINVAL,
						"index.json: component '%s': there is no gate '%s'",
						c->name, c->gates.items[j].name);
			r = gate_check_args(g, c->gates.items[j].args, err);
		}
		for (size_t j = 0; j < c->objects.len && r == 0; j++)
			r = check_object(&c->objects.items[j], j ? c->objects.items[j - 1].wave : 0,
					 err);
	}
	return r;
}

int bundle_index_parse(const char *text, size_t len, struct bundle_index *ret, struct err *err)
{
	cleanup_bundle_index struct bundle_index b = { 0 };
	int r = json_doc_parse(&doc, text, len, &b, err);

	if (r == 0)
		r = check(&b, err);
	if (r < 0)
		return r;
	*ret = b;
	b = (struct bundle_index){ 0 };
	return 0;
}

int bundle_index_format(const struct bundle_index *b, char **ret, size_t *ret_len, struct err *err)
{
	int r = check(b, err);

	return r < 0 ? r : json_doc_format(&doc, b, ret, ret_len, err);
}

void bundle_index_done(struct bundle_index *b)
{
	json_table_done(fields, b);
}
