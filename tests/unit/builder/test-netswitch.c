#include "netswitch.h"
#include "test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PORTS 3

/* As the wire has them: who has 192.168.15.11? tell 192.168.15.10; and the answer. */
static const uint8_t arp_request[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00,
					 0x00, 0x15, 0x10, 0x08, 0x06, 0x00, 0x01, 0x08, 0x00,
					 0x06, 0x04, 0x00, 0x01, 0x52, 0x54, 0x00, 0x00, 0x15,
					 0x10, 192,  168,  15,	 10,   0,    0,	   0,	 0,
					 0,    0,    192,  168,	 15,   11 };
static const uint8_t arp_reply[60] = { 0x52, 0x54, 0x00, 0x00, 0x15, 0x10, 0x52, 0x54, 0x00,
				       0x00, 0x15, 0x11, 0x08, 0x06, 0x00, 0x01, 0x08, 0x00,
				       0x06, 0x04, 0x00, 0x02, 0x52, 0x54, 0x00, 0x00, 0x15,
				       0x11, 192,  168,	 15,   11,   0x52, 0x54, 0x00, 0x00,
				       0x15, 0x10, 192,	 168,  15,   10 };
/* A neighbour solicitation to its solicited-node group, from ::15:11. */
static const uint8_t ns_group[86] = { 0x33, 0x33, 0xff, 0x15, 0x00, 0x10, 0x52, 0x54,
				      0x00, 0x00, 0x15, 0x11, 0x86, 0xdd, 0x60, 0,
				      0,    0,	  0,	32,   58,   255 };

struct lab {
	struct netswitch *s;
	int vm[PORTS]; /* the machines' ends */
	uint64_t now_ms;
};

static void lab_init(struct lab *l)
{
	struct err err = { 0 };

	*l = (struct lab){ .now_ms = 1000 };
	ASSERT_OK(netswitch_new(NULL, &l->s, &err), &err);
	for (int i = 0; i < PORTS; i++) {
		int fds[2];

		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			  0);
		l->vm[i] = fds[0];
		ASSERT_OK(netswitch_add(l->s, fds[1], &err), &err);
	}
}
static void lab_done(struct lab *l)
{
	netswitch_free(l->s);
	for (int i = 0; i < PORTS; i++)
		close_fdp(&l->vm[i]);
}
#define cleanup_lab CLEANUP(lab_done)

static void turn(struct lab *l)
{
	struct err err = { 0 };

	ASSERT_OK(netswitch_turn(l->s, l->now_ms, &err), &err);
}

static void put(const struct lab *l, int vm, const void *frame, size_t len)
{
	uint32_t n = htonl((uint32_t)len);

	ASSERT_EQ(write(l->vm[vm], &n, sizeof(n)), sizeof(n));
	ASSERT_EQ(write(l->vm[vm], frame, len), len);
}

/* The frame's length, 0 when nothing came. */
static size_t take(const struct lab *l, int vm, void *dst, size_t size)
{
	struct err err = { 0 };
	size_t have = 0;
	uint32_t n;

	if (read(l->vm[vm], &n, sizeof(n)) != sizeof(n))
		return 0;
	n = ntohl(n);
	ASSERT(n <= size);
	while (have < n) { /* a full socket held half of it back */
		ssize_t k = read(l->vm[vm], (char *)dst + have, n - have);

		ASSERT(k > 0 || (k < 0 && errno == EAGAIN));
		have += k > 0 ? (size_t)k : 0;
		ASSERT_OK(netswitch_turn(l->s, l->now_ms, &err), &err);
	}
	return n;
}

static void expect(const struct lab *l, int vm, const uint8_t *frame, size_t len)
{
	uint8_t got[2048];

	ASSERT_EQ(take(l, vm, got, sizeof(got)), len);
	ASSERT_EQ(memcmp(got, frame, len), 0);
}
static void expect_nothing(const struct lab *l, int vm)
{
	uint8_t got[2048];

	ASSERT_EQ(take(l, vm, got, sizeof(got)), 0);
}

