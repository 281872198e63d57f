#include "disks.h"

#include "buf.h"
#include "file.h"
#include "parse.h"
#include "tree.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#define TEXT_MAX ((size_t)1 << 20)

static void refuse(struct disk_item *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void refuse(struct disk_item *d, const char *fmt, ...)
{
	va_list ap;

	if (d->why[0])
		return;
	va_start(ap, fmt);
	(void)vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
}

static int read_text(const char *root, const char *path, char **ret, struct err *err)
{
	char full[PATH_MAX + 64];

	(void)snprintf(full, sizeof(full), "%s/%s", root, path);
	return file_read_at(AT_FDCWD, full, TEXT_MAX, ret, NULL, err);
}

/* The attribute's first line, "" when it is not there. */
static void attr_text(const char *root, const char *name, const char *attr, char *dst, size_t size)
{
	cleanup_free char *text = NULL;
	struct err ignored = { 0 };
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys/class/block/%s/%s", name, attr);
	if (read_text(root, path, &text, &ignored) < 0)
		text = NULL;
	(void)snprintf(dst, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
}

uint64_t disks_number(const char *root, const char *name, const char *attr)
{
	char text[32];
	uint64_t value;

	attr_text(root, name, attr, text, sizeof(text));
	return u64_parse(text, &value) < 0 ? 0 : value;
}

static void take_fact(const char *text, const char *key, char *dst, size_t size)
{
	size_t len = strlen(key);

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");

		if (strncmp(line, key, len) == 0 && line[len] == '=' && n - len - 1 < size &&
		    !memchr(line, '/', n))
			(void)snprintf(dst, size, "%.*s", (int)(n - len - 1), line + len + 1);
		line += n + (line[n] == '\n');
	}
}

int init_facts_read(const char *root, struct init_facts *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	struct init_facts f = { 0 };
	int r = read_text(root, "run/kiln/init", &text, err);

	if (r < 0)
		return r;
	take_fact(text, "disk", f.disk, sizeof(f.disk));
	take_fact(text, "boot", f.boot, sizeof(f.boot));
	take_fact(text, "root", f.root, sizeof(f.root));
	if (!f.disk[0] || !f.root[0])
		return err_setf(err, -EINVAL, "'/run/kiln/init' does not name root's disk");
	*ret = f;
	return 0;
}

static bool is_disk(const char *root, const char *name)
{
	static const char *const not_disks[] = { "loop", "ram", "zram", "dm-", "md",
						 "sr",	 "fd",	"nbd",	"zd" };
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(not_disks); i++)
		if (strncmp(name, not_disks[i], strlen(not_disks[i])) == 0)
			return false;
	if (strncmp(name, "mmcblk", 6) == 0 && (strstr(name, "boot") || strstr(name, "rpmb")))
		return false;
	attr_text(root, name, "partition", text, sizeof(text));
	return !text[0] && disks_number(root, name, "hidden") == 0 &&
	       disks_number(root, name, "size") > 0;
}

/* Is @source, a device's path or number, this block device? */
static bool is_source(const char *root, const char *name, const char *source)
{
	char dev[16], real[PATH_MAX];
	const char *base;

	attr_text(root, name, "dev", dev, sizeof(dev));
	if (dev[0] && strcmp(dev, source) == 0)
		return true;
	if (strncmp(source, "/dev/", 5) != 0)
		return false;
	if (strcmp(source + 5, name) == 0)
		return true;
	if (!realpath(source, real))
		return false;
	base = strrchr(real, '/');
	return base && strcmp(base + 1, name) == 0;
}

