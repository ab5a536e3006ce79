/* skdc.h - the parts of fuzz_skdc */
#ifndef SKDC_H
#define SKDC_H

#include "exchange.h"
#include "stores.h"

#define UUID_NAME "187c07e4-d563-4e9b-83c4-00b27244b8cd"
#define N_DEVICES 5

/* sensor may not ask for stranger, gcm takes A128GCM alone. */
extern const char *const devices[N_DEVICES];
extern struct secret secrets[N_DEVICES];
extern fluffy_store *skdc;

/* ---- skdc_answers.c: what an answer has to be ---------------------------- */

bool is_request(int64_t type);
/* Explain each message first; then there is a commit before each. */
extern bool explaining;
/* The SKDC's answers, which were checked. */
enum fluffy_error answers(struct fluffy_msg *req, fluffy_msgs *out);
enum fluffy_error answer(struct fluffy_msg *req);
/* What was judged is remembered, also when it was refused by policy. */
void answer_twice(struct fluffy_msg *req, enum fluffy_error first);
/* Section 6, ERROR; req is NULL when it was malformed. */
void check_error(const struct fluffy_msg *req, enum fluffy_error e,
    struct fluffy_msg *error);

/* ---- skdc_requests.c: requests with chosen members ----------------------- */

/* Of the requests of this input. */
extern uint8_t nonces;

/* With skdcrealm and skdcname. */
struct req_body *new_body(struct fluffy_msg *msg);
/* With names and time. */
struct part *new_proof(struct fluffy_msg *msg, int label, size_t device);
/* The clear part is complete: seal the proof with a new nonce. */
void seal_request(struct fluffy_msg *msg, int label, struct part *proof,
    size_t device);
/* A PSK-REQ that has to be answered. */
fluffy_msg *good_request(void);

/* Modes 0 and 5. */
void chosen(struct feed *in);
void pair(struct feed *in);

/* ---- skdc_groups.c: mode 4 ----------------------------------------------- */

void lives(struct feed *in);

#endif
