/* kiln-node - the node agent: finds the command, prints its error once, sets the exit status. */
#include "commands.h"
#include "log.h"

#include <string.h>

static void usage(FILE *out)
{
	fputs("usage: kiln-node COMMAND [ARG...]\n\ncommands:\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fputs("\n'kiln-node COMMAND --help' tells more; exit status: 0 done, 1 failed, 2 wrong "
	      "usage.\n",
	      out);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct err err = { 0 };
	int r;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("usage: kiln-node %s%s%s\n\n%s\n%s%s", c->name, *c->args ? " " : "", c->args,
		       c->summary, *c->help ? "\n" : "", c->help);
		return EXIT_SUCCESS;
	}
	r = c->run(argc, argv, &err);
	if (r != 0 && err.msg[0])
		fprintf(stderr, "kiln-node %s: %s\n", c->name, err.msg);
	return r == CMD_USAGE ? 2 : r != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *debug = getenv("KILN_DEBUG");

	log_set_debug(debug && *debug);
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		puts("kiln-node " KILN_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (argc < 2) {
		fputs("kiln-node: no command given; 'kiln-node --help' lists them\n", stderr);
		return 2;
	}
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(argv[1], c->name) == 0)
			return run(c, argc - 1, argv + 1);
	fprintf(stderr, "kiln-node: no command '%s'; 'kiln-node --help' lists them\n", argv[1]);
	return 2;
}
