#include "k3s-join.h"

#include "agent.h"
#include "api-door.h"
#include "clock.h"
#include "file.h"
#include "k3s-gates.h"
#include "pki.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DOOR_MS 1500
#define DATA_SERVER "server/db/etcd/member"
#define DATA_AGENT "agent/client-kubelet.key"
#define SERVER_CA "server/tls/server-ca.crt"
#define CA_MAX ((size_t)1 << 20)
#define PEERS_MAX 64

static char *data_path(const struct agent *a, const char *name)
{
	const char *dir = a->node.k3s.data_dir + strspn(a->node.k3s.data_dir, "/");
	char *p = NULL;

	return asprintf(&p, "%s/%s", dir, name) < 0 ? NULL : p;
}

static int has_data(const struct agent *a, bool *ret, struct err *err)
{
	bool server = a->node.node.role == NODE_CONTROL_PLANE;
	cleanup_free char *path = data_path(a, server ? DATA_SERVER : DATA_AGENT);
	struct stat st;

	if (!path)
		return err_nomem(err);
	*ret = fstatat(a->root_fd, path, &st, 0) == 0;
	return 0;
}

/* The CA that came with the seed, or that K3s keeps, is the one of the token. */
static int check_own_ca(const struct agent *a, const char *token, struct err *err)
{
	cleanup_free char *path = data_path(a, SERVER_CA), *pem = NULL;
	char hash[PKI_K10_MAX];
	size_t len;
	int r;

	if (!path)
		return err_nomem(err);
	r = file_read_at(a->root_fd, path, CA_MAX, &pem, &len, err);
	if (r == -ENOENT) /* K3s would make a CA of its own, which the token does not pin */
		return err_setf(err, r, "'/%s' is missing: bake this node anew", path);
	if (r >= 0)
		r = pki_k10_hash(pem, len, hash, err);
	if (r < 0)
		return err_wrapf(err, r, "/%s", path);
	if (strncmp(token + 3, hash, strlen(hash)) != 0)
		return err_setf(err, -EPERM,
				"'/%s' (hash %.12s...) is not the CA that this node's token pins "
				"(%.12s...): .kiln/secrets was made anew; bake all nodes from one",
				path, hash, token + 3);
	return 0;
}

/* One control-plane by its URL; -EPERM: another cluster's CA. */
static int ask(const char *url, const char *token, enum join_door *ret, struct err *err)
{
	struct step_turn ignored = { 0 };
	int r = api_door_try(url, DOOR_MS);

	*ret = r == -ECONNREFUSED ? DOOR_REFUSED : DOOR_SILENT;
	if (r < 0)
		return 0;
	r = k3s_check_ca(url, token, &ignored, err);
	if (r == TURN_DONE)
		*ret = DOOR_OURS;
	return r < 0 ? r : 0;
}

struct other {
	const struct node_peer *peer;
	char url[API_URL_MAX];
	enum join_door door;
};

/* The other control-planes, in the order of their names. */
static size_t list_others(const struct agent *a, struct other *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < a->node.peers.len && n < PEERS_MAX; i++) {
		const struct node_peer *p = &a->node.peers.items[i];
		size_t at = n;

		if (p->role != NODE_CONTROL_PLANE || !p->addresses.len)
			continue;
		while (at > 0 && strcmp(ret[at - 1].peer->name, p->name) > 0)
			at--;
		memmove(ret + at + 1, ret + at, (n - at) * sizeof(*ret));
		ret[at] = (struct other){ .peer = p };
		if (api_url_of(p->addresses.items[0], ret[at].url, sizeof(ret[at].url)) < 0) {
			memmove(ret + at, ret + at + 1, (n - at) * sizeof(*ret));
			continue;
		}
		n++;
	}
	return n;
}

static int remove_drop_in(const struct agent *a, struct err *err)
{
	if (unlinkat(a->root_fd, JOIN_DROP_IN, 0) < 0 && errno != ENOENT)
		return err_errnof(err, -errno, "cannot remove '/" JOIN_DROP_IN "'");
	return TURN_DONE;
}

