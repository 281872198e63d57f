#include "inventory.h"
#include "test.h"

TEST(inventory_finds_whole_keys_alone)
{
	static const char text[] = "handed-over\n"
				   "applied 11 apps/Deployment/a/web\n"
				   "done 22 batch/Job/a/web\n"
				   "applied 33 /ConfigMap/a/web";
	char got[64] = "";

	ASSERT(inventory_find(text, "batch/Job/a/web", got, sizeof(got)));
	ASSERT_STR(got, "done 22");
	ASSERT(inventory_find(text, "/ConfigMap/a/web", got, sizeof(got)));
	ASSERT_STR(got, "applied 33");
	ASSERT(!inventory_find(text, "Job/a/web", got, sizeof(got)));
	ASSERT(!inventory_find(text, "batch/Job/a/we", got, sizeof(got)));
	ASSERT(!inventory_find(text, "handed-over", got, sizeof(got)));
	ASSERT(!inventory_find("", "x", got, sizeof(got)));
}

TEST(inventory_is_dirty_only_by_another_text)
{
	struct inventory inv = { .data = json_object() };
	struct err err = { 0 };

	ASSERT_STR(inventory_get(&inv, "a"), "");
	ASSERT_OK(inventory_set(&inv, "a", "x\n", &err), &err);
	ASSERT(inv.dirty);
	inv.dirty = false;
	ASSERT_OK(inventory_set(&inv, "a", "x\n", &err), &err);
	ASSERT(!inv.dirty);
	ASSERT_STR(inventory_get(&inv, "a"), "x\n");
	inventory_done(&inv);
}
