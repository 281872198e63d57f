/* decode-secret - {env: NAME}, {file: path} or {command: [argv]}: never the secret itself */
#include "decode.h"
#include "schema.h"

#include <string.h>

struct secret_fields {
	char *env, *file;
	struct string_list command;
};

static const struct field secret_fields[] = {
	{ "env", &type_text, OFFSET(struct secret_fields, env), .arg = &rule_env,
	  .doc = "Name of an environment variable that holds the secret when Kiln bakes." },
	{ "file", &type_text, OFFSET(struct secret_fields, file), .arg = &rule_path,
	  .doc = "File that holds the secret; relative to cluster.yaml." },
	{ "command", &type_strings, OFFSET(struct secret_fields, command),
	  .flags = FIELD_REPEATS | FIELD_NONEMPTY,
	  .doc = "Program and arguments that print the secret; run at bake time only, without a "
		 "shell." },
	{ 0 },
};

void secret_ref_done(struct secret_ref *ref)
{
	free(ref->value);
	for (char **a = ref->argv; a && *a; a++)
		free(*a);
	free(ref->argv);
	*ref = (struct secret_ref){ 0 };
}

static char **to_argv(struct decode *d, struct string_list *l)
{
	char **argv = decode_calloc(d, l->len + 1, sizeof(*argv));

	for (size_t i = 0; argv && i < l->len; i++)
		argv[i] = TAKE_PTR(l->items[i]);
	return argv;
}

static void secret_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	struct secret_fields s = { 0 };
	struct secret_ref *ref = dst;

	(void)f;
	if (v->kind != YNODE_MAP) {
		decode_hide(d, v);
		decode_diagf(
			d, v,
			"a secret never stands in this file; give {env: NAME}, {file: path} or "
			"{command: [program, argument]}");
		return;
	}
	ref->pos = ynode_pos(v->len == 1 ? v->items[0] : v);
	decode_map(d, v, secret_fields, &s);
	if (v->len != 1) {
		decode_diagf(d, v, "give exactly one of env, file and command");
	} else if (s.env) {
		ref->kind = SECRET_ENV;
		ref->value = TAKE_PTR(s.env);
	} else if (s.file) {
		ref->kind = SECRET_FILE;
		ref->value = TAKE_PTR(s.file);
	} else if (s.command.len > 0) {
		ref->kind = SECRET_COMMAND;
		ref->argv = to_argv(d, &s.command);
		ref->pos = ynode_pos(v->items[0]->items[0]);
	}
	decode_done(secret_fields, &s);
}

static json_t *secret_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:b s:i s:i s:o}", "type", "object", "additionalProperties", 0,
			 "minProperties", 1, "maxProperties", 1, "properties",
			 json_pack("{s:o s:o s:o}", "env", schema_field(&secret_fields[0]), "file",
				   schema_field(&secret_fields[1]), "command",
				   schema_field(&secret_fields[2])));
}
static void secret_free(void *value)
{
	secret_ref_done(value);
}
const struct field_type type_secret = { secret_decode, secret_schema, "secret", NULL, secret_free };
