/* yaml-util - cleanup types of libyaml */
#pragma once

#include "macros.h"

#include <yaml.h>

#define cleanup_yaml_parser CLEANUP(yaml_parser_delete)
#define cleanup_yaml_event CLEANUP(yaml_event_delete)
