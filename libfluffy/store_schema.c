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
static const char format_1[] =
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

/*
 * Format 2.  grp.keyid is the current key's, also when it has ended; grppac is
 * the owner's wish as it came, named the members in it.  verdict is the
 * operator's.  A grpkey without a slot is erased or was deleted.  deletion is a
 * device's copy of a key that has to go, delt the nonces of the PSK-DELTs for
 * it.  safe is a vault for private keys, pair holds pairs (with a slot) and
 * peers' public keys (without).
 */
static const char format_2[] =
    "CREATE TABLE grp(id INTEGER PRIMARY KEY, realm TEXT NOT NULL,"
    " name TEXT NOT NULL, owner TEXT NOT NULL, state INTEGER NOT NULL,"
    " keyid INTEGER NOT NULL, any INTEGER NOT NULL, grppac BLOB,"
    " delt BLOB, delt_realm INTEGER NOT NULL, UNIQUE(realm, name));"
    "CREATE INDEX grp_owner ON grp(owner);"
    "CREATE TABLE named(grp INTEGER NOT NULL, device TEXT NOT NULL,"
    " PRIMARY KEY(grp, device)) WITHOUT ROWID;"
    "CREATE TABLE verdict(realm TEXT NOT NULL, name TEXT NOT NULL,"
    " device TEXT NOT NULL, verdict INTEGER NOT NULL,"
    " PRIMARY KEY(realm, name, device)) WITHOUT ROWID;"
    "CREATE TABLE grpkey(keyid INTEGER PRIMARY KEY, grp INTEGER NOT NULL,"
    " alg INTEGER NOT NULL, slot INTEGER, authtime INTEGER NOT NULL,"
    " endtime INTEGER NOT NULL);"
    "CREATE INDEX grpkey_grp ON grpkey(grp);"
    "CREATE INDEX grpkey_endtime ON grpkey(endtime);"
    "CREATE TABLE holder(keyid INTEGER NOT NULL, device TEXT NOT NULL,"
    " endtime INTEGER NOT NULL, PRIMARY KEY(keyid, device)) WITHOUT ROWID;"
    "CREATE INDEX holder_device ON holder(device);"
    "CREATE INDEX holder_endtime ON holder(endtime);"
    "CREATE TABLE deletion(keyid INTEGER NOT NULL, device TEXT NOT NULL,"
    " since INTEGER NOT NULL, endtime INTEGER NOT NULL,"
    " confirmed INTEGER NOT NULL, PRIMARY KEY(keyid, device)) WITHOUT ROWID;"
    "CREATE INDEX deletion_device ON deletion(device);"
    "CREATE INDEX deletion_endtime ON deletion(endtime);"
    "CREATE TABLE delt(device TEXT NOT NULL, nonce BLOB NOT NULL,"
    " keyid INTEGER NOT NULL, endtime INTEGER NOT NULL,"
    " PRIMARY KEY(device, nonce)) WITHOUT ROWID;"
    "CREATE INDEX delt_endtime ON delt(endtime);"
    "CREATE TABLE safe(slot INTEGER PRIMARY KEY, used INTEGER NOT NULL,"
    " key BLOB NOT NULL);"
    "CREATE INDEX safe_free ON safe(used) WHERE used = 0;"
    "CREATE TABLE pair(id INTEGER PRIMARY KEY, keyid BLOB NOT NULL,"
    " peer INTEGER NOT NULL, realm TEXT NOT NULL, name TEXT NOT NULL,"
    " slot INTEGER, authtime INTEGER NOT NULL, endtime INTEGER NOT NULL,"
    " proven INTEGER NOT NULL, cpac BLOB, keydata BLOB NOT NULL,"
    " UNIQUE(keyid, peer));"
    "CREATE INDEX pair_endtime ON pair(endtime);"
    "CREATE TABLE ca(id INTEGER PRIMARY KEY, cert TEXT, key TEXT, url TEXT,"
    " ref TEXT, secret TEXT, x5u TEXT);";

/*
 * Format 3, for section 11.  A trust anchor has an anchor for each of its RSs,
 * an RS for each of its trust anchors; seq and bits are the window.  spent
 * holds digests of all keys and MacCerts that ever were here.  A credential
 * that was used stays, emptied: the next one is found from it.
 */
