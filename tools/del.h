/* del.h - the verbs of fluffy-del */
#ifndef DEL_H
#define DEL_H

#include "filter.h"
#include "program.h"

extern const struct command del_request, del_pending, del_accept;

/* Write the PSK-DELTs that make() gives for the SKDC's store at that path. */
void del_write(fluffy_ctx *, const char *store_path, const char *encoding,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msgs *));

#endif
