/* kiln bundle json FILE... - each document as one line of canonical JSON */
#include "cmd-bundle.h"
#include "commands.h"
#include "file.h"
#include "kval-write.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <string.h>

#define JSON_MAX ((size_t)512 << 20)

static int read_input(const char *name, char **ret, size_t *ret_len, struct err *err)
{
	if (strcmp(name, "-") == 0)
		return file_read_fd(STDIN_FILENO, "standard input", YAML_FILE_MAX, ret, ret_len,
				    err);
	return file_read_at(AT_FDCWD, name, YAML_FILE_MAX, ret, ret_len, err);
}

static int print_docs(const struct yaml_docs *docs, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(JSON_MAX);
	int r = 0;

	for (size_t i = 0; i < docs->len && r == 0; i++) {
		buf_clear(&out);
		r = kval_write_json(docs->items[i].root, &out);
		if (r == 0)
			r = buf_addc(&out, '\n');
		if (r == 0 && fwrite(out.data, 1, out.len, stdout) != out.len)
			return err_errnof(err, -EIO, "cannot write to standard output");
	}
	return r < 0 ? err_errnof(err, r, "cannot print a document") : 0;
}

int bundle_json(int argc, char **argv, struct err *err)
{
	if (argc < 2)
		return err_setf(err, CMD_USAGE, "json: which files? ('-' is standard input)");
	for (int i = 1; i < argc; i++) {
		cleanup_kval_pool struct kval_pool pool = { 0 };
		cleanup_yaml_docs struct yaml_docs docs = { 0 };
		cleanup_free char *text = NULL;
		struct err later = { 0 };
		size_t len;
		int r, bad;

		r = read_input(argv[i], &text, &len, err);
		if (r < 0)
			return r;
		bad = yaml_docs_read(&pool, argv[i], text, len, &docs, &later);
		r = print_docs(&docs, err); /* those before the mistake too */
		if (r < 0)
			return r;
		if (bad < 0)
			return err_setf(err, bad, "%s", later.msg);
	}
	if (fflush(stdout) != 0)
		return err_errnof(err, -errno, "cannot write to standard output");
	return 0;
}
