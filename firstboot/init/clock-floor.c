#include "clock-floor.h"

#include "seed-files.h"

#include <sys/stat.h>
#include <time.h>

/* A saved time beyond this is a clock gone wrong, not knowledge. */
#define LATEST INT64_C(4102444800) /* 2100-01-01 */

int64_t clock_floor_find(int root_fd, int64_t at_least)
{
	struct err err = { 0 };
	struct stat st;

	if (seed_lstat(root_fd, "/var/lib/systemd/timesync/clock", &st, &err) > 0 &&
	    st.st_mtime > at_least && st.st_mtime < LATEST)
		return st.st_mtime;
	return at_least;
}

int clock_floor_set(int64_t floor_s, struct err *err)
{
	struct timespec now, want = { .tv_sec = (time_t)floor_s };

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return err_errnof(err, -errno, "cannot read the clock");
	if (now.tv_sec >= want.tv_sec || floor_s >= LATEST)
		return 0;
	if (clock_settime(CLOCK_REALTIME, &want) < 0)
		return err_errnof(err, -errno, "cannot set the clock");
	return 1;
}
