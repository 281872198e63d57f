/*
 * bundle-lint - what would have deadlocked at midnight, found at the desk
 *
 * Each rule is a function of the whole model; it adds findings (bundle_find) and returns
 * 0 or -ENOMEM. docs/components.md lists the rules by their names.
 */
#pragma once

#include "bundle-model.h"

int lint_order(struct bundle_model *m)
	MUST_CHECK; /* cr-before-crd, missing-namespace, duplicate-object */
int lint_webhooks(struct bundle_model *m) MUST_CHECK; /* webhook-without-gate */
int lint_policies(struct bundle_model *m) MUST_CHECK; /* default-deny-before-dns */
int lint_cilium(struct bundle_model *m) MUST_CHECK;   /* kube-proxy-api-host, cilium-version */
int lint_pods(struct bundle_model *m) MUST_CHECK;     /* operator-replicas, taint-not-tolerated */
int lint_storage(struct bundle_model *m) MUST_CHECK;  /* default-storage-class */
int lint_apply(struct bundle_model *m)
	MUST_CHECK; /* duplicate-list-key, immutable-job, object-too-large, ... */
int lint_schema(struct bundle_model *m) MUST_CHECK; /* schema */

#define FOR_EACH_ITEM(m, p_, it_)                                                                  \
	for (struct bundle_part *p_ = (m)->parts; p_ < (m)->parts + (m)->len; p_++)                \
		for (struct bundle_item *it_ = p_->items; it_ < p_->items + p_->len; it_++)
