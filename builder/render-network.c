/* render-network - NetworkManager's profiles: static addresses on the NIC with the node's MAC */
#include "render.h"

#include "buf.h"
#include "derive.h"

#include <ctype.h>
#include <string.h>

#define PROFILE_DIR "/etc/NetworkManager/system-connections/"
#define DAD_TIMEOUT_MS 3000 /* Debian's NetworkManager before 1.46 does not ask unless told */
#define WOL_MAGIC 64	    /* NM_SETTING_WIRED_WAKE_ON_LAN_MAGIC */

/* From names alone, so that a profile keeps its identity over re-bakes. */
static void profile_uuid(const struct render *in, const char *profile, char dst[GUID_TEXT_MAX])
{
	char name[256];
	struct guid g;

	(void)snprintf(name, sizeof(name), "%s/%s", in->node->name, profile);
	guid_derive(in->cluster->name, strlen(in->cluster->name), name, &g);
	(void)guid_format(&g, dst);
}

static void add_ethernet(const struct render *in, const char *profile, struct buf *b)
{
	static const struct mac_addr none;
	const struct mac_addr *mac = &in->node->mac;
	bool has_mac = memcmp(mac, &none, sizeof(none)) != 0;
	char uuid[GUID_TEXT_MAX], text[IP_TEXT_MAX];

	profile_uuid(in, profile, uuid);
	(void)buf_addf(b,
		       "[connection]\n"
		       "id=%s\n"
		       "uuid=%s\n"
		       "type=ethernet\n"
		       "autoconnect-priority=100\n"
		       "autoconnect-retries=0\n"      /* for ever */
		       "wait-device-timeout=60000\n", /* ms; a NIC behind PCIe comes late */
		       profile, uuid);
	if (!has_mac)
		(void)buf_addf(b, "interface-name=%s\n", in->board->interface);
	(void)buf_addf(b, "\n[ethernet]\nwake-on-lan=%d\n", WOL_MAGIC);
	if (has_mac) {
		(void)mac_addr_format(mac, text);
		for (char *p = text; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		(void)buf_addf(b, "mac-address=%s\n", text);
	}
}

static void add_family(const struct render *in, enum ip_family family, struct buf *b)
{
	const struct cluster *c = in->cluster;
	const struct node *n = in->node;
	char text[IP_TEXT_MAX];
	bool has = false;

	(void)buf_adds(b, family == IP_V4 ? "\n[ipv4]\n" : "\n[ipv6]\n");
	for (size_t i = 0; i < n->addresses.len; i++) {
		if (n->addresses.items[i].addr.family != family)
			continue;
		has = true;
		(void)buf_addf(b, "method=manual\naddress1=%s\n",
			       ip_prefix_format(&n->addresses.items[i], text));
	}
	if (!has) {
		(void)buf_adds(b, "method=disabled\n");
		return;
	}
	for (size_t i = 0; i < c->network.gateways.len; i++)
		if (c->network.gateways.items[i].family == family)
			(void)buf_addf(b, "gateway=%s\n",
				       ip_addr_format(&c->network.gateways.items[i], text));
	/* One family's fault must not take the other down with it: kiln-node tells of it. */
	(void)buf_addf(b, "may-fail=%s\n", family == IP_V4 ? "false" : "true");
	if (family == IP_V6)
		(void)buf_adds(b, "ip6-privacy=0\n");
	else /* who has the address keeps it: a node that comes second stays off the network */
		(void)buf_addf(b, "dad-timeout=%d\n", DAD_TIMEOUT_MS);
}

static int add_profile(struct fileset *fs, const char *name, const struct buf *b, struct err *err)
{
	cleanup_free char *path = NULL;
	int r = buf_error(b);

	if (r < 0)
		return err_errnof(err, r, "cannot render NetworkManager profile '%s'", name);
	if (asprintf(&path, PROFILE_DIR "%s.nmconnection", name) < 0)
		return err_nomem(err);
	return fileset_addf(fs, path, 0600, 0, err, "%s", buf_str(b));
}

static int vlan_profile(const struct render *in, struct fileset *fs, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(NODE_FILE_MAX);
	char uuid[GUID_TEXT_MAX], parent[GUID_TEXT_MAX], ifname[DERIVE_IFNAME_MAX];

	profile_uuid(in, "kiln-trunk", parent);
	profile_uuid(in, "kiln", uuid);
	(void)buf_addf(&b,
		       "[connection]\n"
		       "id=kiln\n"
		       "uuid=%s\n"
		       "type=vlan\n"
		       "interface-name=%s\n"
		       "autoconnect-priority=100\n"
		       "autoconnect-retries=0\n"
		       "\n[vlan]\n"
		       "id=%u\n"
		       "parent=%s\n"
		       "flags=1\n", /* reorder headers */
		       uuid, node_interface(in->cluster, in->board, ifname),
		       in->cluster->network.vlan, parent);
	add_family(in, IP_V4, &b);
	add_family(in, IP_V6, &b);
	return add_profile(fs, "kiln", &b, err);
}

int render_network(const struct render *in, struct fileset *fs, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(NODE_FILE_MAX);
	int r;

	if (in->cluster->network.vlan == 0) {
		add_ethernet(in, "kiln", &b);
		add_family(in, IP_V4, &b);
		add_family(in, IP_V6, &b);
		return add_profile(fs, "kiln", &b, err);
	}
	add_ethernet(in, "kiln-trunk", &b);
	(void)buf_adds(&b, "\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n");
	r = add_profile(fs, "kiln-trunk", &b, err);
	return r < 0 ? r : vlan_profile(in, fs, err);
}
