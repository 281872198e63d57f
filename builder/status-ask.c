#include "status-ask.h"

#include "clock.h"
#include "file.h"
#include "guid.h"
#include "http.h"
#include "json.h"
#include "kubeconfig.h"
#include "spawn.h"
#include "vault.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SSH_AGAIN_MS 3000
#define API_AGAIN_MS 5000
#define API_TIMEOUT_MS 8000
#define CERT_VALID_S 86400
#define CONFIGMAPS "/api/v1/namespaces/kiln-system/configmaps"

struct session {
	struct child child; /* pid 0: none */
	int out, errors;    /* -EBADF: none */
	struct buf text;
	uint64_t again_ms;
};
struct status_ask {
	const struct cluster *c;
	const struct forwards *forwards; /* borrowed */
	const char *identity;
	char *known_hosts;
	struct status_node *nodes;
	struct session *sessions;
	size_t len;
	struct http *http;
	struct secret ca, crt, key;
	struct { /* a request takes as long as it does: in a thread, beside the sessions */
		pthread_t thread;
		bool running;
		atomic_bool done;
		struct http_request q;
		int result;
		struct err why;
	} api;
	char *url; /* of the API server; NULL: nobody can be asked */
	uint64_t api_again_ms;
	char api_problem[STATUS_PROBLEM_MAX];
	bool api_asked;
	char fsid[GUID_TEXT_MAX];
};

static void session_close(struct session *s)
{
	child_done(&s->child);
	close_fdp(&s->out);
	close_fdp(&s->errors);
	s->out = s->errors = -EBADF;
	buf_clear(&s->text);
}

void status_ask_free(struct status_ask *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->sessions && i < a->len; i++) {
		session_close(&a->sessions[i]);
		buf_done(&a->sessions[i].text);
	}
	for (size_t i = 0; a->nodes && i < a->len; i++)
		status_json_done(&a->nodes[i].status);
	if (a->api.running)
		(void)pthread_join(a->api.thread, NULL);
	http_request_done(&a->api.q);
	http_free(a->http);
	secret_done(&a->ca);
	secret_done(&a->crt);
	secret_done(&a->key);
	free(a->known_hosts);
	free(a->nodes);
	free(a->sessions);
	free(a->url);
	free(a);
}

