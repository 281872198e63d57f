/* kiln bundle - what becomes of the components: json, diff, export */
#include "cmd-bundle.h"

#include "commands.h"

#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, struct err *err);
} verbs[] = {
	{ "json", bundle_json },
};

int cmd_bundle(int argc, char **argv, struct err *err)
{
	if (argc < 2)
		return err_setf(err, CMD_USAGE, "what to do is missing: json, diff or export");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1, err);
	return err_setf(err, CMD_USAGE, "no '%s' here: json, diff or export", argv[1]);
}
