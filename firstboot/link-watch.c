#include "link-watch.h"

#include "agent.h"
#include "clock.h"
#include "neighbours.h"
#include "parse.h"
#include "spawn.h"

#include <dirent.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define STEP "network"
#define DOWN_MS 1000
#define LINK_TICKS_MS 100 /* the kernel counts in ticks */
#define SYS_NET "sys/class/net"

/* After the first bounce 5 minutes, then twice as long each time, at most an hour. */
static bool may_bounce(const struct link_watch *w, uint64_t now_ms)
{
	uint64_t pause = LINK_BOUNCE_MS;

	if (w->bounces == 0)
		return true;
	pause <<= w->bounces < 5 ? w->bounces - 1 : 4;
	return now_ms - w->bounced_ms >= (pause < LINK_BOUNCE_MAX_MS ? pause : LINK_BOUNCE_MAX_MS);
}

/* Nobody answers on a link that worked before. */
static enum link_action decide_silent(struct link_watch *w, const struct link_facts *f)
{
	if (++w->silent < LINK_LOOKS_SILENT)
		return LINK_SILENT;
	if (w->bounces >= 2 && w->frozen >= LINK_LOOKS_SILENT && f->may_reboot)
		return LINK_REBOOT;
	if (!may_bounce(w, f->now_ms))
		return LINK_SILENT;
	w->bounces++;
	w->bounced_ms = f->now_ms;
	w->silent = w->frozen = 0;
	return LINK_BOUNCE;
}

enum link_action link_decide(struct link_watch *w, const struct link_facts *f)
{
	bool first = !w->asked;

	w->frozen = w->asked && f->tx_packets == w->tx_packets ? w->frozen + 1 : 0;
	w->asked = true;
	w->looked_ms = f->now_ms;
	w->tx_packets = f->tx_packets;
	if (!f->carrier) {
		w->silent = w->frozen = 0;
		return LINK_NO_CARRIER;
	}
	if (f->answered) {
		w->worked = true;
		w->silent = w->frozen = w->bounces = 0;
		return LINK_FINE;
	}
	return first || !w->worked ? LINK_UNKNOWN : decide_silent(w, f);
}

/* The machine's own interface: that below a VLAN's, which stalls with it. */
static const char *hardware(const struct agent *a, char ret[IFNAMSIZ])
{
	char sys[160];
	cleanup_free char *path = NULL;
	const struct dirent *e;
	DIR *d;

	(void)snprintf(ret, IFNAMSIZ, "%s", a->node.node.interface);
	(void)snprintf(sys, sizeof(sys), SYS_NET "/%s", a->node.node.interface);
	path = agent_path(a, sys);
	d = path ? opendir(path) : NULL;
	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, "lower_", 6) == 0)
			(void)snprintf(ret, IFNAMSIZ, "%.15s", e->d_name + 6);
	if (d)
		(void)closedir(d);
	return ret;
}

