#include "find.h"

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "mounts.h"
#include "parse.h"
#include "path.h"
#include "say.h"
#include "seed-apply.h"
#include "seed-files.h"
#include "seed-import.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define POLL_MS 100
#define LIST_MAX 3500 /* fits struct err */

struct candidate {
	char boot[64]; /* the FAT's name */
	bool has_base; /* its base.json was read */
	bool out;      /* another one was chosen before it */
	struct base_json base;
	char why[256]; /* what is wrong with it; "" */
};
struct finder {
	const struct options *o;
	struct firmware_hint hint;
	struct block_list blocks;
	struct candidate *items; /* owned */
	size_t len;
	uint64_t changed_ms; /* when a disk or partition came or went */
};

static void finder_done(struct finder *f)
{
	for (size_t i = 0; i < f->len; i++)
		base_json_done(&f->items[i].base);
	free(f->items);
	block_list_done(&f->blocks);
}
#define cleanup_finder CLEANUP(finder_done)

void found_done(struct found *f)
{
	base_json_done(&f->base);
	*f = (struct found){ 0 };
}

static const struct block *block_named(const struct finder *f, const char *name)
{
	for (size_t i = 0; i < f->blocks.len; i++)
		if (strcmp(f->blocks.items[i].name, name) == 0)
			return &f->blocks.items[i];
	return NULL;
}

static const struct block *root_of(const struct finder *f, const struct candidate *c)
{
	const struct block *boot = block_named(f, c->boot);

	for (size_t i = 0; boot && c->has_base && i < f->blocks.len; i++) {
		const struct block *b = &f->blocks.items[i];

		if (strcmp(b->disk, boot->disk) == 0 && strcmp(b->type, "btrfs") == 0 &&
		    strcasecmp(b->uuid, c->base.root_uuid) == 0)
			return b;
	}
	return NULL;
}

static void facts_of(const char *disk, struct disk_facts *ret)
{
	struct err err = { 0 };

	*ret = (struct disk_facts){ 0 };
	if (disk_facts_read("/sys", disk, ret, &err) < 0)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", disk);
}

/* ---- candidates ---- */

static int read_base(const char *name, struct base_json *ret, struct err *err)
{
	cleanup_close int fd = mount_fat(name, false, err);
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	r = file_read_at(fd, "kiln/base.json", BASE_JSON_MAX, &text, &len, err);
	if (r >= 0)
		r = base_json_parse(text, len, ret, err);
	close_fdp(&fd);
	fd = -EBADF;
	umount_fat();
	return r;
}

static int add_candidate(struct finder *f, const struct block *b, struct err *err)
{
	struct candidate *items = reallocarray(f->items, f->len + 1, sizeof(*items));
	struct err own = { 0 };
	struct candidate *c;

	if (!items)
		return err_nomem(err);
	f->items = items;
	c = &items[f->len++];
	*c = (struct candidate){ 0 };
	(void)snprintf(c->boot, sizeof(c->boot), "%s", b->name);
	if (f->o->boot[0] && strcasecmp(f->o->boot, b->uuid) != 0)
		(void)snprintf(c->why, sizeof(c->why), "not volume %.15s", f->o->boot);
	else if (read_base(b->name, &c->base, &own) < 0)
		(void)snprintf(c->why, sizeof(c->why), "%.250s", own.msg);
	else
		c->has_base = true;
	if (c->has_base && f->o->root_uuid[0] &&
	    strcasecmp(f->o->root_uuid, c->base.root_uuid) != 0) {
		(void)snprintf(c->why, sizeof(c->why), "its root is %.40s, not root=UUID=%.40s",
			       c->base.root_uuid, f->o->root_uuid);
		c->has_base = false;
	}
	return 0;
}

static bool is_candidate(const struct finder *f, const char *name)
{
	for (size_t i = 0; i < f->len; i++)
		if (strcmp(f->items[i].boot, name) == 0)
			return true;
	return false;
}

