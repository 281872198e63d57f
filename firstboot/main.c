/* kiln-node - the node agent: finds the command, prints its error once, sets the exit status. */
#include "commands.h"
#include "log.h"

#include <stdbool.h>
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

static void command_usage(const struct command *c)
{
	printf("usage: kiln-node %s%s%s\n\n%s\n%s%s", c->name, *c->args ? " " : "", c->args,
	       c->summary, *c->help ? "\n" : "", c->help);
}

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(name, c->name) == 0)
			return c;
	return NULL;
}

static int unknown(const char *name)
{
	fprintf(stderr, "kiln-node: no command '%s'; 'kiln-node --help' lists them\n", name);
	return 2;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int help(const char *name)
{
	const struct command *c = name ? find(name) : NULL;

	if (name && !c)
		return unknown(name);
	if (c)
		command_usage(c);
	else
		usage(stdout);
	return EXIT_SUCCESS;
}

static int run(const struct command *c, int argc, char **argv)
{
	struct err err = { 0 };
	int r;

	if (argc > 1 && is_help(argv[1])) {
		command_usage(c);
		return EXIT_SUCCESS;
	}
	r = c->run(argc, argv, &err);
	if (r == CMD_USAGE)
		fprintf(stderr, "kiln-node %s: %s; 'kiln-node %s --help' tells more\n", c->name,
			err.msg, c->name);
	else if (r != 0 && err.msg[0])
		fprintf(stderr, "kiln-node %s: %s\n", c->name, err.msg);
	return r == CMD_USAGE ? 2 : r != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *debug = getenv("KILN_DEBUG");
	const struct command *c;

	log_set_debug(debug && *debug);
	if (argc < 2) {
		fputs("kiln-node: no command given; 'kiln-node --help' lists them\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("kiln-node " KILN_VERSION);
		return EXIT_SUCCESS;
	}
	if (is_help(argv[1]) || strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	c = find(argv[1]);
	return c ? run(c, argc - 1, argv + 1) : unknown(argv[1]);
}
