#include "leader.h"

#include "inventory.h"
#include "json.h"

#include <string.h>
#include <time.h>

#define NS_PATH "/api/v1/namespaces/" INVENTORY_NAMESPACE
#define LIST "/apis/coordination.k8s.io/v1/namespaces/" INVENTORY_NAMESPACE "/leases"
#define PATH LIST "/sequence"
#define TIMEOUT_MS 4000
#define RETRY_MS 1000

struct leader {
	char identity[256];
	/* the lease as last seen, and since when on our clock it stands like that */
	json_t *lease; /* owned; NULL: there is none */
	char holder[256], seen[64];
	uint64_t seen_ms;
	uint64_t duration_ms;
	uint64_t renewed_ms; /* the request that made it ours began then; 0: not ours */
	uint64_t next_ms;
	char trouble[256];
};

static uint64_t now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int leader_new(const char *identity, struct leader **ret, struct err *err)
{
	struct leader *l = calloc(1, sizeof(*l));

	if (!l)
		return err_nomem(err);
	(void)snprintf(l->identity, sizeof(l->identity), "%s", identity);
	*ret = l;
	return 0;
}

void leader_free(struct leader *l)
{
	if (!l)
		return;
	json_decref(l->lease);
	free(l);
}

static const char *text_at(const json_t *o, const char *path)
{
	const char *s = json_string_value(js_at(o, path));

	return s ? s : "";
}

/* What the server has now; a change of it is seen by its resourceVersion. */
static void observe(struct leader *l, json_t *lease)
{
	const char *version = text_at(lease, "metadata.resourceVersion");
	json_int_t s = json_integer_value(js_at(lease, "spec.leaseDurationSeconds"));

	if (!l->seen_ms || strcmp(l->seen, version) != 0) {
		l->seen_ms = now_ms();
		(void)snprintf(l->seen, sizeof(l->seen), "%s", version);
	}
	(void)snprintf(l->holder, sizeof(l->holder), "%s", text_at(lease, "spec.holderIdentity"));
	l->duration_ms = (s > 0 && s < 3600 ? (uint64_t)s : LEADER_DURATION_S) * 1000;
	json_decref(l->lease);
	l->lease = lease;
	if (strcmp(l->holder, l->identity) != 0)
		l->renewed_ms = 0;
}

static int ask(struct leader *l, struct kube *k, struct kube_req *req, json_t **ret,
	       struct err *err)
{
	struct err bad = { 0 };
	int r;

	*ret = NULL;
	req->timeout_ms = TIMEOUT_MS;
	r = kube_do(k, req, &bad);
	if (r == -ENOMEM)
		return err_nomem(err);
	l->trouble[0] = '\0';
	if (r >= 0 && req->reply.class == KUBE_OK)
		*ret = kube_reply_json(&req->reply, &bad);
	if (!*ret)
		(void)snprintf(l->trouble, sizeof(l->trouble), "%.250s",
			       r < 0 || req->reply.class == KUBE_OK ? bad.msg : req->reply.message);
	return 0;
}

static void micro_time(char dst[40])
{
	struct timespec ts = { 0 };
	struct tm tm;
	size_t n;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	n = strftime(dst, 40, "%Y-%m-%dT%H:%M:%S", gmtime_r(&ts.tv_sec, &tm));
	(void)snprintf(dst + n, 40 - n, ".%06ldZ", ts.tv_nsec / 1000);
}

/* The lease with us (or nobody) as its holder. */
static json_t *make_lease(const struct leader *l, const char *holder)
{
	bool same = strcmp(l->holder, l->identity) == 0;
	json_int_t changes = json_integer_value(js_at(l->lease, "spec.leaseTransitions"));
	const char *version = text_at(l->lease, "metadata.resourceVersion");
	char now[40];

	micro_time(now);
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s*}, s:{s:s, s:i, s:s, s:s, s:I}}",
			 "apiVersion", "coordination.k8s.io/v1", "kind", "Lease", "metadata",
			 "name", "sequence", "namespace", INVENTORY_NAMESPACE, "resourceVersion",
			 *version ? version : NULL, "spec", "holderIdentity", holder,
			 "leaseDurationSeconds", LEADER_DURATION_S, "renewTime", now, "acquireTime",
			 same ? text_at(l->lease, "spec.acquireTime") : now, "leaseTransitions",
			 changes + (l->lease && !same && *holder));
}

