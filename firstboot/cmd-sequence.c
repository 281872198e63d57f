/* kiln-node sequence: what of the bundle is left, and why, by reads alone. */
#include "agent.h"
#include "commands.h"
#include "kube-cred.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#define KUBECONFIG_FILE "etc/rancher/k3s/k3s.yaml"

static int open_all(struct agent *a, struct err *err)
{
	cleanup_kube_cred struct kube_cred cred = { 0 };
	cleanup_free char *path = NULL;
	int r;

	if (!a->node.bundle)
		return err_setf(err, -ENOENT,
				"no bundle on this node: ask on the first control-plane");
	path = agent_path(a, a->node.bundle->path);
	if (!path)
		return err_nomem(err);
	r = bundle_reader_open(AT_FDCWD, path, a->node.bundle->sha256, &a->bundle, err);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", a->node.bundle->path);
	/* the agent at work may be in the middle of a record */
	r = journal_open_reading(a->state_fd, SEQUENCE_JOURNAL, &a->sequence_journal, err);
	if (r >= 0)
		r = kube_cred_from_k3s_yaml(a->root_fd, KUBECONFIG_FILE, &cred, err);
	if (r == -ENOENT)
		return err_setf(err, r,
				"'/" KUBECONFIG_FILE "' is missing: K3s has not started yet");
	if (r >= 0)
		r = kube_new(&cred, &a->kube, err);
	if (r >= 0)
		r = sequence_new(a->kube, a->bundle, a->sequence_journal, &a->sequence, err);
	return r;
}

int cmd_sequence(int argc, char **argv, struct err *err)
{
	static const struct option options[] = { { "plan", no_argument, NULL, 'p' }, { 0 } };
	cleanup_agent struct agent a = AGENT_INIT;
	bool plan = false;
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == '?')
			return err_setf(err, CMD_USAGE, "'%s' is no option of sequence",
					argv[optind - 1]);
		plan |= c == 'p';
	}
	if (optind != argc)
		return err_setf(err, CMD_USAGE, "sequence takes no arguments");
	if (!plan)
		return err_setf(err, CMD_USAGE, "'--plan' is missing: the service does the work");
	r = agent_open_reading(&a, err);
	if (r >= 0)
		r = open_all(&a, err);
	if (r >= 0)
		r = sequence_plan(a.sequence, stdout, err);
	return r;
}
