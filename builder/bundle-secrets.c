/* bundle-secrets - Secrets in the form that is applied, and ${secret:NAME} replaced at the last
 * moment */
#include "base64.h"
#include "buf.h"
#include "bundle-normalize.h"
#include "secrets.h"

#include <string.h>

#define MARK "${secret:"
#define TEXT_MAX ((size_t)4 << 20)

static bool has_mark(const struct kval *v)
{
	if (v->type == KVAL_STRING)
		return strstr(v->text, MARK) != NULL;
	for (size_t i = 0; v->type == KVAL_LIST && i < v->items_len; i++)
		if (has_mark(v->items[i]))
			return true;
	for (size_t i = 0; v->type == KVAL_MAP && i < v->pairs_len; i++)
		if (has_mark(v->pairs[i].value))
			return true;
	return false;
}

static bool is_secret_kind(const struct bundle_item *it)
{
	return strcmp(it->kind, "Secret") == 0 && it->group[0] == '\0';
}

/* stringData under server-side apply leaves stale keys: all of it becomes data. */
static int to_data(struct bundle_model *m, struct bundle_item *it)
{
	const struct kval *strings = kval_get(it->v, "stringData");
	struct kval *data, *old = kval_get(it->v, "data");

	if (!strings)
		return 0;
	data = kval_is(old, KVAL_MAP) ? kval_copy(&m->pool, old) : kval_new(&m->pool, KVAL_MAP);
	if (!data)
		return -ENOMEM;
	for (size_t i = 0; strings->type == KVAL_MAP && i < strings->pairs_len; i++) {
		const struct kval *s = strings->pairs[i].value;
		cleanup_free char *text = NULL;

		if (s->type != KVAL_STRING)
			return bundle_find(m, FINDING_ERROR, "secret-data", it, s,
					   "a value of stringData must be a text");
		text = base64_encode(s->text, s->text_len);
		if (!text || kval_set(&m->pool, data, strings->pairs[i].key->text,
				      kval_new_string(&m->pool, text)) < 0)
			return -ENOMEM;
	}
	kval_del(it->v, "stringData");
	return kval_set(&m->pool, it->v, "data", data);
}

/* data that decodes to a text with a mark: charts encode what they were given */
static bool data_has_mark(const struct kval *data)
{
	for (size_t i = 0; kval_is(data, KVAL_MAP) && i < data->pairs_len; i++) {
		const char *s = kval_str(data->pairs[i].value);
		cleanup_free char *text = NULL;
		size_t len;

		if (s && base64_decode(s, &text, &len) == 0 && strstr(text, MARK))
			return true;
	}
	return false;
}

int bundle_normalize(struct bundle_model *m, struct bundle_item *it)
{
	static const char *const server_side[] = { "managedFields",   "uid",
						   "resourceVersion", "creationTimestamp",
						   "generation",      "selfLink" };
	struct kval *metadata = kval_get(it->v, "metadata");

	/* what the API server writes itself; it refuses or ignores them */
	kval_del(it->v, "status");
	for (size_t i = 0; i < ARRAY_SIZE(server_side); i++)
		kval_del(metadata, server_side[i]);
	if (is_secret_kind(it) && to_data(m, it) < 0)
		return -ENOMEM;
	it->secret =
		has_mark(it->v) || (is_secret_kind(it) && data_has_mark(kval_get(it->v, "data")));
	return 0;
}

static const struct secret_ref *option_ref(const struct bundle_part *p, const char *name)
{
	for (size_t i = 0; p->component && i < p->component->secrets_len; i++)
		if (strcmp(p->component->secrets[i].option, name) == 0)
			return &p->component->secrets[i].ref;
	return NULL;
}

static int get_secret(const struct bundle_model *m, const struct bundle_part *p, const char *name,
		      struct secret *ret, struct err *err)
{
	const struct secret_ref *ref;
	char path[300];

