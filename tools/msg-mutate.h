/* msg-mutate.h - everything that can be wrong with a message, as files */
#ifndef MSG_MUTATE_H
#define MSG_MUTATE_H

#include "msg-show.h"

/*
 * Of the only message in a file.  dir is made, with a file for each and an
 * index; NULL: the index goes to stdout, with the messages in it.
 */
void mutate_file(struct show *, const char *path, uint64_t seed,
    const char *dir);

#endif