static bool same_blocks(const struct block_list *a, const struct block_list *b)
{
	if (a->len != b->len || !a->disks || strcmp(a->disks, b->disks) != 0)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->items[i].name, b->items[i].name) != 0)
			return false;
	return true;
}

static int look(struct finder *f, struct err *err)
{
	struct block_list now = { 0 };
	int r;

	r = block_scan(&f->blocks, &now, err);
	if (r < 0)
		return r;
	if (!same_blocks(&f->blocks, &now))
		f->changed_ms = clock_ms();
	block_list_done(&f->blocks);
	f->blocks = now;
	for (size_t i = 0; i < now.len && r >= 0; i++)
		if (strcmp(now.items[i].type, "vfat") == 0 && !is_candidate(f, now.items[i].name))
			r = add_candidate(f, &now.items[i], err);
	return r;
}

/* ---- which of them ---- */

static bool usable(const struct finder *f, const struct candidate *c)
{
	const struct block *boot = block_named(f, c->boot);
	struct disk_facts disk;

	if (c->out || !boot || !root_of(f, c))
		return false;
	facts_of(boot->disk, &disk);
	return firmware_hint_holds(&f->hint, boot, &disk);
}

static size_t count_usable(const struct finder *f, const struct candidate **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < f->len; i++) {
		if (!usable(f, &f->items[i]))
			continue;
		*ret = &f->items[i];
		n++;
	}
	return n;
}

/* The seed that waits on its FAT, else the one that its root has; 0: none. */
static int own_seed(const struct finder *f, const struct candidate *c, struct seed_json *ret)
{
	cleanup_free char *text = NULL;
	struct err err = { 0 };
	size_t len;
	int fd, r = 0;

	fd = mount_fat(c->boot, false, &err);
	if (fd >= 0) {
		r = seed_peek(fd, ret);
		(void)close(fd);
		umount_fat();
	}
	if (r > 0)
		return r;
	fd = mount_root_look(root_of(f, c)->name, f->o->rootflags, &err);
	if (fd < 0)
		return 0;
	r = seed_state_read(fd, SEED_RECORD, SEED_JSON_MAX, &text, &len, &err);
	(void)close(fd);
	umount_root();
	return r > 0 && seed_json_parse(text, len, ret, &err) >= 0;
}

/* Leaves those whose own seed's selector means the disk they are on. */
static void narrow(struct finder *f)
{
	for (size_t i = 0; i < f->len; i++) {
		struct candidate *c = &f->items[i];
		struct seed_json seed = { 0 };
		struct disk_facts disk;

		if (!usable(f, c))
			continue;
		facts_of(block_named(f, c->boot)->disk, &disk);
		if (own_seed(f, c, &seed) <= 0) {
			c->out = true;
			(void)snprintf(c->why, sizeof(c->why),
				       "no seed, neither waiting nor imported");
		} else if (!disk_match_holds(&seed.system_disk, &disk)) {
			c->out = true;
			(void)snprintf(
				c->why, sizeof(c->why),
				"the disk selector of its seed (node '%.64s') means another disk",
				seed.node);
		}
		seed_json_done(&seed);
	}
}

/* ---- what a person reads when it fails ---- */

static void describe(const struct finder *f, const struct block *b, struct buf *text)
{
	char size[SIZE_TEXT_MAX];

	(void)buf_addf(text, "\n    %s: %s, %s%s%s", b->name,
		       b->type[0] ? b->type : "nothing known", size_human(b->size_bytes, size),
		       b->uuid[0] ? ", " : "", b->uuid);
	for (size_t i = 0; i < f->len; i++) {
		const struct candidate *c = &f->items[i];

		if (strcmp(c->boot, b->name) != 0)
			continue;
		if (c->why[0])
			(void)buf_addf(text, ": %s", c->why);
		else if (!root_of(f, c))
			(void)buf_addf(text, ": its root %s is not on this disk",
				       c->base.root_uuid);
		else if (!usable(f, c))
			(void)buf_adds(text, ": a boot partition of Kiln's, but not the one that "
					     "the firmware booted");
		else
			(void)buf_addf(text, ": a boot partition of Kiln's, base %.12s",
				       c->base.id);
	}
}

