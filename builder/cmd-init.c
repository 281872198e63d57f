#include "cmd-init.h"

#include "cluster-open.h"
#include "commands.h"
#include "file.h"
#include "options.h"
#include "out-dir.h"
#include "path.h"
#include "secrets.h"

#include <fcntl.h>
#include <string.h>

const char cmd_init_help[] =
	"Makes the identity of the cluster once, in .kiln/secrets beside FILE: its CAs (in\n"
	"the form K3s takes), tokens, and for every node a machine-id, a K3s node password\n"
	"and SSH host keys; and out/known_hosts from them. What is there is never replaced:\n"
	"a node added later gets only what it lacks.\n"
	"\n"
	"Keep a backup of .kiln/secrets: without it the nodes that run cannot be re-imaged,\n"
	"joined or reached as this cluster. It is never made a second time for a cluster\n"
	"that was baked already.\n"
	"\n"
	"  FILE            default: cluster.yaml here\n"
	"  -f FILE         the same\n"
	"  --new-identity  make a new identity although out/ shows that one was lost\n";

struct init_args {
	const char *file;
	bool new_identity;
};

static const struct option_row rows[] = {
	OPTION("--new-identity", OPTION_FLAG, struct init_args, new_identity),
	OPTION("file", OPTION_OPERAND, struct init_args, file),
	OPTION("-f", OPTION_TEXT, struct init_args, file),
	{ 0 },
};

/* No secrets, but a known_hosts made from some: nodes with that identity may run. */
static int check_not_lost(const char *secrets, const char *known_hosts, struct err *err)
{
	bool have_secrets, have_hosts;
	int r = file_exists_at(AT_FDCWD, secrets, &have_secrets, err);

	if (r >= 0)
		r = file_exists_at(AT_FDCWD, known_hosts, &have_hosts, err);
	if (r < 0 || have_secrets || !have_hosts)
		return r;
	return err_setf(err, -ENOKEY,
			"'%s' is gone, but '%s' shows that this cluster had an identity: restore "
			"the folder from a "
			"backup, or give up the running nodes with --new-identity",
			secrets, known_hosts);
}

static int run(const struct cluster *c, bool new_identity, struct err *err)
{
	cleanup_free char *secrets = path_join(c->dir, ".kiln/secrets"),
			  *known_hosts = path_join(c->dir, "out/known_hosts");
	unsigned int made = 0;
	bool existed;
	int r;

	if (!secrets || !known_hosts)
		return err_nomem(err);
	r = file_exists_at(AT_FDCWD, secrets, &existed, err);
	if (r >= 0 && !new_identity)
		r = check_not_lost(secrets, known_hosts, err);
	if (r >= 0)
		r = secrets_init(c, &made, err);
	if (r >= 0)
		r = out_dir_make(c, NULL, err);
	if (r >= 0)
		r = secrets_known_hosts(c, known_hosts, err);
	if (r < 0)
		return r;
	if (made == 0)
		printf("%s: nothing was missing\n", secrets);
	else
		printf("%s: %u files made\n", secrets, made);
	printf("%s: host keys of %zu nodes\n", known_hosts, c->nodes_len);
	if (!existed)
		printf("Keep a backup of %s: whoever loses it loses the cluster's identity.\n",
		       secrets);
	return 0;
}

int cmd_init(int argc, char **argv, struct err *err)
{
	cleanup_cluster struct cluster *c = NULL;
	struct init_args a = { 0 };
	int r = options_parse(rows, argc, argv, &a, err);

	if (r != 0)
		return r;
	r = cluster_open(a.file ?: CLUSTER_FILE, &c, err);
	return r < 0 ? r : run(c, a.new_identity, err);
}
