/* skdc_main.h - fluffy-skdc as a function */
#ifndef SKDC_MAIN_H
#define SKDC_MAIN_H

#include "fluffy.h"

/* What it does once its options are read. */
void skdc_program(fluffy_ctx *, const char *store_path, bool json);

#endif
