/* fault_stores.h - what is asked of every store, and of every seal */
#ifndef FAULT_STORES_H
#define FAULT_STORES_H

#include "store.h"

/* SQLite's own judgement. */
void assert_intact(const fluffy_store *);
/* No seal was made with an iv that its key had before. */
void assert_fresh(void);
void forget_seals(void);

#endif