/* Machine 0 asks, machine 1 answers: the switch knows both afterwards. */
static void meet(struct lab *l)
{
	put(l, 0, arp_request, sizeof(arp_request));
	turn(l);
	expect(l, 1, arp_request, sizeof(arp_request));
	expect(l, 2, arp_request, sizeof(arp_request));
	expect_nothing(l, 0);
	put(l, 1, arp_reply, sizeof(arp_reply));
	turn(l);
	expect(l, 0, arp_reply, sizeof(arp_reply));
	expect_nothing(l, 2);
}

TEST(netswitch_floods_and_learns)
{
	cleanup_lab struct lab l;
	uint8_t stranger[60];

	lab_init(&l);
	meet(&l);
	put(&l, 1, ns_group, sizeof(ns_group)); /* a group is for all, always */
	turn(&l);
	expect(&l, 0, ns_group, sizeof(ns_group));
	expect(&l, 2, ns_group, sizeof(ns_group));
	memcpy(stranger, arp_reply, sizeof(stranger));
	stranger[5] = 0x99; /* nobody's */
	put(&l, 1, stranger, sizeof(stranger));
	turn(&l);
	expect(&l, 0, stranger, sizeof(stranger));
	expect(&l, 2, stranger, sizeof(stranger));
	expect_nothing(&l, 1);
	ASSERT_EQ(netswitch_stats(l.s).flooded, 3);
	ASSERT_EQ(netswitch_stats(l.s).forwarded, 1);
}

TEST(netswitch_never_sends_back_where_it_came_from)
{
	cleanup_lab struct lab l;

	lab_init(&l);
	meet(&l);
	put(&l, 0, arp_reply, sizeof(arp_reply)); /* to 15:10, which is behind this very port */
	turn(&l);
	turn(&l);
	expect_nothing(&l, 0);
}

TEST(netswitch_follows_a_station_that_moved)
{
	cleanup_lab struct lab l;

	lab_init(&l);
	meet(&l);
	put(&l, 2, arp_request, sizeof(arp_request)); /* 15:10 speaks at the third port now */
	turn(&l);
	expect(&l, 0, arp_request, sizeof(arp_request));
	expect(&l, 1, arp_request, sizeof(arp_request));
	put(&l, 1, arp_reply, sizeof(arp_reply));
	turn(&l);
	expect(&l, 2, arp_reply, sizeof(arp_reply));
	expect_nothing(&l, 0);
}

TEST(netswitch_forgets_the_silent)
{
	cleanup_lab struct lab l;

	lab_init(&l);
	meet(&l);
	l.now_ms += NETSWITCH_AGE_MS; /* still known at the last moment */
	put(&l, 1, arp_reply, sizeof(arp_reply));
	turn(&l);
	expect(&l, 0, arp_reply, sizeof(arp_reply));
	expect_nothing(&l, 2);
	l.now_ms += 1;
	put(&l, 1, arp_reply, sizeof(arp_reply));
	turn(&l);
	expect(&l, 0, arp_reply, sizeof(arp_reply));
	expect(&l, 2, arp_reply, sizeof(arp_reply));
}

TEST(netswitch_takes_frames_in_pieces_and_many_at_once)
{
	cleanup_lab struct lab l;
	uint8_t stream[2 * (4 + sizeof(arp_request))], got[2048];
	uint32_t n = htonl(sizeof(arp_request));
	size_t frames = 0;

	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		memcpy(stream + (size_t)i * (4 + sizeof(arp_request)), &n, 4);
		memcpy(stream + (size_t)i * (4 + sizeof(arp_request)) + 4, arp_request,
		       sizeof(arp_request));
	}
	for (size_t i = 0; i < sizeof(stream); i++) { /* byte by byte */
		ASSERT_EQ(write(l.vm[0], stream + i, 1), 1);
		turn(&l);
	}
	while (take(&l, 1, got, sizeof(got)) > 0)
		frames++;
	ASSERT_EQ(frames, 2);
	ASSERT_EQ(write(l.vm[0], stream, sizeof(stream)), sizeof(stream));
	turn(&l);
	while (take(&l, 1, got, sizeof(got)) > 0)
		frames++;
	ASSERT_EQ(frames, 4);
}

