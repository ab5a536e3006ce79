/* store_schema.c - the tables of a store and every statement on them */
#include "store_schema.h"

/*
 * Secret and session keys are in vault and nowhere else.  SQLite overwrites
 * what it deletes (secure_delete), but copies of a row may stay in the free
 * space of a page when rows move between pages.  So rows of vault never move:
 * all have the same size, are changed in place, appended, and never deleted; a
 * free one holds zeros and is used again.
 *
 * replay isn't indexed by what it holds: a row is what one transaction
 * recorded, ids grow, and each process keeps the whole in memory.
 */
const char store_schema[] =
    "CREATE TABLE party(id INTEGER PRIMARY KEY, role INTEGER NOT NULL,"
    " realm TEXT NOT NULL, name TEXT NOT NULL, skdcrealm TEXT NOT NULL,"
    " skdcname TEXT NOT NULL, lifetime INTEGER NOT NULL,"
    " skew INTEGER NOT NULL, etypes TEXT NOT NULL, max_now INTEGER NOT NULL,"
    " forgotten INTEGER NOT NULL,"
    " last_keyid INTEGER NOT NULL, last_replay INTEGER NOT NULL,"
    " keys_version INTEGER NOT NULL, erasures INTEGER NOT NULL,"
    " wiped INTEGER NOT NULL, pruned INTEGER NOT NULL);"
    "CREATE TABLE vault(slot INTEGER PRIMARY KEY, used INTEGER NOT NULL,"
    " key BLOB NOT NULL);"
    "CREATE INDEX vault_free ON vault(used) WHERE used = 0;"
    "CREATE TABLE secret(ord INTEGER PRIMARY KEY, kid BLOB NOT NULL UNIQUE,"
    " owner TEXT NOT NULL, alg INTEGER NOT NULL, slot INTEGER,"
    " endtime INTEGER NOT NULL, seals INTEGER NOT NULL);"
    "CREATE INDEX secret_owner ON secret(owner);"
    "CREATE TABLE device(name TEXT NOT NULL PRIMARY KEY,"
    " lifetime INTEGER NOT NULL, etypes TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE rule(client TEXT NOT NULL, service TEXT NOT NULL,"
    " PRIMARY KEY(client, service)) WITHOUT ROWID;"
    "CREATE TABLE replay(id INTEGER PRIMARY KEY, until INTEGER NOT NULL,"
    " entries BLOB NOT NULL);"
    "CREATE INDEX replay_until ON replay(until);"
    "CREATE TABLE issued(keyid INTEGER PRIMARY KEY, client TEXT NOT NULL,"
    " service TEXT NOT NULL, alg INTEGER NOT NULL, authtime INTEGER NOT NULL,"
    " endtime INTEGER NOT NULL);"
    "CREATE INDEX issued_endtime ON issued(endtime);"
    "CREATE TABLE pending(nonce BLOB NOT NULL PRIMARY KEY,"
    " type INTEGER NOT NULL, time INTEGER NOT NULL, realm TEXT NOT NULL,"
    " service TEXT NOT NULL, kty INTEGER NOT NULL, etypes TEXT NOT NULL,"
    " keyid BLOB, seqnum INTEGER) WITHOUT ROWID;"
    "CREATE TABLE session(id INTEGER PRIMARY KEY, keyid BLOB NOT NULL,"
    " service INTEGER NOT NULL, realm TEXT NOT NULL, peer TEXT NOT NULL,"
    " alg INTEGER NOT NULL, slot INTEGER NOT NULL, authtime INTEGER NOT NULL,"
    " endtime INTEGER NOT NULL, established INTEGER NOT NULL, cpac BLOB,"
    " UNIQUE(keyid, service));"
    "CREATE TABLE gone(keyid BLOB NOT NULL PRIMARY KEY,"
    " until INTEGER NOT NULL) WITHOUT ROWID;";

#define WIPE "UPDATE vault SET used = 0, key = zeroblob(33) WHERE slot IN "
#define SECRET_COLUMNS "SELECT s.kid, s.owner, s.alg, v.key, s.endtime, " \
	"s.ord FROM secret s CROSS JOIN vault v USING(slot) "

