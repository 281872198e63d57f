#include "boot-update.h"

#include "bootfiles.h"
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
#define DTB_MAX ((size_t)4 << 20)
#define TEXT_MAX ((size_t)64 << 10)
#define SLACK_BYTES (UINT64_C(2) << 20)
#define ENTRIES "loader/entries"
#define TRIES "+3"
#define TMP ".kiln-new"

static bool is_release(const char *s)
{
	return *s && *s != '.' && *s != '-' && strlen(s) < 100 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-") ==
		       strlen(s);
}

/* ---- what boots next ---- */

/* The release in "kernel=vmlinuz-<release>"; "" if there is none. */
static void release_of_config(const char *text, char *dst, size_t size)
{
	static const char key[] = "kernel=vmlinuz-";
	const char *line =
		strncmp(text, key, sizeof(key) - 1) == 0 ? text : strstr(text, "\nkernel=vmlinuz-");

	dst[0] = '\0';
	if (!line)
		return;
	line += (*line == '\n') + sizeof(key) - 1;
	(void)snprintf(dst, size, "%.*s", (int)strcspn(line, "\r\n"), line);
}

/* "kiln-<release>.conf", "kiln-<release>+2-1.conf": the release's length; 0: no entry of ours. */
static size_t entry_release(const char *name, const char **ret)
{
	size_t len = strlen(name), n;

	if (strncmp(name, "kiln-", 5) != 0 || len < 11 || strcmp(name + len - 5, ".conf") != 0)
		return 0;
	*ret = name + 5;
	n = len - 10;
	/* a counter is "+" and digits, maybe "-" and digits, at the end; releases have "+" too */
	for (size_t i = n; i > 0; i--) {
		const char *p = name + 5 + i - 1;
		size_t left, done = 0;

		if (*p != '+')
			continue;
		left = strspn(p + 1, "0123456789");
		if (left && p[1 + left] == '-')
			done = strspn(p + 2 + left, "0123456789") + 1;
		if (left && i + left + done == n)
			return i - 1;
		break;
	}
	return n;
}

static int list_entries(const struct boot_update *u, struct name_list *ret, struct err *err)
{
	bool there;
	int r = file_exists_at(u->boot_fd, ENTRIES, &there, err);

	if (r < 0 || !there)
		return r < 0 ? r
			     : err_setf(err, -ENOENT, "the boot partition has no '" ENTRIES "'");
	return tree_list_at(u->boot_fd, ENTRIES, ret, err);
}

static bool is_entry_of(const char *name, const char *release)
{
	const char *of;
	size_t n = entry_release(name, &of);

	return n && n == strlen(release) && strncmp(of, release, n) == 0;
}

/* ---- files ---- */

