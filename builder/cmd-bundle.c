/* kiln bundle - what becomes of the components: json, diff, export */
#include "cmd-bundle.h"

#include "commands.h"

#include <string.h>

const char cmd_bundle_help[] =
	"  json FILE...  each YAML document as one line of canonical JSON, as Kubernetes\n"
	"                reads it; what Kubernetes refuses is an error with its place\n"
	"  diff          what a new bundle would change against the last baked one\n"
	"  export DIR    write the tree that Argo CD's repository shall hold: a folder a\n"
	"                component, a file an object; none that holds secrets\n"
	"  -f FILE       the cluster's file (default: cluster.yaml); diff and export\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, struct err *err);
} verbs[] = {
	{ "json", bundle_json },
	{ "diff", bundle_diff },
	{ "export", bundle_export },
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
