/*
 * bench.h - what the benches share
 *
 * A figure is user and system CPU time, the median of several rounds, and is
 * printed as a ratio to a floor that was measured in alternating rounds of the
 * same run.  What is printed are tables in Markdown, for README.md.
 */
#ifndef BENCH_H
#define BENCH_H

#include "exchange.h"

#define ROUNDS 15

/* Ends the program with the reason unless e is FLUFFY_OK. */
void must(fluffy_ctx *, enum fluffy_error e);
_Noreturn void bench_die(const char *what);

/* Seconds of CPU time that this process has used. */
double cpu_now(void);
/* Sorts v. */
double median(double *v, size_t n);

/* The head of a table, and a row of it; aim 0: none. */
void bench_head(const char *what);
void bench_print(const char *what, double seconds, double floor, double aim);

/* Names as long as they get in practice: UUIDs. */
const char *bench_name(unsigned i, char name[37]);

/* The i-th request of client for service, in CBOR. */
void bench_request(fluffy_ctx *, struct buffer *, const struct party *skdc,
    const struct secret *client, const char *service, unsigned i);

/*
 * The crypto that a PSK-REQ and its PSK-REP need: one opening, two seals of
 * the same sizes and the randomness in one call; algorithms were fetched and
 * contexts made before.
 */
struct floor;
/* Measures req and rep, whose seals are open; both are still the caller's. */
struct floor *floor_new(const fluffy_msg *req, const fluffy_msg *rep);
void floor_free(struct floor *);
/* Seconds for n requests. */
double floor_run(struct floor *, unsigned n);

#endif