static int read_from_root(const struct boot_update *u, const char *const *places, const char *what,
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

static int put(const struct boot_update *u, const char *name, const char *data, size_t len,
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
	r = read_from_root(u, places, "image", KERNEL_MAX, &raw, &len, err);
	if (r < 0)
		return r;
	if (u->board->boot == BOARD_BOOT_UEFI)
		return put(u, name, raw, len, err);
	if (len < 64 || memcmp(raw + 0x38, "ARM\x64", 4) != 0)
		return err_setf(err, -EBADMSG,
				"kernel %s is no raw arm64 image: the firmware would not start it",
				u->release);
	r = gzip_mem(raw, len, &packed, &packed_len, err);
	return r < 0 ? r : put(u, name, packed, packed_len, err);
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

static void remove_name(const struct boot_update *u, const char *name)
{
	if (unlinkat(u->boot_fd, name, 0) == 0)
		(void)buf_addf(u->report, "removed %s\n", name);
}

static int remove_release(const struct boot_update *u, const char *release, struct err *err)
{
	cleanup_name_list struct name_list entries = { 0 };
	char name[512];
	int r = 0;

	/* what leads to the files goes before the files */
	if (u->board->boot == BOARD_BOOT_UEFI)
		r = list_entries(u, &entries, err);
	for (size_t i = 0; i < entries.len && r >= 0; i++) {
		if (!is_entry_of(entries.items[i], release))
			continue;
		(void)snprintf(name, sizeof(name), ENTRIES "/%s", entries.items[i]);
		remove_name(u, name);
	}
	(void)snprintf(name, sizeof(name), "config-%s.txt", release);
	remove_name(u, name);
	(void)snprintf(name, sizeof(name), "initrd-%s", release);
	remove_name(u, name);
	(void)snprintf(name, sizeof(name), "vmlinuz-%s", release);
	remove_name(u, name);
	return r;
}

/* What a cut left of a file that was being written. */
static bool is_left(const char *name)
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

		if (is_left(n))
			remove_name(u, n);
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

/* ---- Raspberry Pi ---- */

/* config.txt with the two lines that name a kernel changed, all else as a person left it. */
static int edit_config(const char *text, const char *release, struct buf *out)
{
	bool kernel = false, initrd = false;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		if (strncmp(p, "kernel=", 7) == 0) {
			(void)buf_addf(out, "kernel=vmlinuz-%s\n", release);
			kernel = true;
		} else if (strncmp(p, "initramfs ", 10) == 0) {
			(void)buf_addf(out, "initramfs initrd-%s followkernel\n", release);
			initrd = true;
		} else {
			(void)buf_addf(out, "%.*s\n", (int)len, p);
		}
		p += len + (p[len] == '\n');
	}
	if (!kernel)
		(void)buf_addf(out, "kernel=vmlinuz-%s\n", release);
	if (!initrd)
		(void)buf_addf(out, "initramfs initrd-%s followkernel\n", release);
	return buf_error(out);
}

/* The old tree stays beside as <name>.old. 1: it differed. */
static int put_dtb(const struct boot_update *u, const char *name, struct err *err)
{
	char a[256], b[256], old_name[128];
	const char *const places[] = { a, b, NULL };
	cleanup_free char *now = NULL, *old = NULL;
	size_t len, old_len = 0;
	struct err none = { 0 };
	int r;

	(void)snprintf(a, sizeof(a), "/usr/lib/modules/%s/dtb/broadcom/%s", u->release, name);
	(void)snprintf(b, sizeof(b), "/usr/lib/linux-image-%s/broadcom/%s", u->release, name);
	(void)snprintf(old_name, sizeof(old_name), "%s.old", name);
	r = read_from_root(u, places, "device tree for the Pi 5", DTB_MAX, &now, &len, err);
	if (r < 0)
		return r;
	if (file_read_at(u->boot_fd, name, DTB_MAX, &old, &old_len, &none) < 0)
		old_len = 0;
	if (old_len == len && memcmp(old, now, len) == 0)
		return 0;
	if (old_len)
		r = put(u, old_name, old, old_len, err);
	if (r >= 0)
		r = put(u, name, now, len, err);
	return r < 0 ? r : 1;
}

static int switch_rpi(const struct boot_update *u, const char *config, const char *former,
		      struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(TEXT_MAX);
	char kept[160];
	int r, c0, d0;

	c0 = put_dtb(u, BOOTFILES_DTB_C0, err);
	d0 = c0 < 0 ? c0 : put_dtb(u, BOOTFILES_DTB_D0, err);
	if (d0 < 0)
		return d0;
	if ((c0 || d0) && !strstr(config, "\ndevice_tree="))
		(void)buf_addf(u->report, "the device trees changed: a board of stepping D0 should "
					  "say 'stepping: d0' in "
					  "cluster.yaml, until it is baked anew\n");
	r = edit_config(config, u->release, &text);
	if (r < 0)
		return err_errnof(err, r, "cannot make config.txt");
	if (text.len > BOOTFILES_CONFIG_MAX)
		return err_setf(err, -E2BIG, "config.txt has %zu bytes; a Pi 5 takes %d", text.len,
				BOOTFILES_CONFIG_MAX);
	if (former[0] && strcmp(former, u->release) != 0) {
		(void)snprintf(kept, sizeof(kept), "config-%s.txt", former);
		r = put(u, kept, config, strlen(config), err);
		if (r < 0)
			return r;
		(void)buf_addf(u->report,
			       "to go back: copy %s over config.txt on the boot partition\n", kept);
	}
	return put(u, "config.txt", buf_str(&text), text.len, err);
}

/* ---- UEFI ---- */

/* The options of the running kernel's entry, else of any of ours. */
static int find_options(const struct boot_update *u, const struct name_list *entries, char **ret,
			struct err *err)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < entries->len; i++) {
			cleanup_free char *text = NULL;
			char name[512];
			const char *of, *line;
			int r;

			if (pass == 0 ? !is_entry_of(entries->items[i], u->running)
				      : !entry_release(entries->items[i], &of))
				continue;
			(void)snprintf(name, sizeof(name), ENTRIES "/%s", entries->items[i]);
			r = file_read_at(u->boot_fd, name, TEXT_MAX, &text, NULL, err);
			if (r < 0)
				return r;
			line = strncmp(text, "options ", 8) == 0 ? text
								 : strstr(text, "\noptions ");
			if (!line)
				continue;
			line += (*line == '\n') + 8;
			*ret = strndup(line, strcspn(line, "\r\n"));
			return *ret ? 0 : err_nomem(err);
		}
	}
	return err_setf(err, -ENOENT,
			"no entry of Kiln's in '" ENTRIES
			"' with a kernel command line to take over");
}

