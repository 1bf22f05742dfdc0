-- How epochs are paid out. A batch is one transaction; seq counts them over the
-- treasury's whole life and is given when a batch is first signed. The two
-- unique indexes are the rules that no bug above can break: one payment per seq,
-- and one batch at a time between signature and finality.

-- +goose Up
CREATE TABLE settlements (
    epoch    BIGINT NOT NULL PRIMARY KEY,
    mode     TEXT   NOT NULL,
    planned  BIGINT NOT NULL,
    finished BIGINT NOT NULL
);

CREATE TABLE settle_batches (
    epoch       BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    rate_units  BIGINT NOT NULL,
    rate_points BIGINT NOT NULL,
    found       BIGINT NOT NULL,
    signature   TEXT   NOT NULL,
    finished    BIGINT NOT NULL,
    PRIMARY KEY (epoch, number)
);
CREATE UNIQUE INDEX settle_batches_seq ON settle_batches (seq) WHERE state IN ('live', 'final');
CREATE UNIQUE INDEX settle_batches_live ON settle_batches (state) WHERE state = 'live';

-- node is empty in a payout that was read from the chain and is not known to be
-- anybody's, and in a refund; units includes royalty.
CREATE TABLE settle_payouts (
    epoch   BIGINT NOT NULL,
    batch   BIGINT NOT NULL,
    place   BIGINT NOT NULL,
    node    TEXT   NOT NULL,
    address TEXT   NOT NULL,
    account TEXT   NOT NULL,
    tag     TEXT   NOT NULL,
    units   BIGINT NOT NULL,
    royalty BIGINT NOT NULL,
    opens   BIGINT NOT NULL,
    PRIMARY KEY (epoch, batch, place),
    FOREIGN KEY (epoch, batch) REFERENCES settle_batches (epoch, number)
);
CREATE INDEX settle_payouts_node ON settle_payouts (node, epoch);

CREATE TABLE settle_attempts (
    epoch      BIGINT NOT NULL,
    batch      BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    signature  TEXT   NOT NULL,
    wire       BYTEA  NOT NULL,
    last_valid BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    PRIMARY KEY (epoch, batch, attempt),
    FOREIGN KEY (epoch, batch) REFERENCES settle_batches (epoch, number)
);

CREATE TABLE settle_held (
    epoch   BIGINT NOT NULL,
    node    TEXT   NOT NULL,
    address TEXT   NOT NULL,
    units   BIGINT NOT NULL,
    reason  TEXT   NOT NULL,
    detail  TEXT   NOT NULL,
    PRIMARY KEY (epoch, node)
);

-- +goose Down
DROP TABLE settle_held;
DROP TABLE settle_attempts;
DROP TABLE settle_payouts;
DROP TABLE settle_batches;
DROP TABLE settlements;
