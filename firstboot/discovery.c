#include "discovery.h"

#include "clock.h"
#include "json.h"

#include <string.h>

#define ACCEPT "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define TIMEOUT_MS 8000
#define PAUSE_MS 200
#define PAUSE_MAX_MS 5000
#define PAUSE_FACTOR 4

struct kind {
	char *name, *version; /* owned; "<plural>.<group>" */
};
struct discovery {
	struct kind *kinds; /* sorted by name */
	size_t len, size;
	char *etag; /* owned or NULL */
	uint64_t asked_ms, next_ms;
	char trouble[256];
};

static void clear(struct discovery *d)
{
	for (size_t i = 0; i < d->len; i++) {
		free(d->kinds[i].name);
		free(d->kinds[i].version);
	}
	d->len = 0;
}

int discovery_new(struct discovery **ret, struct err *err)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : err_nomem(err);
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	clear(d);
	free(d->kinds);
	free(d->etag);
	free(d);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool can_create(const json_t *resource)
{
	const json_t *verbs = json_object_get(resource, "verbs"), *v;
	size_t i;

	json_array_foreach (verbs, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), "create") == 0)
			return true;
	return false;
}

static int add(struct discovery *d, const char *plural, const char *group, const char *version)
{
	struct kind k = { 0 };

	if (d->len == d->size) {
		size_t size = d->size ? 2 * d->size : 128;
		struct kind *p = reallocarray(d->kinds, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		d->kinds = p;
		d->size = size;
	}
	if (asprintf(&k.name, "%s.%s", plural, group) < 0)
		return -ENOMEM;
	k.version = strdup(version);
	if (!k.version) {
		free(k.name);
		return -ENOMEM;
	}
	d->kinds[d->len++] = k;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct kind *)a)->name, ((const struct kind *)b)->name);
}

/* Versions come best first; of one kind the first stays. */
static int add_group(struct discovery *d, const json_t *item)
{
	const json_t *meta = json_object_get(item, "metadata"), *v, *r;
	const json_t *versions = json_object_get(item, "versions");
	size_t first = d->len, i, k;

	json_array_foreach (versions, i, v) {
		const json_t *resources = json_object_get(v, "resources");

		json_array_foreach (resources, k, r) {
			const char *plural = text_of(r, "resource");
			size_t n = first, len = strlen(plural);

			while (n < d->len && (strncmp(d->kinds[n].name, plural, len) != 0 ||
					      d->kinds[n].name[len] != '.'))
				n++;
			if (n < d->len || !can_create(r))
				continue;
			if (add(d, plural, text_of(meta, "name"), text_of(v, "version")) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int take(struct discovery *d, struct kube_reply *reply, struct err *err)
{
	struct err bad = { 0 };
	cleanup_json json_t *j = kube_reply_json(reply, &bad);
	const json_t *items = json_object_get(j, "items"), *item;
	size_t i;

	if (!json_is_array(items)) {
		(void)snprintf(d->trouble, sizeof(d->trouble), "%.200s",
			       j ? "the API server has no aggregated discovery" : bad.msg);
		return 0;
	}
	clear(d);
	json_array_foreach (items, i, item)
		if (add_group(d, item) < 0)
			return err_nomem(err);
	qsort(d->kinds, d->len, sizeof(*d->kinds), compare);
	free(d->etag);
	d->etag = reply->etag[0] ? strdup(reply->etag) : NULL;
	return 0;
}

int discovery_refresh(struct discovery *d, struct kube *k, struct err *err)
{
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = "/apis",
						 .accept = ACCEPT,
						 .if_none_match = d->etag,
						 .timeout_ms = TIMEOUT_MS };
	struct err bad = { 0 };
	uint64_t before = clock_ms(), now, took;
	int r;

	if (before < d->next_ms)
		return 0;
	d->trouble[0] = '\0';
	r = kube_do(k, &req, &bad);
	now = clock_ms();
	took = PAUSE_FACTOR * (now - before);
	d->next_ms = now + PAUSE_MS + (took < PAUSE_MAX_MS ? took : PAUSE_MAX_MS);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r >= 0 && req.reply.class == KUBE_OK)
		r = req.reply.status == 304 ? 0 : take(d, &req.reply, err);
	else
		(void)snprintf(d->trouble, sizeof(d->trouble), "%.250s",
			       r < 0 ? bad.msg : req.reply.message);
	if (!d->trouble[0])
		d->asked_ms = now;
	return r == -ENOMEM ? r : 0;
}

const char *discovery_version(const struct discovery *d, const char *crd_name)
{
	const struct kind key = { .name = (char *)(uintptr_t)crd_name };
	const struct kind *k =
		d->len ? bsearch(&key, d->kinds, d->len, sizeof(*d->kinds), compare) : NULL;

	return k ? k->version : NULL;
}

uint64_t discovery_next_ms(const struct discovery *d)
{
	return d->next_ms;
}

uint64_t discovery_asked_ms(const struct discovery *d)
{
	return d->asked_ms;
}

const char *discovery_trouble(const struct discovery *d)
{
	return d->trouble;
}
