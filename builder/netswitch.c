#include "netswitch.h"

#include "file.h"
#include "log.h"

#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define HEADER 4u
#define MACS_MAX 256
#define READ_BYTES ((size_t)128 << 10) /* of a port in one turn; holds a frame of any length */
#define LISTENER NETSWITCH_PORTS_MAX   /* its place among the events */

struct port {
	int fd; /* -EBADF: free */
	char *in, *out;
	size_t in_len;
	size_t out_at, out_len; /* what is to be sent begins at out_at */
	bool waits;		/* for room in the socket */
};
#define NOWHERE NETSWITCH_PORTS_MAX /* the station's port has ended */
struct station {
	uint8_t mac[6];
	unsigned int port;
	uint64_t seen_ms;
};
struct netswitch {
	int epoll, listener;
	struct sockaddr_un path;
	struct port ports[NETSWITCH_PORTS_MAX];
	struct station stations[MACS_MAX];
	size_t stations_len;
	struct netswitch_stats stats;
	netswitch_answer *answer; /* NULL: nothing here answers */
	void *answer_arg;
};

static int watch(struct netswitch *s, int fd, unsigned int place, uint32_t events, int op)
{
	struct epoll_event e = { .events = events, .data.u32 = place };

	return neg_errno(epoll_ctl(s->epoll, op, fd, &e));
}

