#include "bake-time.h"

#include "clock.h"
#include "parse.h"

int bake_time(uint64_t *ret, struct err *err)
{
	const char *s = getenv("SOURCE_DATE_EPOCH");
	int r;

	if (!s || !*s) {
		*ret = clock_wall_s();
		return 0;
	}
	r = u64_parse(s, ret);
	if (r == 0 && *ret > INT64_MAX)
		r = -ERANGE;
	return r < 0 ? err_setf(err, -EINVAL, "SOURCE_DATE_EPOCH is '%s', not seconds since 1970",
				s)
		     : 0;
}
