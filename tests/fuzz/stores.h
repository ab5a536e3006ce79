/*
 * stores.h - what the targets with stores share
 *
 * Each input finds a store as it was made: its life is one transaction, which
 * is rolled back at the end.  What the library does meanwhile is real, but that
 * its transactions are savepoints inside (the linker wraps sql_plain,
 * sql_abandon, and SQLite's checkpoint), and that whoever opens the store's
 * path gets that store (fluffy_store_open, fluffy_dk_open, fluffy_store_close).
 * pkey_generate always gives the same pair, because it takes its time.
 */
#ifndef STORES_H
#define STORES_H

#include "fuzz.h"

struct secret;

#define PATH_ROOM 100

/* A new directory in memory, removed at exit. */
const char *fuzz_directory(void);
/* The path of a file in it. */
void fuzz_path(char path[PATH_ROOM], const char *file);

void life_begin(fluffy_store *);
void life_end(fluffy_store *);

/* An SKDC "skdc" of realm "home". */
fluffy_store *make_skdc(void);
/* The store of a new device of it; secret is what they share, or NULL. */
fluffy_store *make_device(fluffy_store *skdc, const char *name,
    struct secret *);
/* Nothing is left to prune, so that no input has to. */
void prune_now(fluffy_store *);

/* Takes the request; the SKDC's answer. */
fluffy_msg *ask(fluffy_store *skdc, fluffy_msg *req,
    enum fluffy_error expected);

/* What the store's party would make of it; each check is told in its turn. */
enum fluffy_error explained(fluffy_store *, fluffy_msg *);

/* A message as CBOR, and made again of that. */
fluffy_bytes keep(fluffy_msg *);
fluffy_msg *copy(fluffy_bytes);
bool is_same(fluffy_bytes, const fluffy_msg *);
/* The kept message with the input's changes; NULL when it can't be read. */
fluffy_msg *changed_copy(fluffy_bytes, enum fluffy_format, struct feed *);

#endif