static int write_json(struct leader *l, struct kube *k, const char *method, const char *path,
		      json_t *body, enum kube_class *ret_class, json_t **ret, struct err *err)
{
	cleanup_json json_t *owned = body;
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	cleanup_kube_req struct kube_req req = { .method = method,
						 .path = path,
						 .content_type = "application/json" };
	int r;

	if (!owned || js_canonical(owned, &b) < 0)
		return err_nomem(err);
	req.body = b.data;
	req.body_len = b.len;
	r = ask(l, k, &req, ret, err);
	*ret_class = req.reply.class;
	return r;
}

/* Ours from now on, or still; with the version that was read, so that only one can. */
static int take(struct leader *l, struct kube *k, struct err *err)
{
	uint64_t began = now_ms();
	bool create = !l->lease;
	enum kube_class class;
	json_t *lease;
	int r = write_json(l, k, create ? "POST" : "PUT", create ? LIST : PATH,
			   make_lease(l, l->identity), &class, &lease, err);

	if (r >= 0 && create && !lease && class == KUBE_NO_NAMESPACE) {
		r = write_json(l, k, "POST", "/api/v1/namespaces",
			       json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind",
					 "Namespace", "metadata", "name", INVENTORY_NAMESPACE),
			       &class, &lease, err);
		json_decref(lease);
		l->next_ms = 0; /* at once again */
		return r;
	}
	if (r < 0 || !lease)
		return r;
	observe(l, lease);
	l->renewed_ms = began;
	return 0;
}

static int look(struct leader *l, struct kube *k, bool *ret_known, struct err *err)
{
	cleanup_kube_req struct kube_req req = { .method = "GET", .path = PATH };
	json_t *lease;
	int r = ask(l, k, &req, &lease, err);

	*ret_known = lease || (r >= 0 && (req.reply.class == KUBE_ABSENT ||
					  req.reply.class == KUBE_NO_NAMESPACE));
	if (lease) {
		observe(l, lease);
	} else if (*ret_known) {
		json_decref(l->lease);
		l->lease = NULL;
		l->holder[0] = '\0';
		l->renewed_ms = 0;
	}
	return r;
}

static bool is_free(const struct leader *l)
{
	return !l->lease || !l->holder[0] || strcmp(l->holder, l->identity) == 0 ||
	       now_ms() - l->seen_ms > l->duration_ms;
}

int leader_turn(struct leader *l, struct kube *k, bool wanted, bool *ret_won, struct err *err)
{
	bool led = leader_is_sure(l), known = true;
	uint64_t now = now_ms();
	int r = 0;

	*ret_won = false;
	if (now < l->next_ms || (!wanted && !led))
		return 0;
	l->next_ms = now + RETRY_MS;
	if (!led)
		l->renewed_ms = 0; /* another may have had it */
	if (!led || l->trouble[0]) /* the version that we know may be an old one */
		r = look(l, k, &known, err);
	if (r < 0 || !known || !is_free(l))
		return r;
	r = take(l, k, err);
	*ret_won = !led && l->renewed_ms;
	if (l->renewed_ms >= now && l->renewed_ms)
		l->next_ms = l->renewed_ms + LEADER_RENEW_MS;
	return r;
}

bool leader_is_sure(const struct leader *l)
{
	return l->renewed_ms && now_ms() - l->renewed_ms < LEADER_SURE_MS;
}

unsigned int leader_wait_ms(const struct leader *l)
{
	uint64_t now = now_ms();

	return l->next_ms > now ? (unsigned int)(l->next_ms - now) : 0;
}

void leader_release(struct leader *l, struct kube *k)
{
	struct err ignored = { 0 };
	enum kube_class class;
	json_t *lease = NULL;

	if (!leader_is_sure(l))
		return;
	if (write_json(l, k, "PUT", PATH, make_lease(l, ""), &class, &lease, &ignored) >= 0 &&
	    lease)
		observe(l, lease);
	l->renewed_ms = 0;
	l->next_ms = 0;
}

const char *leader_holder(const struct leader *l)
{
	return l->holder;
}

const char *leader_trouble(const struct leader *l)
{
	return l->trouble;
}
