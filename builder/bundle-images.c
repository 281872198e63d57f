/*
 * bundle-images - the container images a component will need, wherever they stand
 *
 * In pod specs, arguments, environment, ConfigMaps, custom resources: an operator starts
 * what stands in its configuration. Names are those containerd uses: registry and
 * "library/" spelt out.
 */
#include "bundle-model.h"
#include "image-ref.h"

#include <string.h>

struct found {
	struct bundle_model *m;
	struct bundle_part *p;
	size_t size;
};

static int add_image(struct found *f, const char *name)
{
	struct bundle_part *p = f->p;

	for (size_t i = 0; i < p->images_len; i++)
		if (strcmp(p->images[i], name) == 0)
			return 0;
	if (p->images_len == f->size) {
		size_t size = f->size ? f->size * 2 : 16;
		const char **images = reallocarray(p->images, size, sizeof(*images));

		if (!images)
			return -ENOMEM;
		p->images = images;
		f->size = size;
	}
	p->images[p->images_len] = kval_strndup(&f->m->pool, name, strlen(name));
	return p->images[p->images_len++] ? 0 : -ENOMEM;
}

/* A value of a key `image`: a reference by its place, also without a registry. */
static int add_value(struct found *f, const char *text)
{
	char name[IMAGE_REF_MAX];

	return image_ref_normalize(text, name) < 0 ? 0 : add_image(f, name);
}

/* Words of a longer text that can only be references: with a registry and a tag or digest. */
static int add_words(struct found *f, const char *text)
{
	static const char separators[] = " \t\r\n\"'=,;()<>[]{}`|";
	char word[IMAGE_REF_MAX], name[IMAGE_REF_MAX];
	int r = 0;

	while (*text && r == 0) {
		size_t len = strcspn(text, separators);

		if (len > 0 && len < sizeof(word)) {
			memcpy(word, text, len);
			word[len] = '\0';
			if (image_ref_is_full(word) && image_ref_normalize(word, name) == 0)
				r = add_image(f, name);
		}
		text += len;
		text += strspn(text, separators);
	}
	return r;
}

static int walk(struct found *f, const struct kval *v, const char *key)
{
	int r = 0;

	if (v->type == KVAL_STRING)
		return key && strcmp(key, "image") == 0 && strpbrk(v->text, ":@")
			       ? add_value(f, v->text)
			       : add_words(f, v->text);
	for (size_t i = 0; v->type == KVAL_LIST && i < v->items_len && r == 0; i++)
		r = walk(f, v->items[i], NULL);
	for (size_t i = 0; v->type == KVAL_MAP && i < v->pairs_len && r == 0; i++)
		r = walk(f, v->pairs[i].value, v->pairs[i].key->text);
	return r;
}

/* Containers need no tag to count: their `image` is one. */
static int walk_containers(struct found *f, const struct kval *pod)
{
	static const char *const lists[] = { "containers", "initContainers",
					     "ephemeralContainers" };
	int r = 0;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		const struct kval *list = kval_get(pod, lists[k]);

		for (size_t i = 0; kval_is(list, KVAL_LIST) && i < list->items_len && r == 0; i++) {
			const char *image = kval_path_str(list->items[i], "image");

			r = image ? add_value(f, image) : 0;
		}
	}
	return r;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int bundle_images(struct bundle_model *m, struct err *err)
{
	for (size_t i = 0; i < m->len; i++) {
		struct found f = { .m = m, .p = &m->parts[i] };
		int r = 0;

		for (size_t k = 0; k < f.p->len && r == 0; k++) {
			const struct bundle_item *it = &f.p->items[k];

			if (it->crd)
				continue;
			r = walk_containers(&f, bundle_pod_spec(it));
			if (r == 0)
				r = walk(&f, it->v, NULL);
		}
		for (size_t k = 0; f.p->def.images && k < f.p->def.images->items_len && r == 0; k++)
			r = add_value(&f, f.p->def.images->items[k]->text);
		if (r < 0)
			return err_nomem(err);
		if (f.p->images_len > 1)
			qsort(f.p->images, f.p->images_len, sizeof(*f.p->images), name_cmp);
	}
	return 0;
}
