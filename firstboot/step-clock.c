/*
 * The clock, before any TLS: a Pi without a battery boots in the past, where no
 * certificate is valid yet. The floor comes from the seed; kiln-init has set it
 * already on a good boot. NTP is waited for, but a cluster whose nodes agree may
 * start without it: the CAs are back-dated.
 */
#include "agent.h"
#include "clock.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#define NTP_PATIENCE_S 90
#define YEARS_TOO_FAR (10 * 365 * 86400ULL)

static bool is_synchronised(const struct agent *a)
{
	struct timex t = { 0 };
	struct stat st;

	if (adjtimex(&t) != TIME_ERROR && !(t.status & STA_UNSYNC))
		return true;
	return fstatat(a->root_fd, "run/systemd/timesync/synchronized", &st, 0) == 0;
}

static int raise_to(uint64_t floor, struct err *err)
{
	struct timespec ts = { .tv_sec = (time_t)floor };

	if (clock_settime(CLOCK_REALTIME, &ts) < 0)
		return err_errnof(err, -errno,
				  "cannot set the clock, which is behind the time of baking");
	return 0;
}

int step_clock(struct agent *a, struct step_turn *turn, struct err *err)
{
	uint64_t now = clock_wall_s(), floor = a->node.clock_floor;
	bool ntp = a->node.node.ntp.len > 0;
	int64_t waited = (int64_t)(clock_ms() / 1000) - a->started_s;
	int r;

	if (now < floor) {
		r = raise_to(floor, err);
		if (r < 0)
			return r;
	}
	if (is_synchronised(a)) {
		step_reasonf(turn, "synchronised");
		return TURN_DONE;
	}
	if (now > floor + YEARS_TOO_FAR) {
		step_reasonf(
			turn,
			"the clock says a time more than ten years after baking: waiting for NTP%s",
			ntp ? "" : ", but network.ntp names no server: set the clock by hand");
		return TURN_WAIT;
	}
	if (ntp && waited < NTP_PATIENCE_S) {
		step_reasonf(turn, "waiting for NTP server %s", a->node.node.ntp.items[0]);
		return TURN_WAIT;
	}
	step_reasonf(turn, "not synchronised: going on with the floor of the seed");
	return TURN_DONE;
}
