#include "k3s-log.h"

#include "spawn.h"

#include <string.h>

#define LOG_MAX ((size_t)256 << 10)

/* pkg/agent/config, pkg/cluster, pkg/etcd, pkg/clientaccess of K3s, 1.26 to 1.35. */
static const struct {
	const char *says, *means;
} sayings[] = {
	{ "Node password rejected",
	  "the name '%s' is taken: the control-plane knows it with another node password. If this "
	  "node was baked from other secrets, bake it from the cluster's; else 'kubectl -n "
	  "kube-system delete secret %s.node-password.k3s' forgets the other one" },
	{ "bootstrap data already found and encrypted with different token",
	  "this node's data is of a cluster with another token" },
	{ "token CA hash does not match", "the control-plane's CA is not the one of the token" },
	{ "failed to validate token", "the control-plane does not take the token" },
	{ "critical configuration mismatched",
	  "options of this control-plane differ from those of the cluster's" },
	{ "too many learner members", "another control-plane joins just now: K3s tries again" },
	{ "etcd cluster join failed: duplicate node name",
	  "etcd still has a member of this name: remove it on a running control-plane" },
	{ "is a not a member of the etcd cluster",
	  "etcd knows this node by another address: give it the one that it had; the only "
	  "control-plane can take a new one by 'k3s server --cluster-reset'" },
	{ "no space left on device", "the disk is full" },
	{ "read-only file system", "a file system is read-only" },
};

bool k3s_log_explain(const char *log, const char *node, char *dst, size_t size)
{
	const char *newest = NULL, *words = NULL, *hole;
	int head;

	for (size_t i = 0; i < ARRAY_SIZE(sayings); i++) {
		for (const char *p = log; (p = strstr(p, sayings[i].says)); p++) {
			if (!newest || p > newest) {
				newest = p;
				words = sayings[i].means;
			}
		}
	}
	if (!words)
		return false;
	/* the node's name stands for each %s: no format comes from elsewhere than the table */
	for (*dst = '\0'; (hole = strstr(words, "%s")); words = hole + 2) {
		head = snprintf(dst, size, "%.*s%s", (int)(hole - words), words, node);
		if (head < 0 || (size_t)head >= size)
			return true;
		dst += head;
		size -= (size_t)head;
	}
	(void)snprintf(dst, size, "%s", words);
	return true;
}

void k3s_log_hint(const char *unit, const char *node, struct step_turn *turn)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "journalctl", "-u", unit, "-b", "-n", "40", "-o",
					       "cat", "--no-pager", "-q", NULL },
		.timeout_ms = 3000,
		.out_max = LOG_MAX,
	};
	char words[400];
	struct err ignored = { 0 };
	size_t len = strlen(turn->reason);

	if (spawn_run(&s, &ignored) < 0 || !k3s_log_explain(s.out, node, words, sizeof(words)))
		return;
	(void)snprintf(turn->reason + len, sizeof(turn->reason) - len, "%s%s", len ? ": " : "",
		       words);
}
