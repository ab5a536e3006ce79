/* skdc_main.c - fluffy-skdc, to be called */
#include "programs.h"

#define main skdc_main
#include "../../tools/fluffy-skdc.c"
