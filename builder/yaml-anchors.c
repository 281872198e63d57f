#include "yaml-anchors.h"

#include <string.h>

void yaml_anchors_done(struct yaml_anchors *a)
{
	free(a->items);
	*a = (struct yaml_anchors){ 0 };
}

int yaml_anchors_begin(struct yaml_anchors *a, struct kval_pool *pool, const yaml_char_t *name,
		       size_t *ret_index, struct err *err)
{
	char *copy;

	*ret_index = 0;
	if (!name)
		return 0;
	if (a->len == a->size) {
		size_t size = a->size ? a->size * 2 : 64;
		struct yaml_anchor *items = reallocarray(a->items, size, sizeof(*items));

		if (!items)
			return err_nomem(err);
		a->items = items;
		a->size = size;
	}
	copy = kval_strndup(pool, (const char *)name, strlen((const char *)name));
	if (!copy)
		return err_nomem(err);
	a->items[a->len++] = (struct yaml_anchor){ .name = copy };
	*ret_index = a->len;
	return 0;
}

void yaml_anchors_end(struct yaml_anchors *a, size_t index, struct kval *v, uint64_t before,
		      unsigned int height)
{
	if (index == 0)
		return;
	a->items[index - 1].v = v;
	a->items[index - 1].decodes = a->decodes - before;
	a->items[index - 1].height = height;
}

/* From 99 % of small documents down to 10 % of large ones. */
int yaml_anchors_check(const struct yaml_anchors *a, const struct yaml_piece *p,
		       const yaml_mark_t *mark, struct err *err)
{
	static const double low = 400000, high = 4000000;
	double total = (double)a->decodes, allowed = 0.99;

	if (a->alias_decodes <= 100 || a->decodes <= 1000)
		return 0;
	if (total >= high)
		allowed = 0.10;
	else if (total > low)
		allowed = 0.99 - 0.89 * ((total - low) / (high - low));
	if ((double)a->alias_decodes / total <= allowed)
		return 0;
	return yaml_piece_failf(p, mark, err, "aliases expand to too much");
}

int yaml_anchors_use(struct yaml_anchors *a, const struct yaml_piece *p, const yaml_event_t *e,
		     size_t depth, const struct yaml_anchor **ret, struct err *err)
{
	const char *name = (const char *)e->data.alias.anchor;
	const struct yaml_anchor *found = NULL;

	for (size_t i = a->len; i > 0 && !found; i--)
		if (strcmp(a->items[i - 1].name, name) == 0)
			found = &a->items[i - 1];
	if (!found)
		return yaml_piece_failf(p, &e->start_mark, err, "no anchor before this alias: *%s",
					name);
	if (!found->v)
		return yaml_piece_failf(p, &e->start_mark, err,
					"the anchor's value contains itself: *%s", name);
	if (depth + found->height > KVAL_DEPTH_MAX)
		return yaml_piece_failf(p, &e->start_mark, err, "nested too deeply");
	if (__builtin_add_overflow(a->decodes, found->decodes + 1, &a->decodes))
		a->decodes = UINT64_MAX;
	if (__builtin_add_overflow(a->alias_decodes, found->decodes, &a->alias_decodes))
		a->alias_decodes = UINT64_MAX;
	*ret = found;
	return yaml_anchors_check(a, p, &e->start_mark, err);
}
