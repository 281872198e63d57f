#include "boot-update-internal.h"

#include "file.h"
#include "gzip.h"
#include "initrd.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define KERNEL_MAX ((size_t)256 << 20)
#define SLACK_BYTES (UINT64_C(2) << 20)
#define TMP ".kiln-new"

static bool is_release(const char *s)
{
	return *s && *s != '.' && *s != '-' && strlen(s) < 100 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-") ==
		       strlen(s);
}

/* ---- files ---- */

int boot_update_read_root(const struct boot_update *u, const char *const *places, const char *what,
			  size_t max, char **ret, size_t *ret_len, struct err *err)
{
	for (size_t i = 0; places[i]; i++) {
		struct err own = { 0 };
		cleanup_close int fd = path_open(u->root_fd, places[i], O_RDONLY, 0, &own);

		if (fd >= 0)
			return file_read_fd(fd, places[i], max, ret, ret_len, err);
		if (fd != -ENOENT) {
			*err = own;
			return fd;
		}
	}
	return err_setf(err, -ENOENT, "kernel %s has no %s: neither '%s' nor '%s'", u->release,
			what, places[0], places[1]);
}

/* Read back from the medium's own view: a card that lies is better found now. */
static int verify(const struct boot_update *u, const char *name, const char *data, size_t len,
		  struct err *err)
{
	cleanup_free char *got = NULL;
	size_t got_len;
	int r = file_read_at(u->boot_fd, name, len + 1, &got, &got_len, err);

	if (r < 0)
		return r;
	if (got_len != len || memcmp(got, data, len) != 0)
		return err_setf(err, -EIO, "'%s' on the boot partition reads back differently",
				name);
	return 0;
}

int boot_update_put(const struct boot_update *u, const char *name, const char *data, size_t len,
		    struct err *err)
{
	int r = file_replace_at(u->boot_fd, name, data, len, 0644, err);

	if (r >= 0)
		r = verify(u, name, data, len, err);
	if (r >= 0)
		(void)buf_addf(u->report, "wrote %s (%zu bytes)\n", name, len);
	return r;
}

static int put_kernel(const struct boot_update *u, struct err *err)
{
	char a[256], b[256], name[128];
	const char *const places[] = { a, b, NULL };
	cleanup_free char *raw = NULL, *packed = NULL;
	size_t len, packed_len;
	int r;

	(void)snprintf(a, sizeof(a), "/usr/lib/modules/%s/vmlinuz", u->release);
	(void)snprintf(b, sizeof(b), "/boot/vmlinuz-%s", u->release);
	(void)snprintf(name, sizeof(name), "vmlinuz-%s", u->release);
	r = boot_update_read_root(u, places, "image", KERNEL_MAX, &raw, &len, err);
	if (r < 0)
		return r;
	if (u->board->boot == BOARD_BOOT_UEFI)
		return boot_update_put(u, name, raw, len, err);
	if (len < 64 || memcmp(raw + 0x38, "ARM\x64", 4) != 0)
		return err_setf(err, -EBADMSG,
				"kernel %s is no raw arm64 image: the firmware would not start it",
				u->release);
	r = gzip_mem(raw, len, &packed, &packed_len, err);
	return r < 0 ? r : boot_update_put(u, name, packed, packed_len, err);
}

