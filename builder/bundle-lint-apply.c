/* bundle-lint-apply - what server-side apply refuses although a plain create takes it */
#include "bundle-lint.h"
#include "kval-write.h"

#include <ctype.h>
#include <string.h>

#define ANNOTATION_MAX 262144	      /* all annotations of an object together */
#define ETCD_MAX ((size_t)1536 << 10) /* etcd's default for one request */
#define DATA_MAX ((size_t)1 << 20)    /* of a ConfigMap or Secret */

static bool same(const struct kval *a, const struct kval *b, const char *otherwise)
{
	const char *x = a ? a->text : otherwise, *y = b ? b->text : otherwise;

	return x && y && strcmp(x, y) == 0;
}

static bool is_scalar(const struct kval *v)
{
	return !v || v->type == KVAL_STRING || v->type == KVAL_INT;
}

struct list_rule {
	const char *what, *key, *second, *otherwise; /* second: NULL, or a key with a default */
};

/* The earlier item that has the same key (and the same second key) as item i; NULL: none. */
static const struct kval *earlier(const struct kval *list, size_t i, const struct list_rule *rule)
{
	const struct kval *a = kval_get(list->items[i], rule->key);
	const struct kval *x = rule->second ? kval_get(list->items[i], rule->second) : NULL;

	if (!a || !is_scalar(a) || !is_scalar(x))
		return NULL;
	for (size_t k = 0; k < i; k++) {
		const struct kval *b = kval_get(list->items[k], rule->key);
		const struct kval *y = rule->second ? kval_get(list->items[k], rule->second) : NULL;

		if (b && is_scalar(b) && is_scalar(y) && same(a, b, NULL) &&
		    (!rule->second || same(x, y, rule->otherwise)))
			return b;
	}
	return NULL;
}

static int check_list(struct bundle_model *m, const struct bundle_item *it, const struct kval *list,
		      const char *what, const char *key, const char *second, const char *otherwise)
{
	const struct list_rule rule = { what, key, second, otherwise };

	for (size_t i = 1; kval_is(list, KVAL_LIST) && i < list->items_len; i++) {
		const struct kval *a = kval_get(list->items[i], key), *b = earlier(list, i, &rule);

		if (b && bundle_find(m, FINDING_ERROR, "duplicate-list-key", it, a,
				     "%s '%s' is there twice (first in line %u): server-side "
				     "apply refuses it",
				     what, a->text, b->line) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int check_containers(struct bundle_model *m, const struct bundle_item *it,
			    const struct kval *list)
{
	int r = check_list(m, it, list, "container", "name", NULL, NULL);

	for (size_t i = 0; kval_is(list, KVAL_LIST) && i < list->items_len && r == 0; i++) {
		const struct kval *c = list->items[i];

		r = check_list(m, it, kval_get(c, "env"), "environment variable", "name", NULL,
			       NULL);
		if (r == 0)
			r = check_list(m, it, kval_get(c, "ports"), "container port",
				       "containerPort", "protocol", "TCP");
		if (r == 0)
			r = check_list(m, it, kval_get(c, "volumeMounts"), "mount path",
				       "mountPath", NULL, NULL);
	}
	return r;
}

static int check_lists(struct bundle_model *m, const struct bundle_item *it)
{
	const struct kval *pod = bundle_pod_spec(it);
	int r = 0;

	if (strcmp(it->kind, "Service") == 0 && it->group[0] == '\0')
		r = check_list(m, it, kval_path(it->v, "spec.ports"), "service port", "port",
			       "protocol", "TCP");
	if (r == 0 && pod)
		r = check_containers(m, it, kval_get(pod, "containers"));
	if (r == 0 && pod)
		r = check_containers(m, it, kval_get(pod, "initContainers"));
	if (r == 0 && pod)
		r = check_list(m, it, kval_get(pod, "volumes"), "volume", "name", NULL, NULL);
	return r;
}

/* YAML reads y, 1 and on as other types than text; the API server takes texts alone here. */
static int check_metadata(struct bundle_model *m, const struct bundle_item *it)
{
	static const char *const maps[] = { "labels", "annotations" };
	const struct kval *metadata = kval_get(it->v, "metadata");

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		const struct kval *map = kval_get(metadata, maps[i]);

		for (size_t k = 0; kval_is(map, KVAL_MAP) && k < map->pairs_len; k++)
			if (map->pairs[k].value->type != KVAL_STRING &&
			    map->pairs[k].value->type != KVAL_NULL &&
			    bundle_find(m, FINDING_ERROR, "metadata-text", it, map->pairs[k].value,
					"the value of '%s' in '%s' must be a text: quote it",
					map->pairs[k].key->text, maps[i]) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* A Job's template cannot be changed: a new one needs a new name, or the old one gone. */
static int check_job(struct bundle_model *m, const struct bundle_item *it)
{
	const char *dash = strrchr(it->name, '-');
	size_t hash = dash ? strspn(dash + 1, "0123456789abcdef") : 0;

	if (strcmp(it->kind, "Job") != 0 || (it->hook && it->hook->delete &BUNDLE_DELETE_BEFORE) ||
	    (dash && hash >= 8 && dash[1 + hash] == '\0'))
		return 0;
	return bundle_find(m, FINDING_WARNING, "immutable-job", it, NULL,
			   "a changed template cannot be applied over the old Job: put a hash into "
			   "its name, or make it "
			   "a hook that is deleted before creation");
}

/* Bytes as Go would write them into the annotation of a client-side apply. */
static size_t go_bytes(const struct buf *b)
{
	size_t n = b->len;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '<' || b->data[i] == '>' || b->data[i] == '&' ? 5 : 0;
	return n;
}

static int check_size(struct bundle_model *m, const struct bundle_item *it, struct buf *b)
{
	bool holds_data = it->group[0] == '\0' &&
			  (strcmp(it->kind, "ConfigMap") == 0 || strcmp(it->kind, "Secret") == 0);

	buf_clear(b);
	if (kval_write_json(it->v, b) == -ENOMEM)
		return -ENOMEM;
	if (buf_error(b) == -E2BIG || b->len > ETCD_MAX || (holds_data && b->len > DATA_MAX))
		return bundle_find(m, FINDING_ERROR, "object-too-large", it, NULL,
				   "%zu bytes as JSON; the API server takes at most %zu", b->len,
				   holds_data ? DATA_MAX : ETCD_MAX);
	if (it->crd && go_bytes(b) > ANNOTATION_MAX)
		return bundle_find(m, FINDING_INFO, "crd-annotation-limit", it, NULL,
				   "%zu bytes are too many for the annotation of a client-side "
				   "apply (%d): only "
				   "server-side apply works",
				   go_bytes(b), ANNOTATION_MAX);
	return 0;
}

int lint_apply(struct bundle_model *m)
{
	cleanup_buf struct buf b = BUF_INIT((size_t)16 << 20);

	FOR_EACH_ITEM(m, p, it)
	{
		(void)p;
		if (check_metadata(m, it) < 0 || check_lists(m, it) < 0 || check_job(m, it) < 0 ||
		    check_size(m, it, &b) < 0)
			return -ENOMEM;
	}
	return 0;
}
