// Writes Parquet files with DuckDB, on command: each line of standard input is
// {"load": PATH} or {"copy": PATH}, each answer a line of JSON. What is loaded
// becomes a table in memory; copy writes it in the order it has and answers the
// CPU seconds this took.
import { createInterface } from "node:readline";
import { statSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";

const connection = await (await DuckDBInstance.create(":memory:")).connect();
const quote = (path) => `'${path.replaceAll("'", "''")}'`;

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  if (ask.load) {
    await connection.run("DROP TABLE IF EXISTS t");
    await connection.run(`CREATE TABLE t AS SELECT * FROM read_parquet(${quote(ask.load)})`);
    console.log(JSON.stringify({}));
    continue;
  }
  const before = process.cpuUsage();
  await connection.run(`COPY t TO ${quote(ask.copy)} (FORMAT parquet, COMPRESSION zstd)`);
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ cpu: (user + system) / 1e6, bytes: statSync(ask.copy).size }));
}