/* A socket that nobody listens on is what a killed process left. */
static int bind_to(int fd, const struct sockaddr_un *a)
{
	cleanup_close int try = -EBADF;
	struct stat st;
	int r = neg_errno(bind(fd, (const struct sockaddr *)a, sizeof(*a)));

	if (r != -EADDRINUSE || lstat(a->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return r;
	try = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (try < 0 || connect(try, (const struct sockaddr *)a, sizeof(*a)) == 0 ||
	    errno != ECONNREFUSED || unlink(a->sun_path) < 0)
		return r;
	return neg_errno(bind(fd, (const struct sockaddr *)a, sizeof(*a)));
}

static int listen_at(struct netswitch *s, const char *path, struct err *err)
{
	int fd, r;

	if (strlen(path) >= sizeof(s->path.sun_path))
		return err_setf(err, -ENAMETOOLONG,
				"'%s' is too long for a socket: %zu bytes at most", path,
				sizeof(s->path.sun_path) - 1);
	fd = neg_errno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd < 0)
		return err_errnof(err, fd, "cannot make a socket");
	s->path.sun_family = AF_UNIX;
	(void)snprintf(s->path.sun_path, sizeof(s->path.sun_path), "%s", path);
	r = bind_to(fd, &s->path);
	if (r < 0) {
		s->path.sun_path[0] = '\0'; /* somebody else's */
		(void)close(fd);
		return err_errnof(err, r, "cannot listen at '%s'", path);
	}
	s->listener = fd;
	r = neg_errno(listen(fd, NETSWITCH_PORTS_MAX));
	if (r >= 0)
		r = watch(s, fd, LISTENER, EPOLLIN, EPOLL_CTL_ADD);
	return r < 0 ? err_errnof(err, r, "cannot listen at '%s'", path) : 0;
}

int netswitch_new(const char *path, struct netswitch **ret, struct err *err)
{
	cleanup_netswitch struct netswitch *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return err_nomem(err);
	s->listener = -EBADF;
	for (size_t i = 0; i < NETSWITCH_PORTS_MAX; i++)
		s->ports[i].fd = -EBADF;
	s->epoll = neg_errno(epoll_create1(EPOLL_CLOEXEC));
	if (s->epoll < 0)
		return err_errnof(err, s->epoll, "cannot make a switch");
	if (path)
		r = listen_at(s, path, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

static void port_close(struct netswitch *s, unsigned int place)
{
	struct port *p = &s->ports[place];

	if (p->fd < 0)
		return;
	(void)close(p->fd); /* leaves the epoll by itself */
	free(p->in);
	free(p->out);
	*p = (struct port){ .fd = -EBADF };
	s->stats.ports--;
	for (size_t i = 0; i < s->stations_len; i++)
		if (s->stations[i].port == place)
			s->stations[i].port = NOWHERE;
}

void netswitch_free(struct netswitch *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < NETSWITCH_PORTS_MAX; i++)
		port_close(s, i);
	if (s->listener >= 0)
		(void)close(s->listener);
	if (s->path.sun_path[0])
		(void)unlink(s->path.sun_path);
	if (s->epoll >= 0)
		(void)close(s->epoll);
	free(s);
}

int netswitch_fd(const struct netswitch *s)
{
	return s->epoll;
}

struct netswitch_stats netswitch_stats(const struct netswitch *s)
{
	return s->stats;
}

int netswitch_add(struct netswitch *s, int fd, struct err *err)
{
	cleanup_close int own = fd;
	unsigned int i = 0;
	struct port *p;
	int r;

	while (i < NETSWITCH_PORTS_MAX && s->ports[i].fd >= 0)
		i++;
	if (i == NETSWITCH_PORTS_MAX)
		return err_setf(err, -EMFILE, "the switch has %d ports, all in use",
				NETSWITCH_PORTS_MAX);
	p = &s->ports[i];
	p->in = malloc(READ_BYTES);
	p->out = malloc(NETSWITCH_QUEUE);
	r = p->in && p->out ? watch(s, own, i, EPOLLIN, EPOLL_CTL_ADD) : -ENOMEM;
	if (r < 0) {
		free(p->in);
		free(p->out);
		*p = (struct port){ .fd = -EBADF };
		return err_errnof(err, r, "cannot add a port");
	}
	p->fd = TAKE_FD(own);
	s->stats.ports++;
	return 0;
}

static void problem(struct netswitch *s, unsigned int place, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static void problem(struct netswitch *s, unsigned int place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->stats.problem, sizeof(s->stats.problem), fmt, ap);
	va_end(ap);
	log_debugf("switch: port %u closed: %s", place, s->stats.problem);
	port_close(s, place);
}

/* Sends what the socket takes now; watches it for room as long as something is left. */
static void flush(struct netswitch *s, unsigned int place)
{
	struct port *p = &s->ports[place];
	bool waits;

	while (p->out_len > 0) {
		ssize_t n =
			send(p->fd, p->out + p->out_at, p->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			port_close(s, place);
			return;
		}
		p->out_at += (size_t)n;
		p->out_len -= (size_t)n;
	}
	if (p->out_len == 0)
		p->out_at = 0;
	waits = p->out_len > 0;
	if (waits != p->waits &&
	    watch(s, p->fd, place, EPOLLIN | (waits ? EPOLLOUT : 0), EPOLL_CTL_MOD) < 0)
		problem(s, place, "cannot watch it: %s", strerror(errno));
	else
		p->waits = waits;
}

static void send_frame(struct netswitch *s, unsigned int place, const char *framed, size_t len)
{
	struct port *p = &s->ports[place];

	if (p->out_len + len > NETSWITCH_QUEUE) {
		s->stats.dropped++;
		return;
	}
	if (p->out_at + p->out_len + len > NETSWITCH_QUEUE) {
		memmove(p->out, p->out + p->out_at, p->out_len);
		p->out_at = 0;
	}
	memcpy(p->out + p->out_at + p->out_len, framed, len);
	p->out_len += len;
}

static struct station *find(struct netswitch *s, const uint8_t *mac)
{
	for (size_t i = 0; i < s->stations_len; i++)
		if (memcmp(s->stations[i].mac, mac, 6) == 0)
			return &s->stations[i];
	return NULL;
}

static void learn(struct netswitch *s, const uint8_t *mac, unsigned int place, uint64_t now_ms)
{
	struct station *st = find(s, mac);

	if (mac[0] & 1) /* a group sends nothing */
		return;
	if (!st && s->stations_len < MACS_MAX) {
		st = &s->stations[s->stations_len++];
	} else if (!st) { /* the one that was silent longest */
		st = &s->stations[0];
		for (size_t i = 1; i < MACS_MAX; i++)
			if (s->stations[i].seen_ms < st->seen_ms)
				st = &s->stations[i];
	}
	memcpy(st->mac, mac, 6);
	st->port = place;
	st->seen_ms = now_ms;
}

void netswitch_set_answer(struct netswitch *s, netswitch_answer *answer, void *arg)
{
	s->answer = answer;
	s->answer_arg = arg;
}

static bool answer_frame(struct netswitch *s, unsigned int from, const uint8_t *frame, size_t len)
{
	uint8_t framed[HEADER + NETSWITCH_ANSWER_MAX] = { 0 };
	size_t n = s->answer ? s->answer(s->answer_arg, frame, len, framed + HEADER) : 0;

	if (n == 0)
		return false;
	framed[2] = (uint8_t)(n >> 8);
	framed[3] = (uint8_t)n;
	s->stats.answered++;
	send_frame(s, from, (const char *)framed, HEADER + n);
	return true;
}

/* A frame behind its length, that came in at @from. */
static void switch_frame(struct netswitch *s, unsigned int from, const char *framed, size_t len,
			 uint64_t now_ms)
{
	const uint8_t *frame = (const uint8_t *)framed + HEADER;
	const struct station *to;

	learn(s, frame + 6, from, now_ms);
	if (answer_frame(s, from, frame, len - HEADER))
		return;
	to = frame[0] & 1 ? NULL : find(s, frame);
	if (to && to->port == NOWHERE) {
		s->stats.gone++;
		return;
	}
	if (to && now_ms - to->seen_ms <= NETSWITCH_AGE_MS) {
		if (to->port != from) {
			s->stats.forwarded++;
			send_frame(s, to->port, framed, len);
		}
		return;
	}
	s->stats.flooded++;
	for (unsigned int i = 0; i < NETSWITCH_PORTS_MAX; i++)
		if (i != from && s->ports[i].fd >= 0)
			send_frame(s, i, framed, len);
}

static uint32_t length_at(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Every whole frame of what came in; what is left stays for the next turn. */
static void take_frames(struct netswitch *s, unsigned int place, uint64_t now_ms)
{
	struct port *p = &s->ports[place];
	size_t at = 0;

	while (p->in_len - at >= HEADER) {
		uint32_t len = length_at(p->in + at);

		if (len > NETSWITCH_FRAME_MAX) {
			problem(s, place, "a frame of %u bytes was announced, %u are the most", len,
				NETSWITCH_FRAME_MAX);
			return;
		}
		if (p->in_len - at - HEADER < len)
			break;
		if (len < NETSWITCH_FRAME_MIN)
			s->stats.runts++;
		else
			switch_frame(s, place, p->in + at, HEADER + len, now_ms);
		at += HEADER + len;
	}
	p->in_len -= at;
	memmove(p->in, p->in + at, p->in_len);
}

static void receive(struct netswitch *s, unsigned int place, uint64_t now_ms)
{
	struct port *p = &s->ports[place];
	ssize_t n = recv(p->fd, p->in + p->in_len, READ_BYTES - p->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		port_close(s, place);
		return;
	}
	p->in_len += (size_t)n;
	take_frames(s, place, now_ms);
}

static void accept_port(struct netswitch *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err why = { 0 };

	if (fd >= 0 && netswitch_add(s, fd, &why) < 0)
		(void)snprintf(s->stats.problem, sizeof(s->stats.problem), "%.120s", why.msg);
}

int netswitch_turn(struct netswitch *s, uint64_t now_ms, struct err *err)
{
	struct epoll_event events[NETSWITCH_PORTS_MAX + 1];
	int n = epoll_wait(s->epoll, events, ARRAY_SIZE(events), 0);

	if (n < 0 && errno != EINTR)
		return err_errnof(err, -errno, "the switch cannot wait");
	for (int i = 0; i < n; i++) {
		unsigned int place = events[i].data.u32;

		if (place == LISTENER)
			accept_port(s);
		else if (s->ports[place].fd >= 0 &&
			 events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(s, place, now_ms);
	}
	for (unsigned int i = 0; i < NETSWITCH_PORTS_MAX; i++)
		if (s->ports[i].fd >= 0 && s->ports[i].out_len > 0)
			flush(s, i);
	return 0;
}
