/*
 * kiln-init - the initrd's /init: modules, the root, the seed, and on to systemd
 *
 * The order matters: every subvolume is mounted before the seed is imported, so that no file
 * of it is hidden beneath a later mount; the seed is in the root before systemd starts, so
 * that the first boot is like every boot.
 */
#include "clock-floor.h"
#include "clock.h"
#include "fail.h"
#include "file.h"
#include "find.h"
#include "load-modules.h"
#include "mounts.h"
#include "nodatacow.h"
#include "path.h"
#include "say.h"
#include "seed-files.h"
#include "seed-import.h"
#include "switch-root.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MACHINE_WAIT_MS 10000 /* for the network card that a seed names */

struct boot {
	struct options o;
	struct found found;
	struct base_json base; /* of the root */
	struct seed_info seed;
	int root_fd;
};

static void read_options(struct options *ret)
{
	cleanup_free char *text = NULL;
	struct err err = { 0 };

	if (file_read_at(AT_FDCWD, "/proc/cmdline", 64 << 10, &text, NULL, &err) < 0)
		sayf(SAY_ERROR, "%s", err.msg);
	options_parse(text ?: "", ret);
	if (ret->unknown[0])
		sayf(SAY_ERROR,
		     "the kernel command line has '%s', which kiln-init does not understand",
		     ret->unknown);
}

/* The root must be of the base image that the boot partition is of. */
static int check_base(struct boot *b, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = seed_state_read(b->root_fd, "/usr/lib/kiln/base.json", BASE_JSON_MAX, &text, &len, err);
	if (r == 0)
		return err_setf(err, -ENOENT, "the root on %s has no '/usr/lib/kiln/base.json'",
				b->found.root.name);
	if (r > 0)
		r = base_json_parse(text, len, &b->base, err);
	if (r < 0)
		return err_wrapf(err, r, "the root on %s", b->found.root.name);
	if (strcmp(b->base.id, b->found.base.id) != 0)
		return err_setf(err, -EINVAL,
				"the boot partition %s is of base image %.12s, the root %s of "
				"%.12s: one of "
				"them was not written",
				b->found.boot.name, b->found.base.id, b->found.root.name,
				b->base.id);
	return 0;
}

static int mount_all(struct boot *b, struct err *err)
{
	int r;

	b->root_fd = mount_root(b->found.root.name, b->o.rootflags, err);
	if (b->root_fd < 0)
		return b->root_fd;
	r = check_base(b, err);
	if (r >= 0)
		r = mount_subvolumes(b->root_fd, b->found.root.name, b->base.root_uuid, err);
	return r;
}

static void set_clock(struct boot *b, uint64_t at_least)
{
	uint64_t floor = at_least > b->base.created_at ? at_least : b->base.created_at;
	struct err err = { 0 };
	int r = clock_floor_set(clock_floor_find(b->root_fd, (int64_t)floor), &err);

	if (r < 0)
		sayf(SAY_ERROR, "%s", err.msg);
	else if (r > 0)
		sayf(SAY_NOTE, "the clock was behind and is set forward to the latest time that is "
			       "known to have passed");
}

/* A network card's driver may take a moment; only a seed that names a card makes us wait. */
static void wait_for_machine(int boot_fd, struct machine *ret)
{
	uint64_t deadline = clock_ms() + MACHINE_WAIT_MS;
	const struct timespec pause = { .tv_nsec = 100 * 1000000L };
	struct seed_json seed = { 0 };
	int has_seed = seed_peek(boot_fd, &seed);

	machine_read("/sys", "/proc", ret);
	while (has_seed > 0 && seed.machine.mac && !machine_has_mac(ret, seed.machine.mac) &&
	       clock_ms() < deadline) {
		(void)nanosleep(&pause, NULL);
		machine_read("/sys", "/proc", ret);
	}
	seed_json_done(&seed);
}

