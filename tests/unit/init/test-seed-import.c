/* The import on folders: what it brings, replaces, keeps and refuses. */
#include "seed-fixture.h"

static const struct item first_seed[] = {
	{ "root/etc/hostname", S_IFREG, 0644, "cow\n" },
	{ "root/etc/hosts", S_IFREG, 0644, "127.0.0.1 cow\n" },
	{ "root/etc/rancher/k3s/config.yaml", S_IFREG, 0600, "token: secret\n" },
	{ "root/etc/ssh/", S_IFDIR, 0711, NULL },
	{ "root/etc/ssh/ssh_host_key", S_IFREG, 0600, "key\n" },
	{ "root/etc/systemd/system/x.wants/y.timer", S_IFLNK, 0777,
	  "/usr/lib/systemd/system/y.timer" },
	{ "root/usr/local/bin/koff", S_IFREG, 04755, "#!/bin/sh\n" },
};
static const struct item second_seed[] = {
	{ "root/etc/hostname", S_IFREG, 0644, "sheep\n" },
	{ "root/etc/hosts", S_IFREG, 0600, "127.0.0.1 sheep\n" },
	{ "root/etc/new", S_IFREG, 0640, "new\n" },
};

TEST(first_seed_is_in_the_root_and_gone_from_the_boot_partition)
{
	cleanup_seed_info struct seed_info info = { 0 };
	cleanup_free char *boot = NULL;
	const char *files;
	const char *path;
	struct stat st;

	fixture_new();
	path = seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&info), &err);
	ASSERT(info.imported && info.seeded && !info.notes);
	ASSERT_STR(info.json.node, "cow");
	ASSERT_EQ(access(path, F_OK), -1);
	boot = tree_text("boot");
	ASSERT(strstr(boot, "base.json") && !strstr(boot, "seed-"));
	ASSERT_STR(slurp("root/etc/rancher/k3s/config.yaml"), "token: secret\n");
	ASSERT_STR(slurp("root/etc/hosts"), "127.0.0.1 cow\n");
	ASSERT_EQ(stat("root/etc/rancher/k3s/config.yaml", &st), 0);
	ASSERT_EQ(st.st_mode, S_IFREG | 0600);
	ASSERT_EQ(stat("root/etc/ssh", &st), 0);
	ASSERT_EQ(st.st_mode, S_IFDIR | 0711);
	ASSERT_EQ(stat("root/usr/local/bin/koff", &st), 0);
	ASSERT_EQ(st.st_mode, S_IFREG | 04755);
	files = slurp("root/var/lib/kiln/seed.files");
	ASSERT(strstr(files, " /etc/hostname\n") &&
	       strstr(files, " /etc/systemd/system/x.wants/y.timer\n"));
	ASSERT(!strstr(files, " /etc/ssh\n"));
	ASSERT_EQ(access("root/var/lib/kiln/seed.pending", F_OK), -1);
	ASSERT(strstr(slurp("root/var/lib/kiln/seed.json"), info.json.digest));
}

/* The list can be checked with sha256sum below the root. */
TEST(list_is_what_sha256sum_says)
{
	cleanup_seed_info struct seed_info info = { 0 };
	char *line, *save, *files;
	int n = 0;

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&info), &err);
	files = slurp("root/var/lib/kiln/seed.files");
	for (line = strtok_r(files, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
		char path[256], hex[SHA256_HEX_MAX];

		(void)snprintf(path, sizeof(path), "root%s", line + 65);
		if (strstr(path, "y.timer"))
			continue;
		ASSERT_OK(sha256_file_at(AT_FDCWD, path, hex, &err), &err);
		ASSERT_EQ(strncmp(line, hex, 64), 0);
	}
	ASSERT_EQ(n, 6);
}

TEST(without_a_seed_nothing_changes)
{
	cleanup_seed_info struct seed_info info = { 0 };
	cleanup_free char *before = NULL, *after = NULL;

	fixture_new();
	before = tree_text("root");
	ASSERT_OK(import(&info), &err);
	ASSERT(!info.seeded && !info.imported && !info.notes);
	after = tree_text("root");
	ASSERT_STR(after, before);
	ASSERT_OK(tree_remove_at(AT_FDCWD, "boot/kiln"), &err);
	ASSERT_OK(import(&info), &err);
	ASSERT(!info.seeded);
}

