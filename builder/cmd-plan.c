#include "cmd-plan.h"

#include "bundle-show.h"
#include "cluster-open.h"
#include "commands.h"
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

static int usage(struct err *err, const char *what, const char *arg)
{
	(void)err_setf(err, -EINVAL, "%s%s%s%s; 'kiln plan --help' tells more", what,
		       arg ? " '" : "", arg ?: "", arg ? "'" : "");
	return CMD_USAGE;
}

/* Options that do not go with each other. */
static int check_together(const struct plan_args *a, struct err *err)
{
	if (a->bundle && (a->node || a->files || a->cat))
		return usage(err, "--bundle goes with no node", NULL);
	if ((a->files || a->cat) && !a->node)
		return usage(err, "--files and --cat need a node", NULL);
	if (a->cat && (a->json || a->files))
		return usage(err, "--cat goes with no other option", NULL);
	return 0;
}

static int parse_args(int argc, char **argv, struct plan_args *a, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		bool last = i + 1 == argc;

		if (strcmp(s, "--files") == 0)
			a->files = true;
		else if (strcmp(s, "--bundle") == 0)
			a->bundle = true;
		else if (strcmp(s, "--json") == 0)
			a->json = true;
		else if (strcmp(s, "--cat") == 0 && !last)
			a->cat = argv[++i];
		else if (strcmp(s, "-f") == 0 && !last)
			a->file = argv[++i];
		else if (strcmp(s, "--cat") == 0 || strcmp(s, "-f") == 0)
			return usage(err, "no value for option", s);
		else if (s[0] == '-')
			return usage(err, "unknown option", s);
		else if (a->node)
			return usage(err, "one node at a time, not also", s);
		else
			a->node = s;
	}
	return check_together(a, err);
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
