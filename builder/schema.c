/* schema - JSON Schema from the decoding tables */
#include "schema.h"

#include <string.h>

/* The default as JSON of the value's own type. */
static json_t *default_json(const struct field *f)
{
	if (f->type == &type_bool)
		return json_boolean(f->def[0] == 't');
	if (f->type == &type_uint)
		return json_integer(strtol(f->def, NULL, 10)); /* our own table's text */
	return json_string(f->def);
}

json_t *schema_field(const struct field *f)
{
	json_t *s = f->type->schema(f);

	if (!s)
		return NULL;
	if ((f->doc && json_object_set_new(s, "description", json_string(f->doc)) < 0) ||
	    (f->def && json_object_set_new(s, "default", default_json(f)) < 0)) {
		json_decref(s);
		return NULL;
	}
	return s;
}

json_t *schema_object(const struct field *fields)
{
	json_t *props = json_object(), *required = json_array(), *out;
	bool ok = props && required;

	for (const struct field *f = fields; ok && f->key; f++) {
		ok = json_object_set_new(props, f->key, schema_field(f)) == 0;
		if (ok && f->flags & FIELD_REQUIRED)
			ok = json_array_append_new(required, json_string(f->key)) == 0;
	}
	out = ok ? json_pack("{s:s s:b s:O s:O}", "type", "object", "additionalProperties", 0,
			     "properties", props, "required", required)
		 : NULL;
	json_decref(props);
	json_decref(required);
	return out;
}
