-- Nothing here is added up at the end of an epoch that can be added up while it
-- runs: work has one row for each node in an epoch, kept in step with receipts.

-- +goose Up
CREATE TABLE work (
    epoch    BIGINT NOT NULL REFERENCES epochs (number),
    node     TEXT   NOT NULL,
    country  TEXT   NOT NULL,
    clumps   TEXT   NOT NULL, -- "tag:seconds,tag:seconds"
    counted  BIGINT NOT NULL, -- bytes of the receipts of side 'counted'
    agreed   BIGINT NOT NULL, -- bytes of those of side 'agreed'
    online   BIGINT NOT NULL, -- seconds, counted
    PRIMARY KEY (epoch, node)
);
INSERT INTO work (epoch, node, country, clumps, counted, agreed, online)
    SELECT epoch, node, '', '',
        SUM(CASE WHEN side = 'counted' THEN bytes_down + bytes_up ELSE 0 END),
        SUM(CASE WHEN side = 'agreed' THEN bytes_down + bytes_up ELSE 0 END),
        SUM(CASE WHEN side = 'counted' THEN online_seconds ELSE 0 END)
    FROM receipts GROUP BY epoch, node;

CREATE TABLE site_bytes (
    epoch BIGINT NOT NULL REFERENCES epochs (number),
    node  TEXT   NOT NULL,
    site  TEXT   NOT NULL, -- tag
    bytes BIGINT NOT NULL,
    PRIMARY KEY (epoch, node, site)
);
CREATE INDEX site_bytes_large ON site_bytes (epoch, bytes);

-- Receipts of of_epoch that were proven in epoch, with the bytes of them that
-- were paid before.
CREATE TABLE late_receipts (
    epoch          BIGINT NOT NULL REFERENCES epochs (number),
    node           TEXT   NOT NULL,
    of_epoch       BIGINT NOT NULL,
    job            TEXT   NOT NULL,
    paid           BIGINT NOT NULL,
    sequence       BIGINT NOT NULL,
    bytes_down     BIGINT NOT NULL,
    bytes_up       BIGINT NOT NULL,
    tunnels        BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    online_seconds BIGINT NOT NULL,
    router_sig     BYTEA  NOT NULL,
    node_sig       BYTEA  NOT NULL,
    PRIMARY KEY (epoch, node, of_epoch, job)
);
CREATE INDEX late_receipts_place ON late_receipts (node, of_epoch, job);

-- The file of a closed epoch: its head, and its statements in pages of JSON
-- lines under zstd, each found by the key of its first node in hex.
CREATE TABLE epoch_seals (
    epoch BIGINT NOT NULL PRIMARY KEY REFERENCES epochs (number),
    seal  TEXT   NOT NULL
);
CREATE TABLE epoch_pages (
    epoch BIGINT NOT NULL REFERENCES epochs (number),
    first TEXT   NOT NULL,
    body  BYTEA  NOT NULL,
    PRIMARY KEY (epoch, first)
);

-- What every node has earned ever, at the end of an epoch; pages of records of
-- fixed size. Books are kept from the newest epoch on that may be settled.
CREATE TABLE book_pages (
    epoch BIGINT NOT NULL REFERENCES epochs (number),
    first TEXT   NOT NULL,
    body  BYTEA  NOT NULL,
    PRIMARY KEY (epoch, first)
);

ALTER TABLE epochs ADD COLUMN ran BIGINT NOT NULL DEFAULT 0;
ALTER TABLE epochs ADD COLUMN settle_from BIGINT NOT NULL DEFAULT 0;

CREATE TABLE challenges (
    id      BIGINT NOT NULL PRIMARY KEY,
    epoch   BIGINT NOT NULL REFERENCES epochs (number),
    node    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    claim   TEXT   NOT NULL,
    state   TEXT   NOT NULL, -- open, upheld, rejected
    decided BIGINT NOT NULL,
    because TEXT   NOT NULL,
    amount  BIGINT NOT NULL, -- micro-points, upheld only
    booked  BIGINT NOT NULL  -- epoch that corrects it, 0 = none yet
);
CREATE INDEX challenges_epoch ON challenges (epoch, state);
CREATE INDEX challenges_booked ON challenges (booked, state);

CREATE TABLE appeals (
    id      BIGINT NOT NULL PRIMARY KEY,
    node    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    claim   TEXT   NOT NULL,
    decided BIGINT NOT NULL -- 0 = waits
);
CREATE INDEX appeals_node ON appeals (node, decided);

CREATE TABLE decisions (
    id            BIGINT NOT NULL PRIMARY KEY,
    node          TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    from_permille BIGINT NOT NULL,
    to_permille   BIGINT NOT NULL,
    reason        TEXT   NOT NULL,
    because       TEXT   NOT NULL,
    booked        BIGINT NOT NULL -- epoch that publishes it, 0 = none yet
);
CREATE INDEX decisions_booked ON decisions (booked, id);

-- +goose Down
DROP TABLE decisions;
DROP TABLE appeals;
DROP TABLE challenges;
ALTER TABLE epochs DROP COLUMN settle_from;
ALTER TABLE epochs DROP COLUMN ran;
DROP TABLE book_pages;
DROP TABLE epoch_pages;
DROP TABLE epoch_seals;
DROP TABLE late_receipts;
DROP TABLE site_bytes;
DROP TABLE work;
