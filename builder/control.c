#include "control.h"

#include <string.h>
#include <strings.h>

#define FIELDS_MAX 64U

/* dpkg's fieldinfos (lib/dpkg/parse.c): the order in which it writes its status file */
static const char *const order[] = {
	"Package",	"Essential",	  "Protected",	 "Status",     "Priority",
	"Section",	"Installed-Size", "Origin",	 "Maintainer", "Bugs",
	"Architecture", "Multi-Arch",	  "Source",	 "Version",    "Replaces",
	"Provides",	"Depends",	  "Pre-Depends", "Recommends", "Suggests",
	"Breaks",	"Conflicts",	  "Enhances",	 "Conffiles",  "Description",
};

bool control_next(const char **text, const char **ret, size_t *ret_len)
{
	const char *p = *text;
	const char *end;

	while (*p == '\n')
		p++;
	if (!*p) {
		*text = p;
		return false;
	}
	end = strstr(p, "\n\n");
	end = end ? end + 1 : p + strlen(p);
	*ret = p;
	*ret_len = (size_t)(end - p);
	*text = end;
	return true;
}

static const char *line_end(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl : end;
}

bool control_field_next(const char **at, const char *end, struct control_field *ret)
{
	const char *p = *at;

	while (p < end) {
		const char *stop = line_end(p, end);
		const char *colon = memchr(p, ':', (size_t)(stop - p));
		const char *value = colon ? colon + 1 : NULL;

		while (stop < end && stop + 1 < end && (stop[1] == ' ' || stop[1] == '\t'))
			stop = line_end(stop + 1, end);
		if (value) {
			while (value < stop && (*value == ' ' || *value == '\t'))
				value++;
			*ret = (struct control_field){ p, (size_t)(colon - p), value,
						       (size_t)(stop - value) };
			*at = stop < end ? stop + 1 : end;
			return true;
		}
		p = stop < end ? stop + 1 : end;
	}
	*at = end;
	return false;
}

static bool named(const struct control_field *f, const char *name)
{
	return strlen(name) == f->name_len && strncasecmp(name, f->name, f->name_len) == 0;
}

bool control_find(const char *stanza, size_t len, const char *name, struct control_field *ret)
{
	const char *at = stanza;

	while (control_field_next(&at, stanza + len, ret))
		if (named(ret, name))
			return true;
	return false;
}

char *control_get(const char *stanza, size_t len, const char *name)
{
	struct control_field f;

	return control_find(stanza, len, name, &f) ? strndup(f.value, f.value_len) : NULL;
}

static void add_field(struct buf *out, const struct control_field *f)
{
	bool list = f->value_len && f->value[0] == '\n';

	(void)buf_add(out, f->name, f->name_len);
	(void)buf_adds(out, list ? ":" : ": ");
	(void)buf_add(out, f->value, f->value_len);
	(void)buf_addc(out, '\n');
}

int control_add_installed(struct buf *out, const char *control, size_t len, const char *conffiles,
			  struct err *err)
{
	struct control_field f[FIELDS_MAX];
	bool done[FIELDS_MAX] = { false };
	const char *at = control;
	size_t n = 0;

	while (n < FIELDS_MAX && control_field_next(&at, control + len, &f[n]))
		n++;
	if (n == FIELDS_MAX)
		return err_setf(err, -E2BIG, "a control file has more than %u fields",
				FIELDS_MAX - 1);
	for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
		if (strcmp(order[o], "Status") == 0)
			(void)buf_adds(out, "Status: install ok installed\n");
		if (strcmp(order[o], "Conffiles") == 0 && *conffiles)
			(void)buf_addf(out, "Conffiles:\n%s", conffiles);
		for (size_t i = 0; i < n; i++) {
			if (done[i] || !named(&f[i], order[o]))
				continue;
			add_field(out, &f[i]);
			done[i] = true;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!done[i])
			add_field(out, &f[i]);
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}
