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
	const char *file; /* what is being walked */
	const char *arch; /* its pods run on this one alone; NULL: on any */
};

static bool merge(struct found *f, const char *name)
{
	for (size_t i = 0; i < f->p->images_len; i++) {
		struct bundle_image *have = &f->p->images[i];

		if (strcmp(have->name, name) != 0)
			continue;
		if (have->arch && (!f->arch || strcmp(have->arch, f->arch) != 0))
			have->arch = NULL;
		return true;
	}
	return false;
}

static int add_image(struct found *f, const char *name, const struct kval *at)
{
	struct bundle_part *p = f->p;
	struct bundle_image *to;

	if (merge(f, name))
		return 0;
	if (p->images_len == f->size) {
		size_t size = f->size ? f->size * 2 : 16;
		struct bundle_image *images = reallocarray(p->images, size, sizeof(*images));

		if (!images)
			return -ENOMEM;
		p->images = images;
		f->size = size;
	}
	to = &p->images[p->images_len];
	*to = (struct bundle_image){ kval_strndup(&f->m->pool, name, strlen(name)), f->file, at,
				     f->arch };
	p->images_len += to->name != NULL;
	return to->name ? 0 : -ENOMEM;
}

/* A value of a key `image`: a reference by its place, also without a registry. */
static int add_value(struct found *f, const struct kval *v)
{
	char name[IMAGE_REF_MAX];

	return image_ref_normalize(v->text, name) < 0 ? 0 : add_image(f, name, v);
}

/* Words of a longer text that can only be references: with a registry and a tag or digest. */
static int add_words(struct found *f, const struct kval *v)
{
	static const char separators[] = " \t\r\n\"'=,;()<>[]{}`|";
	char word[IMAGE_REF_MAX], name[IMAGE_REF_MAX];
	const char *text = v->text;
	int r = 0;

	while (*text && r == 0) {
		size_t len = strcspn(text, separators);

		if (len > 0 && len < sizeof(word)) {
			memcpy(word, text, len);
			word[len] = '\0';
			if (image_ref_is_full(word) && image_ref_normalize(word, name) == 0)
				r = add_image(f, name, v);
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
		return key && strcmp(key, "image") == 0 && strpbrk(v->text, ":@") ? add_value(f, v)
										  : add_words(f, v);
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
			const struct kval *image = kval_get(list->items[i], "image");

			r = kval_is(image, KVAL_STRING) ? add_value(f, image) : 0;
		}
	}
	return r;
}

/* A selector by architecture spares the other one's archive an image that may not exist there. */
static const char *only_arch(const struct kval *pod)
{
	return kval_str(kval_get(kval_get(pod, "nodeSelector"), "kubernetes.io/arch"));
}

static int name_cmp(const void *a, const void *b)
{
	const struct bundle_image *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int walk_part(struct found *f)
{
	const struct component_def *d = &f->p->def;
	int r = 0;

	for (size_t k = 0; k < f->p->len && r == 0; k++) {
		const struct bundle_item *it = &f->p->items[k];
		const struct kval *pod = bundle_pod_spec(it);

		if (it->crd)
			continue;
		f->file = it->file;
		f->arch = only_arch(pod);
		r = walk_containers(f, pod);
		if (r == 0)
			r = walk(f, it->v, NULL);
	}
	f->file = d->file;
	f->arch = NULL;
	for (size_t k = 0; d->images && k < d->images->items_len && r == 0; k++)
		r = add_value(f, d->images->items[k]);
	return r;
}

int bundle_images(struct bundle_model *m, struct err *err)
{
	for (size_t i = 0; i < m->len; i++) {
		struct found f = { .m = m, .p = &m->parts[i] };

		if (walk_part(&f) < 0)
			return err_nomem(err);
		if (f.p->images_len > 1)
			qsort(f.p->images, f.p->images_len, sizeof(*f.p->images), name_cmp);
	}
	return 0;
}
