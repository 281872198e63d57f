#include "k3s-join.h"

#include "test.h"

#define LONG ((uint64_t)JOIN_FOUND_S * 1000)
#define S DOOR_SILENT
#define R DOOR_REFUSED
#define O DOOR_OURS

TEST(join_first_founds_only_where_no_cluster_can_be)
{
	static const struct {
		enum join_door doors[4];
		size_t len;
		bool by_hand;
		uint64_t refused_ms;
		enum join_verdict want;
		size_t at;
	} cases[] = {
		{ { 0 }, 0, false, 0, JOIN_FOUND, 0 },
		{ { R, R }, 2, false, 0, JOIN_LATER, 2 },
		{ { R, R }, 2, false, LONG - 1, JOIN_LATER, 2 },
		{ { R, R }, 2, false, LONG, JOIN_FOUND, 2 },
		/* one that is off may have the cluster, however long it is off */
		{ { R, S }, 2, false, LONG * 1000, JOIN_LATER, 1 },
		{ { S, R }, 2, false, LONG * 1000, JOIN_LATER, 0 },
		{ { S }, 1, false, LONG * 1000, JOIN_LATER, 0 },
		/* one that has it decides, whatever else is said */
		{ { R, O }, 2, false, LONG, JOIN_THERE, 1 },
		{ { S, O, R }, 3, false, 0, JOIN_THERE, 1 },
		{ { S, R, R, O }, 4, true, LONG, JOIN_THERE, 3 },
		{ { S, R }, 2, true, 0, JOIN_FOUND, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t at = 99;

		ASSERT_EQ(join_first(cases[i].doors, cases[i].len, cases[i].by_hand,
				     cases[i].refused_ms, &at),
			  cases[i].want);
		if (cases[i].want != JOIN_FOUND)
			ASSERT_EQ(at, cases[i].at);
	}
}
