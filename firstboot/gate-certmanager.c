/*
 * cert-manager's webhook: that it answers, and that it is the one that decides
 *
 * Its pod may be ready before cainjector has written the CA, before the API server reaches it,
 * or while it still refuses; so two creates are tried with dryRun=All, as cert-manager's own
 * check does: one that the webhook must fill in (spec.username) and one that it must deny. A
 * denial by the API server itself proves nothing and leaves the gate closed.
 */
#include "gate-blame.h"
#include "gate-kinds.h"
#include "gates.h"
#include "json.h"

#include <string.h>

#define POST_TIMEOUT_MS 5000

/* A request for CN=kiln-probe whose key was thrown away. */
static const char good_csr[] =
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIUE1IY0NBUUF3RlRFVE1CRUdBMVVFQXd3S2Ey"
	"bHNiaTF3Y205aVpUQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxRwpTTTQ5QXdFSEEwSUFCQnhPTXN3Z1ZNZUpyY1Y0eUtv"
	"V215OW4vY0Q0aERiNUhKb3JYeXEwU0dCYTlRS3U5bDQ3Cmx5Y3I2WmJiemZtN3BoWjJFVjdEM1BYLzd1enVQZ3Y3"
	"SWIrZ0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQUwKVkZYVWkzT2VZTlJ4Z1dGM0p0ckQ5bDFGWnFtMmYyL2cv"
	"N1ZpaGFRVS93SWhBTXN5djZ3VngyN09vMnZnTk51RgpIdkd0WjVuZElWRTVmQnF3MEZnOVMrNzEKLS0tLS1FTkQg"
	"Q0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";
/* Valid to the API server, which takes any bytes; no request to the webhook. */
static const char bad_csr[] = "bm90IGEgcmVxdWVzdA=="; /* "not a request" */

/* *name: the Service behind the namespace's webhooks, borrowed from list; NULL: none seen yet. */
static void judge_configs(const json_t *list, const char *ns, const char **name,
			  struct readiness *ret)
{
	const json_t *items = json_object_get(list, "items"), *o, *hooks, *w;
	size_t i, k;

	json_array_foreach (items, i, o) {
		hooks = json_object_get(o, "webhooks");
		json_array_foreach (hooks, k, w) {
			if (strcmp(js_text(w, "clientConfig.service.namespace"), ns) != 0)
				continue;
			*name = js_text(w, "clientConfig.service.name");
			if (*js_text(w, "clientConfig.caBundle"))
				continue;
			readiness_setf(ret, READY_WAIT,
				       "webhook %.100s of service %.63s/%.63s has no caBundle: "
				       "cainjector has not written it yet",
				       js_text(w, "name"), ns, *name);
			return;
		}
	}
}

/* A Service without endpoints: its pods' words. */
static int blame_service(const struct gate_view *v, const char *ns, const char *name,
			 struct readiness *ret, struct err *err)
{
	cleanup_json json_t *service = NULL, *wrapped = NULL;
	struct readiness why;
	int r = gate_get(v, "", "v1", ns, "services", name, &service, &why, err);

	if (r < 0)
		return r;
	if (!service) {
		readiness_setf(ret, READY_WAIT, "%.400s", why.reason);
		return 0;
	}
	wrapped = json_pack("{s:{s:s}, s:{s:{s:O?}}}", "metadata", "namespace", ns, "spec",
			    "selector", "matchLabels", js_at(service, "spec.selector"));
	return wrapped ? gate_blame_object(v, wrapped, ret, err) : err_nomem(err);
}

static int look_at_endpoints(const struct gate_view *v, const char *ns, const char *name,
			     struct readiness *ret, struct err *err)
{
	cleanup_json json_t *slices = NULL;
	char path[512];
	int r;

	(void)snprintf(path, sizeof(path),
		       "/apis/discovery.k8s.io/v1/namespaces/%.63s/endpointslices?labelSelector="
		       "kubernetes.io%%2Fservice-name%%3D%.63s",
		       ns, name);
	r = gate_get_path(v, path, &slices, ret, err);
	if (r < 0 || !slices || ready_has_endpoint(slices))
		return r;
	readiness_setf(ret, READY_WAIT, "service %.63s/%.63s has no ready endpoint", ns, name);
	return blame_service(v, ns, name, ret, err);
}

/* *name: owned by the caller, the webhooks' Service; NULL with ret saying why. */
static int look_at_configs(const struct gate_view *v, const char *ns, char **ret_name,
			   struct readiness *ret, struct err *err)
{
	static const char *const paths[] = {
		"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
		"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
	};

