/* key.h - the verbs of fluffy-key */
#ifndef KEY_H
#define KEY_H

#include "filter.h"
#include "program.h"

extern const struct command key_init, key_enrol, key_join, key_rotate,
    key_list, key_export, key_remove, key_policy, key_deny, key_allow,
    key_group,
    key_ca;

/*
 * Write the ENROL to out and close it.  false: nobody has got the key; that's
 * reported.
 */
bool key_deliver(fluffy_ctx *, struct output *, const fluffy_msg *enrol,
    const char *encoding);

#endif
