/* fluffy-gsk.c - a device's steps with group keys; a file for every step */
#include "gsk.h"

static const struct command *const verbs[] = {
	&gsk_request, &gsk_renew, &gsk_fetch, &gsk_delete, &gsk_accept, NULL
};

int
main(int argc, char **argv)
{
	return program_verbs("fluffy-gsk", verbs, argc, argv);
}
