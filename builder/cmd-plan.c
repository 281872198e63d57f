#include "cmd-plan.h"

#include "bundle-show.h"
#include "cluster-open.h"
#include "commands.h"
#include "options.h"
#include "plan.h"

#include <string.h>

const char cmd_plan_help[] =
	"Without NODE: the inputs, what of them is there, and every node with the size of\n"
	"its seed. Runs no program and asks no network; works before 'kiln init' as well,\n"
	"with stand-ins where secrets would be. Contents of secrets are never shown.\n"
	"\n"
	"  -f FILE      the cluster's file (default: cluster.yaml)\n"
	"  --files      list the files of NODE's seed: type, mode, owner, bytes, path\n"
	"  --cat PATH   print one of them\n"
	"  --bundle     the manifest bundle instead: components, waves and gates in order\n"
	"  --json       as JSON: the whole plan, or with NODE its files\n";

struct plan_args {
	const char *file, *node, *cat;
	bool files, json, bundle;
};

static const struct option_row rows[] = {
	OPTION("--files", OPTION_FLAG, struct plan_args, files),
	OPTION("--bundle", OPTION_FLAG, struct plan_args, bundle),
	OPTION("--json", OPTION_FLAG, struct plan_args, json),
	OPTION("--cat", OPTION_TEXT, struct plan_args, cat),
	OPTION("-f", OPTION_TEXT, struct plan_args, file),
	OPTION("node", OPTION_OPERAND, struct plan_args, node),
	{ 0 },
};

/* Options that do not go with each other. */
static int check_together(const struct plan_args *a, struct err *err)
{
	if (a->bundle && (a->node || a->files || a->cat))
		return err_setf(err, CMD_USAGE, "--bundle goes with no node");
	if ((a->files || a->cat) && !a->node)
		return err_setf(err, CMD_USAGE, "--files and --cat need a node");
	if (a->cat && (a->json || a->files))
		return err_setf(err, CMD_USAGE, "--cat goes with no other option");
	return 0;
}

static int parse_args(int argc, char **argv, struct plan_args *a, struct err *err)
{
	int r = options_parse(rows, argc, argv, a, err);

	return r != 0 ? r : check_together(a, err);
}

static int print_json(const struct plan *p, const struct plan_args *a, struct err *err)
{
	json_auto_t *j = NULL;
	int r = a->node ? plan_files_json(&p->nodes[0], &j, err) : plan_json(p, &j, err);

	if (r < 0)
		return r;
	if (json_dumpf(j, stdout, JSON_INDENT(2)) < 0)
		return err_setf(err, -EIO, "cannot write the plan");
	putchar('\n');
	return 0;
}

static int print_plan(const struct plan *p, const struct plan_args *a, struct err *err)
{
	int r = 0;

	if (a->cat)
		r = plan_print_file(&p->nodes[0], a->cat, stdout, err);
	else if (a->json)
		r = print_json(p, a, err);
	else if (a->files)
		plan_print_files(&p->nodes[0], stdout);
	else
		plan_print(p, stdout);
	if (r < 0)
		return r;
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errnof(err, errno ? -errno : -EIO, "cannot write the plan");
	return 0;
}

int cmd_plan(int argc, char **argv, struct err *err)
{
	struct plan_args a = { .file = CLUSTER_FILE };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_plan struct plan p = { 0 };
	const struct node *only = NULL;
	int r;

	r = parse_args(argc, argv, &a, err);
	if (r != 0)
		return r;
	r = cluster_open(a.file, &c, err);
	if (r < 0)
		return r;
	if (a.bundle)
		return bundle_show(c, a.json, stdout, err);
	if (a.node) {
		r = cluster_open_node(c, a.node, &only, err);
		if (r < 0)
			return r;
	}
	r = plan_make(c, only, &p, err);
	return r < 0 ? r : print_plan(&p, &a, err);
}
