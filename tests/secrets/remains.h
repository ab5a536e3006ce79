/* remains.h - what remains.c writes and scan.c reads */
#ifndef REMAINS_H
#define REMAINS_H

#include <stdbool.h>
#include <stdint.h>

struct record {
	uint64_t n;	/* bytes that follow */
	char what[64];
};

#endif
