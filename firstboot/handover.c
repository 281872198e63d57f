#include "handover.h"

#include "apply.h"
#include "json.h"

#include <string.h>

#define TIMEOUT_MS 8000

static bool is_applied_by(const json_t *entry, const char *manager)
{
	const char *subresource = js_text(entry, "subresource");

	return strcmp(js_text(entry, "manager"), manager) == 0 &&
	       strcmp(js_text(entry, "operation"), "Apply") == 0 && !*subresource;
}

/* Sets of fields are objects whose leaves are empty objects. */
static int unite(json_t *into, const json_t *from)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)from, key, value) {
		json_t *there = json_object_get(into, key);
		int r = there ? unite(there, value)
			      : json_object_set_new(into, key, json_deep_copy(value));

		if (r < 0)
			return -1;
	}
	return 0;
}

static json_t *find_entry(json_t *fields, const char *manager, const char *version)
{
	json_t *e;
	size_t i;

	json_array_foreach (fields, i, e)
		if (is_applied_by(e, manager) &&
		    (!version || strcmp(js_text(e, "apiVersion"), version) == 0))
			return e;
	return NULL;
}

json_t *handover_fields(const json_t *fields, const char *manager, bool *ret_ours)
{
	cleanup_json json_t *all = fields ? json_deep_copy(fields) : json_array();
	json_t *ours, *theirs;

	*ret_ours = false;
	if (!all)
		return NULL;
	while ((ours = find_entry(all, manager, NULL))) {
		*ret_ours = true;
		theirs = find_entry(all, HANDOVER_MANAGER, js_text(ours, "apiVersion"));
		if (!theirs) {
			if (json_object_set_new(ours, "manager", json_string(HANDOVER_MANAGER)) < 0)
				return NULL;
			continue;
		}
		if (unite(json_object_get(theirs, "fieldsV1"), json_object_get(ours, "fieldsV1")) <
		    0)
			return NULL;
		for (size_t i = 0; i < json_array_size(all); i++)
			if (json_array_get(all, i) == ours) {
				(void)json_array_remove(all, i);
				break;
			}
	}
	return TAKE_PTR(all);
}

static int send_patch(struct kube *k, const char *path, const json_t *live, json_t *fields,
		      struct kube_req *req, struct err *err)
{
	cleanup_json json_t *patch = json_pack(
		"[{s:s, s:s, s:s}, {s:s, s:s, s:o}]", "op", "test", "path",
		"/metadata/resourceVersion", "value", js_text(live, "metadata.resourceVersion"),
		"op", "replace", "path", "/metadata/managedFields", "value", fields);
	cleanup_buf struct buf b = BUF_INIT(4 << 20);

	if (!patch || js_canonical(patch, &b) < 0)
		return err_nomem(err);
	*req = (struct kube_req){ .method = "PATCH",
				  .path = path,
				  .content_type = "application/json-patch+json",
				  .accept = KUBE_ACCEPT_META,
				  .body = b.data,
				  .body_len = b.len,
				  .guarded = true,
				  .timeout_ms = TIMEOUT_MS };
	return kube_do(k, req, err);
}

static int rename_owner(struct kube *k, const char *path, const json_t *live,
			enum handover_result *ret, char *why, size_t size, struct err *err)
{
	cleanup_kube_req struct kube_req req = { 0 };
	cleanup_free char *query = NULL;
	struct err bad = { 0 };
	bool ours;
	json_t *fields =
		handover_fields(js_at(live, "metadata.managedFields"), APPLY_MANAGER, &ours);
	int r;

	if (!fields)
		return err_nomem(err);
	if (!ours) {
		json_decref(fields);
		*ret = HANDOVER_DONE;
		return 0;
	}
	if (asprintf(&query, "%s?fieldManager=" APPLY_MANAGER, path) < 0) {
		query = NULL;
		json_decref(fields);
		return err_nomem(err);
	}
	r = send_patch(k, query, live, fields, &req, &bad); /* takes the fields */
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r >= 0 && req.reply.class == KUBE_OK)
		*ret = HANDOVER_DONE;
	else
		(void)snprintf(why, size, "%.300s", r < 0 ? bad.msg : req.reply.message);
	return 0;
}

int handover_object(struct kube *k, const struct bundle_object *o, enum handover_result *ret,
		    char *why, size_t why_size, struct err *err)
{
	cleanup_free char *path = apply_path(
		o->group, o->version, o->namespaced ? o->namespace : NULL, o->plural, o->name);
	cleanup_kube_req struct kube_req req = {
		.method = "GET", .path = path, .accept = KUBE_ACCEPT_META, .timeout_ms = TIMEOUT_MS
	};
	cleanup_json json_t *live = NULL;
	struct err bad = { 0 };
	int r;

	*ret = HANDOVER_LATER;
	why[0] = '\0';
	if (!path)
		return err_nomem(err);
	r = kube_do(k, &req, &bad);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r >= 0 && req.reply.class == KUBE_ABSENT) {
		*ret = HANDOVER_DONE; /* what is not there is nobody's */
		return 0;
	}
	if (r >= 0 && req.reply.class == KUBE_OK)
		live = kube_reply_json(&req.reply, &bad);
	if (live)
		return rename_owner(k, path, live, ret, why, why_size, err);
	(void)snprintf(why, why_size, "%.300s", bad.msg[0] ? bad.msg : req.reply.message);
	return 0;
}