TEST(new_seed_replaces_the_old_one)
{
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 }, c = { 0 };

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&a), &err);
	spit("root/etc/hosts", "changed by hand\n");	  /* in both seeds */
	spit("root/etc/ssh/ssh_host_key", "other key\n"); /* in the old one only */
	spit("root/etc/mine", "not a seed's\n");
	(void)seed_write(2000, second_seed, ARRAY_SIZE(second_seed));
	ASSERT_OK(import(&b), &err);
	ASSERT(b.imported && !b.notes);
	ASSERT_STR(slurp("root/etc/hostname"), "sheep\n");
	ASSERT_STR(slurp("root/etc/hosts"), "127.0.0.1 sheep\n");
	ASSERT_STR(slurp("root/etc/hosts.kiln-old"), "changed by hand\n");
	ASSERT_EQ(access("root/etc/hostname.kiln-old", F_OK), -1);
	ASSERT_STR(slurp("root/etc/ssh/ssh_host_key.kiln-old"), "other key\n");
	ASSERT_EQ(access("root/etc/ssh/ssh_host_key", F_OK), -1);
	ASSERT_EQ(access("root/usr/local/bin/koff", F_OK), -1);
	ASSERT_EQ(faccessat(AT_FDCWD, "root/etc/systemd/system/x.wants/y.timer", F_OK,
			    AT_SYMLINK_NOFOLLOW),
		  -1);
	ASSERT_STR(slurp("root/etc/mine"), "not a seed's\n");
	ASSERT(!strstr(keep(tree_text("root")), ".kiln-new") &&
	       !strstr(keep(tree_text("root")), ".kiln-was"));
	ASSERT_OK(import(&c), &err);
	ASSERT(c.seeded && !c.imported);
	ASSERT_STR(c.json.digest, b.json.digest);
}

/* The power went after the record, before the boot partition was cleaned, or while it was
 * overwritten. */
TEST(imported_seed_is_only_removed)
{
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };
	cleanup_free char *before = NULL, *after = NULL;
	const char *path;

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&a), &err);
	before = tree_text("root");
	path = seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	spit(path, "half of it is zeros");
	ASSERT_OK(import(&b), &err);
	ASSERT(b.seeded && !b.imported && !b.notes);
	ASSERT_EQ(access(path, F_OK), -1);
	after = tree_text("root");
	ASSERT_STR(after, before);
}

TEST(of_several_the_newest_wins_and_the_older_go)
{
	cleanup_seed_info struct seed_info info = { 0 };
	char damaged[128];

	fixture_new();
	(void)seed_write(3000, first_seed, ARRAY_SIZE(first_seed));
	(void)seed_write(4000, second_seed, ARRAY_SIZE(second_seed));
	(void)snprintf(damaged, sizeof(damaged), "boot/kiln/seed-%064d.tar", 0);
	spit(damaged, "damaged");
	ASSERT_OK(import(&info), &err);
	ASSERT_STR(slurp("root/etc/hostname"), "sheep\n");
	ASSERT_STR(slurp(damaged), "damaged");
	ASSERT_STR(info.notes, "seed 000000000000 is refused and left alone: it is damaged: its "
			       "contents have digest "
			       "41f0c27c00e8, its name says 000000000000\n");
	ASSERT_EQ(unlink(damaged), 0);
	ASSERT(!strstr(keep(tree_text("boot")), "seed-"));
}

TEST(what_a_push_began_goes)
{
	cleanup_seed_info struct seed_info info = { 0 };

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	spit("boot/kiln/seed.new", "token: secret\n");
	ASSERT_OK(import(&info), &err);
	ASSERT(info.imported && !info.notes);
	ASSERT_EQ(access("boot/kiln/seed.new", F_OK), -1);
	ASSERT_EQ(access("boot/kiln/base.json", F_OK), 0);
}

TEST(seeded_node_boots_on_beside_a_damaged_seed)
{
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };
	const char *path;

	fixture_new();
	(void)seed_write(1000, first_seed, ARRAY_SIZE(first_seed));
	ASSERT_OK(import(&a), &err);
	path = seed_write(2000, second_seed, ARRAY_SIZE(second_seed));
	spit(path, "damaged");
	ASSERT_OK(import(&b), &err);
	ASSERT(b.seeded && !b.imported && strstr(b.notes, "it is damaged"));
	ASSERT_STR(b.json.digest, a.json.digest);
	ASSERT_STR(slurp("root/etc/hostname"), "cow\n");
	ASSERT_STR(slurp(path), "damaged");
}

TEST(folder_and_file_do_not_replace_each_other)
{
	static const struct item over_folder = { "root/etc", S_IFREG, 0644, "x" };
	static const struct item over_file = { "root/etc/hosts/", S_IFDIR, 0755, NULL };
	cleanup_seed_info struct seed_info a = { 0 }, b = { 0 };

	fixture_new();
	(void)seed_write(1, &over_folder, 1);
	ASSERT_OK(import(&a), &err);
	ASSERT(!a.imported && strstr(a.notes, "cannot be imported and is left alone: the seed's "
					      "file '/etc' is a folder here"));
	ASSERT_OK(tree_remove_at(AT_FDCWD, "boot/kiln"), &err);
	ASSERT_EQ(mkdir("boot/kiln", 0755), 0);
	(void)seed_write(1, &over_file, 1);
	ASSERT_OK(import(&b), &err);
	ASSERT(!b.imported && strstr(b.notes, "the seed's folder '/etc/hosts' is a file here"));
	ASSERT(!strstr(keep(tree_text("root")), "kiln-new"));
}
