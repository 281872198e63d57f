/*
 * A Service of type LoadBalancer as the home network sees it: an address of each family, out
 * of a pool, announced by a node that is up, and its port answers.
 */
#include "clock.h"
#include "gate-blame.h"
#include "gate-kinds.h"
#include "gates.h"
#include "json.h"
#include "net-socket.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"
#define CONNECT_TIMEOUT_MS 2000
#define LEASE_GRACE_S 60 /* clocks of two nodes may differ by some seconds */

/* The first address of that family ("IPv4", "IPv6"); false: none. */
static bool address_of(const json_t *service, const char *family, struct ip_addr *ret)
{
	const json_t *list = js_at(service, "status.loadBalancer.ingress"), *e;
	enum ip_family want = strcmp(family, "IPv6") == 0 ? IP_V6 : IP_V4;
	size_t i;

	json_array_foreach (list, i, e)
		if (ip_addr_parse(js_text(e, "ip"), ret) >= 0 && ret->family == want)
			return true;
	return false;
}

static bool block_has(const json_t *block, const struct ip_addr *a)
{
	const char *cidr = js_text(block, "cidr");
	struct ip_range range;
	struct ip_prefix p;

	if (*cidr)
		return ip_prefix_parse(cidr, &p) >= 0 && ip_prefix_contains(&p, a);
	if (ip_addr_parse(js_text(block, "start"), &range.first) < 0)
		return false;
	range.last = range.first; /* without a stop the block is one address */
	if (*js_text(block, "stop") && ip_addr_parse(js_text(block, "stop"), &range.last) < 0)
		return false;
	return ip_range_contains(&range, a);
}

static bool in_a_pool(const json_t *pools, const struct ip_addr *a)
{
	const json_t *items = json_object_get(pools, "items"), *o, *blocks, *b;
	size_t i, k;

	json_array_foreach (items, i, o) {
		if (json_is_true(js_at(o, "spec.disabled")))
			continue;
		blocks = js_at(o, "spec.blocks");
		json_array_foreach (blocks, k, b)
			if (block_has(b, a))
				return true;
	}
	return false;
}

/* *ret NULL with ret->state READY_YES: the cluster has no such kind, another makes its addresses.
 */
static int get_cilium(const struct gate_view *v, const char *version, const char *plural,
		      json_t **ret, struct readiness *ready, struct err *err)
{
	enum kube_class class;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "/apis/cilium.io/%s/%s", version, plural);
	r = gate_try_path(v, path, ret, &class, ready, err);
	if (r >= 0 && class == KUBE_NOT_SERVED)
		readiness_setf(ready, READY_YES, "%s", "");
	return r;
}

static int look_at_pools(const struct gate_view *v, const json_t *service, const json_t *families,
			 struct readiness *ret, struct err *err)
{
	cleanup_json json_t *pools = NULL;
	const json_t *f;
	struct ip_addr a;
	char text[IP_TEXT_MAX];
	size_t i;
	int r = get_cilium(v, "v2", "ciliumloadbalancerippools", &pools, ret, err);

	if (r >= 0 && !pools && ret->state == READY_YES) /* below 1.18 */
		r = get_cilium(v, "v2alpha1", "ciliumloadbalancerippools", &pools, ret, err);
	if (r < 0 || !pools)
		return r;
	json_array_foreach (families, i, f) {
		if (!address_of(service, json_string_value(f), &a) || in_a_pool(pools, &a))
			continue;
		readiness_setf(
			ret, READY_WAIT,
			"its address %s is in no CiliumLoadBalancerIPPool: nobody announces it",
			ip_addr_format(&a, text));
		return 0;
	}
	return 0;
}

