/* Conditions, and sysfs as the kernel lays it out; real disks of all buses are read in the suite
 * `init`. */
#include "disk-facts.h"
#include "file.h"
#include "fault.h"
#include "test.h"
#include "tree.h"

#include <fcntl.h>

static struct err err;

static void attr(const char *dir, const char *name, const char *data, size_t len)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "sys/%s/%s", dir, name);
	*strrchr(path, '/') = '\0';
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, path, 0755, &err), &err);
	(void)snprintf(path, sizeof(path), "sys/%s/%s", dir, name);
	ASSERT_OK(file_replace_at(AT_FDCWD, path, data, len, 0644, &err), &err);
}
#define ATTR(dir, name, text) attr(dir, name, text, sizeof(text) - 1)

static void link_block(const char *name, const char *target)
{
	char path[512];

	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "sys/class/block", 0755, &err), &err);
	(void)snprintf(path, sizeof(path), "sys/class/block/%s", name);
	ASSERT_EQ(symlink(target, path), 0);
}

TEST(usb_stick_has_the_serial_of_its_usb_device)
{
	struct disk_facts f;
#define USB "devices/pci0000:00/usb2/2-1"
#define SDA USB "/2-1:1.0/host0/target0:0:0/0:0:0:0/block/sda"
	ATTR(USB, "idVendor", "0781\n");
	ATTR(USB, "serial", "4C530001\n");
	ATTR(SDA, "size", "60063744\n");
	ATTR(SDA, "removable", "1\n");
	ATTR(SDA, "device/model", "Ultra Fit       \n");
	attr(SDA, "device/vpd_pg80", "\0\200\0\004ABCD", 8);
	link_block("sda", "../../" SDA);
	ASSERT_OK(disk_facts_read("sys", "sda", &f, &err), &err);
	cleanup_free char *text = disk_facts_describe(&f);

	ASSERT_STR(text, "sda: usb, 28.6 GiB, Ultra Fit, serial 4C530001, removable");
}

TEST(sata_disk_has_the_serial_of_its_vital_product_data)
{
	struct disk_facts f;
#define SDB "devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sdb"
	ATTR(SDB, "size", "2048\n");
	ATTR(SDB, "ro", "1\n");
	ATTR(SDB, "device/wwid", "naa.5002538e40\n");
	attr(SDB, "device/vpd_pg80", "\0\200\0\010  S4EW12garbage after the page", 34);
	link_block("sdb", "../../" SDB);
	ASSERT_OK(disk_facts_read("sys", "sdb", &f, &err), &err);
	ASSERT_STR(f.transport, "sata");
	ASSERT_STR(f.serial, "S4EW12");
	ASSERT_STR(f.wwid, "naa.5002538e40");
	ASSERT(f.read_only);
	ASSERT_EQ(f.size_bytes, 1 << 20);
}

TEST(names_that_are_no_disks)
{
	struct disk_facts f;

	ASSERT_EQ(disk_facts_read("sys", "../x", &f, &err), -EINVAL);
	ASSERT_STR(err.msg, "'../x' is no disk's name");
	ASSERT_EQ(disk_facts_read("sys", "sdz", &f, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot find disk 'sdz': No such file or directory");
}

TEST(conditions)
{
	const struct disk_facts f = { .name = "nvme0n1",
				      .transport = "nvme",
				      .serial = "S1",
				      .wwid = "eui.AB",
				      .size_bytes = 1000 };
	const struct {
		struct disk_match m;
		bool holds;
	} cases[] = {
		{ { 0 }, true },
		{ { .serial = (char *)"S1" }, true },
		{ { .serial = (char *)"s1" }, false },
		{ { .serial = (char *)"S" }, false },
		{ { .wwid = (char *)"eui.ab" }, true },
		{ { .wwid = (char *)"eui.ac" }, false },
		{ { .transport = (char *)"nvme" }, true },
		{ { .transport = (char *)"usb" }, false },
		{ { .min_bytes = 1000, .max_bytes = 1000 }, true },
		{ { .min_bytes = 1001 }, false },
		{ { .max_bytes = 999 }, false },
		{ { .serial = (char *)"S1", .transport = (char *)"sata" }, false },
		{ { .by_id = (char *)"nvme-Other_S2" }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ASSERT_EQ(disk_match_holds(&cases[i].m, &f), cases[i].holds);
}

static int read_usb(void *arg, struct err *e)
{
	cleanup_free char *text = NULL;
	int r = disk_facts_read("sys", "sda", arg, e);

	if (r < 0)
		return r;
	text = disk_facts_describe(arg);
	return text ? 0 : err_nomem(e);
}

/* What cannot be read of a disk is never taken for another fact: it fails, or stays empty. */
static void same_or_empty(void *arg, const struct fault_result *result)
{
	const struct disk_facts *f = arg;

	if (result->r < 0)
		return;
	ASSERT_EQ(f->size_bytes, 60063744 * UINT64_C(512));
	ASSERT_STR(f->name, "sda");
	if (f->serial[0])
		ASSERT_STR(f->serial, "4C530001");
	if (f->transport[0])
		ASSERT_STR(f->transport, "usb");
}

TEST(facts_under_every_fault)
{
	struct disk_facts f;

	ATTR(USB, "idVendor", "0781\n");
	ATTR(USB, "serial", "4C530001\n");
	ATTR(SDA, "size", "60063744\n");
	ATTR(SDA, "removable", "1\n");
	ATTR(SDA, "device/model", "Ultra Fit       \n");
	link_block("sda", "../../" SDA);
	ASSERT(fault_loop(read_usb, same_or_empty, &f) >= 10);
	ASSERT_STR(f.serial, "4C530001");
}
