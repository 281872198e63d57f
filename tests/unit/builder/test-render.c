/*
 * Every file of every node of two clusters against golden trees: tests/golden/plan/<cluster>/
 * <node>/ holds the contents, FILES beside it types, modes and owners. Secrets are
 * stand-ins that name what belongs there.
 *
 * KILN_GOLDEN_UPDATE=1 writes the trees anew; read the diff before committing it.
 */
#include "buf.h"
#include "cluster.h"
#include "derive.h"
#include "diag.h"
#include "file.h"
#include "k3s-config.h"
#include "render.h"
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#define BAKED_AT 1795348800 /* 2026-11-22 12:00 UTC */

static struct cluster *load(const char *file)
{
	struct diag_list diags = { 0 };
	struct cluster *c = NULL;
	struct err err = { 0 };
	char *path = NULL;

	ASSERT(setenv("CLOUDFLARE_API_TOKEN", "dummy", 1) == 0);
	ASSERT(asprintf(&path, "%s%s", test_srcdir(), file) > 0);
	ASSERT_OK(cluster_load(path, &c, &diags, &err), &err);
	diag_list_done(&diags);
	free(path);
	return c;
}

static void render_one(const struct cluster *c, const char *node, struct fileset *fs)
{
	cleanup_board struct board *b = NULL;
	struct err err = { 0 };
	struct render in = {
		.cluster = c,
		.node = cluster_node(c, node),
		.secrets = &secret_source_stand_in,
		.baked_at = BAKED_AT,
	};

	ASSERT(in.node);
	ASSERT_OK(board_load(in.node->board, &b, &err), &err);
	in.board = b;
	ASSERT_OK(render_node(&in, fs, &err), &err);
}

static bool updating(void)
{
	const char *s = getenv("KILN_GOLDEN_UPDATE");

	return s && *s;
}

static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		ASSERT(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

static void compare(char *path, const char *data, size_t len)
{
	struct err err = { 0 };
	cleanup_free char *want = NULL;
	size_t want_len = 0;

	if (updating()) {
		make_parents(path);
		ASSERT_OK(file_replace_at(AT_FDCWD, path, data, len, 0644, &err), &err);
		return;
	}
	ASSERT_OK(file_read_at(AT_FDCWD, path, NODE_FILE_MAX, &want, &want_len, &err), &err);
	ASSERT_STR(data, want);
	ASSERT_EQ(len, want_len);
}

static size_t files_seen;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	files_seen += type == FTW_F;
	return 0;
}

static void golden(const char *cluster, const char *file, const char *node)
{
	cleanup_cluster struct cluster *c = load(file);
	cleanup_fileset struct fileset fs = { 0 };
	cleanup_buf struct buf list = BUF_INIT(1 << 20);
	cleanup_free char *dir = NULL, *listing = NULL;
	size_t files = 0;

	ASSERT(asprintf(&dir, "%stests/golden/plan/%s/%s", test_srcdir(), cluster, node) > 0);
	ASSERT(asprintf(&listing, "%s.FILES", dir) > 0);
	render_one(c, node, &fs);
	for (size_t i = 0; i < fs.len; i++) {
		const struct fileset_entry *e = &fs.items[i];
		cleanup_free char *path = NULL;

		(void)buf_addf(&list, "%c%04o %u:%u %s%s%s%s\n",
			       e->type == FILESET_DIR	    ? 'd'
			       : e->type == FILESET_SYMLINK ? 'l'
							    : '-',
			       e->mode, e->uid, e->gid, e->path,
			       e->type == FILESET_SYMLINK ? " -> " : "",
			       e->type == FILESET_SYMLINK ? e->data : "",
			       e->flags & FILESET_SECRET ? " secret" : "");
		if (e->type != FILESET_FILE)
			continue;
		files++;
		ASSERT(asprintf(&path, "%s%s", dir, e->path) > 0);
		compare(path, e->data, e->len);
	}
	compare(listing, buf_str(&list), list.len);
	files_seen = 0;
	ASSERT_EQ(nftw(dir, count_file, 16, FTW_PHYS), 0);
	ASSERT_EQ(files_seen, files); /* nothing left over in the golden tree */
}

#define HOME "examples/home/cluster.yaml"
#define LAN4 "tests/golden/plan/lan4/cluster.yaml"

