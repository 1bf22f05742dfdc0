// Reads a Parquet file with Polars and prints what it holds: node read.mjs FILE
// BINARY... The first line names rows and columns, then comes a line of JSON a
// row, in file order. BINARY are the columns of bytes, of which this binding
// gives JavaScript nothing but their number.
import pl from "nodejs-polars";

const [file, ...binary] = process.argv.slice(2);
const frame = pl.readParquet(file);
console.log(JSON.stringify({ rows: frame.height, columns: frame.columns }));
const plain = (_, value) => (typeof value === "bigint" ? Number(value) : value);
for (const row of frame.drop(...binary).toRecords()) {
  console.log(JSON.stringify(row, plain));
}