static bool read_number(const struct agent *a, const char *dir, const char *interface,
			const char *name, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	struct err ignored = { 0 };
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", dir, interface, name);
	if (agent_read(a, path, &text, &ignored) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return u64_parse(text, ret) >= 0;
}

/*
 * How old an answer may be: it may be as old as the last question, and the kernel takes one for
 * good for half as long again as the base time, then asks anew when it has something to send, which
 * takes it some seconds.
 */
static uint64_t heard_ms(const struct agent *a, uint64_t since_ms)
{
	uint64_t base, ms;

	if (!read_number(a, "proc/sys/net/ipv4/neigh", a->node.node.interface,
			 "base_reachable_time_ms", &base) ||
	    base > LINK_BASE_MAX_MS)
		base = LINK_BASE_MAX_MS;
	ms = base + base / 2 + LINK_ASK_MS;
	since_ms += LINK_TICKS_MS;
	return ms > since_ms ? ms : since_ms;
}

/* One reboot a day; a clock that was wrong counts as a day that has not passed. */
static bool may_reboot(const struct agent *a)
{
	const struct journal_record *last = journal_last(a->journal, STEP, "reboot", NULL);
	int64_t now = (int64_t)clock_wall_s();

	return !last || now >= last->time_s + LINK_REBOOT_S;
}

static int set_up(int fd, const char *name, bool up)
{
	struct ifreq ifr = { 0 };

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

/* Down takes IPv6 addresses and all routes along: NetworkManager brings them back. */
static int bounce(const struct agent *a, struct err *err)
{
	char buf[IFNAMSIZ];
	const char *name = hardware(a, buf);
	cleanup_close int fd = neg_errno(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "nmcli", "--wait", "5", "device", "connect",
					       a->node.node.interface, NULL },
		.timeout_ms = 7000,
	};
	struct err ignored = { 0 };
	int r = fd;

	if (r >= 0)
		r = set_up(fd, name, false);
	if (r >= 0)
		clock_sleep_ms(DOWN_MS);
	if (r >= 0)
		r = set_up(fd, name, true);
	if (r < 0)
		return err_errnof(err, r, "cannot take %s down and up", name);
	(void)!spawn_run(&s, &ignored); /* without it the next look tells what is missing */
	return 0;
}

static int reboot_now(struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "systemctl", "reboot", NULL },
		.timeout_ms = 5000,
	};

	return spawn_run(&s, err);
}

static int act(struct agent *a, enum link_action what, struct step_turn *turn, struct err *err)
{
	const char *name = a->node.node.interface;
	int r = journal_add(a->journal, STEP, what == LINK_REBOOT ? "reboot" : "bounce", name, err);

	if (r >= 0)
		r = what == LINK_REBOOT ? reboot_now(err) : bounce(a, err);
	if (r < 0)
		return r;
	if (what == LINK_REBOOT)
		step_reasonf(turn, "%s sends nothing, also after %u times down and up: rebooting",
			     name, a->link.bounces);
	else
		step_reasonf(
			turn,
			"%s is up, but nobody on it answers any more: it was taken down and up",
			name);
	return TURN_WAIT;
}

static int tell(const struct agent *a, enum link_action what, struct step_turn *turn)
{
	const char *name = a->node.node.interface;

	if (what == LINK_NO_CARRIER) {
		step_reasonf(turn, "%s has no link: is the cable plugged in, the switch on?", name);
		return TURN_WAIT;
	}
	if (what == LINK_SILENT) {
		step_reasonf(turn, "%s is up, but neither gateway nor another node answers%s", name,
			     a->link.frozen >= LINK_LOOKS_SILENT ? ", and it sends nothing" : "");
		return TURN_WAIT;
	}
	return TURN_DONE;
}

int link_watch_turn(struct agent *a, struct step_turn *turn, struct err *err)
{
	struct link_facts f = { .now_ms = clock_ms(), .may_reboot = may_reboot(a) };
	uint64_t carrier = 0, since = f.now_ms - a->link.looked_ms;
	enum link_action what;
	char buf[IFNAMSIZ];
	const char *name;
	int r;

	if (a->link.asked && since < LINK_LOOK_MS)
		return a->link.silent ? tell(a, LINK_SILENT, turn) : TURN_DONE;
	name = hardware(a, buf);
	/* no such interface: the addresses' own check has seen to it */
	if (!read_number(a, SYS_NET, name, "carrier", &carrier) ||
	    !read_number(a, SYS_NET, name, "statistics/tx_packets", &f.tx_packets))
		return TURN_DONE;
	f.carrier = carrier == 1;
	r = a->link.asked
		    ? neighbours_heard(a->node.node.interface, heard_ms(a, since), &f.answered, err)
		    : 0;
	if (r < 0)
		return r;
	what = link_decide(&a->link, &f);
	neighbours_ask(&a->node);
	if (what == LINK_BOUNCE || what == LINK_REBOOT)
		return act(a, what, turn, err);
	return tell(a, what, turn);
}
