/* cmd-inspect - look into an image: partitions, boot files, base, seed; judge it */
#include "cmd-inspect.h"

#include "commands.h"
#include "image-map.h"
#include "inspect.h"
#include "json.h"
#include "lint-boot.h"
#include "options.h"

#include <string.h>

const char cmd_inspect_help[] =
	"Mounts nothing and shows no secret. Exit 1 when something is wrong with the image.\n"
	"\n"
	"  --lint    what only real firmware would find: limits and forms of its files\n"
	"  --verify  read all mapped ranges and compare them with image.json beside the image\n"
	"  --json    all of it as one JSON object\n";

struct inspect_args {
	const char *image;
	bool lint, verify, json;
};

static const struct option_row rows[] = {
	OPTION("--lint", OPTION_FLAG, struct inspect_args, lint),
	OPTION("--verify", OPTION_FLAG, struct inspect_args, verify),
	OPTION("--json", OPTION_FLAG, struct inspect_args, json),
	OPTION("image", OPTION_OPERAND, struct inspect_args, image),
	{ 0 },
};

static int parse_args(int argc, char **argv, struct inspect_args *a, struct err *err)
{
	int r = options_parse(rows, argc, argv, a, err);

	return r == 0 && !a->image ? err_setf(err, CMD_USAGE, "which image?") : r;
}

static int verify(struct inspection *i)
{
	struct err why = { 0 };
	int r;

	if (!i->has_description)
		return inspection_problemf(i, "--verify: no image.json beside the image");
	r = image_map_verify(i->fd, &i->description, &why);
	return r == 0 ? 0 : inspection_problemf(i, "%s", why.msg);
}

static json_t *lint_json(const struct lint_report *r)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < r->len; k++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "rule", r->items[k].rule->id, "text",
					r->items[k].text, "source", r->items[k].rule->source));
	return list;
}

static int print_json(const struct inspection *i, const struct lint_report *lint, bool linted,
		      struct err *err)
{
	cleanup_json json_t *j = NULL;
	int r = inspection_json(i, &j, err);

	if (r < 0)
		return r;
	if (linted && json_object_set_new(j, "lint", lint_json(lint)) < 0)
		return err_nomem(err);
	if (json_dumpf(j, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
		return err_setf(err, -EIO, "cannot write the result");
	return 0;
}

static void print_lint(const struct lint_report *r)
{
	for (size_t k = 0; k < r->len; k++)
		printf("lint: %s: %s\n      source: %s\n", r->items[k].rule->id, r->items[k].text,
		       r->items[k].rule->source);
	printf("lint: %zu rules, %zu broken\n", r->checked, r->len);
}

static int inspect(const struct inspect_args *a, struct err *err)
{
	cleanup_lint_report struct lint_report lint = { 0 };
	cleanup_inspection struct inspection i = { .fd = -EBADF };
	int r;

	r = inspect_image(a->image, &i, err);
	if (r == 0 && a->verify)
		r = verify(&i);
	if (r == 0 && a->lint)
		r = lint_run(i.fd, a->image, i.kind, &lint, err);
	if (r < 0)
		return r;
	if (a->json) {
		r = print_json(&i, &lint, a->lint, err);
	} else {
		inspection_print(&i, stdout);
		if (a->lint)
			print_lint(&lint);
	}
	if (r == 0 && i.problems_len + lint.len > 0)
		r = err_setf(err, -EBADMSG, "'%s': %zu problem%s", a->image,
			     i.problems_len + lint.len, i.problems_len + lint.len == 1 ? "" : "s");
	return r;
}

int cmd_inspect(int argc, char **argv, struct err *err)
{
	struct inspect_args a = { 0 };
	int r = parse_args(argc, argv, &a, err);

	return r != 0 ? r : inspect(&a, err);
}
