/* skdc_main.c - fluffy-skdc, to be called again and again */
#include "skdc_main.h"

int skdc_main(int, char **);

#define main skdc_main
#include "../../tools/fluffy-skdc.c"

void
skdc_program(fluffy_ctx *ctx, const char *path, bool json)
{
	char *none = NULL;

	store_path = path;
	encoding = json ? "json" : NULL;
	run(ctx, &none);
}
