#include "link-watch.h"

#include "test.h"

#define MINUTE ((uint64_t)60 * 1000)

static struct link_watch w;
static struct link_facts f;

static void start(void)
{
	w = (struct link_watch){ 0 };
	f = (struct link_facts){ .now_ms = 1000, .carrier = true, .may_reboot = true };
}

/* One look LINK_LOOK_MS after the last; @sent: packets since then. */
static enum link_action look(bool answered, uint64_t sent)
{
	f.now_ms += LINK_LOOK_MS;
	f.answered = answered;
	f.tx_packets += sent;
	return link_decide(&w, &f);
}

static void worked(void)
{
	start();
	ASSERT_EQ(look(false, 1), LINK_UNKNOWN); /* nobody has been asked yet */
	ASSERT_EQ(look(true, 4), LINK_FINE);
}

TEST(link_that_never_worked_is_left_alone)
{
	start();
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(look(false, i % 2), LINK_UNKNOWN);
}

TEST(link_is_bounced_after_three_silent_looks)
{
	worked();
	ASSERT_EQ(look(false, 4), LINK_SILENT);
	ASSERT_EQ(look(false, 4), LINK_SILENT);
	ASSERT_EQ(look(true, 4), LINK_FINE); /* one answer, and it counts anew */
	ASSERT_EQ(look(false, 4), LINK_SILENT);
	ASSERT_EQ(look(false, 4), LINK_SILENT);
	ASSERT_EQ(look(false, 4), LINK_BOUNCE);
	ASSERT_EQ(look(true, 4), LINK_FINE);
	ASSERT_EQ(w.bounces, 0);
}

TEST(link_without_a_cable_is_not_bounced)
{
	worked();
	f.carrier = false;
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(look(false, 0), LINK_NO_CARRIER);
	f.carrier = true;
	ASSERT_EQ(look(false, 4), LINK_SILENT);
}

/* A router that is off: packets go out, so it never comes to a reboot, and bounces get rare. */
TEST(link_with_a_silent_router_is_bounced_rarely_and_never_reboots)
{
	unsigned int bounces = 0;
	uint64_t first = 0, last = 0, gap = 0;

	worked();
	for (int i = 0; i < 24 * 360; i++) {
		enum link_action a = look(false, 3);

		ASSERT(a == LINK_SILENT || a == LINK_BOUNCE);
		if (a != LINK_BOUNCE)
			continue;
		gap = f.now_ms - last;
		last = f.now_ms;
		if (bounces++ == 1)
			first = gap;
	}
	ASSERT(first >= 5 * MINUTE && first < 6 * MINUTE);
	ASSERT(gap >= 60 * MINUTE && gap < 61 * MINUTE);
	ASSERT(bounces >= 24 && bounces <= 30);
}

TEST(link_that_sends_nothing_reboots_after_two_bounces_and_once_a_day)
{
	unsigned int bounces = 0;
	enum link_action a = LINK_FINE;

	worked();
	for (int i = 0; i < 360 && a != LINK_REBOOT; i++) {
		a = look(false, 0);
		bounces += a == LINK_BOUNCE;
	}
	ASSERT_EQ(a, LINK_REBOOT);
	ASSERT_EQ(bounces, 2);
	worked();
	f.may_reboot = false;
	for (int i = 0; i < 24 * 360; i++)
		ASSERT(look(false, 0) != LINK_REBOOT);
}

/* One packet in between shows that it is not the sending that has stopped. */
TEST(link_that_sends_now_and_then_does_not_reboot)
{
	worked();
	for (int i = 0; i < 24 * 360; i++)
		ASSERT(look(false, i % 3 == 0) != LINK_REBOOT);
}
