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
const types = await ask(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${shards})`);
const plain = types.map(({ column_name: name, column_type: type }) => {
  if (type === "BLOB") return `lower(hex(${name})) AS ${name}`;
  return type.startsWith("TIMESTAMP") ? `epoch_us(${name}) AS ${name}` : name;
});
const rows = await ask(`SELECT ${plain.join(", ")} FROM ${shards} ORDER BY surt, id`);
const [raw] = await ask(`
  SELECT count(*) AS rows, count(*) FILTER (sha256(body) = lower(hex(body_sha256))) AS sound, sum(octet_length(body)) AS bytes,
         count(d.id) AS joined, count(*) FILTER (header LIKE 'Content-Type: %' AND protocol = 'HTTP/2.0' AND status = 200) AS headers
  FROM read_parquet('${folder}/raw/**/*.parquet') r LEFT JOIN (SELECT DISTINCT id FROM ${shards}) d ON d.id = r.id`);
const duplicates = await ask(`SELECT dropped_id, kept_id, kind, similarity FROM read_parquet('${folder}/duplicates.parquet')`);

console.log(JSON.stringify({ totals, languages, rows, raw, duplicates, types }));
