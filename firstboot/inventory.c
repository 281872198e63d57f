#include "inventory.h"

#include "clock.h"
#include "json.h"

#include <string.h>

#define NS_PATH "/api/v1/namespaces/" INVENTORY_NAMESPACE
#define PATH NS_PATH "/configmaps/inventory"
#define TIMEOUT_MS 8000

void inventory_done(struct inventory *inv)
{
	json_decref(inv->data);
	*inv = (struct inventory){ 0 };
}

static int ask(struct inventory *inv, struct kube *k, struct kube_req *req, struct err *err)
{
	struct err bad = { 0 };
	int r = kube_do(k, req, &bad);

	inv->trouble[0] = '\0';
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r < 0 || req->reply.class != KUBE_OK)
		(void)snprintf(inv->trouble, sizeof(inv->trouble), "%.250s",
			       r < 0 ? bad.msg : req->reply.message);
	if (inv->trouble[0])
		inv->tried_ms = clock_ms();
	return 0;
}

int inventory_load(struct inventory *inv, struct kube *k, struct err *err)
{
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = PATH,
						 .timeout_ms = TIMEOUT_MS };
	cleanup_json json_t *j = NULL;
	json_t *data;
	struct err bad = { 0 };
	int r = ask(inv, k, &req, err);

	if (r < 0)
		return r;
	if (inv->trouble[0] && req.reply.class != KUBE_ABSENT &&
	    req.reply.class != KUBE_NO_NAMESPACE)
		return 0;
	if (!inv->trouble[0]) {
		j = kube_reply_json(&req.reply, &bad);
		if (!j) { /* cut in mid-body */
			(void)snprintf(inv->trouble, sizeof(inv->trouble), "%.250s", bad.msg);
			inv->tried_ms = clock_ms();
			return 0;
		}
	}
	data = j ? json_object_get(j, "data") : NULL;
	json_decref(inv->data);
	inv->data = json_is_object(data) ? json_incref(data) : json_object();
	inv->trouble[0] = '\0';
	inv->known = true;
	inv->dirty = false;
	return inv->data ? 0 : err_nomem(err);
}

static int send_apply(struct inventory *inv, struct kube *k, const char *path, json_t *body,
		      enum kube_class *ret, struct err *err)
{
	cleanup_json json_t *owned = body;
	cleanup_buf struct buf b = BUF_INIT(4 << 20);
	cleanup_kube_req struct kube_req req = { .method = "PATCH",
						 .path = path,
						 .content_type = "application/apply-patch+yaml",
						 .accept = KUBE_ACCEPT_META,
						 .timeout_ms = TIMEOUT_MS };
	int r;

	if (!owned || js_canonical(owned, &b) < 0)
		return err_nomem(err);
	req.body = b.data;
	req.body_len = b.len;
	r = ask(inv, k, &req, err);
	*ret = req.reply.class;
	return r;
}

static int save_once(struct inventory *inv, struct kube *k, enum kube_class *ret, struct err *err)
{
	return send_apply(inv, k, PATH "?fieldManager=kiln&force=true",
			  json_pack("{s:s, s:s, s:{s:s, s:s}, s:O}", "apiVersion", "v1", "kind",
				    "ConfigMap", "metadata", "name", "inventory", "namespace",
				    INVENTORY_NAMESPACE, "data", inv->data),
			  ret, err);
}

int inventory_save(struct inventory *inv, struct kube *k, struct err *err)
{
	enum kube_class class;
	int r;

	if (!inv->dirty)
		return 0;
	r = save_once(inv, k, &class, err);
	if (r >= 0 && inv->trouble[0] && class == KUBE_NO_NAMESPACE) {
		r = send_apply(inv, k, NS_PATH "?fieldManager=kiln",
			       json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind",
					 "Namespace", "metadata", "name", INVENTORY_NAMESPACE),
			       &class, err);
		if (r >= 0 && !inv->trouble[0])
			r = save_once(inv, k, &class, err);
	}
	if (r >= 0 && !inv->trouble[0])
		inv->dirty = false;
	return r;
}

const char *inventory_get(const struct inventory *inv, const char *component)
{
	const char *s = json_string_value(json_object_get(inv->data, component));

	return s ? s : "";
}

int inventory_set(struct inventory *inv, const char *component, const char *text, struct err *err)
{
	if (strcmp(inventory_get(inv, component), text) == 0)
		return 0;
	inv->dirty = true;
	return json_object_set_new(inv->data, component, json_string(text)) < 0 ? err_nomem(err)
										: 0;
}

bool inventory_find(const char *text, const char *key, char *dst, size_t size)
{
	size_t len = strlen(key);

	while (*text) {
		size_t line = strcspn(text, "\n");

		if (line > len + 1 && text[line - len - 1] == ' ' &&
		    strncmp(text + line - len, key, len) == 0) {
			(void)snprintf(dst, size, "%.*s", (int)(line - len - 1), text);
			return true;
		}
		text += line + (text[line] == '\n');
	}
	return false;
}
