/* store_list.h - inside the store: how listings are collected */
#ifndef FLUFFY_STORE_LIST_H
#define FLUFFY_STORE_LIST_H

#include "store_sql.h"

struct item {
	struct item *next;
	fluffy_entry entry;
	struct keyid keyid;
};

struct listing {
	fluffy_store *store;
	uint64_t now;
	struct arena arena;
	struct item *first, **end;
	bool failed;	/* no memory */
};

/* An empty name doesn't apply: NULL. */
const char *list_copy(struct listing *, const struct name *);
/* keyid may be NULL. */
void list_add(struct listing *, const fluffy_entry *, const struct keyid *);
/* The query's next row, as long as there is memory. */
bool list_next(struct listing *, struct query *);
const char *list_alg(int64_t alg);

typedef enum fluffy_error list_fn(struct listing *, const void *what);

/* Collects in one read transaction, then shows. */
FLUFFY_CHECKED enum fluffy_error list_show(fluffy_store *, list_fn *,
    const void *what, int (*each)(void *, const fluffy_entry *), void *arg);

#endif
