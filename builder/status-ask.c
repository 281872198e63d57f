#include "status-ask.h"

#include "secrets.h"
#include "status-api.h"
#include "status-ssh.h"

#include <poll.h>

struct status_ask {
	struct node_ssh_way way;
	char *known_hosts;
	struct status_node *nodes;
	struct status_ssh *sessions; /* one a node */
	size_t len;
	struct status_api api;
};

void status_ask_free(struct status_ask *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->sessions && i < a->len; i++)
		status_ssh_done(&a->sessions[i]);
	for (size_t i = 0; a->nodes && i < a->len; i++)
		status_json_done(&a->nodes[i].status);
	status_api_done(&a->api);
	free(a->known_hosts);
	free(a->nodes);
	free(a->sessions);
	free(a);
}

int status_ask_new(const struct cluster *c, const struct status_ask_options *o,
		   struct status_ask **ret, struct err *err)
{
	cleanup_status_ask struct status_ask *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_nomem(err);
	a->len = c->nodes_len;
	a->nodes = calloc(a->len, sizeof(*a->nodes));
	a->sessions = calloc(a->len, sizeof(*a->sessions));
	for (size_t i = 0; a->sessions && i < a->len; i++)
		status_ssh_init(&a->sessions[i]);
	a->known_hosts = cluster_path(c, "out/known_hosts");
	if (!a->nodes || !a->sessions || !a->known_hosts)
		return err_nomem(err);
	for (size_t i = 0; i < a->len; i++)
		a->nodes[i].node = &c->nodes[i];
	a->way = (struct node_ssh_way){ .user = c->system.user,
					.known_hosts = a->known_hosts,
					.identity = o->identity,
					.forwards = o->forwards };
	r = secrets_known_hosts(c, a->known_hosts, err);
	if (r >= 0)
		r = status_api_init(&a->api, c, o->forwards, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
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
			status_ssh_read(&a->sessions[i], &a->nodes[i]);
	free(fds);
	return 0;
}

int status_ask_turn(struct status_ask *a, unsigned int wait_ms, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < a->len; i++)
		r = status_ssh_turn(&a->sessions[i], &a->way, &a->nodes[i], err);
	if (r >= 0)
		r = status_api_turn(&a->api, a->nodes, a->len, err);
	return r < 0 ? r : wait_for_news(a, wait_ms, err);
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
	return a->api.asked || !a->api.url;
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
	return a->api.url ? a->api.problem : "no way to it was given";
}

const char *status_ask_fsid(const struct status_ask *a)
{
	return a->api.fsid;
}