/* mountinfo(5): number in field 3, and the source in the second field after " - ". */
static bool is_mounted(const char *root, const char *name, const char *mounts, char *where,
		       size_t size)
{
	char line[8192];

	for (const char *p = mounts; *p;) {
		size_t n = strcspn(p, "\n");
		char number[32] = "", at[1024] = "", source[1024] = "";
		const char *tail;

		(void)snprintf(line, sizeof(line), "%.*s", (int)n, p);
		p += n + (p[n] == '\n');
		tail = strstr(line, " - ");
		if (tail)
			(void)sscanf(tail, " - %*s %1023s", source);
		(void)sscanf(line, "%*s %*s %31s %*s %1023s", number, at);
		if (is_source(root, name, number) || is_source(root, name, source)) {
			(void)snprintf(where, size, "%s", at);
			return true;
		}
	}
	return false;
}

static bool is_swap(const char *root, const char *name, const char *swaps)
{
	for (const char *p = swaps; *p;) {
		size_t n = strcspn(p, "\n");
		char source[1024] = "";

		(void)sscanf(p, "%1023s", source);
		if (is_source(root, name, source))
			return true;
		p += n + (p[n] == '\n');
	}
	return false;
}

/* A Btrfs of several devices has one of them in mountinfo: all are in sysfs. */
static bool in_btrfs(const char *root, const char *name)
{
	cleanup_name_list struct name_list l = { 0 };
	struct err ignored = { 0 };
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/sys/fs/btrfs", root);
	if (tree_list_at(AT_FDCWD, path, &l, &ignored) < 0)
		return false;
	for (size_t i = 0; i < l.len; i++) {
		(void)snprintf(path, sizeof(path), "%s/sys/fs/btrfs/%s/devices/%s", root,
			       l.items[i], name);
		if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

struct in_use {
	const char *root;
	char *mounts, *swaps;
};

/* @name: the disk or one of its partitions. */
static void judge_use(const struct in_use *u, struct disk_item *d, const char *name)
{
	cleanup_name_list struct name_list holders = { 0 };
	struct err ignored = { 0 };
	char path[PATH_MAX], where[64];

	if (is_mounted(u->root, name, u->mounts, where, sizeof(where)))
		refuse(d, "%s is mounted at %s", name, where);
	if (is_swap(u->root, name, u->swaps))
		refuse(d, "%s is swap", name);
	if (in_btrfs(u->root, name))
		refuse(d, "%s is part of a mounted Btrfs", name);
	(void)snprintf(path, sizeof(path), "%s/sys/class/block/%s/holders", u->root, name);
	if (tree_list_at(AT_FDCWD, path, &holders, &ignored) >= 0 && holders.len)
		refuse(d, "%s is held by %s", name, holders.items[0]);
}

static int judge(const struct in_use *u, const char *system_disk, struct disk_item *d,
		 struct err *err)
{
	cleanup_name_list struct name_list parts = { 0 };
	char path[PATH_MAX];
	int r;

	d->is_system = strcmp(d->facts.name, system_disk) == 0;
	if (d->is_system)
		refuse(d, "it is the system's disk");
	if (d->facts.removable)
		refuse(d, "it is removable");
	if (d->facts.read_only)
		refuse(d, "it is read-only");
	judge_use(u, d, d->facts.name);
	(void)snprintf(path, sizeof(path), "%s/sys/class/block/%s", u->root, d->facts.name);
	r = tree_list_at(AT_FDCWD, path, &parts, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < parts.len; i++)
		if (strncmp(parts.items[i], d->facts.name, strlen(d->facts.name)) == 0)
			judge_use(u, d, parts.items[i]);
	return 0;
}

static void in_use_done(struct in_use *u)
{
	free(u->mounts);
	free(u->swaps);
}

/* Without these files nothing is known to be free: an error, not an empty list. */
static int in_use_read(const char *root, struct in_use *u, struct err *err)
{
	int r = read_text(root, "proc/self/mountinfo", &u->mounts, err);

	u->root = root;
	return r < 0 ? r : read_text(root, "proc/swaps", &u->swaps, err);
}

int disks_list(const char *root, const char *system_disk, struct disk_list *ret, struct err *err)
{
	CLEANUP(in_use_done) struct in_use use = { 0 };
	cleanup_disk_list struct disk_list l = { 0 };
	cleanup_name_list struct name_list names = { 0 };
	char path[PATH_MAX];
	int r = in_use_read(root, &use, err);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/sys/class/block", root);
	r = tree_list_at(AT_FDCWD, path, &names, err);
	if (r < 0)
		return r;
	l.items = calloc(names.len + 1, sizeof(*l.items));
	if (!l.items)
		return err_nomem(err);
	(void)snprintf(path, sizeof(path), "%s/sys", root);
	for (size_t i = 0; i < names.len; i++) {
		struct disk_item *d = &l.items[l.len];

		if (!is_disk(root, names.items[i]))
			continue;
		r = disk_facts_read(path, names.items[i], &d->facts, err);
		if (r < 0)
			return r;
		attr_text(root, names.items[i], "dev", d->dev, sizeof(d->dev));
		l.len++;
		r = judge(&use, system_disk, d, err);
		if (r < 0)
			return r;
	}
	*ret = l;
	l = (struct disk_list){ 0 };
	return 0;
}

void disk_list_done(struct disk_list *l)
{
	free(l->items);
	*l = (struct disk_list){ 0 };
}

/* "nvme0n1: nvme, ... (it is the system's disk); sda: ...", in one line for the journal. */
static int table(const struct disk_list *l, int r, const char *what, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(4096);

	for (size_t i = 0; i < l->len; i++) {
		cleanup_free char *text = disk_facts_describe(&l->items[i].facts);

		(void)buf_addf(&b, "%s%s%s%s%s", i ? "; " : "", text ? text : "?",
			       l->items[i].why[0] ? " (" : "", l->items[i].why,
			       l->items[i].why[0] ? ")" : "");
	}
	return err_setf(err, r, "%s; disks here: %s", what, l->len ? buf_str(&b) : "none");
}

int disks_pick(const struct disk_list *l, const struct disk_match *m, size_t *ret_index,
	       struct err *err)
{
	size_t found = 0, at = 0, system = 0, system_at = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (!disk_match_holds(m, &l->items[i].facts))
			continue;
		if (l->items[i].is_system)
			system++, system_at = i;
		else
			found++, at = i;
	}
	if (found == 0 && system)
		found = system, at = system_at;
	if (found == 0)
		return table(l, -ENODEV, "no disk is the one that cluster.yaml names for Ceph",
			     err);
	if (found > 1)
		return table(l, -ENOTUNIQ,
			     "several disks are what cluster.yaml names for Ceph: name one by "
			     "its serial",
			     err);
	*ret_index = at;
	if (l->items[at].why[0])
		return table(l, -EBUSY,
			     "the disk that cluster.yaml names for Ceph may not be taken", err);
	return 0;
}

int disks_still(const char *root, const struct disk_item *d, const struct stat *opened,
		struct err *err)
{
	char path[PATH_MAX], dev[32];
	struct disk_facts now;
	int r;

	(void)snprintf(path, sizeof(path), "%s/sys", root);
	r = disk_facts_read(path, d->facts.name, &now, err);
	if (r < 0)
		return r;
	(void)snprintf(dev, sizeof(dev), "%u:%u", major(opened->st_rdev), minor(opened->st_rdev));
	if (S_ISBLK(opened->st_mode) && strcmp(dev, d->dev) != 0)
		return err_setf(err, -ESTALE, "'%s' is device %s, not %s as a moment ago",
				d->facts.name, dev, d->dev);
	if (strcmp(now.serial, d->facts.serial) != 0 || strcmp(now.wwid, d->facts.wwid) != 0 ||
	    now.size_bytes != d->facts.size_bytes)
		return err_setf(err, -ESTALE,
				"'%s' is another disk than a moment ago: serial %s, not %s",
				d->facts.name, now.serial[0] ? now.serial : "(none)",
				d->facts.serial[0] ? d->facts.serial : "(none)");
	return 0;
}
