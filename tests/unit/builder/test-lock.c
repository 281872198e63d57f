#include "file.h"
#include "lock.h"
#include "test.h"

#include <fcntl.h>

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct cluster here = { .dir = (char *)"." };

static void fill(struct lock *l)
{
	static const struct lock_package packages[] = {
		{ (char *)"jq", (char *)"1.7.1-6", (char *)"arm64", (char *)"http://m/jq.deb",
		  (char *)SHA, 12 },
		{ (char *)"adduser", (char *)"1:3.152", (char *)"all", (char *)"http://m/a.deb",
		  (char *)SHA, 1 },
	};
	struct lock_set set = { (char *)"rpi5", (char *)"arm64", { 0 }, { 0 } };
	struct lock_platform platforms[] = { { (char *)"arm64", (char *)SHA, 7 },
					     { (char *)"amd64", (char *)SHA, 8 } };
	struct lock_image image = { (char *)"quay.io/x/y:v1", (char *)SHA, 5, platforms, 2 };
	struct lock_file file = { (char *)"k3s", (char *)"v1+k3s1", (char *)"arm64",
				  (char *)"https://k/k3s", (char *)SHA };

	for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
		ASSERT_EQ(lock_add_package(l, &packages[i]), 0);
	ASSERT_EQ(lock_add_package(l, &packages[0]), 0); /* once only */
	ASSERT_EQ(lock_list_add(&set.names, "jq"), 0);
	ASSERT_EQ(lock_list_add(&set.packages, "jq_1.7.1-6_arm64"), 0);
	ASSERT_EQ(lock_list_add(&set.packages, "adduser_1:3.152_all"), 0);
	ASSERT_EQ(lock_add_set(l, &set), 0);
	ASSERT_EQ(lock_add_file(l, &file), 0);
	ASSERT_EQ(lock_set_mirrors(l, "http://m/debian", NULL), 0);
	ASSERT_EQ(lock_set_mirrors(l, "http://m/debian", "http://m/security"), 0);
	ASSERT_EQ(lock_add_image(l, &image), 0);
	lock_list_done(&set.names);
	lock_list_done(&set.packages);
	lock_sort(l);
}

TEST(lock_is_read_back_as_written)
{
	cleanup_lock struct lock l = { 0 }, back = { 0 };
	struct err err = { 0 };
	char *one, *two;

	fill(&l);
	ASSERT_EQ(l.packages_len, 2);
	ASSERT_OK(lock_save(&here, &l, &err), &err);
	ASSERT_OK(lock_load(&here, &back, &err), &err);
	ASSERT_STR(back.packages[0].name, "adduser");
	ASSERT_EQ(lock_find(&back, "jq_1.7.1-6_arm64")->size_bytes, 12);
	ASSERT(!lock_find(&back, "jq_1.7.1-7_arm64"));
	ASSERT_STR(lock_set(&back, "rpi5", "arm64")->packages.items[0], "adduser_1:3.152_all");
	ASSERT(!lock_set(&back, "rpi5", "amd64"));
	ASSERT_STR(lock_file(&back, "k3s", "arm64")->version, "v1+k3s1");
	ASSERT_STR(back.mirror, "http://m/debian");
	ASSERT_STR(back.security_mirror, "http://m/security");
	ASSERT(!lock_image(&back, "quay.io/x/y"));
	ASSERT_EQ(lock_image(&back, "quay.io/x/y:v1")->size_bytes, 5);
	ASSERT_STR(lock_image(&back, "quay.io/x/y:v1")->platforms[0].arch, "amd64");
	ASSERT_EQ(lock_platform(&back.images[0], "arm64")->size_bytes, 7);
	ASSERT(!lock_platform(&back.images[0], "riscv64"));
	ASSERT_OK(file_read_at(AT_FDCWD, "kiln.lock", 1 << 20, &one, NULL, &err), &err);
	ASSERT_OK(lock_save(&here, &back, &err), &err);
	ASSERT_OK(file_read_at(AT_FDCWD, "kiln.lock", 1 << 20, &two, NULL, &err), &err);
	ASSERT_STR(one, two);
	free(one);
	free(two);
}

TEST(lock_errors_name_what_is_wrong)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "lock './kiln.lock': " },
		{ "{}", "lock './kiln.lock': 'kiln_lock' " },
		{ "{\"kiln_lock\": 2}",
		  "lock './kiln.lock': it is of version 2, this kiln reads 1" },
		{ "{\"kiln_lock\": 1, \"mirror\": 7}",
		  "lock './kiln.lock': 'mirror' must be a string" },
		{ "{\"kiln_lock\": 1, \"packages\": [{\"name\": \"x\"}]}",
		  "lock './kiln.lock': packages[0]: 'version' " },
		{ "{\"kiln_lock\": 1, \"packages\": [{\"name\": \"x\", \"version\": \"1\", "
		  "\"arch\": \"all\","
		  " \"url\": \"u\", \"sha256\": \"ABC\", \"size\": 1}]}",
		  "lock './kiln.lock': packages[0]: 'x': 'ABC' is no SHA-256" },
		{ "{\"kiln_lock\": 1, \"packages\": [], \"files\": [], \"sets\": [], \"images\": [{"
		  "\"name\": \"x/y:1\", \"sha256\": \"" SHA "\", \"size\": 1, \"platforms\": ["
		  "{\"arch\": \"arm64\", \"sha256\": \"1\", \"size\": 1}]}]}",
		  "lock './kiln.lock': images[0]: image 'x/y:1': 'arm64': '1' is no SHA-256" },
		{ "{\"kiln_lock\": 1, \"packages\": [], \"files\": [], \"sets\": [{\"board\": "
		  "\"b\", \"arch\": \"all\","
		  " \"names\": [], \"packages\": [\"y_1_all\"]}]}",
		  "lock './kiln.lock': sets[0]: board 'b' names package 'y_1_all', which is not "
		  "listed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_lock struct lock l = { 0 };
		struct err err = { 0 };

		ASSERT_OK(file_replace_at(AT_FDCWD, "kiln.lock", cases[i].text,
					  strlen(cases[i].text), 0644, &err),
			  &err);
		ASSERT(lock_load(&here, &l, &err) < 0);
		if (strncmp(err.msg, cases[i].error, strlen(cases[i].error)) != 0)
			ASSERT_STR(err.msg, cases[i].error);
	}
}

TEST(lock_missing_names_the_command)
{
	cleanup_lock struct lock l = { 0 };
	struct err err = { 0 };

	ASSERT_EQ(lock_load(&here, &l, &err), -ENOENT);
	ASSERT_STR(err.msg, "there is no './kiln.lock' yet; 'kiln update' makes it");
}
