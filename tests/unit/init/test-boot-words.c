/* What kiln-init reads of others: the kernel command line, fstab, the firmware's word. */
#include "cmdline.h"
#include "file.h"
#include "firmware.h"
#include "fstab.h"
#include "seed-check.h"
#include "test.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/mount.h>

static struct err err;

TEST(command_line)
{
	struct options o;

	options_parse("", &o);
	ASSERT_EQ(o.wait_s, 60);
	ASSERT_EQ(o.settle_s, 2);
	ASSERT_EQ(o.reboot_s, 30);
	ASSERT_STR(o.rootflags, "subvol=@");
	ASSERT_STR(o.init, "/sbin/init");
	ASSERT(!o.rescue && !o.boot[0] && !o.unknown[0]);

	options_parse("console=ttyS0 kiln.boot=1A2B-3C4D kiln.wait=5 kiln.settle=0 kiln.reboot=0 "
		      "kiln.rescue "
		      "root=UUID=abc rootflags=subvol=@x,ro init=/bin/sh quiet\n",
		      &o);
	ASSERT_STR(o.boot, "1A2B-3C4D");
	ASSERT_EQ(o.wait_s, 5);
	ASSERT_EQ(o.settle_s, 0);
	ASSERT_EQ(o.reboot_s, 0);
	ASSERT(o.rescue);
	ASSERT_STR(o.root_uuid, "abc");
	ASSERT_STR(o.rootflags, "subvol=@x,ro");
	ASSERT_STR(o.init, "/bin/sh");

	options_parse("kiln.wait=5s", &o);
	ASSERT_EQ(o.wait_s, 60);
	ASSERT_STR(o.unknown, "kiln.wait=5s");
	options_parse("kiln.wiat=5", &o);
	ASSERT_STR(o.unknown, "kiln.wiat=5");
	options_parse("kiln.wait=99999", &o);
	ASSERT_EQ(o.wait_s, 60);
	options_parse("dyndbg=\"file x.c +p\" \"kiln.wait=7\" -- kiln.wait=8 kiln.rescue", &o);
	ASSERT_EQ(o.wait_s, 7);
	ASSERT(!o.rescue);
	options_parse("root=/dev/sda2 init=nopath", &o);
	ASSERT(!o.root_uuid[0]);
	ASSERT_STR(o.init, "/sbin/init");
}

TEST(fstab_lines)
{
	cleanup_fstab struct fstab f = { 0 };

	ASSERT_OK(fstab_parse("# comment\n\nUUID=AbC\t/  btrfs subvol=@,noatime 0 1\n"
			      "UUID=abc /with\\040blank btrfs\n  # indented\nLABEL=x none swap sw",
			      &f, &err),
		  &err);
	ASSERT_EQ(f.len, 3);
	ASSERT_STR(f.items[0].spec, "UUID=AbC");
	ASSERT_STR(f.items[0].options, "subvol=@,noatime");
	ASSERT_STR(f.items[1].dir, "/with blank");
	ASSERT_STR(f.items[1].options, "defaults");
	ASSERT(fstab_is_uuid(&f.items[0], "abc"));
	ASSERT(!fstab_is_uuid(&f.items[2], "x"));
}

TEST(fstab_errors)
{
	struct fstab f = { 0 };

	ASSERT_EQ(fstab_parse("UUID=a / btrfs\nUUID=b /b\n", &f, &err), -EINVAL);
	ASSERT_STR(err.msg, "/etc/fstab:2: a line needs a device, a folder and a type");
	ASSERT(f.items == NULL);
}