/* "2026-11-22T18:33:20.123456Z" in seconds since 1970; 0: no time. */
static int64_t time_of(const char *s)
{
	struct tm tm = { 0 };

	return strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

static void judge_lease(const json_t *lease, const json_t *nodes, struct readiness *ret)
{
	const char *holder = js_text(lease, "spec.holderIdentity");
	const json_t *node = gate_find_named(nodes, holder);
	int64_t renewed = time_of(js_text(lease, "spec.renewTime"));
	int64_t lasts = ready_number(lease, "spec.leaseDurationSeconds", 15);
	int64_t age = (int64_t)clock_wall_s() - renewed;

	if (!*holder)
		readiness_setf(ret, READY_WAIT, "no node announces it: Lease %.200s has no holder",
			       js_text(lease, "metadata.name"));
	else if (node && !gate_node_speaks(node))
		readiness_setf(ret, READY_WAIT, "node %.63s should announce it, and is off",
			       holder);
	else if (renewed == 0 || age > lasts + LEASE_GRACE_S)
		readiness_setf(
			ret, READY_WAIT,
			"node %.63s should announce it: Lease %.150s was last renewed %" PRId64
			" s ago",
			holder, js_text(lease, "metadata.name"), renewed ? age : 0);
}

static bool any_announces(const json_t *policies)
{
	const json_t *items = json_object_get(policies, "items"), *o;
	size_t i;

	json_array_foreach (items, i, o)
		if (json_is_true(js_at(o, "spec.loadBalancerIPs")))
			return true;
	return false;
}

/* Announced by ARP and NDP: Cilium shows who does it by a Lease for each Service. */
static int look_at_lease(const struct gate_view *v, const char *ns, const char *name,
			 struct readiness *ret, struct err *err)
{
	cleanup_json json_t *policies = NULL, *lease = NULL, *nodes = NULL;
	cleanup_free char *path = NULL;
	enum kube_class class;
	int r = get_cilium(v, "v2alpha1", "ciliuml2announcementpolicies", &policies, ret, err);

	if (r < 0 || !policies || !any_announces(policies))
		return r;
	if (asprintf(&path, LEASES "cilium-l2announce-%s-%s", ns, name) < 0)
		return err_nomem(err);
	r = gate_try_path(v, path, &lease, &class, ret, err);
	if (r >= 0 && class == KUBE_ABSENT)
		readiness_setf(
			ret, READY_WAIT,
			"no node announces it: there is no Lease kube-system/%.300s; does the "
			"CiliumL2AnnouncementPolicy select a node that is up?",
			strrchr(path, '/') + 1);
	if (r < 0 || !lease)
		return r;
	r = gate_get_path(v, "/api/v1/nodes", &nodes, ret, err);
	if (r >= 0 && nodes)
		judge_lease(lease, nodes, ret);
	return r;
}

static void try_port(const json_t *service, const json_t *families, uint16_t port,
		     struct readiness *ret)
{
	const json_t *f;
	struct ip_addr a;
	char text[IP_TEXT_MAX];
	size_t i;

	json_array_foreach (families, i, f) {
		cleanup_close int fd = -EBADF;

		if (!address_of(service, json_string_value(f), &a))
			continue;
		fd = socket_connect(&a, port, SOCK_STREAM, clock_ms() + CONNECT_TIMEOUT_MS);
		if (fd >= 0)
			continue;
		readiness_setf(ret, READY_WAIT, "%s port %u does not answer: %s",
			       ip_addr_format(&a, text), port, strerror(-fd));
		return;
	}
}

static void judge_families(const json_t *service, const json_t *families, struct readiness *ret)
{
	const json_t *f;
	struct ip_addr a;
	size_t i;

	ready_judge(service, ret); /* has the words of Cilium's address management */
	json_array_foreach (families, i, f)
		if (ret->state == READY_YES && !address_of(service, json_string_value(f), &a))
			readiness_setf(ret, READY_WAIT, "no load-balancer address of %.10s yet",
				       json_string_value(f));
}

int gate_lb_address(const struct gate_view *v, const json_t *args, struct readiness *ret,
		    struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace"), *name = gate_arg_string(args, "name");
	const json_t *families = json_object_get(args, "families");
	uint64_t port = gate_arg_uint(args, "port", 0);
	cleanup_json json_t *service = NULL;
	int r = gate_get(v, "", "v1", ns, "services", name, &service, ret, err);

	if (r < 0 || !service)
		return r;
	judge_families(service, families, ret);
	if (ret->state == READY_YES)
		r = look_at_pools(v, service, families, ret, err);
	if (r >= 0 && ret->state == READY_YES)
		r = look_at_lease(v, ns, name, ret, err);
	if (r >= 0 && ret->state == READY_YES && port > 0 && port <= UINT16_MAX)
		try_port(service, families, (uint16_t)port, ret);
	return r;
}