static const char format_3[] =
    "CREATE TABLE anchor(id INTEGER PRIMARY KEY, ta TEXT NOT NULL,"
    " rs TEXT NOT NULL, keyid BLOB NOT NULL, slot INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, size INTEGER NOT NULL, bits BLOB NOT NULL,"
    " rs_key BLOB, UNIQUE(ta, rs));"
    "CREATE TABLE spent(mark BLOB NOT NULL PRIMARY KEY, keyid BLOB)"
    " WITHOUT ROWID;"
    "CREATE TABLE revoked(anchor INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY(anchor, seq)) WITHOUT ROWID;"
    "CREATE TABLE node(id INTEGER PRIMARY KEY, slot INTEGER NOT NULL);"
    "CREATE TABLE credential(id INTEGER PRIMARY KEY, ta TEXT NOT NULL,"
    " rs TEXT NOT NULL, seq INTEGER NOT NULL, used INTEGER NOT NULL,"
    " nonce BLOB, maccert BLOB, rs_key BLOB, slot INTEGER);"
    "CREATE INDEX credential_next ON credential(rs, seq, id)"
    " WHERE used = 0;";

/* Format 4: who looks for a kid meets none that was erased (section 6). */
static const char format_4[] =
    "CREATE INDEX secret_live ON secret(kid) WHERE slot IS NOT NULL;";

/*
 * Format 5: nor one that is the same as what is looked for.  SQLite takes a
 * few nanoseconds more or less to find two blobs equal.
 */
#define KID_MARKED "CAST(kid || x'00' AS BLOB)"
static const char format_5[] =
    "DROP INDEX secret_live;"
    "CREATE INDEX secret_live ON secret(" KID_MARKED ")"
    " WHERE slot IS NOT NULL;";

/*
 * Format 6: nor the row of one, whose names are of any length; and a client's
 * session keys the same way.  WHERE service = 0 would make SQLite prepare each
 * statement anew that has "service = ?".
 */
#define KEYID_MARKED "CAST(keyid || x'00' AS BLOB)"
static const char format_6[] =
    "DROP INDEX secret_live;"
    "CREATE INDEX secret_live ON secret(" KID_MARKED ", kid, alg, slot,"
    " endtime) WHERE slot IS NOT NULL;"
    "CREATE INDEX session_key ON session(service, " KEYID_MARKED ", keyid,"
    " alg, slot);";

const char *const store_formats[STORE_FORMAT + 1] = {
	[1] = format_1, [2] = format_2, [3] = format_3, [4] = format_4,
	[5] = format_5, [6] = format_6
};

#define WIPE "UPDATE vault SET used = 0, key = zeroblob(33) WHERE slot IN "
#define WIPE_SAFE "UPDATE safe SET used = 0, key = zeroblob(2624) " \
	"WHERE slot IN "
#define GROUP_COLUMNS "SELECT g.id, g.realm, g.name, g.owner, g.state, " \
	"g.keyid, g.any, g.delt, g.delt_realm, g.grppac FROM grp g "
#define OF_DELETED_GROUP "WHERE service >= 2 AND realm = ?1 AND peer = ?2 " \
	"AND (authtime < ?3 OR (established = 0 AND authtime = ?3) " \
	"OR id <= (SELECT coalesce(max(id), 0) FROM session WHERE keyid = ?4))"
/* Of an owner's deleted groups so many stay, for GSK-DELC again. */
#define FORGOTTEN "WHERE owner = ?1 AND state = 3 " \
	"AND NOT EXISTS (SELECT 1 FROM grpkey k WHERE k.grp = grp.id) " \
	"AND id NOT IN (SELECT id FROM grp WHERE owner = ?1 AND state = 3 " \
	"ORDER BY id DESC LIMIT ?2)"
/* Of a holder h: it hasn't been told to delete its copy. */
#define NOT_ASKED "NOT EXISTS (SELECT 1 FROM deletion d " \
	"WHERE d.keyid = h.keyid AND d.device = h.device)"
/* Who was removed can't be asked, until it is enrolled again. */
#define ENROLLED "EXISTS (SELECT 1 FROM device v WHERE v.name = d.device)"
#define OF_GROUP "FROM grpkey k JOIN deletion d USING(keyid) " \
	"WHERE d.confirmed = 0 AND d.endtime > ? AND k.grp = ? " \
	"AND d.device <> ? AND " ENROLLED " "
