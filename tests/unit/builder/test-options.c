#include "options.h"

#include "commands.h"
#include "test.h"

#include <string.h>

struct args {
	const char *file, *node, *image, *taken[4];
	size_t taken_len;
	uint64_t time_s;
	unsigned int bits;
	bool json;
};

static int take(void *args, const char *value, struct err *err)
{
	struct args *a = args;

	if (strcmp(value, "bad") == 0)
		return err_setf(err, CMD_USAGE, "--take does not take '%s'", value);
	a->taken[a->taken_len++] = value;
	return 0;
}

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct args, file),
	OPTION("--json", OPTION_FLAG, struct args, json),
	OPTION_OF_BIT("--one", struct args, bits, 1),
	OPTION_OF_BIT("--four", struct args, bits, 4),
	OPTION("--time", OPTION_TIME, struct args, time_s),
	OPTION_FN("--take", OPTION_CALL, take),
	OPTION("node", OPTION_OPERAND, struct args, node),
	OPTION("image", OPTION_OPERAND, struct args, image),
	{ 0 },
};
static const struct option_row list_rows[] = {
	OPTION_FN("node", OPTION_OPERANDS, take),
	{ 0 },
};
static const struct option_row no_operand[] = {
	OPTION("--json", OPTION_FLAG, struct args, json),
	{ 0 },
};

/* @line's words as arguments. */
static int parse(const struct option_row *r, const char *line, struct args *ret, struct err *err)
{
	static char text[256];
	char *argv[16], *save = NULL;
	int argc = 0;

	*ret = (struct args){ 0 };
	*err = (struct err){ 0 };
	(void)snprintf(text, sizeof(text), "cmd %s", line);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return options_parse(r, argc, argv, ret, err);
}

TEST(options_fill_their_places_in_any_order)
{
	struct err err;
	struct args a;

	ASSERT_EQ(parse(rows, "cow --json -f x.yaml --four --time=2h --one --take a --take=b=c", &a,
			&err),
		  0);
	ASSERT_STR(a.node, "cow");
	ASSERT_STR(a.file, "x.yaml");
	ASSERT(a.json && !a.image);
	ASSERT_EQ(a.bits, 5);
	ASSERT_EQ(a.time_s, 7200);
	ASSERT_EQ(a.taken_len, 2);
	ASSERT_STR(a.taken[1], "b=c");
	ASSERT_EQ(parse(rows, "- -- --json", &a, &err), 0);
	ASSERT_STR(a.node, "-");
	ASSERT_STR(a.image, "--json");
	ASSERT(!a.json);
	ASSERT_EQ(parse(list_rows, "a b c", &a, &err), 0);
	ASSERT_EQ(a.taken_len, 3);
	ASSERT_EQ(parse(rows, "", &a, &err), 0);
}

TEST(options_that_are_wrong_are_told)
{
	static const struct {
		const struct option_row *rows;
		const char *line, *text;
	} cases[] = {
		{ rows, "--jsn", "unknown option '--jsn', did you mean '--json'?" },
		{ rows, "--frob=1", "unknown option '--frob'" },
		{ rows, "-x", "unknown option '-x'" },
		{ rows, "-f", "no value for option '-f'" },
		{ rows, "--time", "no value for option '--time'" },
		{ rows, "--time 5", "--time wants a duration such as 20min or 30d, not '5'" },
		{ rows, "--json=yes", "option '--json' takes no value" },
		{ rows, "--take bad", "--take does not take 'bad'" },
		{ rows, "a b c", "one image at a time: 'b' and 'c' were given" },
		{ no_operand, "a", "takes no argument 'a'" },
		{ no_operand, "node", "takes no argument 'node'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err;
		struct args a;

		ASSERT_EQ(parse(cases[i].rows, cases[i].line, &a, &err), CMD_USAGE);
		ASSERT_STR(err.msg, cases[i].text);
	}
}
