/*
 * The cluster's DNS by real questions, A and AAAA, to each of its addresses. From the host a
 * Service's address works only when Cilium's replacement of kube-proxy does.
 *
 * Two names are asked for. The one given (the API server's Service) may have any of the addresses
 * expected: Kubernetes makes that Service of one family alone. The DNS' own Service is the one
 * that must have exactly its addresses of both families.
 */
#include "dns-query.h"
#include "gate-blame.h"
#include "gate-kinds.h"
#include "gates.h"
#include "json.h"

#include <string.h>

#define ANSWER_TIMEOUT_MS 2400

struct question {
	const char *server, *name;
	const json_t *expect; /* addresses as texts */
	bool exactly;	      /* all of the family that is asked for, else one of them will do */
};

static bool expected(const struct question *q, const struct ip_addr *a)
{
	const json_t *e;
	struct ip_addr x;
	size_t i;

	json_array_foreach (q->expect, i, e)
		if (ip_addr_parse(json_string_value(e), &x) >= 0 && ip_addr_cmp(&x, a) == 0)
			return true;
	return false;
}

static bool answered(const struct dns_answer *answer, const struct ip_addr *a)
{
	for (size_t i = 0; i < answer->len; i++)
		if (ip_addr_cmp(&answer->addresses[i], a) == 0)
			return true;
	return false;
}

/* Every address of the family must be in the answer. */
static void judge_missing(const struct question *q, enum dns_type type,
			  const struct dns_answer *answer, struct readiness *ret)
{
	const json_t *e;
	struct ip_addr x;
	size_t i;

	json_array_foreach (q->expect, i, e) {
		if (ip_addr_parse(json_string_value(e), &x) < 0 ||
		    (x.family == IP_V6) != (type == DNS_AAAA) || answered(answer, &x))
			continue;
		readiness_setf(ret, READY_WAIT, "%.60s gives %s for %.200s without %s", q->server,
			       dns_type_to_string(type), q->name, json_string_value(e));
		return;
	}
}

static void judge_answer(const struct question *q, enum dns_type type,
			 const struct dns_answer *answer, struct readiness *ret)
{
	char text[IP_TEXT_MAX];

	if (answer->rcode) {
		const char *name = dns_rcode_to_string(answer->rcode);

		readiness_setf(ret, READY_WAIT, "%.60s answers %s%.0u for %.200s %s", q->server,
			       name ? name : "code ", name ? 0 : answer->rcode, q->name,
			       dns_type_to_string(type));
		return;
	}
	for (size_t i = 0; i < answer->len; i++) {
		if (expected(q, &answer->addresses[i]))
			continue;
		readiness_setf(ret, READY_WAIT, "%.60s gives %s as %s of %.200s: not expected",
			       q->server, ip_addr_format(&answer->addresses[i], text),
			       dns_type_to_string(type), q->name);
		return;
	}
	if (q->exactly)
		judge_missing(q, type, answer, ret);
}

/* Both types at one server. */
static int ask(const struct question *q, struct readiness *ret, struct err *err)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	struct ip_addr server;
	size_t addresses = 0;

	if (ip_addr_parse(q->server, &server) < 0) {
		readiness_setf(ret, READY_FAILED, "'%.60s' is no address", q->server);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(types) && ret->state == READY_YES; i++) {
		struct dns_answer answer;
		struct err bad = { 0 };
		int r = dns_ask(&server, DNS_PORT, q->name, types[i], ANSWER_TIMEOUT_MS, &answer,
				&bad);

		if (r == -ENOMEM)
			return err_nomem(err);
		if (r < 0) {
			readiness_setf(ret, READY_WAIT, "%.400s", bad.msg);
			return 0;
		}
		judge_answer(q, types[i], &answer, ret);
		addresses += answer.len;
	}
	if (ret->state == READY_YES && addresses == 0)
		readiness_setf(ret, READY_WAIT, "%.60s has no address for %.200s", q->server,
			       q->name);
	return 0;
}

static int ask_all(const json_t *servers, struct question *q, struct readiness *ret,
		   struct err *err)
{
	const json_t *s;
	size_t i;
	int r = 0;

	json_array_foreach (servers, i, s) {
		q->server = json_string_value(s);
		if (r >= 0 && ret->state == READY_YES)
			r = ask(q, ret, err);
	}
	return r;
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *e;
	size_t i;

	json_array_foreach (list, i, e)
		if (json_string_value(e) && strcmp(json_string_value(e), text) == 0)
			return true;
	return false;
}

/* The Service that has all the servers' addresses; NULL: none, said. Borrowed from list. */
static const json_t *find_service(const json_t *list, const char *ns, const json_t *servers,
				  struct readiness *ret)
{
	const json_t *items = json_object_get(list, "items"), *o, *e;
	const char *first = json_string_value(json_array_get(servers, 0));
	size_t i, k;

	json_array_foreach (items, i, o) {
		const json_t *have = js_at(o, "spec.clusterIPs");

		if (!has_text(have, first))
			continue;
		json_array_foreach (servers, k, e) {
			if (has_text(have, json_string_value(e)))
				continue;
			readiness_setf(ret, READY_WAIT,
				       "Service %.100s/%.100s has no address %.60s", ns,
				       js_text(o, "metadata.name"), json_string_value(e));
			return NULL;
		}
		return o;
	}
	readiness_setf(ret, READY_WAIT, "no Service of namespace %.100s has the address %.60s", ns,
		       first);
	return NULL;
}

/* The DNS' own Service by its own name, in the domain of the name that was given. */
static int ask_own(const struct gate_view *v, const json_t *args, struct readiness *ret,
		   struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace");
	const char *domain = strstr(gate_arg_string(args, "name"), ".svc.");
	const json_t *servers = json_object_get(args, "servers"), *service;
	cleanup_json json_t *list = NULL;
	cleanup_free char *path = NULL;
	struct question q = { .exactly = true };
	char name[512];
	int r;

	if (!ns || !domain)
		return 0;
	if (asprintf(&path, "/api/v1/namespaces/%s/services", ns) < 0)
		return err_nomem(err);
	r = gate_get_path(v, path, &list, ret, err);
	if (r < 0 || !list)
		return r;
	service = find_service(list, ns, servers, ret);
	if (!service)
		return 0;
	(void)snprintf(name, sizeof(name), "%.100s.%.100s%.250s", js_text(service, "metadata.name"),
		       ns, domain);
	q.name = name;
	q.expect = js_at(service, "spec.clusterIPs");
	return ask_all(servers, &q, ret, err);
}

int gate_dns_query(const struct gate_view *v, const json_t *args, struct readiness *ret,
		   struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace");
	const char *deployment = gate_arg_string(args, "deployment");
	struct question q = { .name = gate_arg_string(args, "name"),
			      .expect = json_object_get(args, "expect") };
	int r;

	readiness_setf(ret, READY_YES, "%s", "");
	r = ask_own(v, args, ret, err);
	if (r >= 0 && ret->state == READY_YES)
		r = ask_all(json_object_get(args, "servers"), &q, ret, err);
	if (r < 0 || ret->state == READY_YES || !ns || !deployment)
		return r;
	return gate_blame(v, "deployments", ns, deployment, ret, err);
}