TEST(mount_options)
{
	const struct {
		const char *text, *data;
		unsigned long flags;
		bool noauto;
	} cases[] = {
		{ "defaults", "", 0, false },
		{ "subvol=@log,noatime,compress=zstd:1", "subvol=@log,compress=zstd:1", MS_NOATIME,
		  false },
		{ "ro,rw,nosuid,nodev,suid", "", MS_NODEV, false },
		{ "nofail,x-systemd.device-timeout=5,ssd", "ssd", 0, false },
		{ "umask=0077,noauto", "umask=0077", 0, true },
		{ "noatime,x-systemd.automount", "", MS_NOATIME, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_mount_options struct mount_options o = { 0 };

		ASSERT_OK(mount_options_parse(cases[i].text, &o, &err), &err);
		ASSERT_STR(buf_str(&o.data), cases[i].data);
		ASSERT_EQ(o.flags, cases[i].flags);
		ASSERT_EQ(o.noauto, cases[i].noauto);
	}
}

/* Four bytes of attributes, then UTF-16 and its NUL: as efivarfs hands it out. */
static size_t efivar(const char *text, unsigned char *dst)
{
	size_t len = strlen(text);

	memset(dst, 0, 4 + 2 * len + 2);
	dst[0] = 6;
	for (size_t i = 0; i < len; i++)
		dst[4 + 2 * i] = (unsigned char)text[i];
	return 4 + 2 * len + 2;
}

TEST(loader_device_part_uuid)
{
	struct firmware_hint h = { 0 };
	struct block b = { .part_uuid = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" };
	struct disk_facts disk = { .transport = "nvme" };
	unsigned char data[256];
	size_t len = efivar("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", data);

	ASSERT(firmware_hint_from_efivar(data, len, &h));
	ASSERT_STR(h.part_uuid, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
	ASSERT(firmware_hint_holds(&h, &b, &disk));
	b.part_uuid[0] = 'd';
	ASSERT(!firmware_hint_holds(&h, &b, &disk));
	ASSERT(!firmware_hint_from_efivar(data, 60, &h));
	data[5] = 1; /* not ASCII */
	ASSERT(!firmware_hint_from_efivar(data, len, &h));
	len = efivar("C12A7328-F81F-11D2-BA4B-00A0C93EC93Z", data);
	ASSERT(!firmware_hint_from_efivar(data, len, &h));
}

static void put(const char *path, const void *data, size_t len)
{
	char dir[256];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, dir, 0755, &err), &err);
	ASSERT_OK(file_replace_at(AT_FDCWD, path, data, len, 0644, &err), &err);
}

TEST(boot_mode_of_a_pi)
{
	const struct {
		unsigned char mode;
		const char *transport;
	} cases[] = {
		{ 1, "mmc" }, { 4, "usb" }, { 5, "usb" }, { 6, "nvme" }, { 2, "" }, { 0, "" }
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const unsigned char mode[4] = { 0, 0, 0, cases[i].mode };
		const struct block b = { 0 };
		struct disk_facts disk = { .transport = "nvme" };
		struct firmware_hint h;

		put("proc/device-tree/chosen/bootloader/boot-mode", mode, 4);
		firmware_hint_read("sys", "proc", &h);
		ASSERT_STR(h.transport, cases[i].transport);
		ASSERT_EQ(firmware_hint_holds(&h, &b, &disk),
			  !h.transport[0] || cases[i].mode == 6);
	}
}

TEST(machine_of_dmi_and_of_a_device_tree)
{
	const unsigned char mac[6] = { 0xdc, 0xa6, 0x32, 1, 2, 0xab };
	struct machine m;

	machine_read("sys", "proc", &m);
	ASSERT(!m.serial[0] && m.macs_len == 0);
	put("proc/device-tree/serial-number", "100000001a2b3c4d", 17);
	put("proc/device-tree/aliases/ethernet0", "/axi/ethernet@0", 16);
	put("proc/device-tree/axi/ethernet@0/local-mac-address", mac, 6);
	machine_read("sys", "proc", &m);
	ASSERT_STR(m.serial, "100000001a2b3c4d");
	ASSERT_EQ(m.macs_len, 1);
	ASSERT(machine_has_mac(&m, "DC:A6:32:01:02:AB"));
	put("sys/class/dmi/id/product_serial", "PC0ABC \n", 8);
	put("sys/class/net/eth0/type", "1\n", 2);
	put("sys/class/net/eth0/addr_assign_type", "0\n", 2);
	put("sys/class/net/eth0/address", "02:00:00:00:00:01\n", 18);
	put("sys/class/net/br0/type", "1\n", 2);
	put("sys/class/net/br0/addr_assign_type", "3\n", 2);
	put("sys/class/net/br0/address", "02:00:00:00:00:02\n", 18);
	machine_read("sys", "proc", &m);
	ASSERT_STR(m.serial, "PC0ABC");
	ASSERT(machine_has_mac(&m, "02:00:00:00:00:01") &&
	       !machine_has_mac(&m, "02:00:00:00:00:02"));
}