static void clean_entries(const struct boot_update *u, const struct name_list *entries)
{
	char name[512];

	for (size_t i = 0; i < entries->len; i++) {
		(void)snprintf(name, sizeof(name), ENTRIES "/%s", entries->items[i]);
		if (is_left(entries->items[i]))
			remove_name(u, name);
	}
}

static int switch_uefi(const struct boot_update *u, struct err *err)
{
	cleanup_name_list struct name_list entries = { 0 };
	cleanup_buf struct buf text = BUF_INIT(TEXT_MAX);
	cleanup_free char *options = NULL;
	char name[256];
	int r;

	r = list_entries(u, &entries, err);
	if (r >= 0)
		r = find_options(u, &entries, &options, err);
	if (r < 0)
		return r;
	clean_entries(u, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		if (!is_entry_of(entries.items[i], u->release))
			continue;
		(void)buf_addf(u->report, "%s is there already\n", entries.items[i]);
		return 0; /* its kernel was reinstalled; the entry names the same files */
	}
	r = bootfiles_add_entry(&text, u->release, options);
	if (r < 0)
		return err_errnof(err, r, "cannot make the loader's entry");
	(void)snprintf(name, sizeof(name), ENTRIES "/kiln-%s" TRIES ".conf", u->release);
	return put(u, name, buf_str(&text), text.len, err);
}

static int read_config(const struct boot_update *u, char **ret, char *former, size_t size,
		       struct err *err)
{
	int r;

	if (u->board->boot == BOARD_BOOT_UEFI) {
		(void)snprintf(former, size, "%s", u->running);
		return 0;
	}
	r = file_read_at(u->boot_fd, "config.txt", TEXT_MAX, ret, NULL, err);
	if (r >= 0)
		release_of_config(*ret, former, size);
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
	return u->board->boot == BOARD_BOOT_RPI ? switch_rpi(u, config, former, err)
						: switch_uefi(u, err);
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

int boot_update_good(const struct boot_update *u, struct err *err)
{
	cleanup_name_list struct name_list entries = { 0 };
	char from[512], to[512];
	int r;

	if (u->board->boot != BOARD_BOOT_UEFI)
		return 0;
	r = list_entries(u, &entries, err);
	for (size_t i = 0; i < entries.len && r >= 0; i++) {
		if (!is_entry_of(entries.items[i], u->running))
			continue;
		(void)snprintf(from, sizeof(from), ENTRIES "/%s", entries.items[i]);
		(void)snprintf(to, sizeof(to), ENTRIES "/kiln-%s.conf", u->running);
		if (strcmp(from, to) == 0)
			continue;
		if (renameat(u->boot_fd, from, u->boot_fd, to) < 0)
			return err_errnof(err, -errno, "cannot rename '%s'", from);
		r = file_sync_dir_at(u->boot_fd, to, err);
		(void)buf_addf(u->report, "kernel %s is good: it boots from now on\n", u->running);
	}
	return r;
}
