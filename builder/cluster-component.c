/* cluster-component - the section components: names, options, folders of the user's */
#include "cluster-tables.h"
#include "component-options.h"
#include "schema.h"

#include <string.h>

void component_done(struct component *c)
{
	for (size_t i = 0; i < c->secrets_len; i++) {
		free(c->secrets[i].option);
		secret_ref_done(&c->secrets[i].ref);
	}
	free(c->secrets);
	json_decref(c->options);
	free(c->name);
	free(c->path);
}

static void add_secret(struct decode *d, struct component *c, const char *option,
		       const struct ynode *v, const struct field *f)
{
	struct component_secret *s = reallocarray(c->secrets, c->secrets_len + 1, sizeof(*s));

	if (!s) {
		d->diags->nomem = true;
		return;
	}
	c->secrets = s;
	s += c->secrets_len;
	*s = (struct component_secret){ .option = decode_strdup(d, option) };
	type_secret.decode(d, v, f, &s->ref);
	c->secrets_len++;
}

/* A list of addresses as JSON: the texts, once they are known to be good. */
static json_t *addrs_json(const struct addr_list *l)
{
	json_t *list = json_array();
	char text[IP_TEXT_MAX];

	for (size_t i = 0; list && i < l->len; i++)
		if (json_array_append_new(list, json_string(ip_addr_format(&l->items[i], text))) <
		    0)
			break;
	return list;
}

/* Decode one value by its row and give its JSON. */
static json_t *option_json(struct decode *d, const struct ynode *v, const struct field *f)
{
	union {
		char *text;
		uint64_t u64;
		unsigned int u;
		bool flag;
		struct addr_list addrs;
	} value = { 0 };
	size_t before = d->diags->len + d->diags->dropped;
	json_t *out = NULL;

	f->type->decode(d, v, f, &value);
	if (d->diags->len + d->diags->dropped == before)
		out = f->type == &type_addrs ? addrs_json(&value.addrs) : f->type->json(&value);
	if (f->type->done)
		f->type->done(&value);
	return out;
}

static void set_option(struct decode *d, json_t *out, const char *key, json_t *value)
{
	if (value && json_object_set_new(out, key, value) < 0)
		d->diags->nomem = true;
}

static void decode_options(struct decode *d, struct component *c, const struct ynode *v,
			   const struct field *fields, const char *path, json_t *out);

static void decode_option(struct decode *d, struct component *c, const struct ynode *v,
			  const struct field *f, const char *path, json_t *out)
{
	char dotted[256];
	json_t *sub;

	(void)snprintf(dotted, sizeof(dotted), "%s%s%s", path, *path ? "." : "", f->key);
	if (ynode_is_null(v)) {
		decode_diagf(d, v->key ? v->key : v, "key '%s' has no value", f->key);
	} else if (f->type == &type_map) {
		sub = json_object();
		if (!sub)
			d->diags->nomem = true;
		else
			decode_options(d, c, v, f->arg, dotted, sub);
		set_option(d, out, f->key, sub);
	} else if (f->type == &type_secret) {
		add_secret(d, c, dotted, v, f);
	} else {
		set_option(d, out, f->key, option_json(d, v, f));
	}
}

static void default_option(struct decode *d, const struct field *f, json_t *out)
{
	struct ynode n = { .kind = YNODE_SCALAR, .width = 1 };

	if (!f->def)
		return;
	n.text = decode_strdup(d, f->def);
	if (n.text)
		set_option(d, out, f->key, option_json(d, &n, f));
	free(n.text);
}

static void missing_option(struct decode *d, const struct component *c, const struct ynode *v,
			   const struct field *f)
{
	if (v)
		decode_diagf(d, v->key ? v->key : v, "missing key '%s' in '%s'", f->key,
			     v->key ? v->key->text : c->name);
	else
		diag_addf(d->diags, c->pos.line, c->pos.col, (unsigned int)strlen(c->name),
			  "missing key '%s' in '%s'", f->key, c->name);
}

static void decode_options(struct decode *d, struct component *c, const struct ynode *v,
			   const struct field *fields, const char *path, json_t *out)
{
	uint64_t meant = 0; /* misspelt, so not missing too */

	if (v && v->kind != YNODE_MAP) {
		decode_diagf(d, v, "expected a mapping, found %s", ynode_what(v));
		return;
	}
	for (size_t i = 0; v && i < v->len; i++) {
		const struct field *f = field_find(fields, v->keys[i]->text);

		if (!f) {
			f = decode_unknown_key(d, v->keys[i], fields);
			meant |= f ? UINT64_C(1) << (f - fields) : 0;
		} else if (ynode_get(v, f->key) == v->items[i]) { /* the first of that name */
			decode_option(d, c, v->items[i], f, path, out);
		}
	}
	for (const struct field *f = fields; f->key; f++) {
		if (v && ynode_get(v, f->key))
			continue;
		if (!(f->flags & FIELD_REQUIRED))
			default_option(d, f, out);
		else if (!(meant & UINT64_C(1) << (f - fields)))
			missing_option(d, c, v, f);
	}
}

