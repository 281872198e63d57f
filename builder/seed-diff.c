#include "seed-diff.h"

#include <string.h>

static const struct {
	unsigned int bit;
	const char *name;
} changes[] = {
	{ CHANGE_TYPE, "type" },
	{ CHANGE_CONTENTS, "contents" },
	{ CHANGE_MODE, "mode" },
	{ CHANGE_OWNER, "owner" },
};

void seed_diff_done(struct seed_diff *d)
{
	free(d->items);
	*d = (struct seed_diff){ 0 };
}

static unsigned int compare(const struct fileset_entry *a, const struct fileset_entry *b)
{
	unsigned int what = 0;

	if (a->type != b->type)
		return CHANGE_TYPE;
	if (a->len != b->len || (a->len && memcmp(a->data, b->data, a->len) != 0))
		what |= CHANGE_CONTENTS;
	if (a->mode != b->mode && a->type != FILESET_SYMLINK)
		what |= CHANGE_MODE;
	if (a->uid != b->uid || a->gid != b->gid)
		what |= CHANGE_OWNER;
	return what;
}

int seed_diff_make(const struct fileset *before, const struct fileset *after, struct seed_diff *ret,
		   struct err *err)
{
	cleanup_seed_diff struct seed_diff d = { 0 };
	size_t i = 0, k = 0;

	d.items = calloc(before->len + after->len + 1, sizeof(*d.items));
	if (!d.items)
		return err_nomem(err);
	while (i < before->len || k < after->len) {
		const struct fileset_entry *a = i < before->len ? &before->items[i] : NULL;
		const struct fileset_entry *b = k < after->len ? &after->items[k] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);
		struct seed_difference *x = &d.items[d.len];

		x->before = order <= 0 ? a : NULL;
		x->after = order >= 0 ? b : NULL;
		x->what = order < 0 ? CHANGE_REMOVED : order > 0 ? CHANGE_ADDED : compare(a, b);
		i += order <= 0;
		k += order >= 0;
		d.len += x->what != 0;
	}
	*ret = d;
	d = (struct seed_diff){ 0 };
	return 0;
}

static void print_what(const struct seed_difference *x, FILE *out)
{
	const char *separator = "  ";

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		if (!(x->what & changes[i].bit))
			continue;
		fprintf(out, "%s%s", separator, changes[i].name);
		if (changes[i].bit == CHANGE_MODE)
			fprintf(out, " %04o -> %04o", x->before->mode, x->after->mode);
		if (changes[i].bit == CHANGE_OWNER)
			fprintf(out, " %u:%u -> %u:%u", x->before->uid, x->before->gid,
				x->after->uid, x->after->gid);
		separator = ", ";
	}
}

void seed_diff_print(const struct seed_diff *d, FILE *out)
{
	for (size_t i = 0; i < d->len; i++) {
		const struct seed_difference *x = &d->items[i];

		fprintf(out, "%c %s",
			!x->before  ? '+'
			: !x->after ? '-'
				    : '~',
			x->before ? x->before->path : x->after->path);
		print_what(x, out);
		fputc('\n', out);
	}
}

static json_t *what_json(unsigned int what)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < ARRAY_SIZE(changes); i++)
		if (what & changes[i].bit)
			json_array_append_new(list, json_string(changes[i].name));
	return list;
}

json_t *seed_diff_json(const struct seed_diff *d)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < d->len; i++) {
		const struct seed_difference *x = &d->items[i];
		json_t *row = json_pack("{s:s s:s s:o}", "path",
					x->before ? x->before->path : x->after->path, "change",
					!x->before  ? "added"
					: !x->after ? "removed"
						    : "changed",
					"what", what_json(x->what));

		if (json_array_append_new(list, row) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
