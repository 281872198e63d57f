/*
 * lintdt - run builder/lint-dt for the tests
 *
 * usage: lintdt ROOT RELEASE DTB MODULES   (the board's list, words with blanks)
 * The initrd's modules are what lib/modules resolves the list to. Prints the lines, then "checked N".
 */
#include "file.h"
#include "lint-dt.h"

#include <fcntl.h>
#include <string.h>

int main(int argc, char **argv)
{
	cleanup_modules_list struct modules_list initrd = { 0 };
	cleanup_modules struct modules *m = NULL;
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	cleanup_free char *dtb = NULL;
	struct lint_dt_spec spec = { 0 };
	struct err err = { 0 };
	char *names[256], *save;
	size_t n = 0, checked = 0;
	int fd, r;

	if (argc != 5)
		return 2;
	for (char *p = strtok_r(argv[4], " ", &save); p && n < ARRAY_SIZE(names); p = strtok_r(NULL, " ", &save))
		names[n++] = p;
	fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = modules_open(fd, argv[2], &m, &err);
	if (r >= 0)
		r = modules_resolve(m, names, n, &initrd, NULL, &err);
	if (r >= 0)
		r = file_read_at(AT_FDCWD, argv[3], 4 << 20, &dtb, &spec.dtb_len, &err);
	if (r >= 0) {
		spec.dtb = dtb;
		spec.modules = m;
		spec.initrd = initrd.items;
		spec.initrd_len = initrd.len;
		r = lint_dt(&spec, &out, &checked, &err);
	}
	if (r < 0) {
		fprintf(stderr, "lintdt: %s\n", err.msg);
		return 1;
	}
	printf("%schecked %zu\n", buf_str(&out), checked);
	return 0;
}
