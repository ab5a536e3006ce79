/* table.h - lines of text whose columns are aligned */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_CELLS 7

/* Starts as {0}. */
struct table {
	char *(*row)[TABLE_CELLS];
	size_t count, room;
	size_t width[TABLE_CELLS];
};

/*
 * Copies the cells, fit for a terminal; NULL is an empty one.  false: out of
 * memory.
 */
bool table_add(struct table *, const char *const cell[TABLE_CELLS]);
void table_print(FILE *, const struct table *);
void table_free(struct table *);

#endif
