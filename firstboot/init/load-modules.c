#include "load-modules.h"

#include "file.h"
#include "initrd.h"
#include "say.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define MODULES "/lib/modules"
#define ORDER_MAX (1U << 20)

static void load(int dir_fd, const char *path)
{
	cleanup_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		sayf(SAY_ERROR, "cannot open module %s: %s", path, strerror(errno));
		return;
	}
	if (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST || errno == ENODEV)
		return;
	sayf(SAY_ERROR, "cannot load module %s: %s", path, strerror(errno));
}

int modules_load(struct err *err)
{
	cleanup_close int dir_fd = -EBADF;
	cleanup_free char *order = NULL;
	struct utsname name;
	char dir[sizeof(MODULES) + sizeof(name.release)];
	char *save = NULL;
	int r;

	(void)uname(&name);
	(void)snprintf(dir, sizeof(dir), MODULES "/%s", name.release);
	dir_fd = neg_errno(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (dir_fd == -ENOENT)
		return err_setf(err, -ENOENT,
				"this initrd has no modules for the running kernel %s",
				name.release);
	if (dir_fd < 0)
		return err_errnof(err, dir_fd, "cannot open '%s'", dir);
	r = file_read_at(dir_fd, INITRD_ORDER_FILE, ORDER_MAX, &order, NULL, err);
	if (r < 0)
		return r;
	for (char *line = strtok_r(order, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		load(dir_fd, line);
	return 0;
}
