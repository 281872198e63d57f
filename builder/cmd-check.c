/* cmd-check - read cluster.yaml and show every mistake; no network, no other program */
#include "cluster.h"
#include "cmd-check.h"
#include "diag.h"

#include <string.h>

#define DEFAULT_FILE "cluster.yaml"

static int load(const char *path, bool json, struct err *err)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	struct err failed = { 0 };
	int r = cluster_load(path, &c, &diags, &failed), printed;

	if (r >= 0)
		r = cluster_check_secrets(c, &diags, &failed);
	if (r < 0 && diags.len == 0) {
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

int cmd_check(int argc, char **argv, struct err *err)
{
	const char *path = NULL;
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (argv[i][0] == '-' && argv[i][1]) {
			(void)err_setf(err, -EINVAL,
				       "unknown option '%s'; 'kiln check --help' lists them",
				       argv[i]);
			return CMD_USAGE;
		} else if (path) {
			(void)err_setf(err, -EINVAL, "one file at a time: '%s' and '%s' were given",
				       path, argv[i]);
			return CMD_USAGE;
		} else {
			path = argv[i];
		}
	}
	return load(path ? path : DEFAULT_FILE, json, err);
}
