/*
 * kube - a Kubernetes API client: pinned CA, client certificate in memory, several requests in
 *flight
 *
 * Only the CA given in struct kube_cred is trusted, never the system's. All
 * requests share one connection where the server speaks HTTP/2, else a few kept
 * alive. Times are milliseconds on the monotonic clock; a reply larger than the
 * request's max_reply_bytes fails with -EFBIG.
 * Ownership: kube owns its handles; a kube_req belongs to the caller and must
 * stay in place from kube_start() until kube_next() returns it; kube_req_done()
 * frees what the reply holds. One thread.
 * Errors: kube_do() and kube_next() fail only when no reply could be had or
 * classed; what the server or the network said is in req->reply (kube-class.h).
 *
 *	struct kube_req req = { .method = "GET", .path = "/readyz" };
 *	r = kube_do(kube, &req, err);
 *	if (r >= 0 && req.reply.class == KUBE_OK) ...
 *	kube_req_done(&req);
 */
#pragma once

#include "kube-class.h"

/* Accept: an object's metadata alone. */
#define KUBE_ACCEPT_META "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

struct kube;

struct kube_cred {
	char *url;		  /* owned; https://127.0.0.1:6443, no slash at the end */
	char *ca_pem;		  /* owned; the only roots trusted */
	char *cert_pem, *key_pem; /* owned or NULL; key wiped on release */
};
void kube_cred_done(struct kube_cred *c);
#define cleanup_kube_cred CLEANUP(kube_cred_done)

struct kube_req {
	const char *method;	   /* borrowed */
	const char *path;	   /* borrowed; path and query, starts with a slash */
	const char *content_type;  /* borrowed or NULL */
	const char *accept;	   /* borrowed or NULL: application/json */
	const char *if_none_match; /* borrowed or NULL: an ETag; 304 when it is still so */
	const void *body;	   /* borrowed; NULL: none */
	size_t body_len;
	unsigned int timeout_ms; /* 0: 30 s */
	size_t max_reply_bytes;	 /* 0: 16 MiB */
	bool guarded;		 /* not sent any more once kube_guard()'s answer is no */
	void *user;		 /* the caller's */
	struct kube_reply reply; /* owned by the request */
	struct kube_xfer *xfer;	 /* internal */
	struct kube_req *next;	 /* internal: finished, not handed out yet */
};
void kube_req_done(struct kube_req *req); /* of a zeroed or finished request */
#define cleanup_kube_req CLEANUP(kube_req_done)

struct kube_stats {
	uint64_t requests, sent_bytes, received_bytes;
};

int kube_new(const struct kube_cred *cred, struct kube **ret, struct err *err) MUST_CHECK;
void kube_free(struct kube *k);
static inline void kube_freep(struct kube **k)
{
	kube_free(*k);
}
#define cleanup_kube CLEANUP(kube_freep)
/* Does k work with exactly these credentials? K3s renews them while we run. */
bool kube_has_cred(const struct kube *k, const struct kube_cred *cred);

/* One request, waited for; those that finish meanwhile are kept for kube_next(). */
int kube_do(struct kube *k, struct kube_req *req, struct err *err) MUST_CHECK;
/* Send without waiting. */
int kube_start(struct kube *k, struct kube_req *req, struct err *err) MUST_CHECK;
/* The next finished request, or NULL when none finished within timeout_ms. */
struct kube_req *kube_next(struct kube *k, unsigned int timeout_ms);
/* Give a request up that was started; nothing when it is not under way. */
void kube_cancel(struct kube *k, struct kube_req *req);
/*
 * may(user) is asked whenever anything may be sent; once it says no, all guarded requests under
 * way end as KUBE_RETRY and nothing more of them leaves this process. NULL: always yes.
 */
void kube_guard(struct kube *k, bool (*may)(const void *user), const void *user);
size_t kube_in_flight(const struct kube *k);
const struct kube_stats *kube_stats(const struct kube *k);
