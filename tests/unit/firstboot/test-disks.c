#include "disks.h"

#include "test.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

static void put(const char *path, const char *text)
{
	struct err err = { 0 };
	char dir[256];
	FILE *f;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, dir, 0755, &err), &err);
	f = fopen(path, "w");
	ASSERT(f != NULL);
	ASSERT(fputs(text, f) >= 0);
	ASSERT_EQ(fclose(f), 0);
}

static void attr(const char *name, const char *attr_name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "r/sys/class/block/%s/%s", name, attr_name);
	put(path, text);
}

static void disk(const char *name, const char *dev, const char *serial)
{
	attr(name, "dev", dev);
	attr(name, "size", "20971520\n");
	attr(name, "removable", "0\n");
	attr(name, "ro", "0\n");
	attr(name, "device/serial", serial);
}

static void machine(void)
{
	disk("nvme0n1", "259:0\n", "SYS1\n");
	disk("nvme1n1", "259:5\n", "NV2\n");
	disk("sda", "8:0\n", "A\n");
	disk("sdb", "8:16\n", "B\n");
	disk("loop0", "7:0\n", "L\n");
	disk("dm-0", "253:0\n", "D\n");
	put("r/proc/self/mountinfo",
	    "21 1 0:20 /@ / rw shared:1 - btrfs /dev/nvme0n1p2 rw,space_cache\n");
	put("r/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
}

static struct disk_list list_or_die(void)
{
	struct disk_list l = { 0 };
	struct err err = { 0 };

	ASSERT_OK(disks_list("r", "nvme0n1", &l, &err), &err);
	return l;
}

static const char *why(const char *serial)
{
	static char text[160];
	struct disk_list l = list_or_die();

	text[0] = '\0';
	for (size_t i = 0; i < l.len; i++)
		if (strcmp(l.items[i].facts.serial, serial) == 0)
			(void)snprintf(text, sizeof(text), "%s", l.items[i].why);
	disk_list_done(&l);
	return text;
}

TEST(disks_list_has_disks_alone)
{
	struct disk_list l;

	machine();
	l = list_or_die();
	ASSERT_EQ(l.len, 4);
	ASSERT_STR(l.items[0].facts.name, "nvme0n1");
	ASSERT_STR(l.items[0].why, "it is the system's disk");
	ASSERT_STR(l.items[3].facts.name, "sdb");
	ASSERT_STR(l.items[3].why, "");
	ASSERT_EQ(l.items[3].facts.size_bytes, (uint64_t)10 << 30);
	disk_list_done(&l);
}

TEST(disks_in_use_are_refused_with_the_reason)
{
	machine();
	put("r/proc/self/mountinfo", "30 1 8:17 / /srv rw shared:1 master:2 - ext4 /dev/root rw\n"
				     "31 1 0:44 / /data rw - btrfs /dev/nvme1n1 rw\n");
	attr("sdb/sdb1", "dev", "8:17\n");
	put("r/sys/class/block/sdb1/dev", "8:17\n");
	put("r/sys/class/block/sdb1/partition", "1\n");
	ASSERT_STR(why("B"), "sdb1 is mounted at /srv");
	ASSERT_STR(why("NV2"), "nvme1n1 is mounted at /data");
	ASSERT_STR(why("A"), "");
	put("r/proc/swaps", "Filename Type\n/dev/sda partition 1 2 -2\n");
	ASSERT_STR(why("A"), "sda is swap");
	put("r/proc/swaps", "Filename Type\n");
	put("r/sys/class/block/sda/holders/dm-0", "");
	ASSERT_STR(why("A"), "sda is held by dm-0");
	ASSERT_EQ(tree_remove_at(AT_FDCWD, "r/sys/class/block/sda/holders"), 0);
	put("r/sys/fs/btrfs/0123/devices/sda", "");
	ASSERT_STR(why("A"), "sda is part of a mounted Btrfs");
	attr("sda", "removable", "1\n");
	ASSERT_STR(why("A"), "it is removable");
	attr("sda", "removable", "0\n");
	attr("sda", "ro", "1\n");
	ASSERT_STR(why("A"), "it is read-only");
}

TEST(disks_without_knowledge_of_mounts_there_is_no_list)
{
	struct disk_list l = { 0 };
	struct err err = { 0 };

	machine();
	ASSERT_EQ(unlink("r/proc/self/mountinfo"), 0);
	ASSERT_EQ(disks_list("r", "nvme0n1", &l, &err), -ENOENT);
}

TEST(disks_pick_one_or_tell_all)
{
	struct disk_match serial_a = { .serial = (char *)(uintptr_t) "A" };
	struct disk_match none = { .serial = (char *)(uintptr_t) "Z" };
	struct disk_match nvme = { .transport = (char *)(uintptr_t) "nvme" };
	struct disk_match all = { .min_bytes = 1 };
	struct disk_match sys = { .serial = (char *)(uintptr_t) "SYS1" };
	struct disk_list l;
	struct err err = { 0 };
	size_t at = 99;

	machine();
	l = list_or_die();
	ASSERT_OK(disks_pick(&l, &serial_a, &at, &err), &err);
	ASSERT_STR(l.items[at].facts.name, "sda");
	ASSERT_OK(disks_pick(&l, &nvme, &at, &err), &err); /* the system's own does not count */
	ASSERT_STR(l.items[at].facts.name, "nvme1n1");
	ASSERT_EQ(disks_pick(&l, &none, &at, &err), -ENODEV);
	ASSERT(strstr(err.msg, "sdb: scsi, 10.0 GiB, serial B"));
	ASSERT(strstr(err.msg, "serial SYS1 (it is the system's disk)"));
	ASSERT(!strchr(err.msg, '\n'));
	ASSERT_EQ(disks_pick(&l, &all, &at, &err), -ENOTUNIQ);
	ASSERT_EQ(disks_pick(&l, &sys, &at, &err), -EBUSY);
	disk_list_done(&l);
}

TEST(init_facts_are_read)
{
	struct init_facts f = { 0 };
	struct err err = { 0 };

	ASSERT_EQ(init_facts_read("r", &f, &err), -ENOENT);
	put("r/run/kiln/init", "disk=sda\nboot=sda1\nroot=sda2\nbase=0123\n");
	ASSERT_OK(init_facts_read("r", &f, &err), &err);
	ASSERT_STR(f.disk, "sda");
	ASSERT_STR(f.root, "sda2");
	put("r/run/kiln/init", "disk=../sda\nroot=sda2\n");
	ASSERT_EQ(init_facts_read("r", &f, &err), -EINVAL);
	put("r/run/kiln/init", "");
	ASSERT_EQ(init_facts_read("r", &f, &err), -EINVAL);
}

TEST(disks_another_one_that_took_the_name_is_told)
{
	struct stat block = { .st_mode = S_IFBLK, .st_rdev = makedev(8, 0) };
	struct stat other = { .st_mode = S_IFBLK, .st_rdev = makedev(8, 16) };
	struct err err = { 0 };
	struct disk_list l;

	machine();
	l = list_or_die();
	ASSERT_STR(l.items[2].facts.name, "sda");
	ASSERT_OK(disks_still("r", &l.items[2], &block, &err), &err);
	ASSERT_EQ(disks_still("r", &l.items[2], &other, &err), -ESTALE);
	ASSERT_STR(err.msg, "'sda' is device 8:16, not 8:0 as a moment ago");
	attr("sda", "device/serial", "C\n");
	err_clear(&err);
	ASSERT_EQ(disks_still("r", &l.items[2], &block, &err), -ESTALE);
	ASSERT_STR(err.msg, "'sda' is another disk than a moment ago: serial C, not A");
	attr("sda", "device/serial", "A\n");
	attr("sda", "size", "20971528\n");
	err_clear(&err);
	ASSERT_EQ(disks_still("r", &l.items[2], &block, &err), -ESTALE);
	ASSERT_EQ(tree_remove_at(AT_FDCWD, "r/sys/class/block/sda"), 0);
	err_clear(&err);
	ASSERT_EQ(disks_still("r", &l.items[2], &block, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot find disk 'sda': No such file or directory");
	disk_list_done(&l);
}