/* A component of the user's: path, secrets, and options that its manifests know. */
static void decode_own(struct decode *d, struct component *c, const struct ynode *v)
{
	static const struct field path_field = { "path", &type_text, .arg = &rule_path };
	static const struct field secret_field = { .key = "secrets", .type = &type_secret };
	char dotted[256];

	for (size_t i = 0; i < v->len; i++) {
		const char *key = v->keys[i]->text;
		const struct ynode *item = v->items[i];

		if (strcmp(key, "path") == 0) {
			type_text.decode(d, item, &path_field, &c->path);
		} else if (strcmp(key, "secrets") == 0 && item->kind == YNODE_MAP) {
			for (size_t k = 0; k < item->len; k++) {
				(void)snprintf(dotted, sizeof(dotted), "secrets.%s",
					       item->keys[k]->text);
				decode_hide(d, item->items[k]);
				add_secret(d, c, dotted, item->items[k], &secret_field);
			}
		} else if (strcmp(key, "secrets") == 0) {
			decode_diagf(d, item, "expected a mapping of secrets, found %s",
				     ynode_what(item));
		} else {
			set_option(d, c->options, key, decode_json(d, item));
		}
	}
}

static void unknown_component(struct decode *d, const struct ynode *name)
{
	const char *names[32], *near;
	char shown[DIAG_VALUE_MAX];
	size_t n = 0;

	for (const struct component_kind *k = component_kinds; k->name && n < ARRAY_SIZE(names);
	     k++)
		names[n++] = k->name;
	near = nearest_word(name->text, names, n);
	if (near)
		decode_diagf(d, name, "no component '%s'; did you mean '%s'?",
			     diag_value(name->text, shown), near);
	else
		decode_diagf(
			d, name,
			"no component '%s'; one of your own needs its folder: {%s: {path: ./%s}}",
			diag_value(name->text, shown), shown, shown);
}

static void decode_component(struct decode *d, struct component *c, const struct ynode *name,
			     const struct ynode *options)
{
	const struct component_kind *kind = component_kind_find(name->text);
	char shown[DIAG_VALUE_MAX];

	if (options && ynode_is_null(options))
		options = NULL;
	if (options && ynode_get(options, "path") &&
	    (!kind || ynode_get(options, "path")->line > 0) &&
	    (!kind || !field_find(kind->options, "path"))) {
		if (!rule_k8s_name.valid(name->text))
			decode_diagf(d, name, "'%s' is not %s", diag_value(name->text, shown),
				     rule_k8s_name.what);
		decode_own(d, c, options);
	} else if (kind) {
		decode_options(d, c, options, kind->options, "", c->options);
	} else {
		unknown_component(d, name);
	}
}

static void components_decode(struct decode *d, const struct ynode *v, const struct field *f,
			      void *dst)
{
	struct cluster *c =
		(struct cluster *)(void *)((char *)dst - offsetof(struct cluster, components));

	(void)f;
	if (v->kind != YNODE_SEQ) {
		decode_diagf(d, v, "expected a list of components, found %s", ynode_what(v));
		return;
	}
	c->components = decode_calloc(d, v->len, sizeof(*c->components));
	for (size_t i = 0; c->components && i < v->len; i++) {
		const struct ynode *item = v->items[i], *name = item;
		const struct ynode *options = NULL;
		struct component *comp = &c->components[c->components_len];

		if (item->kind == YNODE_MAP && item->len == 1) {
			name = item->keys[0];
			options = item->items[0];
		} else if (item->kind != YNODE_SCALAR || ynode_is_null(item)) {
			decode_diagf(d, item,
				     "expected a component's name, or one name with its options: "
				     "'- traefik: {replicas: 2}'");
			continue;
		}
		comp->name = decode_strdup(d, name->text);
		comp->options = json_object();
		comp->pos = ynode_pos(name);
		if (!comp->options)
			d->diags->nomem = true;
		if (!comp->name || !comp->options) {
			component_done(comp);
			return;
		}
		c->components_len++;
		decode_component(d, comp, name, options);
	}
}

static json_t *kind_schema(const struct component_kind *k)
{
	return json_pack("{s:s s:b s:[s] s:{s:o}}", "type", "object", "additionalProperties", 0,
			 "required", k->name, "properties", k->name, schema_object(k->options));
}
/* Whether the name alone is too little. */
static bool needs_options(const struct component_kind *k)
{
	for (const struct field *f = k->options; f->key; f++)
		if (f->flags & FIELD_REQUIRED)
			return true;
	return false;
}
static json_t *components_schema(const struct field *f)
{
	json_t *any = json_array(), *names = json_array();
	bool ok = any && names;

	(void)f;
	for (const struct component_kind *k = component_kinds; ok && k->name; k++) {
		if (!needs_options(k))
			ok = json_array_append_new(names, json_string(k->name)) == 0;
		ok = ok && json_array_append_new(any, kind_schema(k)) == 0;
	}
	ok = ok && json_array_append_new(any, json_pack("{s:O}", "enum", names)) == 0;
	/* one of the user's: {name: {path: ./folder, ...}} */
	ok = ok && json_array_append_new(
			   any, json_pack("{s:s s:i s:i s:{s:s s:[s] s:{s:{s:s}}}}", "type",
					  "object", "minProperties", 1, "maxProperties", 1,
					  "additionalProperties", "type", "object", "required",
					  "path", "properties", "path", "type", "string")) == 0;
	json_decref(names);
	if (!ok) {
		json_decref(any);
		return NULL;
	}
	return json_pack("{s:s s:{s:o}}", "type", "array", "items", "anyOf", any);
}
const struct field_type type_components = { components_decode, components_schema,
					    "list of components", NULL, NULL };