static int fail(const struct finder *f, int r, const char *what, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(LIST_MAX);
	cleanup_free char *disks = strdup(f->blocks.disks ?: "");
	char *save = NULL;

	if (f->hint.says[0])
		(void)buf_addf(&text, "; %s", f->hint.says);
	(void)buf_adds(&text, "\nseen:");
	if (!disks || !*disks)
		(void)buf_adds(&text,
			       " no disk at all; is its driver in the board's list of modules?");
	for (char *d = disks ? strtok_r(disks, " ", &save) : NULL; d;
	     d = strtok_r(NULL, " ", &save)) {
		cleanup_free char *line = NULL;
		struct disk_facts disk;

		facts_of(d, &disk);
		line = disk_facts_describe(&disk);
		(void)buf_addf(&text, "\n  %s", line ?: d);
		for (size_t i = 0; i < f->blocks.len; i++)
			if (strcmp(f->blocks.items[i].disk, d) == 0)
				describe(f, &f->blocks.items[i], &text);
	}
	return err_setf(err, r, "%s%s", what, buf_str(&text));
}

static void take(struct finder *f, const struct candidate *c, struct found *ret)
{
	struct candidate *mine = &f->items[c - f->items]; /* the same, ours to empty */

	ret->boot = *block_named(f, c->boot);
	ret->root = *root_of(f, c);
	facts_of(ret->boot.disk, &ret->disk);
	ret->base = mine->base;
	mine->base = (struct base_json){ 0 };
	mine->has_base = false;
}

static int choose(struct finder *f, struct found *ret, struct err *err)
{
	const struct candidate *c = NULL;
	size_t n = count_usable(f, &c);

	if (n > 1) {
		sayf(SAY_NOTE, "%zu disks have a boot partition of Kiln's: asking their seeds", n);
		narrow(f);
		n = count_usable(f, &c);
		if (n != 1)
			return fail(f, -ENOTUNIQ,
				    n ? "more than one disk could be the one to boot, and the disk "
					"selectors "
					"of their seeds cannot tell them apart: remove one, or "
					"give the "
					"node's system disk a serial"
				      : "several disks could be booted, and no seed's disk "
					"selector means "
					"the disk it is on",
				    err);
	}
	take(f, c, ret);
	return 0;
}

int find_system(const struct options *o, struct found *ret, struct err *err)
{
	cleanup_finder struct finder f = { .o = o, .changed_ms = clock_ms() };
	uint64_t deadline = clock_ms() + (uint64_t)o->wait_s * 1000, told = clock_ms() + 5000;
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	char what[256];

	firmware_hint_read("/sys", "/proc", &f.hint);
	if (f.hint.says[0])
		sayf(SAY_INFO, "%s", f.hint.says);
	for (;;) {
		const struct candidate *c;
		int r = look(&f, err);

		if (r < 0)
			return r;
		if (count_usable(&f, &c) > 0 &&
		    clock_ms() >= f.changed_ms + (uint64_t)o->settle_s * 1000)
			return choose(&f, ret, err);
		if (clock_ms() >= deadline)
			break;
		if (clock_ms() >= told) {
			sayf(SAY_NOTE,
			     "waiting for the disk with the boot partition %s, for at most %u s",
			     o->boot, o->wait_s);
			told = deadline;
		}
		(void)nanosleep(&pause, NULL);
	}
	(void)snprintf(what, sizeof(what),
		       "found no boot partition and root within %u s: a FAT%s%s with "
		       "kiln/base.json, and on its disk "
		       "the Btrfs that this file names",
		       o->wait_s, o->boot[0] ? " with volume id " : "", o->boot);
	return fail(&f, -ENODEV, what, err);
}