/* K3s reads it after config.yaml and takes its values. */
static int write_drop_in(struct agent *a, const char *url, struct err *err)
{
	cleanup_close int dir = -EBADF;
	cleanup_free char *have = NULL;
	char text[512], folder[] = JOIN_DROP_IN;
	char *base = strrchr(folder, '/');
	struct err ignored = { 0 };
	int r;

	*base++ = '\0';
	(void)snprintf(text, sizeof(text),
		       "# Made by kiln-node: the cluster is there already, and this one answers.\n"
		       "server: \"%s\"\n%s",
		       url, a->node.node.init ? "cluster-init: false\n" : "");
	if (file_read_at(a->root_fd, JOIN_DROP_IN, sizeof(text), &have, NULL, &ignored) >= 0 &&
	    strcmp(have, text) == 0)
		return TURN_DONE;
	r = tree_mkdirs_at(a->root_fd, folder, 0755, err);
	if (r < 0)
		return r;
	dir = neg_errno(openat(a->root_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (dir < 0)
		return err_errnof(err, dir, "cannot open '/%s'", folder);
	r = journal_add(a->journal, "k3s", "join", url, err);
	return r < 0 ? r : file_replace_at(dir, base, text, strlen(text), 0600, err);
}

enum join_verdict join_first(const enum join_door *doors, size_t len, bool by_hand,
			     uint64_t refused_ms, size_t *ret_at)
{
	for (*ret_at = 0; *ret_at < len; (*ret_at)++)
		if (doors[*ret_at] == DOOR_OURS)
			return JOIN_THERE;
	if (by_hand)
		return JOIN_FOUND;
	for (*ret_at = 0; *ret_at < len; (*ret_at)++)
		if (doors[*ret_at] == DOOR_SILENT)
			return JOIN_LATER;
	return len == 0 || refused_ms >= (uint64_t)JOIN_FOUND_S * 1000 ? JOIN_FOUND : JOIN_LATER;
}

/* A word by hand holds for the founding that follows, not for one after a later loss. */
static int found(struct agent *a, bool by_hand, struct err *err)
{
	int r = journal_add(a->journal, "k3s", "found", by_hand ? "by hand" : "", err);

	if (r >= 0 && by_hand && unlinkat(a->state_fd, FOUND_FILE, 0) < 0)
		r = err_errnof(err, -errno, "cannot remove '" FOUND_FILE "'");
	return r < 0 ? r : remove_drop_in(a, err);
}

static int wait_to_found(const struct other *o, size_t at, size_t len, struct step_turn *turn)
{
	if (at < len)
		step_reasonf(
			turn,
			"control-plane %s (%s) does not answer, and it may have this cluster's "
			"data: switch it on, or say that there is none by 'touch /" STATE_DIR
			"/" FOUND_FILE "'",
			o[at].peer->name, o[at].url);
	else
		step_reasonf(turn,
			     "no other control-plane has started K3s: the cluster is founded when "
			     "that has been so for %d s",
			     JOIN_FOUND_S);
	return TURN_WAIT;
}

static int first_turn(struct agent *a, const char *token, struct other *o, size_t len,
		      struct step_turn *turn, struct err *err)
{
	enum join_door doors[PEERS_MAX];
	bool by_hand = faccessat(a->state_fd, FOUND_FILE, F_OK, 0) == 0, all_refuse = true;
	uint64_t now = clock_ms();
	size_t at;
	int r;

	if (len == 0)
		return remove_drop_in(a, err);
	for (size_t i = 0; i < len; i++) {
		r = ask(o[i].url, token, &doors[i], err);

		if (r < 0)
			return r;
		all_refuse &= doors[i] == DOOR_REFUSED;
	}
	if (!all_refuse)
		a->join.refused_since_ms = 0;
	else if (!a->join.refused_since_ms)
		a->join.refused_since_ms = now;
	switch (join_first(doors, len, by_hand, all_refuse ? now - a->join.refused_since_ms : 0,
			   &at)) {
	case JOIN_FOUND:
		r = found(a, by_hand, err);
		break;
	case JOIN_THERE:
		r = write_drop_in(a, o[at].url, err);
		break;
	default:
		return wait_to_found(o, at, len, turn);
	}
	a->join.settled = r >= 0;
	return r;
}

/* Those before us in the order have joined, or have had their time. */
static int wait_for_turn(struct agent *a, const char *token, const struct other *o, size_t len,
			 struct step_turn *turn, struct err *err)
{
	uint64_t now = clock_ms();

	if (!a->join.turn_since_ms)
		a->join.turn_since_ms = now;
	for (size_t i = 0; i < len; i++) {
		enum join_door door;
		int r;

		if (strcmp(o[i].peer->name, a->node.node.name) > 0 ||
		    strncmp(o[i].url, a->node.k3s.server, strlen(o[i].url)) == 0)
			continue;
		r = ask(o[i].url, token, &door, err);
		if (r < 0)
			return r;
		if (door == DOOR_OURS || now - a->join.turn_since_ms >= JOIN_TURN_S * 1000)
			continue;
		step_reasonf(turn,
			     "control-planes join one after another: %s comes before this one, for "
			     "%d s at most",
			     o[i].peer->name, JOIN_TURN_S);
		return TURN_WAIT;
	}
	return TURN_DONE;
}

static int join_turn(struct agent *a, const char *token, const struct other *o, size_t len,
		     struct step_turn *turn, struct err *err)
{
	const char *server = a->node.k3s.server;
	enum join_door door;
	int r;

	if (!server || !*server)
		return err_setf(err, -EINVAL,
				"node.json names no server to join: bake this node anew");
	r = ask(server, token, &door, err);
	if (r < 0)
		return r;
	if (door == DOOR_OURS)
		r = remove_drop_in(a, err);
	for (size_t i = 0; r >= 0 && door != DOOR_OURS && i < len; i++) {
		r = ask(o[i].url, token, &door, err);
		if (r >= 0 && door == DOOR_OURS) {
			server = o[i].url;
			r = write_drop_in(a, server, err);
		}
	}
	if (r < 0)
		return r;
	if (door != DOOR_OURS) {
		step_reasonf(turn, "waiting for the control-plane at %s%s", server,
			     len > 1 ? ", or another one" : "");
		return TURN_WAIT;
	}
	r = k3s_check_token(server, token, turn, err);
	if (r == TURN_DONE && a->node.node.role == NODE_CONTROL_PLANE)
		r = wait_for_turn(a, token, o, len, turn, err);
	return r;
}

int k3s_join_turn(struct agent *a, const char *token, struct step_turn *turn, struct err *err)
{
	cleanup_free struct other *others = calloc(PEERS_MAX + 1, sizeof(*others));
	bool data = false;
	size_t len;
	int r = others ? 0 : err_nomem(err);

	if (r >= 0)
		r = has_data(a, &data, err);
	if (r >= 0 && a->node.node.role == NODE_CONTROL_PLANE)
		r = check_own_ca(a, token, err);
	if (r < 0)
		return r;
	if (a->join.settled || (data && a->node.node.role == NODE_CONTROL_PLANE))
		return TURN_DONE;
	len = list_others(a, others);
	return a->node.node.init ? first_turn(a, token, others, len, turn, err)
				 : join_turn(a, token, others, len, turn, err);
}