TEST(netswitch_does_not_wait_for_a_slow_port)
{
	cleanup_lab struct lab l;
	uint8_t big[1514], got[2048];
	size_t sent = 0, came = 0, slow = 0;

	lab_init(&l);
	memset(big, 0x5a, sizeof(big));
	memset(big, 0xff, 6); /* for all: the third machine reads none of it */
	memcpy(big + 6, arp_request + 6, 6);
	while (sent < 4096) {
		for (int i = 0; i < 8; i++, sent++)
			put(&l, 0, big, sizeof(big));
		turn(&l);
		while (take(&l, 1, got, sizeof(got)) == sizeof(big))
			came++;
	}
	ASSERT_EQ(came, sent);
	ASSERT(netswitch_stats(l.s).dropped > 0);
	/* what it gets, late, is whole frames; and it works again */
	for (int i = 0; i < 10000; i++) {
		turn(&l);
		while (take(&l, 2, got, sizeof(got)) == sizeof(big))
			slow++;
	}
	ASSERT_EQ(slow + netswitch_stats(l.s).dropped, sent);
	put(&l, 0, arp_request, sizeof(arp_request));
	turn(&l);
	expect(&l, 2, arp_request, sizeof(arp_request));
}

TEST(netswitch_closes_a_port_that_sends_garbage)
{
	static const char *const garbage[] = { "\xff\xff\xff\xff", "\x00\x01\x10\x01", "GET " };
	char c;

	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		cleanup_lab struct lab l;

		lab_init(&l);
		meet(&l);
		ASSERT_EQ(write(l.vm[0], garbage[i], 4), 4);
		turn(&l);
		ASSERT_EQ(netswitch_stats(l.s).ports, 2);
		ASSERT(strstr(netswitch_stats(l.s).problem, "bytes was announced"));
		ASSERT_EQ(read(l.vm[0], &c, 1), 0);
		put(&l, 1, ns_group, sizeof(ns_group)); /* the others go on */
		turn(&l);
		expect(&l, 2, ns_group, sizeof(ns_group));
	}
}

TEST(netswitch_drops_what_has_no_addresses)
{
	cleanup_lab struct lab l;

	lab_init(&l);
	put(&l, 0, arp_request, 13);
	put(&l, 0, arp_request, 0);
	put(&l, 0, arp_request, 14);
	turn(&l);
	expect(&l, 1, arp_request, 14);
	ASSERT_EQ(netswitch_stats(l.s).runts, 2);
	ASSERT_EQ(netswitch_stats(l.s).ports, PORTS);
}

TEST(netswitch_keeps_what_is_for_a_machine_that_is_off)
{
	cleanup_lab struct lab l;
	struct err err = { 0 };
	int fds[2];

	lab_init(&l);
	meet(&l);
	close_fdp(&l.vm[0]);
	turn(&l);
	put(&l, 1, arp_reply, sizeof(arp_reply));
	turn(&l);
	expect_nothing(&l, 2); /* nor after any time */
	l.now_ms += NETSWITCH_AGE_MS + 1;
	put(&l, 1, arp_reply, sizeof(arp_reply));
	turn(&l);
	expect_nothing(&l, 2);
	ASSERT_EQ(netswitch_stats(l.s).gone, 2);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	l.vm[0] = fds[0];
	ASSERT_OK(netswitch_add(l.s, fds[1], &err), &err);
	put(&l, 0, arp_request, sizeof(arp_request)); /* it is on again */
	turn(&l);
	expect(&l, 2, arp_request, sizeof(arp_request));
	expect(&l, 1, arp_request, sizeof(arp_request));
	put(&l, 1, arp_reply, sizeof(arp_reply));
	turn(&l);
	expect(&l, 0, arp_reply, sizeof(arp_reply));
	expect_nothing(&l, 2);
}

