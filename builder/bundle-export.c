/* kiln bundle export DIR - the tree for argocd.repo: what the Applications point at */
#include "buf.h"
#include "bundle-reader.h"
#include "bundle.h"
#include "cluster-open.h"
#include "cmd-bundle.h"
#include "commands.h"
#include "file.h"
#include "options.h"
#include "tree.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

static bool opens(char c)
{
	return c == '{' || c == '[';
}

static bool closes(char c)
{
	return c == '}' || c == ']';
}

/* The string that begins at c as it is; its last character. */
static const char *copy_string(const char *c, struct buf *out)
{
	const char *end = c + 1;

	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	(void)buf_add(out, c, (size_t)(end - c) + (*end != '\0'));
	return *end ? end : end - 1;
}

/* Numbers as they are: jansson would not keep 64-bit ones, so the text is only indented. */
static int indent_json(const char *json, struct buf *out)
{
	unsigned int depth = 0;

	for (const char *c = json; *c; c++) {
		if (*c == '"') {
			c = copy_string(c, out);
			continue;
		}
		if (closes(*c) && !opens(c[-1]))
			(void)buf_addf(out, "\n%*s", (int)(2 * --depth), "");
		else if (closes(*c))
			depth--;
		(void)buf_addc(out, *c);
		if (*c == ':')
			(void)buf_addc(out, ' ');
		if (opens(*c))
			depth++;
		if (*c == ',' || (opens(*c) && !closes(c[1])))
			(void)buf_addf(out, "\n%*s", (int)(2 * depth), "");
	}
	return buf_addc(out, '\n');
}

static void file_name(const struct bundle_object *o, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s%s%s.%s.json", o->namespace ? o->namespace : "",
		       o->namespace ? "." : "", o->plural, o->name);
	for (char *c = dst; *c; c++)
		if (*c == ':' || *c == '/')
			*c = '_';
}

static int export_object(const struct bundle_reader *b, const struct bundle_component *c,
			 const struct bundle_object *o, int dir_fd, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 20);
	cleanup_free char *text = NULL;
	char name[1024], path[2048];
	size_t len;
	int r = bundle_reader_object(b, o, &text, &len, err);

	if (r < 0)
		return r;
	if (indent_json(text, &out) < 0)
		return err_nomem(err);
	file_name(o, name, sizeof(name));
	(void)snprintf(path, sizeof(path), "%s/%s", c->name, name);
	return file_replace_at(dir_fd, path, out.data, out.len, 0644, err);
}

/* Objects with secrets stay out; a component's folder is made anew. */
static int export_component(const struct bundle_reader *b, const struct bundle_component *c,
			    int dir_fd, size_t *files, struct err *err)
{
	int r = tree_remove_at(dir_fd, c->name);

	if (r == 0)
		r = tree_mkdirs_at(dir_fd, c->name, 0755, err);
	else
		(void)err_errnof(err, r, "cannot remove the old '%s'", c->name);
	for (size_t i = 0; i < c->objects.len && r == 0; i++) {
		if (c->objects.items[i].secret)
			continue;
		r = export_object(b, c, &c->objects.items[i], dir_fd, err);
		*files += r == 0;
	}
	return r;
}

struct export_args {
	const char *file, *dir;
};

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct export_args, file),
	OPTION("folder", OPTION_OPERAND, struct export_args, dir),
	{ 0 },
};

int bundle_export(int argc, char **argv, struct err *err)
{
	cleanup_bundle_result struct bundle_result result = { 0 };
	cleanup_bundle_reader struct bundle_reader *b = NULL;
	cleanup_cluster struct cluster *c = NULL;
	cleanup_close int dir_fd = -EBADF;
	struct export_args a = { .file = CLUSTER_FILE };
	const struct bundle_index *x;
	size_t files = 0;
	int r = options_parse(rows, argc, argv, &a, err);

	if (r == 0 && !a.dir)
		return err_setf(err, CMD_USAGE, "export: into which folder?");
	if (r == 0)
		r = cluster_open(a.file, &c, err);
	if (r == 0)
		r = bundle_build(c, BUNDLE_NO_SECRETS, &result, err);
	if (r == 0)
		r = bundle_reader_open(AT_FDCWD, result.path, result.sha256, &b, err);
	if (r == 0)
		r = tree_mkdirs_at(AT_FDCWD, a.dir, 0755, err);
	if (r != 0)
		return r;
	dir_fd = neg_errno(open(a.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (dir_fd < 0)
		return err_errnof(err, dir_fd, "cannot open '%s'", a.dir);
	x = bundle_reader_index(b);
	for (size_t i = 0; i < x->components.len && r == 0; i++)
		r = export_component(b, &x->components.items[i], dir_fd, &files, err);
	if (r == 0)
		printf("%zu files of %zu components in %s\n", files, x->components.len, a.dir);
	return r;
}