TEST(home_cow)
{
	golden("home", HOME, "cow");
}
TEST(home_sheep)
{
	golden("home", HOME, "sheep");
}
TEST(home_duck)
{
	golden("home", HOME, "duck");
}
TEST(lan4_a)
{
	golden("lan4", LAN4, "a");
}
TEST(lan4_b)
{
	golden("lan4", LAN4, "b");
}
TEST(lan4_c)
{
	golden("lan4", LAN4, "c");
}
TEST(lan4_d)
{
	golden("lan4", LAN4, "d");
}

/* What must never be on a worker, whatever the golden files say. */
TEST(a_worker_gets_no_key_of_the_cluster)
{
	cleanup_cluster struct cluster *c = load(LAN4);
	cleanup_fileset struct fileset fs = { 0 };
	const struct fileset_entry *token;

	render_one(c, "d", &fs);
	for (size_t i = 0; i < fs.len; i++) {
		ASSERT(!strstr(fs.items[i].path, "/server/"));
		ASSERT(!strstr(fs.items[i].path, "agent-token"));
		if (fs.items[i].type == FILESET_FILE)
			ASSERT(!memmem(fs.items[i].data, fs.items[i].len, "token-server", 12));
	}
	token = fileset_find(&fs, "/etc/rancher/k3s/token");
	ASSERT(token && token->mode == 0600);
	ASSERT_STR(token->data, "(token-agent, made by kiln init)\n");
}

TEST(every_secret_is_for_root_alone)
{
	cleanup_cluster struct cluster *c = load(HOME);
	cleanup_fileset struct fileset fs = { 0 };
	size_t secrets = 0;

	render_one(c, "cow", &fs);
	for (size_t i = 0; i < fs.len; i++) {
		const struct fileset_entry *e = &fs.items[i];

		if (e->flags & FILESET_SECRET)
			secrets++;
		if (e->flags & FILESET_SECRET || strstr(e->path, ".key") ||
		    strstr(e->path, "token"))
			ASSERT_EQ(e->mode & 0077, 0);
	}
	ASSERT_EQ(secrets, 12); /* 3 host keys, 2 tokens, node password, 6 CA keys */
}

TEST(pods_node_mask_cases)
{
	static const struct {
		const char *pods;
		unsigned int mask;
	} cases[] = {
		{ "10.42.0.0/16", 24 }, { "10.0.0.0/8", 24 },	{ "10.64.0.0/20", 24 },
		{ "10.64.0.0/22", 26 }, { "10.64.0.0/26", 28 }, { "fd00::/104", 120 },
		{ "fd00::/112", 120 },	{ "fd00::/56", 64 },	{ "fd00::/48", 64 },
		{ "fd00::/40", 56 },	{ "fd00::/64", 80 },	{ "fd00::/96", 112 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix p;

		ASSERT_EQ(ip_prefix_parse(cases[i].pods, &p), 0);
		ASSERT_EQ(pods_node_mask(&p), cases[i].mask);
		ASSERT(cases[i].mask - p.bits <= 16);
	}
}

TEST(servers_to_join)
{
	cleanup_cluster struct cluster *home = load(HOME), *lan4 = load(LAN4);
	char url[DERIVE_URL_MAX];

	ASSERT(node_k3s_server(home, cluster_node(home, "cow"), url) == NULL);
	ASSERT_STR(node_k3s_server(home, cluster_node(home, "duck"), url),
		   "https://192.168.14.3:6443");
	ASSERT(node_k3s_server(lan4, cluster_node(lan4, "a"), url) == NULL);
	ASSERT_STR(node_k3s_server(lan4, cluster_node(lan4, "b"), url), "https://10.0.30.11:6443");
	ASSERT_STR(node_k3s_server(lan4, cluster_node(lan4, "d"), url),
		   "https://api.lan.example.org:6443");
}

TEST(a_disk_that_udev_cannot_name_is_refused)
{
	cleanup_cluster struct cluster *c = load(LAN4);
	cleanup_fileset struct fileset fs = { 0 };
	cleanup_board struct board *b = NULL;
	struct err err = { 0 };
	struct render in = { .cluster = c, .secrets = &secret_source_stand_in };
	struct node *n = (struct node *)(uintptr_t)cluster_node(c, "a");

	n->ceph_disk.serial = strdup("S6[A-Z]*");
	in.node = n;
	ASSERT_OK(board_load(n->board, &b, &err), &err);
	in.board = b;
	ASSERT_EQ(render_storage(&in, &fs, &err), -EINVAL);
	ASSERT_STR(err.msg, "ceph disk: its serial has a character that a udev rule cannot match; "
			    "name the disk by another property");
}
