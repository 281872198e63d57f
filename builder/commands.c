#include "commands.h"
#include "cmd-bake.h"
#include "cmd-bundle.h"
#include "cmd-check.h"
#include "cmd-diff.h"
#include "cmd-fetch.h"
#include "cmd-gc.h"
#include "cmd-init.h"
#include "cmd-kubeconfig.h"
#include "cmd-inspect.h"
#include "cmd-plan.h"
#include "cmd-push.h"
#include "cmd-run.h"
#include "cmd-schema.h"
#include "cmd-status.h"
#include "cmd-update.h"

const struct command commands[] = {
	{ "init", cmd_init, "[FILE] [--new-identity]",
	  "make the cluster's identity: CAs, tokens, host keys", cmd_init_help },
	{ "check", cmd_check, "[FILE] [--json]",
	  "show every mistake of cluster.yaml with its place",
	  "  FILE     default: cluster.yaml here\n"
	  "  -f FILE  the same\n"
	  "  --json   mistakes as one JSON object on stdout, for editors:\n"
	  "           {file, ok, errors: [{line, column, width, message}], more}\n"
	  "\n"
	  "Needs no network, no root and runs no other program: of a secret given as a\n"
	  "command only the program is looked for. Exit 1 when there are mistakes.\n" },
	{ "plan", cmd_plan, "[NODE] [-f FILE] [--files | --cat PATH | --bundle] [--json]",
	  "show what would be built, and the files of each node", cmd_plan_help },
	{ "bake", cmd_bake, "[NODE...] [-f FILE] [--offline] [--zst] [--wipe NODE=SERIAL] [--json]",
	  "make the images of nodes", cmd_bake_help },
	{ "inspect", cmd_inspect, "IMAGE [--lint] [--verify] [--json]",
	  "look into an image: partitions, boot files, seed, digests", cmd_inspect_help },
	{ "diff", cmd_diff, "NODE [FILE] [-f FILE] [--json]",
	  "what a new bake would change in the files of a node", cmd_diff_help },
	{ "push", cmd_push, "NODE [-f FILE] [--reboot] [--to HOST] [--forwards FILE] [-i KEY]",
	  "bring a baked seed to a node that runs", cmd_push_help },
	{ "run", cmd_run, "NODE... [-f FILE] [--bus BUS] [--overlay FILE] [--ssh-port PORT] ...",
	  "boot nodes in QEMU, several on one network", cmd_run_help },
	{ "status", cmd_status,
	  "[-f FILE] [--watch] [--timeout TIME] [--json] [--forwards FILE] [-i KEY]",
	  "how far every node has come, until all is up", cmd_status_help },
	{ "schema", cmd_schema, "[cluster|board]", "print the JSON Schema of a file, for editors",
	  "  cluster  of cluster.yaml (default)\n"
	  "  board    of boards/NAME/board.yaml\n" },
	{ "update", cmd_update, "[-f FILE] [--components]", "resolve every input into kiln.lock",
	  cmd_update_help },
	{ "fetch", cmd_fetch, "[-f FILE]", "bring what kiln.lock names into the cache",
	  cmd_fetch_help },
	{ "gc", cmd_gc, "[-f FILE]... [--older-than TIME] [--remove] [--json]",
	  "what of the cache nothing names any more", cmd_gc_help },
	{ "bundle", cmd_bundle, "json FILE... | diff | export DIR",
	  "show what becomes of components", cmd_bundle_help },
	{ "kubeconfig", cmd_kubeconfig, "[FILE] [-o PATH] [--valid DURATION] [--server HOST]",
	  "sign an admin's kubeconfig", cmd_kubeconfig_help },
	{ 0 },
};
