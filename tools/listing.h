/* listing.h - entries of a store as a table, or as JSON */
#ifndef LISTING_H
#define LISTING_H

#include "fluffy.h"

/* fluffy_list, or what gives entries as it does. */
typedef enum fluffy_error listing_source(fluffy_store *,
    int (*each)(void *, const fluffy_entry *), void *);

/*
 * Write what the source has of the store at that path to stdout.  As JSON it
 * is an array of objects; members and holders are in arrays of their group's.
 */
void listing_write(fluffy_ctx *, const char *store_path, listing_source *,
    bool json);

/* Its part of that, and the words for enum fluffy_entry_kind. */
enum fluffy_error listing_json(fluffy_store *, listing_source *, FILE *);
extern const char *const listing_kinds[];

/* Without padding, as keyids are in messages; text has 2 * len + 1 bytes. */
char *base64url_text(const uint8_t *data, size_t len, char *text);

#endif
