#include "node-taints.h"

#include "json.h"

#include <string.h>

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

/* Is "key:Effect" in the annotation's list? */
static bool is_ours(const char *list, const char *key, const char *effect)
{
	char one[512];
	size_t len;

	(void)snprintf(one, sizeof(one), "%s:%s", key, effect);
	len = strlen(one);
	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && strncmp(p, one, len) == 0)
			return true;
	return false;
}

static const struct node_taint *find_want(const struct node_taint *want, size_t len,
					  const json_t *have)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(want[i].key, text_of(have, "key")) == 0 &&
		    strcmp(want[i].effect, text_of(have, "effect")) == 0)
			return &want[i];
	return NULL;
}

static const json_t *find_have(const json_t *taints, const struct node_taint *want)
{
	const json_t *e;
	size_t i;

	json_array_foreach (taints, i, e)
		if (strcmp(text_of(e, "key"), want->key) == 0 &&
		    strcmp(text_of(e, "effect"), want->effect) == 0)
			return e;
	return NULL;
}

static void add_conflict(char *dst, size_t size, const char *key, const char *what)
{
	size_t n = strlen(dst);

	(void)snprintf(dst + n, size - n, "%staint %s %s", n ? ", " : "", key, what);
}

static json_t *make(const struct node_taint *t)
{
	json_t *j = json_pack("{s:s, s:s}", "key", t->key, "effect", t->effect);

	if (j && t->value[0] && json_object_set_new(j, "value", json_string(t->value)) < 0) {
		json_decref(j);
		return NULL;
	}
	return j;
}

struct plan {
	const struct node_taint *want;
	size_t want_len;
	const char *ours;
	bool dns_ready, changed;
	char *conflict;
	size_t conflict_size;
};

/* What becomes of one that is there: itself, another value, or NULL when it goes. */
static json_t *keep(struct plan *p, json_t *have)
{
	const struct node_taint *w = find_want(p->want, p->want_len, have);
	const char *key = text_of(have, "key");
	bool ours = is_ours(p->ours, key, text_of(have, "effect"));

	if (w && strcmp(w->value, text_of(have, "value")) == 0)
		return json_incref(have);
	if (w && !ours) {
		add_conflict(p->conflict, p->conflict_size, key, "has another value");
		return json_incref(have);
	}
	if (!w && !ours && !(p->dns_ready && strcmp(key, DNS_UNREADY) == 0))
		return json_incref(have);
	p->changed = true;
	return w ? make(w) : NULL;
}

static int fill(struct plan *p, const json_t *taints, json_t *dst)
{
	json_t *e;
	size_t i;

	json_array_foreach (taints, i, e) {
		json_t *k = keep(p, e);

		if (k && json_array_append_new(dst, k) < 0)
			return -ENOMEM;
	}
	for (i = 0; i < p->want_len; i++) {
		const struct node_taint *w = &p->want[i];

		if (find_have(taints, w))
			continue;
		if (is_ours(p->ours, w->key, w->effect)) {
			add_conflict(p->conflict, p->conflict_size, w->key, "was taken off");
			continue;
		}
		p->changed = true;
		if (json_array_append_new(dst, make(w)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Those of cluster.yaml, less what somebody else holds with another value: that never was ours. */
static int annotation(const struct plan *p, const json_t *taints, struct buf *b)
{
	for (size_t i = 0; i < p->want_len; i++) {
		const struct node_taint *w = &p->want[i];
		const json_t *have = find_have(taints, w);

		if (have && strcmp(text_of(have, "value"), w->value) != 0 &&
		    !is_ours(p->ours, w->key, w->effect))
			continue;
		(void)buf_addf(b, "%s%s:%s", b->len ? "," : "", w->key, w->effect);
	}
	return buf_error(b);
}

int node_taints_plan(const json_t *node, const struct node_taint *want, size_t want_len,
		     bool dns_ready, json_t **ret_patch, char *conflict, size_t conflict_size,
		     struct err *err)
{
	const json_t *meta = json_object_get(node, "metadata");
	const char *version = json_string_value(json_object_get(meta, "resourceVersion"));
	cleanup_buf struct buf mark = BUF_INIT(4096);
	cleanup_json json_t *list = json_array();
	struct plan p = {
		.want = want,
		.want_len = want_len,
		.ours = text_of(json_object_get(meta, "annotations"), KILN_TAINTS),
		.dns_ready = dns_ready,
		.conflict = conflict,
		.conflict_size = conflict_size,
	};

	*conflict = '\0';
	*ret_patch = NULL;
	if (!version)
		return err_setf(err, -EBADMSG, "a Node without resourceVersion");
	if (!list || annotation(&p, js_at(node, "spec.taints"), &mark) < 0 ||
	    fill(&p, js_at(node, "spec.taints"), list) < 0)
		return err_nomem(err);
	if (!p.changed && strcmp(p.ours, buf_str(&mark)) == 0)
		return 0;
	*ret_patch =
		json_pack("{s:{s:s, s:{s:s}}, s:{s:O}}", "metadata", "resourceVersion", version,
			  "annotations", KILN_TAINTS, buf_str(&mark), "spec", "taints", list);
	return *ret_patch ? 0 : err_nomem(err);
}
