/*
 * gate-kinds - the gates that look at more than one object, and what gates share
 *
 * Every function asks the server now and fills ret; it returns a negative errno
 * only as gate_look() does.
 */
#pragma once

#include "gate-look.h"

/* The object of that name in a list's items; borrowed, NULL: none. */
const json_t *gate_find_named(const json_t *list, const char *name);
/* A value of annotations or labels, whose keys hold dots and slashes ("metadata.labels"); ""
 * without. */
const char *gate_meta_value(const json_t *o, const char *map, const char *key);
/* Was the pod made from an older text than its DaemonSet has now? Not with OnDelete. */
bool gate_pod_is_outdated(const json_t *ds, const json_t *pod);
/* Does the node's kubelet speak? One that is off has Ready Unknown; Ready may still be False. */
bool gate_node_speaks(const json_t *node);

/* *ret NULL: it could not be had, ready says why; else ready is READY_YES. New reference. */
int gate_get_path(const struct gate_view *v, const char *path, json_t **ret,
		  struct readiness *ready, struct err *err) MUST_CHECK;
/* The same; *ret_class tells a kind that is not served from an object that is not there. */
int gate_try_path(const struct gate_view *v, const char *path, json_t **ret,
		  enum kube_class *ret_class, struct readiness *ready, struct err *err) MUST_CHECK;
int gate_get(const struct gate_view *v, const char *group, const char *version,
	     const char *namespace, const char *plural, const char *name, json_t **ret,
	     struct readiness *ready, struct err *err) MUST_CHECK;
/* A Deployment ("deployments") with min available, a StatefulSet with min ready replicas. */
int gate_at_least(const struct gate_view *v, const char *plural, const char *namespace,
		  const char *name, uint64_t min, struct readiness *ret,
		  struct err *err) MUST_CHECK;
/* On every node that is up (Ready); pods of nodes that are not do not count. */
int gate_daemonset(const struct gate_view *v, const char *namespace, const char *name,
		   struct readiness *ret, struct err *err) MUST_CHECK;

int gate_cilium_health(const struct gate_view *v, const json_t *args, struct readiness *ret,
		       struct err *err) MUST_CHECK;
int gate_dns_query(const struct gate_view *v, const json_t *args, struct readiness *ret,
		   struct err *err) MUST_CHECK;
int gate_cert_manager_webhook(const struct gate_view *v, const json_t *args, struct readiness *ret,
			      struct err *err) MUST_CHECK;
int gate_lb_address(const struct gate_view *v, const json_t *args, struct readiness *ret,
		    struct err *err) MUST_CHECK;
int gate_lb_pool(const struct gate_view *v, const json_t *args, struct readiness *ret,
		 struct err *err) MUST_CHECK;
int gate_l2_policy(const struct gate_view *v, const json_t *args, struct readiness *ret,
		   struct err *err) MUST_CHECK;
int gate_storage_class(const struct gate_view *v, const json_t *args, struct readiness *ret,
		       struct err *err) MUST_CHECK;
int gate_argocd_ready(const struct gate_view *v, const json_t *args, struct readiness *ret,
		      struct err *err) MUST_CHECK;
int gate_rook_operator(const struct gate_view *v, const json_t *args, struct readiness *ret,
		       struct err *err) MUST_CHECK;
int gate_csi_driver(const struct gate_view *v, const json_t *args, struct readiness *ret,
		    struct err *err) MUST_CHECK;
int gate_ceph_cluster(const struct gate_view *v, const json_t *args, struct readiness *ret,
		      struct err *err) MUST_CHECK;
