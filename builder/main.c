/* kiln - the host tool: finds the command, prints its error once, sets the exit status. */
#include "commands.h"
#include "decode.h"
#include "log.h"

#include <locale.h>
#include <string.h>

static void usage(FILE *out)
{
	fputs("usage: kiln COMMAND [ARG...]\n\ncommands:\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fputs("\n'kiln COMMAND --help' tells more; exit status: 0 done, 1 failed, 2 wrong usage.\n",
	      out);
}

static void command_usage(const struct command *c)
{
	printf("usage: kiln %s%s%s\n\n%s\n", c->name, *c->args ? " " : "", c->args, c->summary);
	if (*c->help)
		printf("\n%s", c->help);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct err err = { 0 };
	int r;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			command_usage(c);
			return EXIT_SUCCESS;
		}
	}
	r = c->run(argc, argv, &err);
	if (r == CMD_USAGE)
		fprintf(stderr, "kiln %s: %s%s 'kiln %s --help' tells more\n", c->name, err.msg,
			err.msg[0] && err.msg[strlen(err.msg) - 1] == '?' ? "" : ";", c->name);
	else if (r != 0 && err.msg[0])
		fprintf(stderr, "kiln %s: %s\n", c->name, err.msg);
	return r == CMD_USAGE ? 2 : r != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define COMMANDS_MAX 64

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(name, c->name) == 0)
			return c;
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[COMMANDS_MAX], *near;
	size_t n = 0;

	for (const struct command *c = commands; c->name && n < COMMANDS_MAX; c++)
		names[n++] = c->name;
	near = nearest_word(name, names, n);
	fprintf(stderr, "kiln: no command '%s'%s%s%s 'kiln --help' lists them\n", name,
		near ? ", did you mean '" : ";", near ?: "", near ? "'?" : "");
	return 2;
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

int main(int argc, char **argv)
{
	const struct command *c;
	const char *debug = getenv("KILN_DEBUG");

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	log_set_debug(debug && *debug);
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		puts("kiln " KILN_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
			  strcmp(argv[1], "help") == 0))
		return help(argv[2]);
	if (argc < 2) {
		fputs("kiln: no command given; 'kiln --help' lists them\n", stderr);
		return 2;
	}
	c = find(argv[1]);
	return c ? run(c, argc - 1, argv + 1) : unknown(argv[1]);
}
