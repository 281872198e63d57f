#include "cluster.h"
#include "board.h"
#include "diag.h"
#include "test.h"

static struct cluster *load_home(void)
{
	static struct diag_list diags;
	struct cluster *c = NULL;
	struct err err = { 0 };
	char path[4096];

	setenv("KILN_DATADIR", test_srcdir(), 1);
	(void)snprintf(path, sizeof(path), "%s/examples/home/cluster.yaml", test_srcdir());
	if (cluster_load(path, &c, &diags, &err) < 0) {
		diag_print(&diags, stderr);
		test_fail(__FILE__, __LINE__, "%s", err.msg);
	}
	diag_list_done(&diags);
	return c;
}

static const char *addr_text(const struct ip_addr *a)
{
	static char text[IP_TEXT_MAX];

	return ip_addr_format(a, text);
}

TEST(cluster_example_sections)
{
	cleanup_cluster struct cluster *c = load_home();

	ASSERT_STR(c->name, "farm");
	ASSERT_STR(c->domain, "home.example.org");
	ASSERT_STR(c->api, "k3s.home.example.org");
	ASSERT_STR(c->k3s.version, "v1.35.2+k3s1");
	ASSERT(c->k3s.secrets_encryption);
	ASSERT_EQ(json_object_size(c->k3s.config), 0);
	ASSERT(c->k3s.binary == NULL);
	ASSERT_EQ(c->pods.len, 2);
	ASSERT_EQ(c->pods.items[1].bits, 104);
	ASSERT_EQ(c->services.items[1].bits, 112);
	ASSERT_EQ(c->services.pos[1].line, 13);
	ASSERT_EQ(c->services.pos[1].col, 28);
	ASSERT_STR(addr_text(&c->load_balancer.items[1].last), "fd12:3456:789a:14::54");
	ASSERT_EQ(c->network.subnets.items[0].bits, 26);
	ASSERT_EQ(c->network.gateways.len, 2);
	ASSERT_EQ(c->network.ntp.len, 1);
	ASSERT_EQ(c->network.vlan, 0);
	ASSERT_STR(c->system.timezone, "Europe/Zurich");
	ASSERT_STR(c->system.user, "k3s");
	ASSERT_EQ(c->system.ssh_keys.len, 1);
	ASSERT_EQ(c->system.packages.len, 3);
	ASSERT_EQ(c->system.updates, UPDATES_SECURITY);
	ASSERT_EQ(c->system.image_gc_max_age_s, 72 * 3600);
	ASSERT_EQ(c->storage.root_size_bytes, UINT64_C(64) << 30);
	ASSERT_STR(c->storage.compress, "zstd:1");
	ASSERT_STR(c->storage.pool, "haystack");
	ASSERT_EQ(c->storage.replicas, 2);
	ASSERT(c->storage.fsid == NULL);
	ASSERT(c->power.has_shutdown);
	ASSERT_EQ(c->power.at_minute, 9 * 60 + 20);
	ASSERT_EQ(c->power.days, 0x7f);
	ASSERT_EQ(c->power.unless, UNLESS_SSH);
	ASSERT_EQ(c->power.deadline_s, 15 * 60);
}

TEST(cluster_example_nodes)
{
	cleanup_cluster struct cluster *c = load_home();
	const struct node *duck = cluster_node(c, "duck"), *cow = cluster_node(c, "cow");

	ASSERT_EQ(c->nodes_len, 3);
	ASSERT_STR(c->nodes[1].name, "sheep");
	ASSERT(duck && cow);
	ASSERT_EQ(cow->role, ROLE_CONTROL_PLANE);
	ASSERT_STR(cow->board, "rpi5");
	ASSERT(cow->ceph_disk.partition_rest);
	ASSERT_EQ(cow->addresses.items[0].bits, 26);
	ASSERT_EQ(cow->addresses.items[1].bits, 64);
	ASSERT_EQ(cow->addresses.pos[1].line, 46);
	ASSERT(!cow->on_demand);
	ASSERT_EQ(duck->role, ROLE_WORKER);
	ASSERT(duck->on_demand);
	ASSERT_EQ(duck->mac.bytes[0], 0x6c);
	ASSERT_EQ(duck->labels.len, 1);
	ASSERT_STR(duck->labels.keys[0], "ai-node");
	ASSERT_STR(duck->labels.values[0], "true");
	ASSERT_STR(duck->system_disk.transport, "nvme");
	ASSERT_EQ(duck->system_disk.min_bytes, UINT64_C(200) << 30);
	ASSERT_STR(duck->ceph_disk.serial, "S6PTNM0T812345");
	ASSERT_EQ(duck->osd, OSD_AUTO);
	ASSERT(cluster_node(c, "goat") == NULL);
}

TEST(cluster_example_components)
{
	cleanup_cluster struct cluster *c = load_home();
	const struct component *cm = cluster_component(c, "cert-manager");
	const struct component *garage = cluster_component(c, "garage");
	cleanup_free char *text = NULL;

	ASSERT_EQ(c->components_len, 8);
	ASSERT_STR(c->components[0].name, "cilium");
	ASSERT(cm && garage);
	text = json_dumps(cm->options, JSON_COMPACT | JSON_SORT_KEYS);
	ASSERT_STR(text, "{\"issuer\":{\"dns01\":{\"cloudflare\":{}},\"email\":\"me@example.org\","
			 "\"name\":\"le-clusterissuer\",\"server\":\"production\"}}");
	ASSERT_EQ(cm->secrets_len, 1);
	ASSERT_STR(cm->secrets[0].option, "issuer.dns01.cloudflare.token");
	ASSERT_EQ(cm->secrets[0].ref.kind, SECRET_ENV);
	ASSERT_STR(cm->secrets[0].ref.value, "CLOUDFLARE_API_TOKEN");
	ASSERT_EQ(json_integer_value(json_object_get(garage->options, "capacity")), INT64_C(10)
											    << 30);
	ASSERT_EQ(json_integer_value(json_object_get(garage->options, "replicas")), 1);
}

TEST(board_files_decode)
{
	cleanup_board struct board *pi = NULL, *pc = NULL, *none = NULL;
	struct err err = { 0 };

	setenv("KILN_DATADIR", test_srcdir(), 1);
	ASSERT_OK(board_load("rpi5", &pi, &err), &err);
	ASSERT_STR(pi->arch, "arm64");
	ASSERT_EQ(pi->boot, BOOT_RPI);
	ASSERT_STR(pi->kernel.suite, "trixie-backports");
	ASSERT_STR(pi->kernel.min_version, "7.2");
	ASSERT_STR(pi->initrd_modules.items[0], "irq-bcm2712-mip");
	ASSERT_EQ(pi->boot_partition_bytes, UINT64_C(1) << 30);
	ASSERT_OK(board_load("m910q", &pc, &err), &err);
	ASSERT_EQ(pc->boot, BOOT_UEFI);
	ASSERT_EQ(pc->microcode.len, 2);
	ASSERT_STR(pc->qemu.firmware, "ovmf");
	ASSERT_EQ(board_load("rpi6", &none, &err), -ENOENT);
	ASSERT_STR(err.msg, "no board 'rpi6'; there are m910q, rpi5");
}
