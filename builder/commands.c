#include "commands.h"
#include "cmd-bundle.h"

const struct command commands[] = {
	{ "bundle", cmd_bundle, "json FILE... | diff | export DIR", "show what becomes of components",
	  "  json FILE...  each YAML document as one line of canonical JSON, as Kubernetes\n"
	  "                reads it; what Kubernetes refuses is an error with its place\n" },
	{ 0 },
};
