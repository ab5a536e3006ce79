/* skdc-batch.c - the messages that came together at an SKDC, their answers */
#include "skdc-batch.h"

#include <stdlib.h>

static void
report_no_memory(void)
{
	report_error(FLUFFY_E_MEMORY, "", "out of memory");
}

struct item *
batch_add(struct batch *b, fluffy_msg *request)
{
	if (b->count == b->room) {
		size_t room = b->room > 0 ? 2 * b->room : 64;
		struct item *more = reallocarray(b->item, room, sizeof *more);

		if (more == NULL) {
			report_no_memory();
			fluffy_msg_free(&request);
			return NULL;
		}
		b->item = more;
		b->room = room;
	}
	b->item[b->count] = (struct item){ .request = request };
	return &b->item[b->count++];
}

static void
drop_answers(struct item *item)
{
	for (size_t i = 0; i < item->answers; i++)
		fluffy_bytes_free(&item->answer[i]);
	free(item->answer);
	item->answer = NULL;
	item->answers = 0;
}

void
batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		fluffy_msg_free(&b->item[i].request);
		drop_answers(&b->item[i]);
	}
	b->count = b->bytes = 0;
	b->begun = b->broken = b->full = false;
}

void
batch_free(struct batch *b)
{
	batch_clear(b);
	free(b->item);
	b->item = NULL;
	b->room = 0;
}

bool
batch_keep(fluffy_ctx *ctx, struct batch *b, struct item *item,
    const fluffy_msgs *msgs, enum fluffy_format format)
{
	enum fluffy_error error;

	drop_answers(item);
	if (msgs->n == 0)
		return true;
	item->answer = calloc(msgs->n, sizeof *item->answer);
	if (item->answer == NULL) {
		report_no_memory();
		return false;
	}
	for (size_t i = 0; i < msgs->n; i++) {
		error = fluffy_msg_write(ctx, msgs->v[i], format, 0,
		    &item->answer[i]);
		if (error != FLUFFY_OK) {
			report_why(ctx, error);
			drop_answers(item);
			return false;
		}
		item->answers++;
		b->bytes += item->answer[i].len;
	}
	return true;
}

void
item_put(struct output *out, const struct item *item)
{
	for (size_t i = 0; i < item->answers; i++)
		output_put(out, item->answer[i].data, item->answer[i].len);
}
