/*
 * scan.c - scan KEYS FILE...: which files hold which keys?
 *
 * KEYS has a line for each key, a name and the key in hex. A key is found in
 * pieces of 8 of its bytes, since what becomes of freed memory overwrites its
 * beginning: as they are, in hex and in base64url. Files that remains.c wrote
 * are read as such. Each finding is a line; the status is 1 when there are any.
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "remains.h"

#define PIECE	   8
#define MAX_NEEDLES 20000

struct needle {
	char *key;
	const char *form;
	uint8_t b[24];
	size_t n;
};

static struct needle needles[MAX_NEEDLES];
static size_t n_needles;
/* Which first two bytes there are, and the needles with them. */
static int first[65536], next[MAX_NEEDLES];

static void
add(char *key, const char *form, const void *bytes, size_t n)
{
	struct needle *v = &needles[n_needles];
	int *at;

	if (n_needles == MAX_NEEDLES)
		errx(2, "too many keys");
	*v = (struct needle){ .key = key, .form = form, .n = n };
	memcpy(v->b, bytes, n);
	at = &first[v->b[0] << 8 | v->b[1]];
	next[n_needles] = *at;
	*at = (int)++n_needles;
}

/* 12 bytes are 16 characters; what stands at the end is left out. */
static void
add_base64(char *key, const uint8_t *bytes, size_t n)
{
	struct buffer b = BUFFER(24);

	for (size_t i = 0; i + 12 <= n; i += 12) {
		base64url_encode(&b, bytes_of(bytes + i, 12));
		add(key, "in base64url", b.p, 16);
		buffer_free(&b);
	}
}

static void
add_key(char *name, const char *hex)
{
	uint8_t bytes[512], lower[16], upper[16];
	size_t n = strlen(hex) / 2;

	if (n < PIECE || n > sizeof(bytes))
		errx(2, "%s: a key of %zu bytes", name, n);
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
			errx(2, "%s: not hex", name);
	for (size_t i = 0; i + PIECE <= n; i += PIECE) {
		add(name, "raw", bytes + i, PIECE);
		for (size_t j = 0; j < 16; j++) {
			lower[j] = (uint8_t)tolower(hex[2 * i + j]);
			upper[j] = (uint8_t)toupper(hex[2 * i + j]);
		}
		add(name, "in hex", lower, 16);
		add(name, "in hex", upper, 16);
	}
	add_base64(name, bytes, n);
}

static void
read_keys(const char *path)
{
	char line[2048], name[100], hex[1500];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%99s %1499s", name, hex) != 2)
			errx(2, "%s: %s", path, line);
		add_key(strdup(name), hex);
	}
	if (n_needles == 0)
		errx(2, "%s: no keys", path);
	(void)fclose(f);
}

static int status;

static void
search(const char *path, const char *what, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + PIECE <= n; i++)
		for (int v = first[p[i] << 8 | p[i + 1]]; v != 0;
		    v = next[v - 1]) {
			const struct needle *k = &needles[v - 1];

			if (k->n > n - i || memcmp(p + i, k->b, k->n) != 0)
				continue;
			printf("%s: %s %s, %s\n", path, k->key, k->form, what);
			status = 1;
		}
}

static void
search_records(const char *path, const uint8_t *p, size_t n)
{
	struct record r;

	while (n > 0) {
		if (n < sizeof(r))
			errx(2, "%s: cut off", path);
		memcpy(&r, p, sizeof(r));
		p += sizeof(r);
		n -= sizeof(r);
		if (r.n > n)
			errx(2, "%s: cut off", path);
		search(path, r.what, p, r.n);
		p += r.n;
		n -= r.n;
	}
}

static void
scan(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *all;
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0)
		err(2, "%s", path);
	rewind(f);
	if ((all = malloc((size_t)n + 1)) == NULL ||
	    fread(all, 1, (size_t)n, f) != (size_t)n)
		err(2, "%s", path);
	if (strstr(path, "remains/") != NULL)
		search_records(path, all, (size_t)n);
	else
		search(path, "in the file", all, (size_t)n);
	free(all);
	(void)fclose(f);
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: scan KEYS FILE...");
	read_keys(argv[1]);
	for (int i = 2; i < argc; i++)
		scan(argv[i]);
	return status;
}
