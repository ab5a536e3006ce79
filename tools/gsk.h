/* gsk.h - the verbs of fluffy-gsk */
#ifndef GSK_H
#define GSK_H

#include "device.h"
#include "program.h"

extern const struct command gsk_request, gsk_renew, gsk_fetch, gsk_delete,
    gsk_accept;

#define OPTION_GROUP_REALM(where) \
	{ "realm", 0, "REALM", "the group's realm, if not the SKDC's", \
	  .text = where }

#endif
