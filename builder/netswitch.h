/*
 * netswitch - a learning Ethernet switch for virtual machines, on one stream socket each
 *
 * A port is a connection as QEMU's "-netdev stream" makes it: each frame behind its length,
 * four bytes, most significant first. A frame goes to the port where its destination was
 * seen last, to all others while that is unknown, older than NETSWITCH_AGE_MS, or a group, and
 * nowhere when that port has ended, until the station is seen again: QEMU's user network takes
 * frames for any address, and what is meant for a machine that is off would go out to the
 * desk's own network and be answered by whoever has the address there.
 *
 * No port waits for another: what one does not take is kept up to NETSWITCH_QUEUE bytes and
 * then dropped, whole frames, as a switch of metal does. A port that sends a length no frame
 * has is closed, since nothing tells where its next frame begins.
 *
 * It belongs to one thread and never blocks: netswitch_turn() when netswitch_fd() is
 * readable. Units: bytes, milliseconds. Ownership: the switch owns its sockets, and removes
 * the one it listens on.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

#define NETSWITCH_PORTS_MAX 32
#define NETSWITCH_FRAME_MIN 14u
#define NETSWITCH_FRAME_MAX (68u << 10) /* what QEMU takes */
#define NETSWITCH_QUEUE ((size_t)1 << 20)
#define NETSWITCH_AGE_MS UINT64_C(300000)

struct netswitch_stats {
	uint64_t forwarded, flooded; /* frames: to one port, to all others */
	uint64_t dropped;	     /* a port's queue was full */
	uint64_t gone;		     /* for a machine whose port has ended */
	uint64_t runts;		     /* too short to have addresses */
	uint64_t answered;	     /* by the switch itself */
	size_t ports;
	char problem[128]; /* why a port was closed last, other than by its end; "" */
};

struct netswitch;
/* @path: the socket to listen on, made here; NULL: ports come by netswitch_add() alone. */
int netswitch_new(const char *path, struct netswitch **ret, struct err *err) MUST_CHECK;
void netswitch_free(struct netswitch *s);
static inline void netswitch_freep(struct netswitch **s)
{
	netswitch_free(*s);
}
#define cleanup_netswitch CLEANUP(netswitch_freep)

/* A connected stream socket becomes a port; @fd is the switch's from now on, also on errors. */
int netswitch_add(struct netswitch *s, int fd, struct err *err) MUST_CHECK;
/*
 * Something in the switch itself that answers frames: told every frame, it returns the length
 * of its answer in @ret (NETSWITCH_ANSWER_MAX bytes), which goes back to the port that asked,
 * and the frame goes nowhere else; 0: not for it.
 */
#define NETSWITCH_ANSWER_MAX 256u
typedef size_t netswitch_answer(void *arg, const uint8_t *frame, size_t len, uint8_t *ret);
void netswitch_set_answer(struct netswitch *s, netswitch_answer *answer, void *arg);
int netswitch_fd(const struct netswitch *s);
/* Takes new ports, moves what is there. A port's trouble is no error of the switch. */
int netswitch_turn(struct netswitch *s, uint64_t now_ms, struct err *err) MUST_CHECK;
struct netswitch_stats netswitch_stats(const struct netswitch *s);
