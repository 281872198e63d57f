/* The folder of secrets under faults: whole or absent, never open to others, never overwritten. */
#include "fault.h"
#include "file.h"
#include "test.h"
#include "tree.h"
#include "vault.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DIR_PATH "c/.kiln/secrets"

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return n;
}

static void forget(void)
{
	int r = tree_remove_at(AT_FDCWD, "c/.kiln");

	ASSERT(r == 0 || r == -ENOENT);
}

static int open_and_add(void *arg, struct err *err)
{
	cleanup_vault struct vault v = { .fd = -EBADF };
	int r = vault_open("c", &v, err);

	(void)arg;
	if (r >= 0)
		r = vault_add(&v, "nodes/cow/node-password", "s3cret\n", 7, err);
	return r < 0 ? r : vault_add_random_hex(&v, "token", 16, err);
}

static void whole_or_absent(void *arg, const struct fault_result *result)
{
	cleanup_free char *text = NULL;
	struct err err = { 0 };
	size_t len;
	int r = file_read_at(AT_FDCWD, DIR_PATH "/nodes/cow/node-password", 100, &text, &len, &err);

	ASSERT(!result->failed || result->r == -EIO || result->r == -ENOMEM);
	ASSERT(!strstr(result->err->msg, "s3cret"));
	ASSERT(r == -ENOENT || r == 0);
	if (r == 0) {
		ASSERT_STR(text, "s3cret\n");
		ASSERT_EQ(mode_of(DIR_PATH "/nodes/cow/node-password"), 0600);
	}
	if (access(DIR_PATH, F_OK) == 0)
		ASSERT_EQ(mode_of(DIR_PATH), 0700);
	if (access(DIR_PATH "/token", F_OK) == 0) {
		struct stat st;

		ASSERT_EQ(stat(DIR_PATH "/token", &st), 0);
		ASSERT_EQ(st.st_size, 33);
	}
	/* no temporary beside the two, whatever failed */
	ASSERT(entries(DIR_PATH "/nodes/cow") <= 1);
	ASSERT(entries(DIR_PATH) <= 2);
	if (result->failed)
		forget();
	*(int *)arg += result->failed;
}

TEST(vault_is_whole_or_absent_under_every_fault)
{
	struct err err = { 0 };
	int faults = 0;

	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "c", 0755, &err), &err);
	ASSERT_EQ(fault_loop(open_and_add, whole_or_absent, &faults), 41);
	ASSERT_EQ(faults, 41);
}

TEST(vault_never_overwrites)
{
	cleanup_vault struct vault v = { .fd = -EBADF };
	cleanup_vault struct vault again = { .fd = -EBADF };
	cleanup_secret struct secret one = { 0 }, two = { 0 };
	struct err err = { 0 };

	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "c", 0755, &err), &err);
	ASSERT_OK(vault_open("c", &v, &err), &err);
	ASSERT_EQ(vault_open("c", &again, &err), -EBUSY);
	ASSERT_STR(err.msg, "another 'kiln init' is at work in '" DIR_PATH "'");
	ASSERT_OK(vault_add_random_hex(&v, "token", 16, &err), &err);
	ASSERT_OK(vault_get(&v, "token", &one, &err), &err);
	ASSERT_EQ(vault_add(&v, "token", "x", 1, &err), -EEXIST);
	ASSERT_OK(vault_add_random_hex(&v, "token", 16, &err), &err);
	ASSERT_OK(vault_get(&v, "token", &two, &err), &err);
	ASSERT_STR(two.data, one.data);
	ASSERT_EQ(v.made, 1);
}

struct source {
	struct cluster cluster;
	struct secret_ref ref;
};

static int resolve(void *arg, struct err *err)
{
	const struct source *s = arg;
	cleanup_secret struct secret got = { 0 };
	int r = secret_ref_resolve(&s->cluster, &s->ref, &got, err);

	if (r < 0)
		ASSERT(got.data == NULL);
	else
		ASSERT_STR(got.data, "pa55word");
	return r;
}

static void never_told(void *arg, const struct fault_result *result)
{
	(void)arg;
	ASSERT(!strstr(result->err->msg, "pa55word"));
	/* a child that cannot start has its own errno */
	ASSERT(!result->failed || result->r < 0 || result->r == 0);
}

TEST(secrets_of_all_sources_under_every_fault)
{
	static char *argv[] = { (char *)"echo", (char *)"pa55word", NULL };
	static const struct {
		struct secret_ref ref;
		long least;
	} cases[] = {
		{ { .kind = SECRET_ENV, .value = (char *)"KILN_TEST_SECRET" }, 1 },
		{ { .kind = SECRET_FILE, .value = (char *)"secret.txt" }, 4 },
		{ { .kind = SECRET_COMMAND, .argv = argv }, 5 },
	};
	struct err err = { 0 };

	ASSERT_EQ(setenv("KILN_TEST_SECRET", "pa55word", 1), 0);
	ASSERT_OK(file_replace_at(AT_FDCWD, "secret.txt", "pa55word\n", 9, 0600, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source s = { .cluster = { .dir = (char *)"." }, .ref = cases[i].ref };

		ASSERT(fault_loop(resolve, never_told, &s) >= cases[i].least);
	}
}
