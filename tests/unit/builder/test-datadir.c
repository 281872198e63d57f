#include "datadir.h"
#include "test.h"

#include <sys/stat.h>

TEST(datadir_follows_the_environment)
{
	cleanup_free char *path = NULL;
	struct err err = { 0 };

	ASSERT_EQ(mkdir("d", 0755) + mkdir("d/boards", 0755), 0);
	ASSERT_EQ(setenv("KILN_DATADIR", "d", 1), 0);
	ASSERT_OK(datadir_path("boards", &path, &err), &err);
	ASSERT_STR(path, "d/boards");
	ASSERT_EQ(datadir_path("agent/arm64/kiln-init", &path, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot find 'agent/arm64/kiln-init' in Kiln's data: "
			    "'d/agent/arm64/kiln-init' is not there");
	ASSERT_EQ(setenv("KILN_DATADIR", "none", 1), 0);
	ASSERT_EQ(datadir_path("boards", &path, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot find Kiln's own data: looked for 'none' (KILN_DATADIR)");
}

TEST(datadir_names_the_places_beside_the_program)
{
	cleanup_free char *path = NULL;
	struct err err = { 0 };

	ASSERT_EQ(unsetenv("KILN_DATADIR"), 0);
	ASSERT_EQ(datadir_path("boards", &path, &err), -ENOENT);
	ASSERT(strstr(err.msg, "/tests/unit/builder/share/kiln', '"));
	ASSERT(strstr(err.msg, "/tests/unit/builder/../share/kiln'"));
}
