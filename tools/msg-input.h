/* msg-input.h - messages as they are found: plain, or captured as text */
#ifndef MSG_INPUT_H
#define MSG_INPUT_H

#include "filter.h"

/* The most text that a capture may have, and so the memory that it may take. */
#define CAPTURE_MAX (8u << 20)

enum capture_form {
	CAPTURE_AUTO,
	CAPTURE_PLAIN,	/* JSON or CBOR */
	CAPTURE_HEX,
	CAPTURE_BASE64
};

/* What an input reads through; it belongs to one input at a time. */
struct capture {
	enum capture_form form;
	uint8_t *data;		/* NULL until the first read */
	size_t at, len;		/* what is still to be handed out */
};

/* A file, or stdin ("-"), and the messages in it. */
struct source {
	struct input in;
	struct capture capture;
	int fd;
};

/* Both report why not; a source that wasn't opened needn't be closed. */
bool source_open(struct source *, fluffy_ctx *, const char *path,
    enum capture_form);
void source_close(struct source *);
/* In that encoding, or in any with FLUFFY_NONE; false, which is reported. */
bool source_gave(const struct input *, const fluffy_msg *,
    enum fluffy_format expected);
/* The only message that is in it; NULL, which is reported, if it isn't one. */
fluffy_msg *source_message(fluffy_ctx *, const char *path, enum capture_form,
    enum fluffy_format expected);

/* Let the input read through the capture. */
void capture_attach(struct capture *, struct input *, enum capture_form);
void capture_free(struct capture *);

/*
 * Decoders: false when the text isn't theirs.  out has as much room as text.
 * Hex may have blanks, colons, commas and 0x between its bytes, or be what
 * xxd, hexdump -C and tcpdump -x print.  Packets that tcpdump prints lose
 * their IP, UDP and CoAP headers.
 */
bool capture_hex(const uint8_t *text, size_t len, uint8_t *out, size_t *outlen);
bool capture_base64(const uint8_t *text, size_t len, uint8_t *out,
    size_t *outlen);

/* Where the message begins in a packet, and how long it is. */
const uint8_t *capture_payload(const uint8_t *packet, size_t *len);

#endif
