/*
 * k3s-log - what K3s itself says of why it does not come up
 *
 * K3s waits and tries again without end, and its unit is "activating" all the while: the cause
 * stands in its log alone. Known sayings are put into words with their cure, behind the
 * reason of the turn. Nothing is done when the log cannot be read or knows nothing.
 */
#pragma once

#include "step.h"

/* @unit: k3s or k3s-agent; @node: this node's name. */
void k3s_log_hint(const char *unit, const char *node, struct step_turn *turn);
/* The newest known saying of @log as words for people in @dst; false: none. */
bool k3s_log_explain(const char *log, const char *node, char *dst, size_t size);
