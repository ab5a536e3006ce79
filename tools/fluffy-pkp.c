/* fluffy-pkp.c - a device's steps to a public key pair; a file for each */
#include "pkp.h"

static const struct command *const verbs[] = {
	&pkp_request, &pkp_accept, NULL
};

int
main(int argc, char **argv)
{
	return program_verbs("fluffy-pkp", verbs, argc, argv);
}
