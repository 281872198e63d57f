/*
 * yaml-go - where libyaml and the YAML reader of Kubernetes (go-yaml) part
 *
 * What libyaml reads and Go refuses is refused; what libyaml does not report is found in the text.
 * Errors: -EINVAL, err names the place.
 */
#pragma once

#include "yaml-piece.h"

#include <stdbool.h>

/* A document before it is parsed; a mark at its very start is not its text. */
int yaml_go_check_piece(const struct yaml_piece *p, struct err *err) MUST_CHECK;
/* A scalar; @in_flow: inside of brackets or braces. */
int yaml_go_check_scalar(struct yaml_piece *p, const yaml_event_t *e, bool in_flow,
			 struct err *err) MUST_CHECK;
/* "! text": the tag that says "no resolution", which libyaml does not report. */
bool yaml_go_has_bare_tag(struct yaml_piece *p, const yaml_event_t *e);