const char *const sql_text[N_SQL] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",

	[SQL_PARTY] = "SELECT role, realm, name, skdcrealm, skdcname, "
	    "lifetime, skew, etypes, max_now, forgotten, last_keyid, "
	    "last_replay, "
	    "keys_version, erasures, wiped, pruned FROM party WHERE id = 1",
	[SQL_PARTY_ADD] = "INSERT INTO party VALUES(1, ?, ?, ?, ?, ?, "
	    "0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0)",
	[SQL_PARTY_SET] = "UPDATE party SET lifetime = ?, skew = ?, "
	    "etypes = ?, max_now = ?, forgotten = ?, last_keyid = ?, "
	    "last_replay = ?, "
	    "keys_version = ?, erasures = ?, pruned = ? WHERE id = 1",
	[SQL_PARTY_WIPED] = "UPDATE party SET wiped = max(wiped, ?) "
	    "WHERE id = 1",

	[SQL_SLOT_FREE] = "SELECT slot FROM vault WHERE used = 0 LIMIT 1",
	[SQL_SLOT_ADD] = "INSERT INTO vault VALUES(NULL, 1, ?)",
	[SQL_SLOT_SET] = "UPDATE vault SET used = 1, key = ? WHERE slot = ?",

	[SQL_SECRET_KNOWN] = "SELECT 1 FROM secret WHERE kid = ?",
	[SQL_SECRET_ADD] = "INSERT INTO secret(kid, owner, alg, slot, "
	    "endtime, seals) VALUES(?, ?, ?, ?, ?, 0)",
	[SQL_SECRET] = SECRET_COLUMNS "WHERE s.kid = ?",
	[SQL_SECRETS_OF] = SECRET_COLUMNS
	    "WHERE s.owner = ? ORDER BY s.ord DESC LIMIT ?",
	[SQL_SECRET_ENDTIME] = "UPDATE secret SET endtime = ? "
	    "WHERE kid = ? AND slot IS NOT NULL",
	/* Section 4: at most 2^32 seals. */
	[SQL_SECRET_SEALS] = "UPDATE secret SET seals = seals + ?1 "
	    "WHERE kid = ?2 AND slot IS NOT NULL AND seals + ?1 <= 4294967296",
	[SQL_SECRET_WIPE] = WIPE "(SELECT slot FROM secret WHERE kid = ?)",
	[SQL_SECRET_GONE] = "UPDATE secret SET slot = NULL, owner = '' "
	    "WHERE kid = ?",
	/* Section 9: what has ended opens nothing more. */
	[SQL_SECRET_WIPE_ENDED] = WIPE "(SELECT slot FROM secret "
	    "WHERE slot IS NOT NULL AND endtime BETWEEN 1 AND ? "
	    "ORDER BY ord LIMIT ?)",
	[SQL_SECRET_GONE_ENDED] = "UPDATE secret SET slot = NULL, owner = '' "
	    "WHERE ord IN (SELECT ord FROM secret "
	    "WHERE slot IS NOT NULL AND endtime BETWEEN 1 AND ? "
	    "ORDER BY ord LIMIT ?)",

	[SQL_DEVICE_ADD] = "INSERT INTO device VALUES(?, 0, '')",
	[SQL_DEVICE] = "SELECT name, lifetime, etypes FROM device "
	    "WHERE name = ?",
	[SQL_DEVICE_SET] = "UPDATE device SET lifetime = ?, etypes = ? "
	    "WHERE name = ?",
	[SQL_DEVICE_REMOVE] = "DELETE FROM device WHERE name = ?",
	[SQL_DEVICE_WIPE] = WIPE "(SELECT slot FROM secret WHERE owner = ?)",
	[SQL_DEVICE_GONE] = "UPDATE secret SET slot = NULL, owner = '' "
	    "WHERE owner = ?",
	[SQL_DEVICE_RULES] = "DELETE FROM rule "
	    "WHERE client = ?1 OR service = ?1",

	[SQL_RULE_ADD] = "INSERT INTO rule VALUES(?, ?) "
	    "ON CONFLICT DO NOTHING",
	[SQL_RULE_REMOVE] = "DELETE FROM rule "
	    "WHERE client = ? AND service = ?",
	[SQL_RULE_COUNT] = "SELECT count(*) FROM rule",
	[SQL_RULE_DENIES] = "SELECT 1 FROM rule WHERE client IN (?, '*') "
	    "AND service IN (?, '*') LIMIT 1",

	[SQL_REPLAY_ADD] = "INSERT INTO replay VALUES(?, ?, ?)",
	[SQL_REPLAYS_LONGER] = "UPDATE replay SET until = until + ?",
	[SQL_REPLAY_ENDED] = "SELECT coalesce(max(until), 0) "
	    "FROM replay WHERE until < ?",
	[SQL_REPLAYS_SINCE] = "SELECT id, entries FROM replay "
	    "WHERE id > ? ORDER BY id",
	/* Section 6, Replay: kept until now > time + 2 x skew. */
	[SQL_REPLAY_PRUNE] = "DELETE FROM replay WHERE id IN "
	    "(SELECT id FROM replay WHERE until < ? LIMIT ?)",

	[SQL_ISSUED_ADD] = "INSERT INTO issued VALUES(?, ?, ?, ?, ?, ?)",
	[SQL_ISSUED_REMOVE] = "DELETE FROM issued WHERE keyid = ?",
	[SQL_ISSUED_PRUNE] = "DELETE FROM issued WHERE keyid IN "
	    "(SELECT keyid FROM issued WHERE endtime <= ? LIMIT ?)",

	[SQL_PENDING_ADD] = "INSERT INTO pending "
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
	[SQL_PENDING] = "SELECT nonce, type, time, realm, service, kty, "
	    "etypes, keyid, seqnum FROM pending WHERE nonce = ?",
	[SQL_PENDING_REMOVE] = "DELETE FROM pending WHERE nonce = ?",
	[SQL_PENDING_PRUNE] = "DELETE FROM pending WHERE nonce IN "
	    "(SELECT nonce FROM pending WHERE time <= ? LIMIT ?)",

	[SQL_SESSION_ADD] = "INSERT INTO session VALUES"
	    "(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_SESSION] = "SELECT s.keyid, s.service, s.realm, s.peer, s.alg, "
	    "v.key, s.authtime, s.endtime, s.established "
	    "FROM session s CROSS JOIN vault v USING(slot) "
	    "WHERE s.keyid = ? AND s.service = ?",
	[SQL_SESSION_ESTABLISHED] = "UPDATE session SET established = 1 "
	    "WHERE keyid = ? AND service = ?",
	[SQL_SESSION_WIPE] = WIPE "(SELECT slot FROM session WHERE keyid = ?)",
	[SQL_SESSION_REMOVE] = "DELETE FROM session WHERE keyid = ?",
	[SQL_SESSION_WIPE_ROLE] = WIPE "(SELECT slot FROM session "
	    "WHERE keyid = ? AND service = ?)",
	[SQL_SESSION_REMOVE_ROLE] = "DELETE FROM session "
	    "WHERE keyid = ? AND service = ?",
	/* The same LIMIT in the same order: the same rows. */
	[SQL_SESSION_WIPE_ENDED] = WIPE "(SELECT slot FROM session "
	    "WHERE endtime <= ? ORDER BY id LIMIT ?)",
	[SQL_SESSION_PRUNE] = "DELETE FROM session WHERE id IN "
	    "(SELECT id FROM session WHERE endtime <= ? ORDER BY id LIMIT ?)",

	[SQL_GONE_ADD] = "INSERT INTO gone VALUES(?, ?) ON CONFLICT(keyid) "
	    "DO UPDATE SET until = max(until, excluded.until)",
	[SQL_GONE] = "SELECT 1 FROM gone WHERE keyid = ?",
	[SQL_GONE_PRUNE] = "DELETE FROM gone WHERE keyid IN "
	    "(SELECT keyid FROM gone WHERE until < ? LIMIT ?)",

	[SQL_LIST_DEVICES] = "SELECT name FROM device ORDER BY name",
	[SQL_LIST_SECRETS] = "SELECT kid, owner, alg, endtime "
	    "FROM secret WHERE owner = ? AND slot IS NOT NULL ORDER BY ord",
	[SQL_LIST_ISSUED] = "SELECT keyid, client, service, alg, authtime, "
	    "endtime FROM issued ORDER BY keyid",
	[SQL_LIST_RULES] = "SELECT client, service FROM rule "
	    "ORDER BY client, service",
	[SQL_LIST_SESSIONS] = "SELECT keyid, service, realm, peer, alg, "
	    "authtime, endtime, established FROM session "
	    "ORDER BY authtime, keyid, service",
	[SQL_LIST_PENDING] = "SELECT nonce, type, time, realm, service, "
	    "keyid FROM pending ORDER BY time, nonce",
	[SQL_LIST_GONE] = "SELECT keyid, until FROM gone "
	    "ORDER BY until, keyid",
};
