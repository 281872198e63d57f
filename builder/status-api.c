#include "status-api.h"

#include "clock.h"
#include "guid.h"
#include "json.h"
#include "kubeconfig.h"
#include "vault.h"

#include <string.h>

#define AGAIN_MS 5000
#define API_PORT 6443
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

/* 0: none leads there. */
static unsigned int forwarded_port(const struct forwards *f, const struct node *n)
{
	for (size_t i = 0; i < f->len; i++)
		if (f->items[i].node == n)
			return f->items[i].api;
	return 0;
}

static bool is_asked(const struct status_api *a, const struct node *n)
{
	return n->role == ROLE_CONTROL_PLANE && n->addresses.len > 0 &&
	       (!a->forwards || forwarded_port(a->forwards, n) != 0);
}

/* Of the first control-plane from a->node on. */
static int find_url(struct status_api *a, struct err *err)
{
	const struct node *n = NULL;
	char host[IP_TEXT_MAX] = "127.0.0.1";
	unsigned int port = API_PORT;
	bool six = false;

	free(a->url);
	a->url = NULL;
	for (size_t i = 0; !n && i < a->c->nodes_len; i++) {
		size_t at = (a->node + i) % a->c->nodes_len;

		if (is_asked(a, &a->c->nodes[at])) {
			n = &a->c->nodes[at];
			a->node = at;
		}
	}
	if (!n)
		return 0; /* no way to it was given */
	if (a->forwards) {
		port = forwarded_port(a->forwards, n);
	} else {
		(void)ip_addr_format(&n->addresses.items[0].addr, host);
		six = n->addresses.items[0].addr.family == IP_V6;
	}
	if (asprintf(&a->url, "https://%s%s%s:%u" CONFIGMAPS, six ? "[" : "", host, six ? "]" : "",
		     port) < 0) {
		a->url = NULL;
		return err_nomem(err);
	}
	return 0;
}

int status_api_init(struct status_api *a, const struct cluster *c, const struct forwards *f,
		    struct err *err)
{
	int r;

	*a = (struct status_api){ .c = c, .forwards = f };
	r = kubeconfig_admin(c, CERT_VALID_S, &a->ca, &a->crt, &a->key, err);
	if (r >= 0)
		r = find_url(a, err);
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

/* After a failure the next control-plane is asked, at once unless all have been. */
static void go_on(struct status_api *a, bool answered)
{
	struct err why = { 0 };
	size_t all = 0;

	for (size_t i = 0; i < a->c->nodes_len; i++)
		all += is_asked(a, &a->c->nodes[i]);
	a->silent = answered ? 0 : a->silent + 1;
	a->asked = a->asked || answered || a->silent >= all;
	a->again_ms = answered || a->silent % all == 0 ? clock_ms() + AGAIN_MS : 0;
	if (answered)
		return;
	a->node++;
	if (find_url(a, &why) < 0)
		status_problem(a->problem, why.msg);
}

static void take(struct status_api *a, struct status_node *nodes, size_t len)
{
	cleanup_json json_t *all = NULL;
	struct err *why = &a->why;
	json_t *items = NULL;
	int r;

	(void)pthread_join(a->thread, NULL);
	a->running = false;
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
	go_on(a, r >= 0);
}

int status_api_turn(struct status_api *a, struct status_node *nodes, size_t len, struct err *err)
{
	if (a->running && atomic_load(&a->done))
		take(a, nodes, len);
	if (a->url && !a->running && clock_ms() >= a->again_ms)
		return start(a, err);
	return 0;
}
