// Reads two columns of a Parquet file over HTTP by ranges, and prints them.
import { asyncBufferFromUrl, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const file = await asyncBufferFromUrl({ url: process.argv[2] })
const rows = await parquetReadObjects({ file, compressors, columns: ['id', 'token_count'] })
console.log(JSON.stringify(rows.map(r => [r.id, Number(r.token_count)])))