#define DELETION_COLUMNS "SELECT d.keyid, d.device, d.since, d.endtime "
#define ANCHOR_COLUMNS "SELECT a.id, a.ta, a.rs, a.keyid, v.key, a.seq, " \
	"a.size, a.bits, a.rs_key IS NOT NULL " \
	"FROM anchor a CROSS JOIN vault v USING(slot) "
#define SECRET_COLUMNS "SELECT s.kid, s.owner, s.alg, v.key, s.endtime, " \
	"s.ord FROM secret s CROSS JOIN vault v USING(slot) "
#define LIVE "s.slot IS NOT NULL "

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
	/*
	 * The same steps whether there is such a kid or not: the bound is never
	 * in the index, and the row is the kid's or the one before it.
	 */
	/* of some other device, perhaps: without what differs in length */
	[SQL_SECRET] = "SELECT s.kid, s.alg, v.key, s.endtime, s.ord "
	    "FROM secret s INDEXED BY secret_live "
	    "CROSS JOIN vault v USING(slot) WHERE " KID_MARKED " < ? AND " LIVE
	    "ORDER BY " KID_MARKED " DESC LIMIT 1",
	[SQL_SECRET_OWNER] = "SELECT owner, seals FROM secret "
	    "WHERE kid = ? AND slot IS NOT NULL",
	[SQL_SECRET_LOWEST] = "SELECT s.kid FROM secret s "
	    "INDEXED BY secret_live WHERE " LIVE
	    "ORDER BY " KID_MARKED " LIMIT 1",
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
	/* As SQL_SECRET. */
	[SQL_CLIENT_KEY] = "SELECT s.keyid, s.alg, v.key "
	    "FROM session s INDEXED BY session_key "
	    "CROSS JOIN vault v USING(slot) "
	    "WHERE s.service = 0 AND " KEYID_MARKED " < ? "
	    "ORDER BY " KEYID_MARKED " DESC LIMIT 1",
	[SQL_CLIENT_LOWEST] = "SELECT s.keyid FROM session s "
	    "INDEXED BY session_key WHERE s.service = 0 "
	    "ORDER BY " KEYID_MARKED " LIMIT 1",
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
	/* A few stay: a clock that was far ahead for a moment forgets none. */
	[SQL_GONE_PRUNE] = "DELETE FROM gone WHERE keyid IN "
	    "(SELECT keyid FROM gone WHERE until < ? "
	    "ORDER BY until DESC LIMIT ? OFFSET 1000)",

	[SQL_GROUP] = GROUP_COLUMNS "WHERE g.realm = ? AND g.name = ?",
	[SQL_GROUP_OF_KEY] = GROUP_COLUMNS "JOIN grpkey k ON k.grp = g.id "
	    "WHERE k.keyid = ?",
	[SQL_GROUP_ADD] = "INSERT INTO grp VALUES"
	    "(NULL, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
	[SQL_GROUP_SET] = "UPDATE grp SET owner = ?, state = ?, keyid = ?, "
	    "any = ?, grppac = ?, delt = ?, delt_realm = ? WHERE id = ?",
	/* Not those whose deletion time has completed. */
	[SQL_GROUPS_COUNT] = "SELECT count(*) FROM grp g WHERE g.owner = ? "
	    "AND (g.state = 1 OR (g.state = 2 AND EXISTS (SELECT 1 "
	    "FROM grpkey k JOIN deletion d USING(keyid) WHERE k.grp = g.id "
	    "AND d.confirmed = 0 AND d.endtime > ? "
	    "AND d.device <> g.owner)))",
	[SQL_GRPKEYS_COUNT] = "SELECT count(*) FROM grpkey "
	    "WHERE grp = ? AND endtime > ?",
	[SQL_GROUP_REMOVE] = "DELETE FROM grp WHERE id = ?",
	[SQL_GROUPS_FORGET] = "DELETE FROM grp " FORGOTTEN,
	[SQL_GROUPS_OWNED] = GROUP_COLUMNS "WHERE g.owner = ? ORDER BY g.id",
	/* In which a device holds a key, but not as the owner. */
	[SQL_GROUPS_HELD] = GROUP_COLUMNS "WHERE g.owner <> ?1 AND g.id IN "
	    "(SELECT k.grp FROM holder h JOIN grpkey k USING(keyid) "
	    "WHERE h.device = ?1 AND h.endtime > ?2 AND " NOT_ASKED ") "
	    "ORDER BY g.id",
	[SQL_NAMED_ADD] = "INSERT INTO named VALUES(?, ?) "
	    "ON CONFLICT DO NOTHING",
	[SQL_NAMED] = "SELECT 1 FROM named WHERE grp = ? AND device = ?",
	[SQL_NAMED_DROP] = "DELETE FROM named WHERE grp = ?",
	[SQL_VERDICT_SET] = "INSERT INTO verdict VALUES(?, ?, ?, ?) "
	    "ON CONFLICT DO UPDATE SET verdict = excluded.verdict",
	[SQL_VERDICT_REMOVE] = "DELETE FROM verdict "
	    "WHERE realm = ? AND name = ? AND device = ?",
	[SQL_VERDICT] = "SELECT verdict FROM verdict "
	    "WHERE realm = ? AND name = ? AND device = ?",
	/* What was said of one group, not of its name. */
	[SQL_VERDICTS_DROP] = "DELETE FROM verdict "
	    "WHERE realm = ? AND name = ? AND verdict <> 3",
	[SQL_VERDICTS_OF_FORGOTTEN] = "DELETE FROM verdict WHERE verdict <> 3 "
	    "AND (realm, name) IN (SELECT realm, name FROM grp " FORGOTTEN ")",
	/* A namesake that comes later gets no privilege. */
	[SQL_VERDICTS_FORGET] = "DELETE FROM verdict "
	    "WHERE device = ? AND verdict = 1",

	[SQL_GRPKEY_ADD] = "INSERT INTO grpkey VALUES(?, ?, ?, ?, ?, ?)",
	[SQL_GRPKEY] = "SELECT k.grp, k.alg, k.authtime, k.endtime, v.key "
	    "FROM grpkey k LEFT JOIN vault v USING(slot) WHERE k.keyid = ?",
	[SQL_GRPKEY_WIPE] = WIPE "(SELECT slot FROM grpkey WHERE keyid = ?)",
	[SQL_GRPKEY_ERASED] = "UPDATE grpkey SET slot = NULL WHERE keyid = ?",
	[SQL_GRPKEYS_WIPE] = WIPE "(SELECT slot FROM grpkey WHERE grp = ?)",
	[SQL_GRPKEYS_ERASED] = "UPDATE grpkey SET slot = NULL WHERE grp = ?",
	[SQL_GRPKEYS_DROP] = "DELETE FROM grpkey WHERE grp = ?",
	/* The same LIMIT in the same order: the same rows. */
	[SQL_GRPKEY_WIPE_ENDED] = WIPE "(SELECT slot FROM grpkey "
	    "WHERE endtime <= ? AND slot IS NOT NULL ORDER BY keyid LIMIT ?)",
	[SQL_GRPKEY_ERASE_ENDED] = "UPDATE grpkey SET slot = NULL "
	    "WHERE keyid IN (SELECT keyid FROM grpkey "
	    "WHERE endtime <= ? AND slot IS NOT NULL ORDER BY keyid LIMIT ?)",
	[SQL_GRPKEY_PRUNE] = "DELETE FROM grpkey WHERE keyid IN "
	    "(SELECT keyid FROM grpkey WHERE endtime <= ? "
	    "ORDER BY keyid LIMIT ?)",
	[SQL_HOLDER_ADD] = "INSERT INTO holder VALUES(?, ?, ?) "
	    "ON CONFLICT DO NOTHING",
	[SQL_HOLDS] = "SELECT 1 FROM holder h JOIN grpkey k USING(keyid) "
	    "WHERE k.grp = ? AND h.device = ? AND h.endtime > ? AND "
	    NOT_ASKED " LIMIT 1",
	[SQL_HOLDER_PRUNE] = "DELETE FROM holder WHERE (keyid, device) IN "
	    "(SELECT keyid, device FROM holder WHERE endtime <= ? LIMIT ?)",

	[SQL_DELETION_ADD] = "INSERT INTO deletion VALUES(?, ?, ?, ?, 0) "
	    "ON CONFLICT DO NOTHING",
	[SQL_DELETION_ASKED] = "SELECT 1 FROM deletion "
	    "WHERE keyid = ? AND device = ?",
	/* Section 6: of all its keys, at all holders but the owner. */
	[SQL_DELETIONS_OF_GROUP] = "INSERT INTO deletion "
	    "SELECT h.keyid, h.device, ?2, h.endtime, 0 "
	    "FROM grpkey k JOIN holder h USING(keyid) "
	    "WHERE k.grp = ?1 AND h.endtime > ?2 AND h.device <> ?3 "
	    "ON CONFLICT DO NOTHING",
	[SQL_DELETIONS_OF_KEY] = "INSERT INTO deletion "
	    "SELECT h.keyid, h.device, ?2, h.endtime, 0 FROM holder h "
	    "WHERE h.keyid = ?1 AND h.endtime > ?2 ON CONFLICT DO NOTHING",
	[SQL_DELETIONS_OF_MEMBER] = "INSERT INTO deletion "
	    "SELECT h.keyid, h.device, ?2, h.endtime, 0 "
	    "FROM grpkey k JOIN holder h USING(keyid) "
	    "WHERE k.grp = ?1 AND h.endtime > ?2 AND h.device = ?3 "
	    "ON CONFLICT DO NOTHING",
	[SQL_DELETION_CONFIRM] = "UPDATE deletion SET confirmed = 1 "
	    "WHERE keyid = ? AND device = ?",
	[SQL_DELETION_PRUNE] = "DELETE FROM deletion WHERE (keyid, device) IN "
	    "(SELECT keyid, device FROM deletion WHERE endtime <= ? LIMIT ?)",
	[SQL_MISSING] = DELETION_COLUMNS "FROM deletion d "
	    "WHERE d.confirmed = 0 AND d.endtime > ? AND " ENROLLED
	    " ORDER BY d.since, d.keyid, d.device",
	[SQL_IS_MISSING] = "SELECT 1 " OF_GROUP "LIMIT 1",
	[SQL_MISSING_OF_GROUP] = DELETION_COLUMNS OF_GROUP
	    "ORDER BY d.keyid, d.device",
	[SQL_MISSING_OF_KEY] = DELETION_COLUMNS "FROM deletion d "
	    "WHERE d.confirmed = 0 AND d.endtime > ? AND d.keyid = ? AND "
	    ENROLLED " ORDER BY d.device",
	[SQL_DELT_ADD] = "INSERT INTO delt VALUES(?, ?, ?, ?)",
	[SQL_DELT] = "SELECT keyid FROM delt WHERE device = ? AND nonce = ?",
	[SQL_DELT_PRUNE] = "DELETE FROM delt WHERE (device, nonce) IN "
	    "(SELECT device, nonce FROM delt WHERE endtime <= ? LIMIT ?)",
	[SQL_ISSUED] = "SELECT keyid, client, service, alg, authtime, endtime "
	    "FROM issued WHERE keyid = ?",

	[SQL_GROUP_OWNED] = "SELECT 1 FROM session "
	    "WHERE service = 3 AND realm = ? AND peer = ? LIMIT 1",
	[SQL_GROUP_KEY_NEWEST] = "SELECT keyid FROM session "
	    "WHERE service >= 2 AND realm = ? AND peer = ? "
	    "ORDER BY established DESC, authtime DESC, keyid DESC LIMIT 1",
	/* What was issued before, or came before the one that was deleted; in
	   the very second, what was fetched by its keyid. */
	[SQL_GROUP_KEYS_GONE] = "INSERT INTO gone "
	    "SELECT keyid, min(endtime + ?5, 1 << 53) FROM session "
	    OF_DELETED_GROUP " ON CONFLICT(keyid) DO UPDATE SET "
	    "until = max(until, excluded.until)",
	[SQL_GROUP_KEYS_WIPE] = WIPE "(SELECT slot FROM session "
	    OF_DELETED_GROUP ")",
	[SQL_GROUP_KEYS_REMOVE] = "DELETE FROM session " OF_DELETED_GROUP,
	/* GSK-REQ, which in that second may be for a new group; GSK-DELT; and
	   GSK-FET from before GSK-DELC: what is on its way may be deleted. */
	[SQL_PENDING_OF_GROUP] = "DELETE FROM pending "
	    "WHERE realm IN (?1, ?2) AND service = ?3 "
	    "AND (time < ?4 AND type = 7 OR time <= ?4 AND type = 11 "
	    "OR time <= max(?4, ?5) AND type = 9)",

	[SQL_SAFE_FREE] = "SELECT slot FROM safe WHERE used = 0 LIMIT 1",
	[SQL_SAFE_ADD] = "INSERT INTO safe VALUES(NULL, 1, ?)",
	[SQL_SAFE_SET] = "UPDATE safe SET used = 1, key = ? WHERE slot = ?",
	[SQL_PAIR_ADD] = "INSERT INTO pair VALUES"
	    "(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_PAIR] = "SELECT p.keyid, p.peer, p.realm, p.name, p.authtime, "
	    "p.endtime, p.proven, p.keydata, s.key "
	    "FROM pair p LEFT JOIN safe s USING(slot) "
	    "WHERE p.keyid = ? AND p.peer = ?",
	[SQL_PAIR_WIPE] = WIPE_SAFE "(SELECT slot FROM pair WHERE keyid = ?)",
	[SQL_PAIR_REMOVE] = "DELETE FROM pair WHERE keyid = ?",
	[SQL_PAIR_WIPE_ROLE] = WIPE_SAFE "(SELECT slot FROM pair "
	    "WHERE keyid = ? AND peer = ?)",
	[SQL_PAIR_REMOVE_ROLE] = "DELETE FROM pair "
	    "WHERE keyid = ? AND peer = ?",
	[SQL_PAIR_WIPE_ENDED] = WIPE_SAFE "(SELECT slot FROM pair "
	    "WHERE endtime <= ? ORDER BY id LIMIT ?)",
	[SQL_PAIR_PRUNE] = "DELETE FROM pair WHERE id IN "
	    "(SELECT id FROM pair WHERE endtime <= ? ORDER BY id LIMIT ?)",
	[SQL_CA] = "SELECT cert, key, url, ref, secret, x5u FROM ca "
	    "WHERE id = 1",
	[SQL_CA_SET] = "INSERT OR REPLACE INTO ca VALUES"
	    "(1, ?, ?, ?, ?, ?, ?)",

	[SQL_ANCHOR] = ANCHOR_COLUMNS "WHERE a.ta = ? AND a.rs = ?",
	[SQL_ANCHORS] = ANCHOR_COLUMNS "ORDER BY a.ta, a.rs",
	[SQL_ANCHOR_ADD] = "INSERT INTO anchor"
	    "(keyid, slot, seq, size, bits, ta, rs) VALUES(?, ?, ?, ?, ?, ?, ?)",
	[SQL_ANCHOR_RENEW] = "UPDATE anchor SET keyid = ?, slot = ?, seq = ?, "
	    "size = ?, bits = ? WHERE ta = ? AND rs = ?",
	[SQL_ANCHOR_WIPE] = WIPE "(SELECT slot FROM anchor WHERE id = ?)",
	[SQL_ANCHOR_MOVED] = "UPDATE anchor SET seq = ?, bits = ? "
	    "WHERE id = ?",
	[SQL_SPENT_ADD] = "INSERT INTO spent VALUES(?, ?) "
	    "ON CONFLICT DO NOTHING",
	[SQL_SPENT_KEYID] = "SELECT 1 FROM spent WHERE keyid = ? LIMIT 1",
	[SQL_RS_KEY] = "SELECT rs_key FROM anchor WHERE id = ?",
	[SQL_RS_KEY_SET] = "UPDATE anchor SET rs_key = ? WHERE id = ?",
	[SQL_REVOKED] = "SELECT 1 FROM revoked WHERE anchor = ? AND seq = ?",
	[SQL_REVOKED_ALL] = "SELECT seq FROM revoked WHERE anchor = ? "
	    "ORDER BY seq",
	[SQL_REVOKED_ADD] = "INSERT INTO revoked VALUES(?, ?) "
	    "ON CONFLICT DO NOTHING",
	[SQL_REVOKED_DROP] = "DELETE FROM revoked WHERE anchor = ? "
	    "AND seq <= ?",
	[SQL_OWN] = "SELECT s.key FROM node n JOIN safe s USING(slot) "
	    "WHERE n.id = 1",
	[SQL_OWN_SET] = "INSERT OR REPLACE INTO node VALUES(1, ?)",
	[SQL_OWN_WIPE] = WIPE_SAFE "(SELECT slot FROM node)",
	[SQL_CREDENTIAL_ADD] = "INSERT INTO credential VALUES"
	    "(NULL, ?, ?, ?, 0, ?, ?, ?, ?)",
	[SQL_CREDENTIAL_NEXT] = "SELECT c.id, c.ta, c.rs, c.seq, c.nonce, "
	    "c.maccert, c.rs_key, v.key "
	    "FROM credential c LEFT JOIN vault v USING(slot) "
	    "WHERE c.used = 0 AND c.rs = ?1 AND (c.seq, c.id) > "
	    "(coalesce((SELECT seq FROM credential WHERE id = ?2), 0), ?2) "
	    "ORDER BY c.seq, c.id LIMIT 1",
	[SQL_CREDENTIALS] = "SELECT id, ta, rs, seq, nonce, maccert, rs_key "
	    "FROM credential WHERE used = 0 ORDER BY rs, seq, id",
	[SQL_CREDENTIAL_WIPE] = WIPE "(SELECT slot FROM credential "
	    "WHERE id = ?)",
	[SQL_CREDENTIAL_USED] = "UPDATE credential SET used = 1, "
	    "nonce = NULL, maccert = NULL, rs_key = NULL, slot = NULL "
	    "WHERE id = ? AND used = 0",
	[SQL_CERTS_USED] = "UPDATE credential SET used = 1, "
	    "maccert = NULL, rs_key = NULL WHERE maccert IS NOT NULL",

	[SQL_LIST_DEVICES] = "SELECT name FROM device ORDER BY name",
	[SQL_LIST_SECRETS] = "SELECT kid, owner, alg, endtime "
	    "FROM secret WHERE owner = ? AND slot IS NOT NULL ORDER BY ord",
	[SQL_LIST_ISSUED] = "SELECT keyid, client, service, alg, authtime, "
	    "endtime, (SELECT min(confirmed) FROM deletion d "
	    "WHERE d.keyid = i.keyid) FROM issued i ORDER BY keyid",
	[SQL_LIST_RULES] = "SELECT client, service FROM rule "
	    "ORDER BY client, service",
	[SQL_LIST_SESSIONS] = "SELECT keyid, service, realm, peer, alg, "
	    "authtime, endtime, established FROM session "
	    "ORDER BY authtime, keyid, service",
	[SQL_LIST_PENDING] = "SELECT nonce, type, time, realm, service, "
	    "keyid FROM pending ORDER BY time, nonce",
	[SQL_LIST_GONE] = "SELECT keyid, until FROM gone WHERE until > ? "
	    "ORDER BY until, keyid",
	[SQL_LIST_PAIRS] = "SELECT keyid, peer, realm, name, authtime, "
	    "endtime, proven, keydata FROM pair "
	    "ORDER BY authtime, keyid, peer",
	[SQL_LIST_GROUPS] = GROUP_COLUMNS "ORDER BY g.realm, g.name",
	/* Names of which something is said, also without a group. */
	[SQL_LIST_GROUP_NAMES] = "SELECT DISTINCT realm, name FROM verdict v "
	    "WHERE NOT EXISTS (SELECT 1 FROM grp g "
	    "WHERE g.realm = v.realm AND g.name = v.name) "
	    "ORDER BY realm, name",
	[SQL_LIST_NAMED] = "SELECT device FROM named WHERE grp = ? "
	    "ORDER BY device",
	[SQL_LIST_VERDICTS] = "SELECT device, verdict FROM verdict "
	    "WHERE realm = ? AND name = ? ORDER BY device",
	[SQL_LIST_HOLDERS] = "SELECT h.keyid, h.device, k.alg, k.authtime, "
	    "h.endtime, d.confirmed FROM grpkey k JOIN holder h USING(keyid) "
	    "LEFT JOIN deletion d ON d.keyid = h.keyid "
	    "AND d.device = h.device WHERE k.grp = ? AND h.endtime > ? "
	    "AND h.device <> ? "
	    "ORDER BY h.keyid, h.device",
};
