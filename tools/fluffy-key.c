/* fluffy-key.c - stores, devices, keys and policy; a file for every verb */
#include "key.h"

bool
key_deliver(fluffy_ctx *ctx, struct output *out, const fluffy_msg *enrol,
    const char *encoding)
{
	bool ok = emit(ctx, out, enrol, format_made(encoding, out));

	return output_close(out) && ok;
}

static const struct command *const verbs[] = {
	&key_init, &key_enrol, &key_join, &key_rotate, &key_list, &key_export,
	&key_remove, &key_policy, &key_deny, &key_allow, &key_group,
	&key_ca, NULL
};

int
main(int argc, char **argv)
{
	return program_verbs("fluffy-key", verbs, argc, argv);
}
