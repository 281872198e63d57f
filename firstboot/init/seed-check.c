#include "seed-check.h"

#include "buf.h"
#include "file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 4096

/* The file's text without blanks, NULs and newlines at its end; "" if it is not there. */
static void read_line(const char *dir, const char *name, char *ret, size_t size)
{
	char path[512];
	ssize_t n = -1;
	int fd;

	ret[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read_upto(fd, ret, size - 1);
		(void)close(fd);
	}
	if (n < 0)
		n = 0;
	while (n > 0 && (ret[n - 1] == '\0' || isspace((unsigned char)ret[n - 1])))
		n--;
	ret[n] = '\0';
}

static void add_mac(struct machine *m, const char *mac)
{
	if (strlen(mac) != 17 || machine_has_mac(m, mac) || m->macs_len == MACHINE_MACS_MAX)
		return;
	for (size_t i = 0; i <= 17; i++)
		m->macs[m->macs_len][i] = (char)tolower((unsigned char)mac[i]);
	m->macs_len++;
}

bool machine_has_mac(const struct machine *m, const char *mac)
{
	for (size_t i = 0; i < m->macs_len; i++)
		if (strcasecmp(m->macs[i], mac) == 0)
			return true;
	return false;
}

/* Ethernet with an address of its own: no bridges, no made-up addresses. */
static void read_interfaces(const char *sysfs, struct machine *m)
{
	char dir[256], path[600], type[16], assign[16], mac[32];
	struct dirent *e;
	DIR *d;

	(void)snprintf(dir, sizeof(dir), "%s/class/net", sysfs);
	d = opendir(dir);
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		read_line(path, "type", type, sizeof(type));
		read_line(path, "addr_assign_type", assign, sizeof(assign));
		read_line(path, "address", mac, sizeof(mac));
		if (strcmp(type, "1") == 0 && strcmp(assign, "0") == 0)
			add_mac(m, mac);
	}
	(void)closedir(d);
}

/* The Pi's firmware writes its address into the device tree, before any driver is there. */
static void read_device_tree(const char *procfs, struct machine *m)
{
	char dir[256], alias[256], node[600], mac[18];
	unsigned char bytes[6];
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s/device-tree", procfs);
	if (!m->serial[0])
		read_line(dir, "serial-number", m->serial, sizeof(m->serial));
	read_line(dir, "aliases/ethernet0", alias, sizeof(alias));
	if (alias[0] != '/')
		return;
	(void)snprintf(node, sizeof(node), "%s%s/local-mac-address", dir, alias);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read_upto(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes)) {
		(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0],
			       bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
		if (strcmp(mac, "00:00:00:00:00:00") != 0)
			add_mac(m, mac);
	}
	(void)close(fd);
}

void machine_read(const char *sysfs, const char *procfs, struct machine *ret)
{
	char dir[256];

	*ret = (struct machine){ 0 };
	(void)snprintf(dir, sizeof(dir), "%s/class/dmi/id", sysfs);
	read_line(dir, "product_serial", ret->serial, sizeof(ret->serial));
	read_interfaces(sysfs, ret);
	read_device_tree(procfs, ret);
}

static int check_machine(const struct seed_json *json, const struct machine *machine,
			 struct err *err)
{
	cleanup_buf struct buf macs = BUF_INIT(TEXT_MAX);

	/* a machine that tells no serial (QEMU's virt) can only be known by its address */
	bool tells = machine->serial[0] || !json->machine.mac;

	if (json->machine.serial && tells && strcasecmp(json->machine.serial, machine->serial) != 0)
		return err_setf(err, -EKEYREJECTED,
				"it is for the machine with serial '%s'; this one has '%s'",
				json->machine.serial,
				machine->serial[0] ? machine->serial : "(none)");
	if (!json->machine.mac || machine_has_mac(machine, json->machine.mac))
		return 0;
	for (size_t i = 0; i < machine->macs_len; i++)
		(void)buf_addf(&macs, "%s%s", i ? ", " : "", machine->macs[i]);
	return err_setf(
		err, -EKEYREJECTED, "it is for the machine with MAC address %s; this one has %s",
		json->machine.mac, machine->macs_len ? buf_str(&macs) : "none that is known yet");
}

/* Never in a seed: accounts belong to the base, the last three to the import itself. */
static const char *const forbidden[] = {
	"/etc/passwd",
	"/etc/shadow",
	"/etc/group",
	"/etc/gshadow",
	"/usr/lib/kiln/base.json",
	"/var/lib/kiln/seed.json",
	"/var/lib/kiln/seed.files",
	"/var/lib/kiln/seed.pending",
};

int seed_check(const struct seed_manifest *m, const struct base_json *base,
	       const struct machine *machine, struct err *err)
{
	const struct seed_json *json = &m->json;

	if (strcmp(json->cluster_id, base->cluster_id) != 0)
		return err_setf(err, -EKEYREJECTED,
				"it is for cluster '%s' (%s); this base image is of cluster %s",
				json->cluster, json->cluster_id, base->cluster_id);
	if (strcmp(json->board, base->board) != 0)
		return err_setf(err, -EKEYREJECTED,
				"it is for board '%s'; this base image is for '%s'", json->board,
				base->board);
	if (strcmp(json->base, base->id) != 0)
		return err_setf(err, -EKEYREJECTED,
				"it was made for base image %.12s; this is %.12s", json->base,
				base->id);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (seed_manifest_find(m, forbidden[i]))
			return err_setf(err, -EKEYREJECTED,
					"it holds '%s', which no seed may bring", forbidden[i]);
	return check_machine(json, machine, err);
}
