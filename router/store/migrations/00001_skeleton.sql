-- These statements run on SQLite and on PostgreSQL. Therefore: times are BIGINT
-- milliseconds since 1970 with 0 for "not yet", keys are TEXT in base58, hashes
-- are TEXT in hex, lists are TEXT in JSON, and signatures are BYTEA, a name
-- SQLite does not know but stores a blob under unchanged.

-- +goose Up
CREATE TABLE jobs (
    id        TEXT   NOT NULL PRIMARY KEY,
    dataset   TEXT   NOT NULL,
    purpose   TEXT   NOT NULL,
    scope     TEXT   NOT NULL,
    max_pages BIGINT NOT NULL,
    country   TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    finished  BIGINT NOT NULL
);
CREATE INDEX jobs_created ON jobs (created, id);
CREATE INDEX jobs_state ON jobs (state, created, id);

-- One row a job, its addresses one a line: apart from jobs, so that listing
-- jobs does not read megabytes of addresses.
CREATE TABLE job_seeds (
    job   TEXT NOT NULL PRIMARY KEY REFERENCES jobs (id),
    seeds TEXT NOT NULL
);

CREATE TABLE nodes (
    node       TEXT   NOT NULL PRIMARY KEY,
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    platform   TEXT   NOT NULL,
    agent      TEXT   NOT NULL,
    country    TEXT   NOT NULL,
    clump      TEXT   NOT NULL
);

CREATE TABLE standing_events (
    node     TEXT   NOT NULL,
    seq      BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    reason   TEXT   NOT NULL,
    permille BIGINT NOT NULL,
    detail   TEXT   NOT NULL,
    PRIMARY KEY (node, seq)
);

CREATE TABLE epochs (
    number       BIGINT NOT NULL PRIMARY KEY,
    state        TEXT   NOT NULL,
    started      BIGINT NOT NULL,
    ended        BIGINT NOT NULL,
    params       TEXT   NOT NULL,
    root         TEXT   NOT NULL,
    content_hash TEXT   NOT NULL,
    allocated    BIGINT NOT NULL,
    unallocated  BIGINT NOT NULL
);

-- side 'counted' is the router's latest receipt, 'agreed' the latest that both
-- ends signed.
CREATE TABLE receipts (
    epoch          BIGINT NOT NULL REFERENCES epochs (number),
    node           TEXT   NOT NULL,
    job            TEXT   NOT NULL,
    side           TEXT   NOT NULL,
    router         TEXT   NOT NULL,
    sequence       BIGINT NOT NULL,
    bytes_down     BIGINT NOT NULL,
    bytes_up       BIGINT NOT NULL,
    tunnels        BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    online_seconds BIGINT NOT NULL,
    router_sig     BYTEA  NOT NULL,
    node_sig       BYTEA  NOT NULL,
    PRIMARY KEY (epoch, node, job, side)
);

CREATE TABLE disputes (
    epoch         BIGINT NOT NULL REFERENCES epochs (number),
    node          TEXT   NOT NULL,
    job           TEXT   NOT NULL,
    sequence      BIGINT NOT NULL,
    router_counts TEXT   NOT NULL,
    node_counts   TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (epoch, node, job, sequence)
);

CREATE TABLE statements (
    epoch          BIGINT NOT NULL REFERENCES epochs (number),
    node           TEXT   NOT NULL,
    bytes_signed   BIGINT NOT NULL,
    bytes_unsigned BIGINT NOT NULL,
    bytes_disputed BIGINT NOT NULL,
    online_seconds BIGINT NOT NULL,
    country        TEXT   NOT NULL,
    scarcity       BIGINT NOT NULL,
    clump          TEXT   NOT NULL,
    standing       BIGINT NOT NULL,
    reasons        TEXT   NOT NULL,
    carriage       BIGINT NOT NULL,
    availability   BIGINT NOT NULL,
    amount         BIGINT NOT NULL,
    cumulative     BIGINT NOT NULL,
    PRIMARY KEY (epoch, node)
);
CREATE INDEX statements_node ON statements (node, epoch);

-- +goose Down
DROP TABLE statements;
DROP TABLE disputes;
DROP TABLE receipts;
DROP TABLE epochs;
DROP TABLE standing_events;
DROP TABLE nodes;
DROP TABLE job_seeds;
DROP TABLE jobs;
