/* msg-mutate.c - everything that can be wrong with a message, as files */
#include "msg-mutate.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listing.h"
#include "msg-explain.h"

#define INDEX "index.jsonl"

struct mutating {
	struct show *show;
	const fluffy_msg *msg;
	uint64_t seed;
	const char *dir;	/* NULL: the messages go into the index */
	bool files;		/* they are written now, not the index */
	unsigned n;
};

/* "017-removed-req-body.spname.cbor": without the message's type. */
static void
name_file(const struct mutating *m, const fluffy_mutation *mutation,
    char *name, size_t size)
{
	const char *dot = strchr(mutation->member, '.');

	snprintf(name, size, "%03u-%s%s%s.%s", m->n, mutation->change,
	    dot != NULL ? "-" : "", dot != NULL ? dot + 1 : "",
	    mutation->format == FLUFFY_JSON ? "json" : "cbor");
}

static bool
write_file(const struct mutating *m, const char *name,
    const fluffy_mutation *mutation)
{
	static struct output out;
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", m->dir, name);
	if (!output_open(&out, path))
		return false;
	output_put(&out, mutation->data, mutation->len);
	return output_close(&out);
}

static void
put(const struct mutating *m, const char *text)
{
	output_put(m->show->out, text, strlen(text));
}

/* There may be a key in it. */
static void
put_data(const struct mutating *m, const fluffy_mutation *mutation)
{
	size_t size = 2 * mutation->len + 1;
	char *text = malloc(size);

	if (text == NULL) {
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
		return;
	}
	put(m, base64url_text(mutation->data, mutation->len, text));
	explicit_bzero(text, size);
	free(text);
}

/* None of the texts has anything to escape: they are names of the profile's. */
static void
put_index(const struct mutating *m, const char *name,
    const fluffy_mutation *mutation)
{
	char line[1024];

	snprintf(line, sizeof line, "{\"change\":\"%s\",\"member\":\"%s\","
	    "\"verdict\":\"%s\",\"status\":%d,", mutation->change,
	    mutation->member,
	    verdict_word(mutation->error, mutation->outcome),
	    (int)verdict_status(mutation->error, mutation->outcome));
	put(m, line);
	if (mutation->error != FLUFFY_OK) {
		snprintf(line, sizeof line, "\"error\":\"%s\",",
		    fluffy_error_name(mutation->error));
		put(m, line);
	}
	put(m, m->dir != NULL ? "\"file\":\"" : "\"message\":\"");
	if (m->dir != NULL)
		put(m, name);
	else
		put_data(m, mutation);
	put(m, "\"}\n");
}

static int
take(void *arg, const fluffy_mutation *mutation)
{
	struct mutating *m = arg;
	char name[300];

	m->n++;
	name_file(m, mutation, name, sizeof name);
	if (m->files)
		write_file(m, name, mutation);
	else
		put_index(m, name, mutation);
	return report_status() != FLUFFY_DONE;
}

static void
mutate(struct mutating *m)
{
	const struct show *s = m->show;
	enum fluffy_format format = s->to == FLUFFY_TEXT ?
	    fluffy_msg_format(m->msg) : s->to;
	enum fluffy_error error;

	m->n = 0;
	error = fluffy_msg_mutate(s->ctx, m->msg, format, m->seed, take, m);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
}

static void
write_index(struct mutating *m, const char *path)
{
	if (output_open(m->show->out, path)) {
		mutate(m);
		output_close(m->show->out);
	}
}

/* What isn't whole isn't left behind. */
static void
remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(path);
}

/* The index gets its name last: when it is there, all is. */
static void
mutate_into(struct mutating *m)
{
	char path[4200], unfinished[4200];

	if (mkdir(m->dir, 0700) != 0) {
		report_errno(m->dir);
		return;
	}
	m->files = true;
	mutate(m);
	m->files = false;
	snprintf(path, sizeof path, "%s/" INDEX, m->dir);
	snprintf(unfinished, sizeof unfinished, "%s/." INDEX, m->dir);
	if (report_status() == FLUFFY_DONE)
		write_index(m, unfinished);
	if (report_status() == FLUFFY_DONE && rename(unfinished, path) != 0)
		report_errno(path);
	if (report_status() != FLUFFY_DONE)
		remove_dir(m->dir);
}

void
mutate_file(struct show *s, const char *path, uint64_t seed, const char *dir)
{
	fluffy_msg *msg = source_message(s->ctx, path, s->from, s->expected);
	struct mutating m = { .show = s, .msg = msg, .seed = seed,
		.dir = dir };

	if (msg != NULL && dir != NULL)
		mutate_into(&m);
	else if (msg != NULL)
		write_index(&m, NULL);
	if (msg != NULL && report_status() == FLUFFY_DONE)
		report_say("%u messages from one %s", m.n,
		    fluffy_type_name(fluffy_msg_type(msg)));
	fluffy_msg_free(&msg);
}
