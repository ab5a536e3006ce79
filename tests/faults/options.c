/* options.c - the options and the last words of the programs in this directory */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "options.h"

static int taps;

static void
usage(const char *program)
{
	(void)fprintf(stderr, "usage: %s [--sample N] [--seed N] "
	    "[--only SCENE:N]\n", program);
	exit(2);
}

static uint64_t
number(const char *program, const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*text == '\0' || *text == '-' || *end != '\0')
		usage(program);
	return n;
}

void
options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "sample", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	*o = (struct options){ .program = argv[0],
	    .seed = (uint64_t)time(NULL) };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (c) {
		case 'n':
			o->sample = (size_t)number(argv[0], optarg);
			break;
		case 's':
			o->seed = number(argv[0], optarg);
			break;
		case 'o':
			o->only = optarg;
			break;
		default:
			usage(argv[0]);
		}
	if (optind < argc)
		usage(argv[0]);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
}

void
tap(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++taps, what);
}

int
options_end(const struct options *o, const struct score *score)
{
	bool ok = score->broken == 0 && score->run == score->fired &&
	    score->run > 0;

	tap(ok, "all promises are kept");
	printf("1..%d\n", taps);
	printf("seed %llu: %zu run, %zu fired, %zu broken promises\n",
	    (unsigned long long)o->seed, score->run, score->fired,
	    score->broken);
	return ok ? 0 : 1;
}
