// Reads a dataset version with DuckDB and prints what it found as one JSON
// object: node read.mjs FOLDER
import { DuckDBInstance } from "@duckdb/node-api";

const folder = process.argv[2].replaceAll("'", "''");
const connection = await (await DuckDBInstance.create(":memory:")).connect();

const ask = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
const shards = `read_parquet('${folder}/data/**/*.parquet')`;

const [totals] = await ask(`
  SELECT count(*) AS rows, sum(strlen(text)) AS text_bytes, sum(token_count) AS tokens, count(DISTINCT site) AS sites,
         min(surt) AS first_surt, max(surt) AS last_surt, epoch_us(min(fetched_at)) AS first_fetched,
         round(avg(language_score), 9) AS score, sum(len(signals)) AS signals, count(*) FILTER (octet_length(leaf) = 32) AS leaves
  FROM ${shards}`);
const languages = await ask(`SELECT language || '_' || language_script AS code, count(*) AS rows FROM ${shards} GROUP BY 1 ORDER BY 1`);
const rows = await ask(`
  SELECT id, url, md5(text) AS text, title, epoch_us(fetched_at) AS fetched_at, status, lower(hex(leaf)) AS leaf,
         lower(hex(lease)) AS lease, list_transform(signals, s -> s.source || ': ' || s.text) AS signals
  FROM ${shards} ORDER BY surt, id`);
const duplicates = await ask(`SELECT dropped_id, kept_id, kind, similarity FROM read_parquet('${folder}/duplicates.parquet')`);
const types = await ask(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${shards})`);

console.log(JSON.stringify({ totals, languages, rows, duplicates, types }));
