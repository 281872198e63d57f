#include "cache.h"
#include "file.h"
#include "test.h"

#include <fcntl.h>

#define ABC_SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void use_here(void)
{
	char dir[4096], path[4200];

	ASSERT(getcwd(dir, sizeof(dir)));
	(void)snprintf(path, sizeof(path), "%s/cache", dir);
	ASSERT_EQ(setenv("KILN_CACHE", path, 1), 0);
}

static void put(const char *name, const char *text)
{
	struct err err = { 0 };

	ASSERT_OK(file_replace_at(AT_FDCWD, name, text, strlen(text), 0644, &err), &err);
}

TEST(cache_takes_what_has_its_digest)
{
	struct err err = { 0 };
	char hex[65], *path = NULL;

	use_here();
	put("abc", "abc");
	ASSERT_EQ(cache_find(ABC_SHA, &path, &err), 0);
	ASSERT_OK(cache_add("abc", ABC_SHA, hex, &path, &err), &err);
	ASSERT_STR(hex, ABC_SHA);
	ASSERT(strstr(path, "/cache/sha256/" ABC_SHA));
	free(path);
	ASSERT_EQ(cache_find(ABC_SHA, &path, &err), 1);
	free(path);
	ASSERT_OK(cache_add("abc", NULL, NULL, NULL, &err), &err); /* twice is once */
}

TEST(cache_refuses_another_digest)
{
	struct err err = { 0 };

	use_here();
	put("abd", "abd");
	ASSERT_EQ(cache_add("abd", ABC_SHA, NULL, NULL, &err), -EBADMSG);
	ASSERT(strstr(err.msg, "not " ABC_SHA));
	ASSERT_EQ(cache_find(ABC_SHA, NULL, &err), 0);
}

TEST(cache_says_where_it_cannot_be)
{
	struct err err = { 0 };
	char *path = NULL;

	put("file", "x");
	ASSERT_EQ(setenv("KILN_CACHE", "file/cache", 1), 0);
	ASSERT(cache_path("x", &path, &err) < 0);
	ASSERT(strstr(err.msg, "KILN_CACHE"));
}
