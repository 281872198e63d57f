#include "kval.h"

#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

#define CHUNK_BYTES (256U << 10)

struct kval_chunk {
	struct kval_chunk *next;
	size_t used, size;
	alignas(16) char data[];
};

void kval_pool_done(struct kval_pool *p)
{
	while (p->chunks) {
		struct kval_chunk *next = p->chunks->next;

		free(p->chunks);
		p->chunks = next;
	}
}

void *kval_alloc(struct kval_pool *p, size_t size)
{
	struct kval_chunk *c = p->chunks;
	size_t want;
	void *ret;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + 7) & ~(size_t)7;
	if (!c || c->size - c->used < size) {
		want = size > CHUNK_BYTES / 4 ? size : CHUNK_BYTES;
		c = malloc(sizeof(*c) + want);
		if (!c)
			return NULL;
		*c = (struct kval_chunk){ .size = want };
		if (want == size &&
		    p->chunks) { /* a big one goes behind, the open chunk stays open */
			c->next = p->chunks->next;
			p->chunks->next = c;
		} else {
			c->next = p->chunks;
			p->chunks = c;
		}
	}
	ret = c->data + c->used;
	c->used += size;
	return memset(ret, 0, size);
}

char *kval_strndup(struct kval_pool *p, const char *s, size_t len)
{
	char *ret = len < SIZE_MAX ? kval_alloc(p, len + 1) : NULL;

	if (ret && len > 0)
		memcpy(ret, s, len);
	return ret;
}

struct kval *kval_new(struct kval_pool *p, enum kval_type type)
{
	struct kval *v = kval_alloc(p, sizeof(*v));

	if (v)
		v->type = type;
	return v;
}

struct kval *kval_new_text(struct kval_pool *p, enum kval_type type, const char *s, size_t len)
{
	struct kval *v = kval_new(p, type);

	if (!v)
		return NULL;
	v->text = kval_strndup(p, s, len);
	v->text_len = len;
	return v->text ? v : NULL;
}

struct kval *kval_new_string(struct kval_pool *p, const char *s)
{
	return kval_new_text(p, KVAL_STRING, s, strlen(s));
}

struct kval *kval_new_int(struct kval_pool *p, int64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, n);

	return kval_new_text(p, KVAL_INT, text, (size_t)len);
}

struct kval *kval_new_bool(struct kval_pool *p, bool b)
{
	struct kval *v = kval_new(p, KVAL_BOOL);

	if (v)
		v->boolean = b;
	return v;
}

struct kval *kval_copy(struct kval_pool *p, const struct kval *v)
{
	struct kval *ret = kval_alloc(p, sizeof(*ret));

	if (!ret)
		return NULL;
	*ret = *v;
	if (v->type == KVAL_LIST && v->items_len > 0) {
		ret->items = kval_alloc(p, v->items_len * sizeof(*ret->items));
		for (size_t i = 0; ret->items && i < v->items_len; i++)
			if (!(ret->items[i] = kval_copy(p, v->items[i])))
				return NULL;
		return ret->items ? ret : NULL;
	}
	if (v->type == KVAL_MAP && v->pairs_len > 0) {
		ret->pairs = kval_alloc(p, v->pairs_len * sizeof(*ret->pairs));
		for (size_t i = 0; ret->pairs && i < v->pairs_len; i++) {
			ret->pairs[i].key = v->pairs[i].key;
			if (!(ret->pairs[i].value = kval_copy(p, v->pairs[i].value)))
				return NULL;
		}
		return ret->pairs ? ret : NULL;
	}
	return ret;
}

static int text_cmp(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return r != 0 ? r : a_len < b_len ? -1 : a_len > b_len;
}

