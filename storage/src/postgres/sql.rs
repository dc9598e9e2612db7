//! Every statement of the engine, each with its parameters; nothing is ever pasted into one.
//!
//! All of it is understood by PostgreSQL 9.1: no `ON CONFLICT` (9.5), no `LATERAL` (9.3), no
//! `unnest` of several arrays in `FROM` (9.4): arrays of one length are unnested side by side in
//! the list of a `SELECT`, which gives rows in every version.

/// Messages of a room within bounds; a bound that is null does not bound.
macro_rules! history {
    () => {
        "SELECT seq, at, nick, sender, stanza_id, stanza FROM takeover_message \
         WHERE room = $1 AND seq > $2 AND seq < $3 \
         AND ($4::bigint IS NULL OR at >= $4) AND ($5::bigint IS NULL OR at <= $5) \
         AND ($6::text IS NULL OR split_part(sender, '/', 1) = $6) \
         AND ($7::text[] IS NULL OR string_to_array(words, ' ') @> $7) \
         AND ($9::text IS NULL OR nick = $9)"
    };
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(super) const $name: &str = $text;)+
        /// All of them: each must be understood by a schema that verifies.
        pub(super) const ALL: &[&str] = &[$($name),+];
    };
}

statements! {
    /// The leases of these aliases, held in place until the transaction ends (CHAT-10).
    FENCE = "SELECT alias, held_by, epoch FROM takeover_lease WHERE alias = ANY($1) \
        ORDER BY alias FOR SHARE";
    /// One lease, for whoever will change it.
    LEASE_FOR_UPDATE = "SELECT held_by, epoch FROM takeover_lease WHERE alias = $1 FOR UPDATE";
    LEASE = "SELECT held_by, epoch FROM takeover_lease WHERE alias = $1";
    LEASE_CREATE = "INSERT INTO takeover_lease (alias, held_by, epoch) VALUES ($1, NULL, 0)";
    /// Compare and set: only the epoch that was read is replaced.
    LEASE_SET = "UPDATE takeover_lease SET held_by = $2, epoch = $3 \
        WHERE alias = $1 AND epoch = $4";

    WRITER_CREATE = "INSERT INTO takeover_writer DEFAULT VALUES RETURNING id";
    WRITER_FORGET = "DELETE FROM takeover_writer WHERE touched < now() - interval '90 days'";
    /// Marks the group that a transaction carries; waits for an older one of the same writer.
    WRITER_MARK = "UPDATE takeover_writer SET last_group = $2, touched = now() WHERE id = $1";
    WRITER_LAST = "SELECT last_group FROM takeover_writer WHERE id = $1 FOR UPDATE";

    ROOMS_NAMED = "SELECT alias, name, id, last_seq, messages FROM takeover_room \
        WHERE alias = ANY($1) AND name = ANY($2)";
    ROOM = "SELECT id, config, created, last_seq, messages FROM takeover_room \
        WHERE alias = $1 AND name = $2";
    ROOM_CREATE = "INSERT INTO takeover_room (alias, name, config, created) \
        VALUES ($1, $2, $3, $4) RETURNING id";
    ROOM_CONFIG = "UPDATE takeover_room SET config = $2 WHERE id = $1";
    ROOM_DELETE = "DELETE FROM takeover_room WHERE id = $1";
    ROOMS_TALLY = "UPDATE takeover_room r SET last_seq = v.last_seq, messages = v.messages \
        FROM (SELECT unnest($1::bigint[]) AS id, unnest($2::bigint[]) AS last_seq, \
            unnest($3::bigint[]) AS messages) v WHERE r.id = v.id";
    ROOMS_OF = "SELECT name FROM takeover_room WHERE alias = $1 \
        AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3";
    ALIASES = "SELECT alias FROM takeover_lease UNION SELECT alias FROM takeover_room \
        ORDER BY alias";
    COUNTS = "SELECT count(*), coalesce(sum(messages), 0)::bigint, \
        coalesce(sum((SELECT count(*) FROM takeover_affiliation a WHERE a.room = r.id)), 0)::bigint \
        FROM takeover_room r WHERE $1::text IS NULL OR alias = $1";

    /// Bytes of what was said and of what is known of rooms, and the right to make tables.
    MEANS = "SELECT (SELECT coalesce(sum(24 + octet_length(nick) + octet_length(sender) \
            + coalesce(octet_length(stanza_id), 0) + octet_length(stanza) \
            + octet_length(words)), 0)::bigint FROM takeover_message) \
        + (SELECT coalesce(sum(32 + octet_length(alias) + octet_length(name) \
            + octet_length(config)), 0)::bigint FROM takeover_room) \
        + (SELECT coalesce(sum(8 + octet_length(jid) + octet_length(affiliation) \
            + coalesce(octet_length(nick), 0) + coalesce(octet_length(reason), 0)), 0)::bigint \
            FROM takeover_affiliation), \
        has_schema_privilege(current_schema(), 'CREATE')";

    AFFILIATIONS = "SELECT jid, affiliation, nick, reason FROM takeover_affiliation \
        WHERE room = $1";
    AFFILIATIONS_DELETE = "DELETE FROM takeover_affiliation WHERE room = $1 AND jid = ANY($2)";
    AFFILIATIONS_INSERT = "INSERT INTO takeover_affiliation (room, jid, affiliation, nick, reason) \
        SELECT $1, unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[])";

    SUBJECT = "SELECT seq, at, nick, sender, stanza_id, stanza FROM takeover_subject \
        WHERE room = $1";
    SUBJECT_DELETE = "DELETE FROM takeover_subject WHERE room = $1";
    SUBJECT_INSERT = "INSERT INTO takeover_subject \
        (room, seq, at, nick, sender, stanza_id, stanza) VALUES ($1, $2, $3, $4, $5, $6, $7)";

    MESSAGES_INSERT = "INSERT INTO takeover_message \
        (room, seq, at, nick, sender, stanza_id, stanza, words) \
        SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]), \
            unnest($4::text[]), unnest($5::text[]), unnest($6::text[]), unnest($7::bytea[]), \
            unnest($8::text[])";
    MESSAGE = "SELECT seq, at, nick, sender, stanza_id, stanza FROM takeover_message \
        WHERE room = $1 AND seq = $2";
    HISTORY_OLDEST = concat!(history!(), " ORDER BY seq ASC LIMIT $8");
    HISTORY_NEWEST = concat!(history!(), " ORDER BY seq DESC LIMIT $8");
}
