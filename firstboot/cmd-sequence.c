/* kiln-node sequence: what of the bundle is left, and why, by reads alone. */
#include "agent.h"
#include "commands.h"
#include "file.h"
#include "kube-cred.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#define KUBECONFIG_FILE "etc/rancher/k3s/k3s.yaml"
#define COPY "sequence-plan"

/* A copy: the agent at work may be in the middle of a record, which opening would cut off. */
static int open_copy(struct agent *a, struct err *err)
{
	cleanup_free char *text = NULL;
	char name[64];
	size_t len = 0;
	int r;

	r = file_read_at(a->state_fd, SEQUENCE_JOURNAL, 2 * JOURNAL_MAX, &text, &len, err);
	if (r < 0 && r != -ENOENT)
		return r;
	(void)snprintf(name, sizeof(name), COPY "-%d", (int)getpid());
	r = file_replace_at(a->run_fd, name, text ? text : "", len, 0600, err);
	if (r >= 0)
		r = journal_open(a->run_fd, name, &a->sequence_journal, err);
	(void)unlinkat(a->run_fd, name, 0);
	return r;
}

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
	r = open_copy(a, err);
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
	cleanup_agent struct agent a = { .root_fd = -EBADF, .state_fd = -EBADF, .run_fd = -EBADF };
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
