-- Rooms, who may do what in them, what was said; leases with their epochs; who writes.
-- Texts that are compared or sorted are so by their bytes, whatever the database's collation.

CREATE TABLE takeover_lease (
    alias   text COLLATE "C" PRIMARY KEY,
    held_by integer,
    epoch   bigint NOT NULL
);

CREATE TABLE takeover_writer (
    id         bigserial PRIMARY KEY,
    last_group bigint NOT NULL DEFAULT 0,
    touched    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE takeover_room (
    id       bigserial PRIMARY KEY,
    alias    text COLLATE "C" NOT NULL,
    name     text COLLATE "C" NOT NULL,
    config   text NOT NULL,
    created  bigint NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    messages bigint NOT NULL DEFAULT 0,
    UNIQUE (alias, name)
);

CREATE TABLE takeover_affiliation (
    room        bigint NOT NULL REFERENCES takeover_room ON DELETE CASCADE,
    jid         text COLLATE "C" NOT NULL,
    affiliation text NOT NULL,
    nick        text,
    reason      text,
    PRIMARY KEY (room, jid)
);

CREATE TABLE takeover_message (
    room      bigint NOT NULL REFERENCES takeover_room ON DELETE CASCADE,
    seq       bigint NOT NULL,
    at        bigint NOT NULL,
    nick      text NOT NULL,
    sender    text COLLATE "C" NOT NULL,
    stanza_id text,
    stanza    bytea NOT NULL,
    words     text COLLATE "C" NOT NULL,
    PRIMARY KEY (room, seq)
);

CREATE TABLE takeover_subject (
    room      bigint PRIMARY KEY REFERENCES takeover_room ON DELETE CASCADE,
    seq       bigint NOT NULL,
    at        bigint NOT NULL,
    nick      text NOT NULL,
    sender    text COLLATE "C" NOT NULL,
    stanza_id text,
    stanza    bytea NOT NULL
);
