/*
 * segment-time - the time of this desk, for the machines of a segment
 *
 * A gateway at home tells the time; that of `kiln run`, which is QEMU's user network, does
 * not, and every boot would wait for it. This answers questions of SNTP (RFC 4330) that are
 * addressed to the gateway, and lets everything else pass: the switch asks it for every frame.
 */
#pragma once

#include "addr.h"

#include <stddef.h>

#define SEGMENT_TIME_ANSWER_MAX 160u

struct segment_time {
	struct ip_addr gateways[2]; /* IP_NONE: no such family */
};
/*
 * @frame is an Ethernet frame of @len bytes, @now_ns the time since 1970. Returns the length
 * of the answer in @ret (SEGMENT_TIME_ANSWER_MAX bytes), 0: not a question for us.
 */
size_t segment_time_answer(const struct segment_time *t, const uint8_t *frame, size_t len,
			   uint64_t now_ns, uint8_t *ret);
