/* bundle-hooks - Helm's hooks become ordered objects with their delete policy; tests are dropped */
#include "bundle-model.h"
#include "kube-kinds.h"
#include "parse.h"

#include <string.h>

struct word {
	const char *name;
	int value;
};
enum { HOOK_DROP = -1, HOOK_PLAIN = -2 };

static const struct word phases[] = {
	{ "pre-install", BUNDLE_HOOK_PRE },
	{ "pre-upgrade", BUNDLE_HOOK_PRE },
	{ "pre-rollback", HOOK_DROP },
	{ "post-install", BUNDLE_HOOK_POST },
	{ "post-upgrade", BUNDLE_HOOK_POST },
	{ "post-rollback", HOOK_DROP },
	{ "pre-delete", HOOK_DROP },
	{ "post-delete", HOOK_DROP },
	{ "test", HOOK_DROP },
	{ "test-success", HOOK_DROP },
	{ "test-failure", HOOK_DROP },
	{ "crd-install", HOOK_PLAIN },
};
static const struct word policies[] = {
	{ "before-hook-creation", BUNDLE_DELETE_BEFORE },
	{ "hook-succeeded", BUNDLE_DELETE_SUCCEEDED },
	{ "hook-failed", BUNDLE_DELETE_FAILED },
};

/* The next word of a list with commas; NULL at its end. */
static const char *next_word(const char **list, char word[64])
{
	const char *s = *list + strspn(*list, ", ");
	size_t len = strcspn(s, ", ");

	*list = s + len;
	if (len == 0)
		return NULL;
	(void)snprintf(word, 64, "%.*s", (int)len, s);
	return word;
}

static const struct word *find_word(const struct word *words, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

static int fail(const struct bundle_item *it, const struct kval *at, struct err *err,
		const char *what, const char *word)
{
	return err_setf(err, -EINVAL, "%s:%u:%u: %s '%s': %s '%s'", it->file, at->line, at->col,
			it->kind, it->name, what, word);
}

/*
 * What a list of hooks means for a first installation that may be applied again:
 * install and upgrade are one. A hook that is only a test, or for deletion, is dropped.
 */
static int hook_phase(const struct bundle_item *it, const struct kval *v, int *ret, struct err *err)
{
	const char *list = v->text;
	int phase = HOOK_DROP;
	char word[64];

	while (next_word(&list, word)) {
		const struct word *w = find_word(phases, ARRAY_SIZE(phases), word);

		if (!w)
			return fail(it, v, err, "unknown Helm hook", word);
		if (phase == HOOK_DROP ||
		    (w->value == BUNDLE_HOOK_PRE && phase == BUNDLE_HOOK_POST))
			phase = w->value;
	}
	*ret = phase;
	return 0;
}

static int hook_delete(const struct bundle_item *it, const struct kval *v, unsigned int *ret,
		       struct err *err)
{
	const char *list = kval_str(v) ?: "before-hook-creation"; /* Helm's default */
	char word[64];

	while (next_word(&list, word)) {
		const struct word *w = find_word(policies, ARRAY_SIZE(policies), word);

		if (!w)
			return fail(it, v, err, "unknown delete policy of a Helm hook:", word);
		*ret |= (unsigned int)w->value;
	}
	return 0;
}

static int hook_weight(const struct bundle_item *it, const struct kval *v, int *ret,
		       struct err *err)
{
	const char *text = kval_str(v);
	uint32_t n;

	if (!text)
		return 0;
	if (u32_parse_between(text + (*text == '-'), 0, 1000000, &n) < 0)
		return fail(it, v, err, "the weight of a Helm hook is no number:", text);
	*ret = *text == '-' ? -(int)n : (int)n;
	return 0;
}

/* 1: keep, 0: drop */
static int read_hook(struct bundle_model *m, struct bundle_item *it, struct err *err)
{
	const struct kval *annotations = kval_path(it->v, "metadata.annotations");
	const struct kval *v = kval_get(annotations, "helm.sh/hook");
	struct bundle_hook *hook;
	int phase = HOOK_DROP, r;

	if (!kval_str(v))
		return 1;
	r = hook_phase(it, v, &phase, err);
	if (r < 0)
		return r;
	if (phase == HOOK_DROP)
		return 0;
	if (phase == HOOK_PLAIN)
		return 1;
	hook = kval_alloc(&m->pool, sizeof(*hook));
	if (!hook)
		return err_nomem(err);
	hook->phase = (enum bundle_hook_phase)phase;
	r = hook_delete(it, kval_get(annotations, "helm.sh/hook-delete-policy"), &hook->delete,
			err);
	if (r == 0)
		r = hook_weight(it, kval_get(annotations, "helm.sh/hook-weight"), &hook->weight,
				err);
	it->hook = hook;
	return r < 0 ? r : 1;
}

int bundle_hooks(struct bundle_model *m, struct err *err)
{
	for (size_t i = 0; i < m->len; i++) {
		struct bundle_part *p = &m->parts[i];
		size_t kept = 0;

		for (size_t k = 0; k < p->len; k++) {
			int r = read_hook(m, &p->items[k], err);

			if (r < 0)
				return err_wrapf(err, r, "component '%s'", p->def.name);
			if (r == 1)
				p->items[kept++] = p->items[k];
		}
		p->len = kept;
	}
	return 0;
}
