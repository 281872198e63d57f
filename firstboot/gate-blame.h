/*
 * gate-blame - what keeps a workload back, in the words of the object that is in the way
 *
 * A Deployment says "1 of 2"; its pod says which image cannot be pulled, its event which quota
 * forbids the pod. The words are put behind what ret says already: "web: 0 of 1
 * availableReplicas: pod web-1 on cow: ErrImagePull: image x: not found".
 * ret's state stays as it is. Errors: as gate_look().
 */
#pragma once

#include "gate-look.h"

/* workload: a Deployment, DaemonSet, StatefulSet, ReplicaSet or Job that was read just now. */
int gate_blame_object(const struct gate_view *v, const json_t *workload, struct readiness *ret,
		      struct err *err) MUST_CHECK;
/* The same for the one of that name ("deployments", "jobs", ...); one that is not there is said. */
int gate_blame(const struct gate_view *v, const char *plural, const char *namespace,
	       const char *name, struct readiness *ret, struct err *err) MUST_CHECK;
/* The worst pod of a node in a namespace. */
int gate_blame_node(const struct gate_view *v, const char *namespace, const char *node,
		    struct readiness *ret, struct err *err) MUST_CHECK;
/* The newest event about an object of any kind. */
int gate_blame_event(const struct gate_view *v, const json_t *o, struct readiness *ret,
		     struct err *err) MUST_CHECK;
/* "/api/v1/namespaces/x/pods?labelSelector=a%3Db" of labels; owned by the caller; NULL: no memory.
 */
char *gate_pods_path(const char *namespace, const json_t *labels);
