/*
 * K3s: started, and its gates in order. READY=1 of its unit means that the API
 * server answers, not that this node is in the cluster; so each gate is asked itself:
 *	config and token complete; CA of the server the one that the token pins, and the
 *	cluster the one that is there (k3s-join.h); unit running; /readyz with our own
 *	certificate; own Node with all addresses
 *
 * An empty token or server would make K3s found a cluster of its own: refused.
 *
 * Looked at again later: K3s renews credentials when it starts, and those in memory end.
 */
#include "agent.h"
#include "k3s-gates.h"
#include "k3s-join.h"
#include "k3s-log.h"
#include "k3s-torn.h"
#include "kube-cred.h"
#include "spawn.h"

#include <string.h>

#define TOKEN_FILE "etc/rancher/k3s/token"
#define KUBECONFIG_FILE "etc/rancher/k3s/k3s.yaml"
#define AGENT_URL "https://127.0.0.1:6444" /* the agent's load balancer in front of all servers */

static int read_token(struct agent *a, char **ret, struct err *err)
{
	cleanup_free char *token = NULL;
	int r = agent_read(a, TOKEN_FILE, &token, err);

	if (r < 0)
		return err_wrapf(err, r, "the cluster's token");
	token[strcspn(token, "\r\n")] = '\0';
	if (strncmp(token, "K10", 3) != 0 || strlen(token) < 3 + 64 + 2 || !strstr(token, "::"))
		return err_setf(err, -EINVAL,
				"'/%s' holds no full K10 token: K3s would trust any server; bake "
				"this node anew",
				TOKEN_FILE);
	*ret = TAKE_PTR(token);
	return 0;
}

/* What would make K3s found a cluster of its own, or join a wrong one, is stopped here. */
static int check_join(struct agent *a, struct step_turn *turn, struct err *err)
{
	cleanup_free char *token = NULL;
	int r = read_token(a, &token, err);

	if (r < 0)
		return r;
	return k3s_join_turn(a, token, turn, err);
}

static int start_unit(const char *unit, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "systemctl", "start", "--no-block", "--", unit,
					       NULL },
		.timeout_ms = 5000,
	};

	return spawn_run(&s, err);
}

/* "active", "activating", "failed" … as systemd says it. */
static int unit_state(const char *unit, char *ret, size_t size, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "systemctl", "show", "-P", "ActiveState", "--", unit,
					       NULL },
		.timeout_ms = 5000,
		.out_max = 256,
	};
	int r = spawn_run(&s, err);

	if (r < 0)
		return r;
	(void)snprintf(ret, size, "%s", s.out);
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

/* Not while it runs: K3s may be writing the very file. */
static int remove_torn(struct agent *a, struct err *err)
{
	cleanup_free char *dir = agent_path(a, a->node.k3s.data_dir);
	struct k3s_torn torn;
	int r = dir ? k3s_torn_remove(dir, &torn, err) : err_nomem(err);

	return r < 0 || !torn.removed ? r : journal_add(a->journal, "k3s", "torn", torn.names, err);
}

static int start(struct agent *a, struct step_turn *turn, struct err *err)
{
	const char *unit = a->node.k3s.unit;
	char state[32];
	int r = unit_state(unit, state, sizeof(state), err);

	if (r < 0)
		return r;
	if (strcmp(state, "active") == 0)
		return TURN_DONE;
	if (strcmp(state, "activating") != 0 && strcmp(state, "reloading") != 0) {
		r = strcmp(state, "deactivating") == 0 ? 0 : remove_torn(a, err);
		if (r >= 0)
			r = start_unit(unit, err);
		if (r < 0)
			return r;
	}
	step_reasonf(turn, "waiting for %s to start (it is %s); 'journalctl -u %s' tells more",
		     unit, state, unit);
	k3s_log_hint(unit, a->node.node.name, turn);
	return TURN_WAIT;
}

static int connect_api(struct agent *a, struct step_turn *turn, struct err *err)
{
	cleanup_kube_cred struct kube_cred cred = { 0 };
	int r;

	if (a->node.node.role == NODE_CONTROL_PLANE)
		r = kube_cred_from_k3s_yaml(a->root_fd, KUBECONFIG_FILE, &cred, err);
	else
		r = kube_cred_from_kubelet(a->root_fd, a->node.k3s.data_dir, AGENT_URL, &cred, err);
	if (r == -ENOENT) {
		step_reasonf(turn, "waiting for K3s to write this node's credentials");
		k3s_log_hint(a->node.k3s.unit, a->node.node.name, turn);
		return TURN_WAIT;
	}
	if (r < 0)
		return r;
	if (a->kube && kube_has_cred(a->kube, &cred))
		return TURN_DONE;
	sequence_free(a->sequence); /* it holds the connection that ends here */
	a->sequence = NULL;
	kube_free(a->kube);
	a->kube = NULL;
	return kube_new(&cred, &a->kube, err);
}

int step_k3s(struct agent *a, struct step_turn *turn, struct err *err)
{
	int r = a->kube ? TURN_DONE : check_join(a, turn, err); /* once in, it is in */

	if (r == TURN_DONE)
		r = start(a, turn, err);
	if (r == TURN_DONE)
		r = connect_api(a, turn, err);
	if (r == TURN_DONE)
		r = k3s_check_ready(a->kube, a->node.node.role == NODE_CONTROL_PLANE, turn, err);
	if (r == TURN_DONE)
		r = k3s_check_node(a->kube, &a->node, turn, err);
	if (r == TURN_WAIT && a->kube)
		k3s_log_hint(a->node.k3s.unit, a->node.node.name, turn);
	return r;
}
