/* made.h - messages made out of the schema's tables */
#ifndef MADE_H
#define MADE_H

#include "buffer.h"

/*
 * A valid message of that type, of which the script's bytes decide everything:
 * its deterministic CBOR, and another form of it.  Then it gets so many changes
 * that may make it invalid; of these only the other form tells.  The caller
 * frees both.
 */
void make_message(int64_t type, struct bytes script, size_t changes,
    struct buffer *tame, struct buffer *wild);

#endif