static int put_initrd(const struct boot_update *u, struct err *err)
{
	char name[128], tmp[160];
	cleanup_close int fd = -EBADF;
	cleanup_initrd_info struct initrd_info info = { 0 };
	const struct initrd_spec spec = {
		.root_fd = u->root_fd,
		.release = u->release,
		.init_path = u->init_path,
		.modules = u->board->modules.items,
		.modules_len = u->board->modules.len,
		.microcode = u->board->microcode.items,
		.microcode_len = u->board->microcode.len,
		.level = 10, /* 19 wants more memory than a node should be asked for */
	};
	int r;

	(void)snprintf(name, sizeof(name), "initrd-%s", u->release);
	(void)snprintf(tmp, sizeof(tmp), "%s" TMP, name);
	fd = neg_errno(
		openat(u->boot_fd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s'", tmp);
	r = initrd_build(&spec, fd, &info, err);
	if (r >= 0 && fsync(fd) < 0)
		r = err_errnof(err, -errno, "cannot sync '%s'", tmp);
	if (r >= 0 && renameat(u->boot_fd, tmp, u->boot_fd, name) < 0)
		r = err_errnof(err, -errno, "cannot name '%s'", name);
	if (r >= 0 && fsync(u->boot_fd) < 0)
		r = err_errnof(err, -errno, "cannot sync the boot partition");
	if (r < 0) {
		(void)unlinkat(u->boot_fd, tmp, 0);
		return r;
	}
	(void)buf_addf(u->report, "wrote %s (%ju bytes, %zu modules)\n", name,
		       (uintmax_t)info.size_bytes, info.modules_len);
	return 0;
}

/* ---- room ---- */

void boot_update_drop(const struct boot_update *u, const char *name)
{
	if (unlinkat(u->boot_fd, name, 0) == 0)
		(void)buf_addf(u->report, "removed %s\n", name);
}

static int remove_release(const struct boot_update *u, const char *release, struct err *err)
{
	char name[512];
	int r = 0;

	/* what leads to the files goes before the files */
	if (u->board->boot == BOARD_BOOT_UEFI)
		r = boot_update_uefi_remove(u, release, err);
	(void)snprintf(name, sizeof(name), "config-%s.txt", release);
	boot_update_drop(u, name);
	(void)snprintf(name, sizeof(name), "initrd-%s", release);
	boot_update_drop(u, name);
	(void)snprintf(name, sizeof(name), "vmlinuz-%s", release);
	boot_update_drop(u, name);
	return r;
}

/* What a cut left of a file that was being written. */
bool boot_update_is_left(const char *name)
{
	size_t len = strlen(name);

	return file_is_temp(name) ||
	       (len > strlen(TMP) && strcmp(name + len - strlen(TMP), TMP) == 0);
}

/*
 * Removes all kernels but the new, the running and @former; and what a cut left. When the former
 * one is not there, none is removed: what would boot then is not known.
 */
static int prune(const struct boot_update *u, const char *former, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	char safe[256];
	bool sure = false;
	int r;

	(void)snprintf(safe, sizeof(safe), "vmlinuz-%s", former);
	r = file_exists_at(u->boot_fd, safe, &sure, err);
	if (r >= 0)
		r = tree_list_at(u->boot_fd, ".", &names, err);
	for (size_t i = 0; i < names.len && r >= 0; i++) {
		const char *n = names.items[i];

		if (boot_update_is_left(n))
			boot_update_drop(u, n);
		else if (sure && strncmp(n, "vmlinuz-", 8) == 0 && is_release(n + 8) &&
			 strcmp(n + 8, u->release) != 0 && strcmp(n + 8, u->running) != 0 &&
			 strcmp(n + 8, former) != 0)
			r = remove_release(u, n + 8, err);
	}
	return r;
}

static int check_room(const struct boot_update *u, struct err *err)
{
	const uint64_t need = ((uint64_t)(u->board->boot == BOARD_BOOT_RPI ? 24 : 16) << 20) +
			      INITRD_MAX_BYTES + SLACK_BYTES;
	struct statvfs fs;

	if (fstatvfs(u->boot_fd, &fs) < 0)
		return err_errnof(err, -errno, "cannot see the boot partition's free space");
	if ((uint64_t)fs.f_bavail * fs.f_frsize < need)
		return err_setf(err, -ENOSPC,
				"the boot partition has %ju MiB free; a kernel needs %ju MiB",
				(uintmax_t)fs.f_bavail * fs.f_frsize >> 20, (uintmax_t)need >> 20);
	return 0;
}

static int read_config(const struct boot_update *u, char **ret, char *former, size_t size,
		       struct err *err)
{
	int r;

	if (u->board->boot == BOARD_BOOT_UEFI) {
		(void)snprintf(former, size, "%s", u->running);
		return 0;
	}
	r = file_read_at(u->boot_fd, "config.txt", BOOT_UPDATE_TEXT_MAX, ret, NULL, err);
	if (r >= 0)
		boot_update_rpi_release(*ret, former, size);
	return r;
}

int boot_update_install(const struct boot_update *u, struct err *err)
{
	cleanup_free char *config = NULL;
	char former[128] = "";
	int r;

	if (!is_release(u->release))
		return err_setf(err, -EINVAL, "'%s' is no kernel release", u->release);
	r = read_config(u, &config, former, sizeof(former), err);
	if (r >= 0)
		r = prune(u, former, err);
	if (r >= 0)
		r = check_room(u, err);
	if (r >= 0)
		r = put_initrd(u, err);
	if (r >= 0)
		r = put_kernel(u, err);
	if (r < 0)
		return r;
	return u->board->boot == BOARD_BOOT_RPI ? boot_update_rpi_switch(u, config, former, err)
						: boot_update_uefi_switch(u, err);
}

int boot_update_remove(const struct boot_update *u, struct err *err)
{
	cleanup_free char *config = NULL;
	char next[128] = "";
	int r;

	if (!is_release(u->release))
		return err_setf(err, -EINVAL, "'%s' is no kernel release", u->release);
	r = read_config(u, &config, next, sizeof(next), err);
	if (r < 0)
		return r;
	if (strcmp(u->release, u->running) == 0 || strcmp(u->release, next) == 0)
		return err_setf(err, -EBUSY, "kernel %s %s: its files on the boot partition stay",
				u->release,
				strcmp(u->release, u->running) == 0 ? "is running"
								    : "is the one that boots next");
	r = remove_release(u, u->release, err);
	if (r >= 0 && fsync(u->boot_fd) < 0)
		return err_errnof(err, -errno, "cannot sync the boot partition");
	return r;
}
