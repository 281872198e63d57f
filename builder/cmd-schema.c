/* cmd-schema - print the JSON Schema of cluster.yaml or board.yaml */
#include "cmd-schema.h"
#include "commands.h"
#include "options.h"
#include "schema.h"

#include <string.h>

int cmd_schema(int argc, char **argv, struct err *err)
{
	static const struct option_row rows[] = { { .name = "schema", .kind = OPTION_OPERAND },
						  { 0 } };
	const char *what = NULL;
	json_t *s;
	int r = options_parse(rows, argc, argv, &what, err);

	if (r != 0)
		return r;
	if (what && strcmp(what, "cluster") != 0 && strcmp(what, "board") != 0)
		return err_setf(err, CMD_USAGE, "expected 'cluster' or 'board', got '%s'", what);
	s = what && what[0] == 'b' ? schema_board() : schema_cluster();
	if (!s)
		return err_nomem(err);
	r = json_dumpf(s, stdout, JSON_INDENT(2));
	json_decref(s);
	if (r < 0 || putchar('\n') == EOF || fflush(stdout) != 0)
		return err_setf(err, -EIO, "cannot write the schema");
	return 0;
}