TEST(netswitch_holds_more_stations_than_its_table)
{
	cleanup_lab struct lab l;
	uint8_t f[60], got[2048];

	lab_init(&l);
	memcpy(f, arp_request, sizeof(f));
	for (unsigned int i = 0; i < 1000; i++, l.now_ms++) {
		f[10] = (uint8_t)(i >> 8);
		f[11] = (uint8_t)i;
		put(&l, 0, f, sizeof(f));
		turn(&l);
		(void)take(&l, 1, got, sizeof(got));
		(void)take(&l, 2, got, sizeof(got));
	}
	memcpy(f, f + 6, 6); /* the last one is known, the first was pushed out */
	memcpy(f + 6, arp_reply + 6, 6);
	put(&l, 1, f, sizeof(f));
	turn(&l);
	expect(&l, 0, f, sizeof(f));
	expect_nothing(&l, 2);
	f[4] = f[5] = 0;
	put(&l, 1, f, sizeof(f));
	turn(&l);
	expect(&l, 2, f, sizeof(f));
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

TEST(netswitch_listens_and_cleans_up)
{
	struct err err = { 0 };
	struct lab l = { .vm = { -EBADF, -EBADF, -EBADF } };
	struct pollfd p;

	ASSERT_OK(netswitch_new("switch.sock", &l.s, &err), &err);
	l.vm[0] = connect_to("switch.sock");
	p = (struct pollfd){ .fd = netswitch_fd(l.s), .events = POLLIN };
	ASSERT_EQ(poll(&p, 1, 10000), 1);
	l.vm[1] = connect_to("switch.sock");
	turn(&l);
	turn(&l);
	ASSERT_EQ(netswitch_stats(l.s).ports, 2);
	put(&l, 0, arp_request, sizeof(arp_request));
	turn(&l);
	expect(&l, 1, arp_request, sizeof(arp_request));
	close_fdp(&l.vm[0]);
	turn(&l);
	ASSERT_EQ(netswitch_stats(l.s).ports, 1);
	ASSERT_STR(netswitch_stats(l.s).problem, "");
	struct netswitch *second = NULL;
	ASSERT_EQ(netswitch_new("switch.sock", &second, &err), -EADDRINUSE);
	ASSERT_EQ(access("switch.sock", F_OK), 0);
	l.vm[0] = -EBADF;
	lab_done(&l);
	ASSERT_EQ(access("switch.sock", F_OK), -1);
}

/* Answers what goes to a group, with one byte of the asking frame and so many of its own */
static size_t groups_only(void *arg, const uint8_t *frame, size_t len, uint8_t *ret)
{
	if (!(frame[0] & 1))
		return 0;
	memset(ret, frame[len - 1], NETSWITCH_ANSWER_MAX);
	return *(const size_t *)arg;
}

TEST(netswitch_answers_itself)
{
	uint8_t want[NETSWITCH_ANSWER_MAX];
	cleanup_lab struct lab l;
	size_t size = sizeof(want);

	lab_init(&l);
	memset(want, ns_group[sizeof(ns_group) - 1], sizeof(want));
	netswitch_set_answer(l.s, groups_only, &size);
	put(&l, 1, ns_group, sizeof(ns_group));
	turn(&l);
	expect(&l, 1, want, sizeof(want));
	expect_nothing(&l, 0);
	expect_nothing(&l, 2);
	put(&l, 0, arp_reply, sizeof(arp_reply)); /* for nobody known: as without */
	turn(&l);
	expect(&l, 1, arp_reply, sizeof(arp_reply));
	expect(&l, 2, arp_reply, sizeof(arp_reply));
	ASSERT_EQ(netswitch_stats(l.s).answered, 1);
}
