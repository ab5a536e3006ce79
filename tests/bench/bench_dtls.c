/*
 * bench_dtls.c - what a handshake costs fluffy-dk serve
 *
 * Beside "openssl s_server", which has one key for everybody and remembers
 * nothing.  The argument is the build directory.  One client after another
 * opens a session, all of them from here; what counts is the server's CPU time.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "bench.h"
#include "child.h"
#include "message.h"

#define HANDSHAKES 100
#define CIPHER	   "PSK-AES128-CCM8"
#define AIM	   1.2

static fluffy_ctx *ctx;

struct server {
	const char *name;
	pid_t pid;
	in_port_t port;		/* on ::1; network byte order */
	const struct pass *pass;	/* the next one, */
	bool once;			/* which is good once */
	double cpu[ROUNDS], elapsed[ROUNDS];	/* seconds for one */
};

static struct sockaddr_in6
loopback(in_port_t port)
{
	return (struct sockaddr_in6){ .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = port };
}

/* Nobody has it; somebody could take it before it is used. */
static in_port_t
free_port(void)
{
	struct sockaddr_in6 address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		bench_die("no port");
	(void)close(fd);
	return address.sin6_port;
}

/* ---- the client ---------------------------------------------------------- */

/* The first is good for s_server, always; the others are for one each. */
static struct pass {
	char nonce[129];
	uint8_t key[32];
	size_t key_len;
} passes[2 + ROUNDS * HANDSHAKES];

static const struct pass *shown;

static unsigned
give_key(SSL *ssl, const char *hint, char *identity, unsigned max,
    unsigned char *key, unsigned max_key)
{
	(void)ssl;
	(void)hint;
	if (strlen(shown->nonce) >= max || shown->key_len > max_key)
		return 0;
	strcpy(identity, shown->nonce);
	memcpy(key, shown->key, shown->key_len);
	return (unsigned)shown->key_len;
}

static SSL_CTX *
client_new(void)
{
	SSL_CTX *client = SSL_CTX_new(DTLS_client_method());

	if (client == NULL || SSL_CTX_set_cipher_list(client, CIPHER) != 1)
		bench_die("no client");
	SSL_CTX_set_psk_client_callback(client, give_key);
	return client;
}