/* The place of key, or where it would go (found tells). */
static size_t pair_find(const struct kval *map, const char *key, size_t len, bool *ret_found)
{
	size_t lo = 0, hi = map->pairs_len;

	*ret_found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct kval *k = map->pairs[mid].key;
		int r = text_cmp(k->text, k->text_len, key, len);

		if (r == 0) {
			*ret_found = true;
			return mid;
		}
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct kval_pair *kval_pair(const struct kval *map, const char *key)
{
	bool found;
	size_t i;

	if (!map || map->type != KVAL_MAP)
		return NULL;
	i = pair_find(map, key, strlen(key), &found);
	return found ? &map->pairs[i] : NULL;
}

struct kval *kval_get(const struct kval *map, const char *key)
{
	const struct kval_pair *p = kval_pair(map, key);

	return p ? p->value : NULL;
}

struct kval *kval_path(const struct kval *v, const char *path)
{
	while (v && *path) {
		size_t len = strcspn(path, ".");
		bool found;
		size_t i;

		if (v->type != KVAL_MAP)
			return NULL;
		i = pair_find(v, path, len, &found);
		if (!found)
			return NULL;
		v = v->pairs[i].value;
		path += len;
		if (*path == '.')
			path++;
	}
	return (struct kval *)v;
}

const char *kval_str(const struct kval *v)
{
	return v && v->type == KVAL_STRING ? v->text : NULL;
}

const char *kval_path_str(const struct kval *v, const char *path)
{
	return kval_str(kval_path(v, path));
}

bool kval_is(const struct kval *v, enum kval_type type)
{
	return v && v->type == type;
}

bool kval_true(const struct kval *v)
{
	return v && v->type == KVAL_BOOL && v->boolean;
}

bool kval_to_i64(const struct kval *v, int64_t *ret)
{
	uint64_t n = 0;
	const char *s;
	bool minus;

	if (!v || v->type != KVAL_INT)
		return false;
	s = v->text;
	minus = *s == '-';
	for (s += minus; *s; s++)
		if (__builtin_mul_overflow(n, 10U, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	if (n > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)-n : (int64_t)n;
	return true;
}

bool kval_equal(const struct kval *a, const struct kval *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case KVAL_NULL:
		return true;
	case KVAL_BOOL:
		return a->boolean == b->boolean;
	case KVAL_INT:
	case KVAL_FLOAT:
	case KVAL_STRING:
		return a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0;
	case KVAL_LIST:
		if (a->items_len != b->items_len)
			return false;
		for (size_t i = 0; i < a->items_len; i++)
			if (!kval_equal(a->items[i], b->items[i]))
				return false;
		return true;
	case KVAL_MAP:
		if (a->pairs_len != b->pairs_len)
			return false;
		for (size_t i = 0; i < a->pairs_len; i++)
			if (!kval_equal(a->pairs[i].key, b->pairs[i].key) ||
			    !kval_equal(a->pairs[i].value, b->pairs[i].value))
				return false;
		return true;
	}
	return false;
}

int kval_set(struct kval_pool *p, struct kval *map, const char *key, struct kval *v)
{
	struct kval_pair *pairs;
	struct kval *k;
	bool found;
	size_t i;

	if (!v)
		return -ENOMEM;
	i = pair_find(map, key, strlen(key), &found);
	if (found) {
		map->pairs[i].value = v;
		return 0;
	}
	k = kval_new_string(p, key);
	pairs = kval_alloc(p, (map->pairs_len + 1) * sizeof(*pairs));
	if (!k || !pairs)
		return -ENOMEM;
	if (map->pairs_len > 0) {
		memcpy(pairs, map->pairs, i * sizeof(*pairs));
		memcpy(pairs + i + 1, map->pairs + i, (map->pairs_len - i) * sizeof(*pairs));
	}
	pairs[i] = (struct kval_pair){ k, v };
	map->pairs = pairs;
	map->pairs_len++;
	return 0;
}

void kval_del(struct kval *map, const char *key)
{
	bool found;
	size_t i;

	if (!map || map->type != KVAL_MAP)
		return;
	i = pair_find(map, key, strlen(key), &found);
	if (!found)
		return;
	map->pairs_len--;
	memmove(map->pairs + i, map->pairs + i + 1, (map->pairs_len - i) * sizeof(*map->pairs));
}

int kval_append(struct kval_pool *p, struct kval *list, struct kval *v)
{
	struct kval **items;

	if (!v)
		return -ENOMEM;
	items = kval_alloc(p, (list->items_len + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	if (list->items_len > 0)
		memcpy(items, list->items, list->items_len * sizeof(*items));
	items[list->items_len++] = v;
	list->items = items;
	return 0;
}

struct kval *kval_map_at(struct kval_pool *p, struct kval *map, const char *key)
{
	struct kval *v = kval_get(map, key);

	if (v && v->type != KVAL_NULL)
		return v->type == KVAL_MAP ? v : NULL;
	v = kval_new(p, KVAL_MAP);
	return v && kval_set(p, map, key, v) == 0 ? v : NULL;
}

static int pair_cmp(const void *a, const void *b)
{
	const struct kval *x = ((const struct kval_pair *)a)->key,
			  *y = ((const struct kval_pair *)b)->key;
	int r = text_cmp(x->text, x->text_len, y->text, y->text_len);

	if (r != 0)
		return r;
	/* equal keys in the order of the file, so that the second is the one complained about */
	return x->line != y->line ? (x->line < y->line ? -1 : 1)
	       : x->col < y->col  ? -1
				  : x->col > y->col;
}

int kval_sort(struct kval *map, size_t *ret_dup)
{
	bool sorted = true;

	for (size_t i = 1; i < map->pairs_len && sorted; i++)
		sorted = pair_cmp(&map->pairs[i - 1], &map->pairs[i]) < 0;
	if (!sorted)
		qsort(map->pairs, map->pairs_len, sizeof(*map->pairs), pair_cmp);
	for (size_t i = 1; i < map->pairs_len; i++) {
		if (kval_equal(map->pairs[i - 1].key, map->pairs[i].key)) {
			*ret_dup = i;
			return -EEXIST;
		}
	}
	return 0;
}
