/*
 * fuzz-seed - a seed's tar, from any bytes
 *
 * What seed_tar_scan() takes must hold to what the import relies on: clean and unique paths below
 * the root, known kinds, and contents that a second reading finds again. No crash, no leak.
 */
#include "seed-tar.h"

#include "file.h"
#include "path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int copy_one(void *arg, const struct seed_member *m, struct archive *a, struct err *err)
{
	return m->type == SEED_FILE ? seed_tar_copy(a, m, *(int *)arg, err) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_seed_manifest struct seed_manifest m = { 0 };
	cleanup_close int fd = memfd_create("seed", MFD_CLOEXEC);
	cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct err err = { 0 };

	must(fd >= 0 && null >= 0 && write_all(fd, data, len) == 0);
	if (seed_tar_scan(fd, &m, &err) < 0) {
		must(err.code < 0 && err.msg[0] && m.members == NULL);
		return 0;
	}
	for (size_t i = 0; i < m.len; i++) {
		must(path_is_clean(m.members[i].path));
		must(i == 0 || strcmp(m.members[i - 1].path, m.members[i].path) < 0);
		must((m.members[i].type == SEED_SYMLINK) == (m.members[i].target != NULL));
		must((m.members[i].mode & ~07777U) == 0);
	}
	must(seed_tar_each(fd, &m, copy_one, &null, &err) == 0);
	return 0;
}
