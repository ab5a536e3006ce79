/* pkp.h - the verbs of fluffy-pkp */
#ifndef PKP_H
#define PKP_H

#include "device.h"
#include "program.h"

extern const struct command pkp_request, pkp_accept;

#endif
