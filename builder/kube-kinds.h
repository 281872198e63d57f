/* kube-kinds - Kubernetes' own kinds: plural, scope and wave */
#pragma once

#include "bundle-index.h"

#include <stdbool.h>

struct kube_kind {
	const char *group, *kind, *plural;
	bool namespaced;
	enum bundle_wave wave;
	bool ready; /* has a readiness rule of its own that waves wait for */
};
const struct kube_kind *kube_kind_find(const char *group,
				       const char *kind); /* NULL: not one of them */