	if (strncmp(name, "option.", 7) == 0) {
		ref = option_ref(p, name + 7);
		if (!ref)
			return err_setf(err, -ENOENT, "component '%s' has no secret option '%s'",
					p->def.name, name + 7);
		return secret_ref_resolve(m->cluster, ref, ret, err);
	}
	if (strchr(name, '/') || strstr(name, ".."))
		return err_setf(err, -EINVAL, "not the name of a secret: '%s'", name);
	(void)snprintf(path, sizeof(path), "component/%s", name);
	return secrets_get(m->cluster, path, ret, err);
}

static int fill_text(const struct bundle_model *m, const struct bundle_part *p, const char *s,
		     struct buf *out, struct err *err)
{
	const char *hit;

	while ((hit = strstr(s, MARK))) {
		cleanup_secret struct secret secret = { 0 };
		const char *end = strchr(hit, '}');
		char name[200];
		int r;

		(void)buf_add(out, s, (size_t)(hit - s));
		if (!end || (size_t)(end - hit) - strlen(MARK) >= sizeof(name))
			return err_setf(err, -EINVAL,
					"'" MARK "' without the secret's name and '}'");
		(void)snprintf(name, sizeof(name), "%.*s",
			       (int)((size_t)(end - hit) - strlen(MARK)), hit + strlen(MARK));
		r = get_secret(m, p, name, &secret, err);
		if (r < 0)
			return r;
		(void)buf_add(out, secret.data, secret.len);
		s = end + 1;
	}
	return buf_adds(out, s) < 0 ? err_nomem(err) : 0;
}

static int set_text(struct bundle_model *m, struct kval *v, const char *text, size_t len,
		    struct err *err)
{
	v->text_len = len;
	v->text = kval_strndup(&m->pool, text, len);
	return v->text ? 0 : err_nomem(err);
}

static int set_encoded(struct bundle_model *m, struct kval *v, const struct buf *plain,
		       struct err *err)
{
	cleanup_free char *text = base64_encode(plain->data, plain->len);
	size_t len = text ? strlen(text) : 0;
	int r = text ? set_text(m, v, text, len, err) : err_nomem(err);

	if (text)
		explicit_bzero(text, len);
	return r;
}

/* A string with a mark: filled; in data of a Secret decoded before and encoded after. */
static int fill_string(struct bundle_model *m, struct bundle_part *p, struct kval *v, bool encoded,
		       struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(TEXT_MAX);
	cleanup_free char *plain = NULL;
	size_t len;
	int r;

	if (encoded && base64_decode(v->text, &plain, &len) < 0)
		return 0;
	if (!strstr(plain ?: v->text, MARK))
		return 0;
	r = fill_text(m, p, plain ?: v->text, &out, err);
	if (r == 0)
		r = encoded ? set_encoded(m, v, &out, err)
			    : set_text(m, v, buf_str(&out), out.len, err);
	if (out.data)
		explicit_bzero(out.data, out.len);
	return r;
}

static int fill(struct bundle_model *m, struct bundle_part *p, struct kval *v, bool encoded,
		struct err *err)
{
	int r = 0;

	if (v->type == KVAL_STRING)
		return fill_string(m, p, v, encoded, err);
	for (size_t i = 0; v->type == KVAL_LIST && i < v->items_len && r == 0; i++)
		r = fill(m, p, v->items[i], encoded, err);
	for (size_t i = 0; v->type == KVAL_MAP && i < v->pairs_len && r == 0; i++)
		r = fill(m, p, v->pairs[i].value, encoded, err);
	return r;
}

int bundle_secrets(struct bundle_model *m, struct err *err)
{
	for (size_t i = 0; i < m->len; i++) {
		for (size_t k = 0; k < m->parts[i].len; k++) {
			struct bundle_item *it = &m->parts[i].items[k];
			struct kval *data;
			int r;

			if (!it->secret)
				continue;
			it->v = kval_copy(&m->pool, it->v);
			if (!it->v)
				return err_nomem(err);
			data = is_secret_kind(it) ? kval_get(it->v, "data") : NULL;
			r = data ? fill(m, &m->parts[i], data, true, err) : 0;
			if (r == 0)
				r = fill(m, &m->parts[i], it->v, false, err);
			if (r < 0)
				return err_wrapf(err, r, "component '%s': %s '%s'",
						 m->parts[i].def.name, it->kind, it->name);
		}
	}
	return 0;
}
