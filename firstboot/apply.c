#include "apply.h"

#include "buf.h"
#include "json.h"

#include <ctype.h>
#include <string.h>

#define REQUEST_TIMEOUT_MS 8000

struct apply_request {
	struct kube_req req;
	char *path, *body; /* owned; the body may hold secrets */
	size_t body_len;
};

static void request_free(struct apply_request *q)
{
	if (!q)
		return;
	kube_req_done(&q->req);
	if (q->body)
		explicit_bzero(q->body, q->body_len);
	free(q->body);
	free(q->path);
	free(q);
}

void apply_item_done(struct apply_item *it)
{
	json_decref(it->live);
	it->live = NULL;
	request_free(it->request);
	it->request = NULL;
}

/* RBAC names may hold more than a path may. */
static void add_segment(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~:", *s))
			(void)buf_addc(b, *s);
		else
			(void)buf_addf(b, "%%%02X", (unsigned char)*s);
	}
}

char *apply_path(const char *group, const char *version, const char *namespace, const char *plural,
		 const char *name)
{
	cleanup_buf struct buf b = BUF_INIT(8192);

	if (*group)
		(void)buf_addf(&b, "/apis/%s/%s", group, version);
	else
		(void)buf_addf(&b, "/api/%s", version);
	if (namespace && *namespace) {
		(void)buf_adds(&b, "/namespaces/");
		add_segment(&b, namespace);
	}
	(void)buf_addf(&b, "/%s", plural);
	if (name && *name) {
		(void)buf_addc(&b, '/');
		add_segment(&b, name);
	}
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

static int set_path(struct apply_request *q, const struct apply_item *it)
{
	const struct bundle_object *o = it->object;
	cleanup_free char *path = NULL;

	if (it->path)
		path = strdup(it->path);
	else
		path = apply_path(o->group, o->version, o->namespaced ? o->namespace : NULL,
				  o->plural, o->name);
	if (!path)
		return -ENOMEM;
	if (it->verb == APPLY_PATCH)
		return asprintf(&q->path, "%s?fieldManager=" APPLY_MANAGER, path) < 0 ? -ENOMEM : 0;
	if (it->verb == APPLY_DELETE)
		return asprintf(&q->path, "%s?propagationPolicy=Background", path) < 0 ? -ENOMEM
										       : 0;
	q->path = TAKE_PTR(path);
	return 0;
}

int apply_start(struct kube *k, const struct bundle_reader *reader, struct apply_item *it,
		struct err *err)
{
	static const char *const methods[] = { "GET", "GET", "PATCH", "DELETE" };
	struct apply_request *q = calloc(1, sizeof(*q));
	int r;

	it->request = q;
	if (!q || set_path(q, it) < 0)
		return err_nomem(err);
	if (it->verb == APPLY_PATCH) {
		r = bundle_reader_object(reader, it->object, &q->body, &q->body_len, err);
		if (r < 0)
			return r;
		q->req.body = q->body;
		q->req.body_len = q->body_len;
		q->req.content_type = "application/apply-patch+yaml";
	}
	q->req.method = methods[it->verb];
	q->req.path = q->path;
	q->req.accept = it->verb == APPLY_GET ? NULL : KUBE_ACCEPT_META;
	q->req.guarded = it->verb == APPLY_PATCH || it->verb == APPLY_DELETE;
	q->req.timeout_ms = REQUEST_TIMEOUT_MS;
	q->req.user = it;
	return kube_start(k, &q->req, err);
}

static void count(struct apply_item *it, int status, struct apply_stats *stats)
{
	const char *version = json_string_value(js_at(it->live, "metadata.resourceVersion"));

	if (it->verb == APPLY_GET || it->verb == APPLY_GET_META) {
		stats->reads++;
	} else if (it->verb == APPLY_DELETE) {
		stats->deleted += it->class == KUBE_OK;
	} else if (it->class == KUBE_OK) {
		if (status == 201)
			it->effect = APPLY_CREATED;
		else if (it->version && version && strcmp(version, it->version) == 0)
			it->effect = APPLY_UNCHANGED;
		else
			it->effect = APPLY_CHANGED;
		stats->created += it->effect == APPLY_CREATED;
		stats->changed += it->effect == APPLY_CHANGED;
		stats->unchanged += it->effect == APPLY_UNCHANGED;
	}
}

static void receive(struct apply_item *it, struct apply_stats *stats)
{
	struct kube_reply *reply = &it->request->req.reply;
	struct err bad = { 0 };

	it->class = reply->class;
	it->retry_after_s = reply->retry_after_s;
	(void)snprintf(it->message, sizeof(it->message), "%s", reply->message);
	if (it->class == KUBE_OK && it->verb != APPLY_DELETE) {
		it->live = kube_reply_json(reply, &bad);
		if (!it->live) { /* cut in mid-body, or a proxy's page */
			it->class = KUBE_RETRY;
			(void)snprintf(it->message, sizeof(it->message), "%.1000s", bad.msg);
		}
	}
	count(it, reply->status, stats);
	request_free(it->request);
	it->request = NULL;
}

void apply_cancel(struct kube *k, struct apply_item *it)
{
	if (!it->request)
		return;
	kube_cancel(k, &it->request->req);
	request_free(it->request);
	it->request = NULL;
}

struct apply_item *apply_next(struct kube *k, unsigned int timeout_ms, struct apply_stats *stats)
{
	struct kube_req *req = kube_next(k, timeout_ms);

	if (!req)
		return NULL;
	receive(req->user, stats);
	return req->user;
}

int apply_one(struct kube *k, const struct bundle_reader *reader, struct apply_item *it,
	      struct apply_stats *stats, struct err *err)
{
	int r = apply_start(k, reader, it, err);

	if (r < 0)
		return r;
	/* libcurl ends it at its own deadline: this one is only a net below it */
	if (apply_next(k, 2 * REQUEST_TIMEOUT_MS, stats) == it)
		return 0;
	apply_cancel(k, it);
	return err_setf(err, -ETIMEDOUT, "the API server does not answer");
}