static int import_from(struct boot *b, int boot_fd, struct err *err)
{
	struct machine machine;
	struct seed_place place = { b->root_fd, boot_fd, &b->base, &machine };
	int r;

	wait_for_machine(boot_fd, &machine);
	r = seed_import(&place, &b->seed, err);
	if (r < 0)
		return r;
	if (b->seed.notes)
		say_lines(SAY_ERROR, b->seed.notes);
	if (b->seed.imported)
		sayf(SAY_NOTE, "imported seed %.12s: this is node '%s' of cluster '%s'",
		     b->seed.json.digest, b->seed.json.node, b->seed.json.cluster);
	return 0;
}

static int import(struct boot *b, struct err *err)
{
	cleanup_close int boot_fd = mount_fat(b->found.boot.name, true, err);
	int r;

	if (boot_fd < 0)
		return boot_fd;
	r = import_from(b, boot_fd, err);
	if (syncfs(boot_fd) < 0 && r >= 0)
		sayf(SAY_ERROR, "cannot sync the boot partition: %s", strerror(errno));
	close_fdp(&boot_fd);
	boot_fd = -EBADF;
	umount_fat();
	if (r >= 0 && !b->seed.seeded)
		return err_setf(err, -ENOKEY,
				"this node has no identity: no good seed in 'kiln/' on the boot "
				"partition %s, "
				"and none was imported before; bake one with 'kiln bake' and write "
				"it there",
				b->found.boot.name);
	return r;
}

static void write_run(const char *name, const char *text)
{
	struct err err = { 0 };

	if (file_replace_at(AT_FDCWD, name, text, strlen(text), 0644, &err) < 0)
		sayf(SAY_ERROR, "%s", err.msg);
}

/* For kiln-node: which partitions this boot came from, and what was said. */
static void leave_notes(struct boot *b)
{
	cleanup_buf struct buf text = BUF_INIT(4096);

	(void)buf_addf(&text, "disk=%s\nboot=%s\nroot=%s\nbase=%s\n", b->found.disk.name,
		       b->found.boot.name, b->found.root.name, b->base.id);
	if (b->seed.json.digest)
		(void)buf_addf(&text, "seed=%s\nimported=%d\n", b->seed.json.digest,
			       b->seed.imported);
	write_run("/run/kiln/init", buf_str(&text));
	write_run("/run/kiln/init.log", say_log());
}

static int prepare(struct boot *b, struct err *err)
{
	struct err own = { 0 };
	int r;

	r = modules_load(err);
	if (r >= 0)
		r = find_system(&b->o, &b->found, err);
	if (r < 0)
		return r;
	sayf(SAY_INFO, "boot partition %s, root %s", b->found.boot.name, b->found.root.name);
	r = mount_all(b, err);
	if (r < 0)
		return r;
	set_clock(b, 0);
	if (nodatacow_set(b->root_fd, &own) < 0)
		sayf(SAY_ERROR, "%s", own.msg); /* slower databases are no reason to stop */
	r = import(b, err);
	if (r < 0)
		return r;
	set_clock(b, b->seed.json.baked_at);
	if (mount_boot_entry(b->root_fd, b->found.boot.name, b->base.boot_uuid, &own) < 0)
		sayf(SAY_ERROR, "%s", own.msg);
	leave_notes(b);
	close_fdp(&b->root_fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct boot b = { .root_fd = -EBADF };
	struct err err = { 0 };
	int r;

	(void)argc;
	if (getpid() != 1) {
		fputs("kiln-init: this is the first program of an initrd, not one to be run\n",
		      stderr);
		return 2;
	}
	(void)umask(022);
	mount_early();
	say_open();
	read_options(&b.o);
	r = prepare(&b, &err);
	if (r >= 0) {
		say_close();
		r = switch_root(ROOT_DIR, b.o.init, argv, &err);
	}
	boot_fail(&b.o, err.msg);
}
