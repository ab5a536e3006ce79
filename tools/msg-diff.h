/* msg-diff.h - where two messages differ */
#ifndef MSG_DIFF_H
#define MSG_DIFF_H

#include "msg-show.h"

/* Of two files with one message each; to is text or JSON.  Status 1: differ. */
void diff_files(struct show *, const char *a, const char *b);

#endif
