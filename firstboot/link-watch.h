/*
 * link-watch - a link that is up and carries nothing is taken down and up, at last by a reboot
 *
 * The Pi 5's Ethernet (macb) can stop sending under load while its link stays up: tx_packets
 * stands still, and only taking the link down and up helps. Every look asks the gateways and
 * the other nodes (a datagram to their discard port, for which the kernel must resolve their
 * address) and sees at the next look, LINK_LOOK_MS later, whether the kernel has heard of any
 * of them lately: within a minute, as long as it may take an answer for good. A link that never
 *worked in this boot is a matter of cables and addresses, not of this; so nothing is done before
 *somebody has answered once.
 *
 *	nobody answered at LOOKS_SILENT looks in a row -> bounce
 *	still so                                       -> again, after 5, 10, 20 ... 60 min
 *	and tx_packets stood still after two bounces   -> reboot, at most one in REBOOT_S
 *
 * A router that is switched off looks the same but for tx_packets: that costs bounces, never a
 * reboot. Below a VLAN it is the machine's own interface that is looked at. Bounces and reboots
 *stand in the journal before they are done.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define LINK_LOOK_MS 10000
#define LINK_BASE_MAX_MS 30000 /* the kernel's own base_reachable_time_ms */
#define LINK_ASK_MS 15000
#define LINK_LOOKS_SILENT 3
#define LINK_BOUNCE_MS ((uint64_t)300 * 1000)
#define LINK_BOUNCE_MAX_MS ((uint64_t)3600 * 1000)
#define LINK_REBOOT_S (24 * 3600)

struct agent;
struct step_turn;

struct link_watch {
	bool worked;	      /* somebody answered in this boot */
	bool asked;	      /* the neighbours were, at looked_ms */
	uint64_t looked_ms;   /* monotonic */
	uint64_t tx_packets;  /* then, before they were asked */
	unsigned int silent;  /* looks in a row without an answer */
	unsigned int frozen;  /* of them, without a packet sent */
	unsigned int bounces; /* since somebody answered */
	uint64_t bounced_ms;
};
struct link_facts {
	uint64_t now_ms;
	bool carrier, answered;
	uint64_t tx_packets;
	bool may_reboot; /* none in the last LINK_REBOOT_S */
};
enum link_action {
	LINK_FINE,
	LINK_UNKNOWN,
	LINK_NO_CARRIER,
	LINK_SILENT,
	LINK_BOUNCE,
	LINK_REBOOT
};
/* What to do after a look, and w brought up to date; no action is taken here. */
enum link_action link_decide(struct link_watch *w, const struct link_facts *f);

/* Look, and act. TURN_DONE, TURN_WAIT with the reason, or a negative errno. */
int link_watch_turn(struct agent *a, struct step_turn *turn, struct err *err);
