/* answer.h - an SKDC's answer where there is one at most */
#ifndef ANSWER_H
#define ANSWER_H

#include "fluffy.h"

/* *out is NULL when nothing is answered, and the first of several. */
static inline enum fluffy_error
answer_one(fluffy_store *skdc, fluffy_msg *in, fluffy_msg **out)
{
	fluffy_msgs all;
	enum fluffy_error e = fluffy_skdc_answer(skdc, in, &all);

	*out = all.n > 0 ? all.v[0] : NULL;
	if (all.n > 0)
		all.v[0] = NULL;
	fluffy_msgs_free(&all);
	return e;
}

#endif
