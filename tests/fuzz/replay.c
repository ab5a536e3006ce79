/* replay.c - runs a fuzz target over files, where libFuzzer isn't linked */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define MOST ((size_t)1 << 20)

static bool
replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(MOST), *exact;
	size_t n;

	if (f == NULL || data == NULL) {
		perror(path);
		free(data);
		return false;
	}
	n = fread(data, 1, MOST, f);
	(void)fclose(f);
	/* so that a sanitizer sees what reads past the end */
	exact = realloc(data, n > 0 ? n : 1);
	if (exact != NULL)
		(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact != NULL ? exact : data);
	return exact != NULL;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		/* when the target aborts, the last line names the culprit */
		fprintf(stderr, "%s\n", argv[i]);
		if (!replay(argv[i]))
			return EXIT_FAILURE;
	}
	return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
