#include "status-api.h"

#include "clock.h"
#include "guid.h"
#include "json.h"
#include "kubeconfig.h"
#include "vault.h"

#include <string.h>

#define AGAIN_MS 5000
#define TIMEOUT_MS 8000
#define CERT_VALID_S 86400
#define CONFIGMAPS "/api/v1/namespaces/kiln-system/configmaps"

void status_api_done(struct status_api *a)
{
	if (a->running)
		(void)pthread_join(a->thread, NULL);
	http_request_done(&a->q);
	http_free(a->http);
	secret_done(&a->ca);
	secret_done(&a->crt);
	secret_done(&a->key);
	free(a->url);
}

static int find_url(struct status_api *a, const struct forwards *f, struct err *err)
{
	cleanup_free char *server = NULL;
	unsigned int port = 0;
	int r;

	for (size_t i = 0; f && port == 0 && i < f->len; i++)
		port = f->items[i].api;
	if (f && port == 0)
		return 0; /* no way to it was given */
	if (port == 0) {
		r = kubeconfig_server(a->c, &server, err);
		if (r < 0)
			return r;
		r = asprintf(&a->url, "%s" CONFIGMAPS, server);
	} else {
		r = asprintf(&a->url, "https://127.0.0.1:%u" CONFIGMAPS, port);
	}
	if (r < 0)
		a->url = NULL;
	return r < 0 ? err_nomem(err) : 0;
}

int status_api_init(struct status_api *a, const struct cluster *c, const struct forwards *f,
		    struct err *err)
{
	int r;

	*a = (struct status_api){ .c = c };
	r = kubeconfig_admin(c, CERT_VALID_S, &a->ca, &a->crt, &a->key, err);
	if (r >= 0)
		r = find_url(a, f, err);
	if (r >= 0)
		r = http_new(&a->http, err);
	return r;
}

static void keep_fsid(struct status_api *a, const char *fsid)
{
	cleanup_secret struct secret have = { 0 };
	CLEANUP(vault_done) struct vault v = { .fd = -EBADF };
	struct err why = { 0 };
	struct guid g;
	char line[GUID_TEXT_MAX + 1];
	int n, r;

	if (guid_parse(fsid, &g) < 0 || strcmp(a->fsid, fsid) == 0)
		return;
	n = snprintf(line, sizeof(line), "%s\n", fsid);
	r = vault_open(a->c->dir, &v, &why);
	if (r >= 0)
		r = vault_add(&v, "fsid", line, (size_t)n, &why);
	if (r == -EEXIST) {
		r = vault_get(&v, "fsid", &have, &why);
		if (r >= 0 && strncasecmp(have.data, fsid, strlen(fsid)) != 0)
			r = err_setf(
				&why, -EEXIST,
				"the cluster's fsid is %s, but .kiln/secrets/fsid has another: "
				"it stays; remove it if Ceph was made anew",
				fsid);
	}
	(void)snprintf(a->fsid, sizeof(a->fsid), "%s", fsid);
	if (r < 0)
		fprintf(stderr, "kiln status: %s\n", why.msg);
}

static void take_configmap(struct status_api *a, const json_t *item, struct status_node *nodes,
			   size_t len)
{
	const json_t *data = json_object_get(item, "data");
	const char *text = json_string_value(json_object_get(data, "status.json"));
	const char *name = json_string_value(js_at(item, "metadata.name"));
	const char *fsid = json_string_value(json_object_get(data, "fsid"));

	if (name && strcmp(name, "cluster") == 0 && fsid)
		keep_fsid(a, fsid);
	if (!name || !text || strncmp(name, "status-", 7) != 0)
		return;
	for (size_t i = 0; i < len; i++)
		if (strcmp(nodes[i].node->name, name + 7) == 0)
			status_node_take(&nodes[i], text, strlen(text), true);
}

static void *request(void *arg)
{
	struct status_api *a = arg;

	a->result = http_request(a->http, &a->q, &a->why);
	atomic_store(&a->done, true);
	return NULL;
}

static int start(struct status_api *a, struct err *err)
{
	int r;

	a->q = (struct http_request){ .url = a->url,
				      .ca_pem = a->ca.data,
				      .cert_pem = a->crt.data,
				      .key_pem = a->key.data,
				      .tries = 1,
				      .timeout_ms = TIMEOUT_MS };
	a->why = (struct err){ 0 };
	atomic_store(&a->done, false);
	r = -pthread_create(&a->thread, NULL, request, a);
	a->running = r == 0;
	return r < 0 ? err_errnof(err, r, "cannot start a thread") : 0;
}

static void take(struct status_api *a, struct status_node *nodes, size_t len)
{
	cleanup_json json_t *all = NULL;
	struct err *why = &a->why;
	json_t *items = NULL;
	int r;

	(void)pthread_join(a->thread, NULL);
	a->running = false;
	a->asked = true;
	a->problem[0] = '\0';
	r = a->result;
	if (r >= 0 && a->q.status != 200)
		r = err_setf(why, -EREMOTEIO, "the API server answers %ld", a->q.status);
	if (r >= 0)
		r = js_read(a->q.reply, a->q.reply_len, &all, why);
	if (r >= 0)
		r = jget_arr(all, "items", &items, why);
	if (r < 0)
		status_problem(a->problem, why->msg);
	for (size_t i = 0; r >= 0 && i < json_array_size(items); i++)
		take_configmap(a, json_array_get(items, i), nodes, len);
	http_request_done(&a->q);
	a->again_ms = clock_ms() + AGAIN_MS;
}

int status_api_turn(struct status_api *a, struct status_node *nodes, size_t len, struct err *err)
{
	if (a->running && atomic_load(&a->done))
		take(a, nodes, len);
	if (a->url && !a->running && clock_ms() >= a->again_ms)
		return start(a, err);
	return 0;
}
