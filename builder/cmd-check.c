/* cmd-check - read cluster.yaml and show every mistake; no network, no other program */
#include "cluster-open.h"
#include "cluster.h"
#include "cmd-check.h"
#include "diag.h"
#include "options.h"

#include <string.h>

static int load(const char *path, bool json, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	struct err failed = { 0 };
	int r = cluster_load(path, &c, &diags, &failed), printed;

	if (r >= 0)
		r = cluster_check_secrets(c, &diags, &failed);
	if (r < 0 && diags.len == 0) {
		r = cluster_missing(path, r, &failed);
		if (!json)
			return err_setf(err, r, "%s", failed.msg);
		diag_addf(&diags, 0, 0, 0, "%s", failed.msg);
	}
	if (json) {
		printed = diag_print_json(&diags, stdout);
		return printed < 0 ? err_nomem(err) : r;
	}
	diag_print(&diags, stderr);
	if (r < 0)
		return err_setf(err, r, "%s", failed.msg);
	printf("%s: %zu node%s, %zu components: no mistakes\n", path, c->nodes_len,
	       c->nodes_len == 1 ? "" : "s", c->components_len);
	return 0;
}

struct check_args {
	const char *file;
	bool json;
};

static const struct option_row rows[] = {
	OPTION("--json", OPTION_FLAG, struct check_args, json),
	OPTION("file", OPTION_OPERAND, struct check_args, file),
	OPTION("-f", OPTION_TEXT, struct check_args, file),
	{ 0 },
};

int cmd_check(int argc, char **argv, struct err *err)
{
	struct check_args a = { 0 };
	int r = options_parse(rows, argc, argv, &a, err);

	return r != 0 ? r : load(a.file ?: CLUSTER_FILE, a.json, err);
}