static int api_url(struct status_ask *a, struct err *err)
{
	cleanup_free char *server = NULL;
	unsigned int port = 0;
	int r;

	for (size_t i = 0; a->forwards && port == 0 && i < a->forwards->len; i++)
		port = a->forwards->items[i].api;
	if (a->forwards && port == 0)
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

int status_ask_new(const struct cluster *c, const struct status_ask_options *o,
		   struct status_ask **ret, struct err *err)
{
	cleanup_status_ask struct status_ask *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_nomem(err);
	a->c = c;
	a->forwards = o->forwards;
	a->identity = o->identity;
	a->len = c->nodes_len;
	a->nodes = calloc(a->len, sizeof(*a->nodes));
	a->sessions = calloc(a->len, sizeof(*a->sessions));
	a->known_hosts = cluster_path(c, "out/known_hosts");
	if (!a->nodes || !a->sessions || !a->known_hosts)
		return err_nomem(err);
	for (size_t i = 0; i < a->len; i++) {
		a->nodes[i].node = &c->nodes[i];
		a->sessions[i] = (struct session){ .child.pidfd = -EBADF,
						   .out = -EBADF,
						   .errors = -EBADF,
						   .text = BUF_INIT(4 * STATUS_JSON_MAX) };
	}
	r = secrets_known_hosts(c, a->known_hosts, err);
	if (r >= 0)
		r = kubeconfig_admin(c, CERT_VALID_S, &a->ca, &a->crt, &a->key, err);
	if (r >= 0)
		r = api_url(a, err);
	if (r >= 0)
		r = http_new(&a->http, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
}

/* A line for a person, made of what another machine sent. */
static void set_problem(char *dst, const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p && n + 1 < STATUS_PROBLEM_MAX; p++)
		dst[n++] = iscntrl((unsigned char)*p) ? ' ' : *p;
	dst[n] = '\0';
}

static void take_status(struct status_node *n, const char *text, size_t len, bool by_api)
{
	cleanup_status_json struct status_json s = { 0 };
	struct err why = { 0 };

	if (status_json_parse(text, len, &s, &why) < 0 || strcmp(s.node, n->node->name) != 0) {
		set_problem(n->problem, why.msg[0] ? why.msg : "another node answers");
		return;
	}
	if (n->known && s.updated_at < n->status.updated_at)
		return;
	/* the same text by the slower way tells nothing new */
	if (n->known && by_api && s.updated_at == n->status.updated_at)
		return;
	status_json_done(&n->status);
	n->status = s;
	s = (struct status_json){ 0 };
	n->known = true;
	n->by_api = by_api;
}

static const struct node *forwarded(const struct status_ask *a, const struct node *n,
				    unsigned int *ret_port)
{
	for (size_t i = 0; i < a->forwards->len; i++) {
		if (a->forwards->items[i].node == n) {
			*ret_port = a->forwards->items[i].ssh;
			return n;
		}
	}
	return NULL;
}

/* ssh without questions, and with the host keys from before the node's first boot. */
static int session_start(struct status_ask *a, size_t i, struct err *err)
{
	const struct node *n = a->nodes[i].node;
	char port[16] = "22", host[IP_TEXT_MAX] = "127.0.0.1", alias[300], known[4200];
	struct session *s = &a->sessions[i];
	cleanup_close int out = -EBADF;
	unsigned int number = 22;
	int fds[2];

	if (a->forwards && !forwarded(a, n, &number)) {
		set_problem(a->nodes[i].problem, "no way to it was given");
		s->again_ms = UINT64_MAX;
		return 0;
	}
	(void)snprintf(port, sizeof(port), "%u", number);
	if (!a->forwards)
		(void)ip_addr_format(&n->addresses.items[0].addr, host);
	(void)snprintf(alias, sizeof(alias), "HostKeyAlias=%s", n->name);
	(void)snprintf(known, sizeof(known), "UserKnownHostsFile=\"%s\"", a->known_hosts);
	/* no key given: -T twice, which is without effect, stands where it would */
	const char *const argv[] = { "ssh",
				     "-T",
				     a->identity ? "-i" : "-T",
				     a->identity ? a->identity : "-T",
				     "-o",
				     "BatchMode=yes",
				     "-o",
				     "StrictHostKeyChecking=yes",
				     "-o",
				     "GlobalKnownHostsFile=/dev/null",
				     "-o",
				     "ConnectTimeout=20",
				     "-o",
				     "ServerAliveInterval=15",
				     "-o",
				     known,
				     "-o",
				     alias,
				     "-l",
				     a->c->system.user,
				     "-p",
				     port,
				     host,
				     "/usr/sbin/kiln-node status --json --watch",
				     NULL };
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	s->out = fds[0];
	out = fds[1];
	s->errors = neg_errno(memfd_create("ssh", MFD_CLOEXEC));
	if (s->errors < 0 || fcntl(s->out, F_SETFL, O_NONBLOCK) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	struct spawn run = { .argv = argv, .stdout_fd = out };
	return child_start(&run, s->errors, &s->child, err);
}

/* The last line that ssh said. */
static void session_failed(struct status_ask *a, size_t i)
{
	struct session *s = &a->sessions[i];
	char text[1024] = "";
	ssize_t n = s->errors >= 0 ? pread_upto(s->errors, text, sizeof(text) - 1, 0) : 0;
	char *line;

	text[n > 0 ? n : 0] = '\0';
	for (n = (ssize_t)strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
		text[n - 1] = '\0';
	line = strrchr(text, '\n');
	set_problem(a->nodes[i].problem, line ? line + 1 : text[0] ? text : "ssh has ended");
	a->nodes[i].asked = true;
	session_close(s);
	s->again_ms = clock_ms() + SSH_AGAIN_MS;
}

/* Whole documents of the stream; the last one counts. */
static void take_documents(struct status_ask *a, size_t i)
{
	struct session *s = &a->sessions[i];
	const char *end;

	while ((end = s->text.len ? strstr(buf_str(&s->text), "\n}\n") : NULL)) {
		const char *text = buf_str(&s->text);
		size_t len = (size_t)(end - text) + 3;
		size_t skip = strcspn(text, "{"); /* older nodes clear a screen before each */

		a->nodes[i].problem[0] = '\0';
		if (skip < len)
			take_status(&a->nodes[i], text + skip, len - skip, false);
		a->nodes[i].asked = true;
		s->text.len -= len;
		memmove(s->text.data, s->text.data + len, s->text.len + 1);
	}
}

static void session_read(struct status_ask *a, size_t i)
{
	struct session *s = &a->sessions[i];
	char piece[16384];
	ssize_t n;

	while ((n = read(s->out, piece, sizeof(piece))) > 0)
		if (memchr(piece, 0, (size_t)n) || buf_add(&s->text, piece, (size_t)n) < 0)
			break;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		take_documents(a, i);
	else
		session_failed(a, i);
}

static void keep_fsid(struct status_ask *a, const char *fsid)
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

static void take_configmap(struct status_ask *a, const json_t *item)
{
	const json_t *data = json_object_get(item, "data");
	const char *text = json_string_value(json_object_get(data, "status.json"));
	const char *name = json_string_value(js_at(item, "metadata.name"));
	const char *fsid = json_string_value(json_object_get(data, "fsid"));

	if (name && strcmp(name, "cluster") == 0 && fsid)
		keep_fsid(a, fsid);
	if (!name || !text || strncmp(name, "status-", 7) != 0)
		return;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->nodes[i].node->name, name + 7) == 0)
			take_status(&a->nodes[i], text, strlen(text), true);
}

static void *api_thread(void *arg)
{
	struct status_ask *a = arg;

	a->api.result = http_request(a->http, &a->api.q, &a->api.why);
	atomic_store(&a->api.done, true);
	return NULL;
}

static int start_api(struct status_ask *a, struct err *err)
{
	int r;

	a->api.q = (struct http_request){ .url = a->url,
					  .ca_pem = a->ca.data,
					  .cert_pem = a->crt.data,
					  .key_pem = a->key.data,
					  .tries = 1,
					  .timeout_ms = API_TIMEOUT_MS };
	a->api.why = (struct err){ 0 };
	atomic_store(&a->api.done, false);
	r = -pthread_create(&a->api.thread, NULL, api_thread, a);
	a->api.running = r == 0;
	return r < 0 ? err_errnof(err, r, "cannot start a thread") : 0;
}

static void take_api(struct status_ask *a)
{
	cleanup_json json_t *all = NULL;
	struct err *why = &a->api.why;
	json_t *items = NULL;
	int r;

	(void)pthread_join(a->api.thread, NULL);
	a->api.running = false;
	a->api_asked = true;
	a->api_problem[0] = '\0';
	r = a->api.result;
	if (r >= 0 && a->api.q.status != 200)
		r = err_setf(why, -EREMOTEIO, "the API server answers %ld", a->api.q.status);
	if (r >= 0)
		r = js_read(a->api.q.reply, a->api.q.reply_len, &all, why);
	if (r >= 0)
		r = jget_arr(all, "items", &items, why);
	if (r < 0)
		set_problem(a->api_problem, why->msg);
	for (size_t i = 0; r >= 0 && i < json_array_size(items); i++)
		take_configmap(a, json_array_get(items, i));
	http_request_done(&a->api.q);
	a->api_again_ms = clock_ms() + API_AGAIN_MS;
}

static int wait_for_news(struct status_ask *a, unsigned int wait_ms, struct err *err)
{
	struct pollfd *fds = calloc(a->len, sizeof(*fds));
	int r;

	if (!fds)
		return err_nomem(err);
	for (size_t i = 0; i < a->len; i++)
		fds[i] = (struct pollfd){ .fd = a->sessions[i].out, .events = POLLIN };
	r = poll(fds, a->len, (int)wait_ms);
	for (size_t i = 0; r > 0 && i < a->len; i++)
		if (fds[i].revents)
			session_read(a, i);
	free(fds);
	return 0;
}

int status_ask_turn(struct status_ask *a, unsigned int wait_ms, struct err *err)
{
	for (size_t i = 0; i < a->len; i++) {
		struct session *s = &a->sessions[i];
		int r = 0;

		if (s->out < 0 && clock_ms() >= s->again_ms)
			r = session_start(a, i, err);
		if (r < 0)
			return r;
		if (s->out < 0 && s->again_ms == UINT64_MAX)
			a->nodes[i].asked = true;
	}
	if (a->api.running && atomic_load(&a->api.done))
		take_api(a);
	if (a->url && !a->api.running && clock_ms() >= a->api_again_ms) {
		int r = start_api(a, err);

		if (r < 0)
			return r;
	}
	return wait_for_news(a, wait_ms, err);
}

const struct status_node *status_ask_nodes(const struct status_ask *a, size_t *ret_len)
{
	*ret_len = a->len;
	return a->nodes;
}

bool status_ask_all_asked(const struct status_ask *a)
{
	for (size_t i = 0; i < a->len; i++)
		if (!a->nodes[i].asked)
			return false;
	return a->api_asked || !a->url;
}

bool status_node_up(const struct status_node *n)
{
	return n->known && n->status.phase == PHASE_READY &&
	       clock_wall_s() < n->status.updated_at + STATUS_STALE_S;
}

bool status_ask_all_up(const struct status_ask *a)
{
	for (size_t i = 0; i < a->len; i++)
		if (!a->nodes[i].node->on_demand && !status_node_up(&a->nodes[i]))
			return false;
	return true;
}

const char *status_ask_api_problem(const struct status_ask *a)
{
	return a->url ? a->api_problem : "no way to it was given";
}

const char *status_ask_fsid(const struct status_ask *a)
{
	return a->fsid;
}