/* Opens a session, and closes it. */
static bool
shake_hands(SSL_CTX *client, in_port_t port, const struct pass *pass)
{
	struct sockaddr_in6 address = loopback(port);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	BIO *bio = BIO_new_dgram(fd, BIO_CLOSE);
	BIO_ADDR *peer = BIO_ADDR_new();
	SSL *ssl = SSL_new(client);
	bool ok;

	if (fd < 0 || bio == NULL || peer == NULL || ssl == NULL ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		bench_die("no socket");
	(void)BIO_ADDR_rawmake(peer, AF_INET6, &address.sin6_addr,
	    sizeof(address.sin6_addr), address.sin6_port);
	(void)BIO_ctrl_set_connected(bio, peer);
	SSL_set_bio(ssl, bio, bio);
	shown = pass;
	ok = SSL_connect(ssl) == 1;
	if (ok)
		(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	BIO_ADDR_free(peer);
	return ok;
}

/* ---- the servers --------------------------------------------------------- */

static double
cpu_of(const struct server *s)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(s->pid, &clock) != 0 ||
	    clock_gettime(clock, &t) != 0)
		bench_die(s->name);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
wall(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
open_session(struct server *s, SSL_CTX *client)
{
	if (!shake_hands(client, s->port, s->pass))
		bench_die(s->name);
	s->pass += s->once;
}

/* Its first handshake isn't counted. */
static void
begin(struct server *s, SSL_CTX *client, const char *program,
    char *const argv[])
{
	int nothing[2], out = child_open("/dev/null", O_WRONLY);

	if (pipe2(nothing, O_CLOEXEC) != 0)
		bench_die("no pipe");
	s->pid = child_start(program, argv, nothing[0], out);
	(void)close(nothing[0]);	/* an end of input would end s_server */
	(void)close(out);
	(void)usleep(300000);
	open_session(s, client);
}

static void
begin_ours(struct server *s, SSL_CTX *client, const char *folder)
{
	char at[40], store[200];
	char *argv[] = { (char[]){ "fluffy-dk" }, (char[]){ "serve" },
	    (char[]){ "-q" }, (char[]){ "-s" }, store, (char[]){ "--listen" },
	    at, (char[]){ "--forward" }, (char[]){ "[::1]:9" }, NULL };

	s->port = free_port();
	(void)snprintf(at, sizeof(at), "[::1]:%u", ntohs(s->port));
	(void)snprintf(store, sizeof(store), "%s/rs.db", folder);
	begin(s, client, child_program("fluffy-dk"), argv);
}

static void
begin_openssl(struct server *s, SSL_CTX *client)
{
	char at[40], key[65];
	char *argv[] = { (char[]){ "openssl" }, (char[]){ "s_server" },
	    (char[]){ "-dtls1_2" }, (char[]){ "-quiet" }, (char[]){ "-nocert" },
	    (char[]){ "-cipher" }, (char[]){ CIPHER }, (char[]){ "-accept" },
	    at, (char[]){ "-psk" }, key, NULL };

	s->port = free_port();
	(void)snprintf(at, sizeof(at), "[::1]:%u", ntohs(s->port));
	for (size_t i = 0; i < s->pass->key_len; i++)
		(void)snprintf(key + 2 * i, 3, "%02x", s->pass->key[i]);
	begin(s, client, "openssl", argv);
}

static void
end(const struct server *s)
{
	if (kill(s->pid, SIGTERM) != 0 || waitpid(s->pid, NULL, 0) != s->pid)
		bench_die(s->name);
}

static void
measure(struct server *s, SSL_CTX *client, size_t round)
{
	double cpu = cpu_of(s), start = wall();

	for (unsigned i = 0; i < HANDSHAKES; i++)
		open_session(s, client);
	s->elapsed[round] = (wall() - start) / HANDSHAKES;
	s->cpu[round] = (cpu_of(s) - cpu) / HANDSHAKES;
}

/* ---- the parties --------------------------------------------------------- */

static void
take_pass(fluffy_store *ta, struct pass *c)
{
	fluffy_msg *msg;

	must(ctx, fluffy_dk_issue(ta, "RS", "client", &msg));
	(void)snprintf(c->nonce, sizeof(c->nonce), "%.*s",
	    (int)msg->psk_identity.n, (const char *)msg->psk_identity.p);
	c->key_len = msg->key.n;
	memcpy(c->key, msg->key.p, msg->key.n);
	fluffy_msg_free(&msg);
}

/* A trust anchor's numbers, each with its key, and the resource server. */
static void
make_parties(const char *folder)
{
	const fluffy_dk_provision_params params = { .rs = "RS" };
	const fluffy_dk_join_params join = { .window = 0 };
	char path[200];
	fluffy_bytes public_key;
	fluffy_store *ta;
	fluffy_msg *prov;

	(void)snprintf(path, sizeof(path), "%s/ta.db", child_memory);
	(void)unlink(path);
	must(ctx, fluffy_dk_provision(ctx, path, &params, &prov));
	must(ctx, fluffy_dk_open(ctx, path, 0, &ta));
	(void)snprintf(path, sizeof(path), "%s/rs.db", folder);
	must(ctx, fluffy_dk_join(ctx, path, prov, &join, &public_key));
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		take_pass(ta, &passes[i]);
	fluffy_bytes_free(&public_key);
	fluffy_msg_free(&prov);
	fluffy_store_close(&ta);
}

static void
compare(SSL_CTX *client, const char *folder, const char *where)
{
	struct server theirs = { .name = "openssl s_server", .pass = passes };
	struct server ours = { .name = "fluffy-dk serve", .pass = passes + 1,
	    .once = true };
	char what[100];
	double floor;

	make_parties(folder);
	begin_openssl(&theirs, client);
	begin_ours(&ours, client, folder);
	for (size_t i = 0; i < ROUNDS; i++) {
		measure(&theirs, client, i);
		measure(&ours, client, i);
	}
	end(&theirs);
	end(&ours);
	floor = median(theirs.cpu, ROUNDS);
	(void)snprintf(what, sizeof(what), "`openssl s_server`: the floor; "
	    "%.0f in a second", 1 / median(theirs.elapsed, ROUNDS));
	bench_print(what, floor, floor, 0);
	(void)snprintf(what, sizeof(what), "`fluffy-dk serve`, %s; "
	    "%.0f in a second", where, 1 / median(ours.elapsed, ROUNDS));
	bench_print(what, median(ours.cpu, ROUNDS), floor, AIM);
}

/*
 * All are where this is: moving between processors costs as much as what is
 * measured, and differs from run to run.
 */
static void
stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	(void)sched_setaffinity(0, sizeof(here), &here);
}

int
main(int argc, char **argv)
{
	SSL_CTX *client = client_new();

	stay_here();
	child_enter(argc > 1 ? argv[1] : ".");
	if ((ctx = fluffy_ctx_new()) == NULL)
		bench_die("no context");
	bench_head("a DTLS handshake, by the server");
	compare(client, child_memory, "on a tmpfs");
	/* each number is synced before its session is open */
	compare(client, child_folder, "on disk");
	SSL_CTX_free(client);
	fluffy_ctx_free(&ctx);
	return 0;
}