	*ret_name = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		cleanup_json json_t *list = NULL;
		const char *name = NULL;
		int r = gate_get_path(v, paths[i], &list, ret, err);

		if (r < 0 || !list)
			return r;
		judge_configs(list, ns, &name, ret);
		if (ret->state == READY_YES && !name)
			readiness_setf(ret, READY_WAIT, "no %s names a service of namespace %.63s",
				       strrchr(paths[i], '/') + 1, ns);
		if (ret->state != READY_YES)
			return 0;
		free(*ret_name);
		*ret_name = strdup(name);
		if (!*ret_name)
			return err_nomem(err);
	}
	return 0;
}

/* A dry-run create with these request bytes. */
static int try_create(const struct gate_view *v, const char *ns, const char *csr,
		      struct kube_req *req, struct err *err)
{
	cleanup_json json_t *body = json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:{s:{s:s}, s:s}}", "apiVersion", "cert-manager.io/v1",
		"kind", "CertificateRequest", "metadata", "generateName", "kiln-probe-",
		"namespace", ns, "spec", "issuerRef", "name", "kiln-probe", "request", csr);
	cleanup_buf struct buf text = BUF_INIT(16384);
	char path[256];
	int r;

	if (!body || js_canonical(body, &text) < 0)
		return err_nomem(err);
	(void)snprintf(path, sizeof(path),
		       "/apis/cert-manager.io/v1/namespaces/%.63s/"
		       "certificaterequests?dryRun=All&timeout=4s",
		       ns);
	*req = (struct kube_req){ .method = "POST",
				  .path = path,
				  .content_type = "application/json",
				  .body = text.data,
				  .body_len = text.len,
				  .timeout_ms = POST_TIMEOUT_MS };
	r = kube_do(v->kube, req, err);
	req->path = req->body = NULL; /* ours, and gone */
	if (r >= 0 && req->reply.class == KUBE_WRONG_CLUSTER)
		return err_setf(err, -EPERM, "the API server's certificate is not of our CA: %s",
				req->reply.message);
	return r;
}

/* kube_do() fails without a reply too when the server is away: that is no error of ours. */
static int no_reply(int r, struct err *bad, struct readiness *ret, struct err *err)
{
	if (r == -EPERM || r == -ENOMEM)
		return err_setf(err, r, "%s", bad->msg);
	readiness_setf(ret, READY_WAIT, "%.400s", bad->msg);
	return 0;
}

static int create_good(const struct gate_view *v, const char *ns, struct readiness *ret,
		       struct err *err)
{
	cleanup_kube_req struct kube_req req = { 0 };
	cleanup_json json_t *made = NULL;
	struct err bad = { 0 };
	int r = try_create(v, ns, good_csr, &req, &bad);

	if (r < 0)
		return no_reply(r, &bad, ret, err);
	if (req.reply.class != KUBE_OK) {
		readiness_setf(ret, READY_WAIT, "a good request is refused: %.400s",
			       req.reply.message);
		return 0;
	}
	made = kube_reply_json(&req.reply, &bad);
	if (!made)
		return no_reply(-EBADMSG, &bad, ret, err);
	if (!*js_text(made, "spec.username") && !*js_text(made, "spec.uid"))
		readiness_setf(ret, READY_WAIT,
			       "a request passes that the webhook did not fill in");
	return 0;
}

static int create_bad(const struct gate_view *v, const char *ns, struct readiness *ret,
		      struct err *err)
{
	cleanup_kube_req struct kube_req req = { 0 };
	struct err bad = { 0 };
	int r = try_create(v, ns, bad_csr, &req, &bad);
	const char *m = req.reply.message;

	if (r < 0)
		return no_reply(r, &bad, ret, err);
	if (req.reply.class == KUBE_OK)
		readiness_setf(ret, READY_WAIT,
			       "a broken request passes: the webhook is not asked");
	else if (strncmp(m, "admission webhook \"", 19) != 0 || !strstr(m, "denied the request"))
		readiness_setf(ret, READY_WAIT,
			       "a broken request is refused, but not by the "
			       "webhook: %.400s",
			       m);
	return 0;
}

int gate_cert_manager_webhook(const struct gate_view *v, const json_t *args, struct readiness *ret,
			      struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace");
	cleanup_free char *service = NULL;
	int r = look_at_configs(v, ns, &service, ret, err);

	if (r >= 0 && ret->state == READY_YES)
		r = look_at_endpoints(v, ns, service, ret, err);
	if (r >= 0 && ret->state == READY_YES)
		r = create_good(v, ns, ret, err);
	if (r >= 0 && ret->state == READY_YES)
		r = create_bad(v, ns, ret, err);
	return r;
}
