/* cmd-schema - print the JSON Schema of cluster.yaml or board.yaml */
#include "cmd-schema.h"
#include "schema.h"

#include <string.h>

int cmd_schema(int argc, char **argv, struct err *err)
{
	const char *what = argc > 1 ? argv[1] : "cluster";
	json_t *s;
	int r;

	if (argc > 2 || (strcmp(what, "cluster") != 0 && strcmp(what, "board") != 0)) {
		(void)err_setf(err, -EINVAL, "expected 'cluster' or 'board', got '%s'",
			       argc > 2 ? argv[2] : what);
		return CMD_USAGE;
	}
	s = what[0] == 'c' ? schema_cluster() : schema_board();
	if (!s)
		return err_nomem(err);
	r = json_dumpf(s, stdout, JSON_INDENT(2));
	json_decref(s);
	if (r < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
		return err_setf(err, -EIO, "cannot write the schema");
	return 0;
}
