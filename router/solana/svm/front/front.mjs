// A JSON-RPC front over the real Solana runtime (LiteSVM), for tests and the
// demo. It serves any number of worlds, each under any number of endpoints:
//   POST /WORLD/rpc/N    what a Solana RPC endpoint answers
//   POST /WORLD/control  {"op": ...}, see control below
// It prints the address it listens on, and ends when standard input does.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { unbase58 } from './bytes.mjs';
import { Faults, bump, garbage, twist } from './faults.mjs';
import { View, methods } from './rpc.mjs';
import { World } from './world.mjs';

const MAX_BODY = 1 << 20;
const native = load();
const svm = new native.LiteSvm();
svm.setTransactionHistory(0n); // the worlds know what has landed, forks too
svm.setBlockhashCheck(false); // and which blockhash is good
const worlds = new Map();

function load() {
  const require = createRequire(import.meta.url);
  const { platform, arch } = process;
  const musl = platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
  const suffix = platform === 'linux' ? (musl ? '-musl' : '-gnu') : '';
  return require(`litesvm-${platform}-${arch}${suffix}`);
}

function world(name) {
  let w = worlds.get(name);
  if (!w) worlds.set(name, (w = { chain: new World(name, native, svm), faults: new Faults(), every: 0 }));
  return w;
}

const control = {
  advance: (w, { blocks }) => w.chain.advance(blocks),
  // per makes so many blocks with every request, so that waiting costs no time.
  per: (w, { blocks }) => void (w.every = blocks),
  fault: (w, { fault }) => w.faults.arm(fault),
  clear: (w) => w.faults.clear(),
  account: (w, { key, lamports, owner, data }) => {
    const had = w.chain.raw(key);
    w.chain.put(key, { lamports: BigInt(lamports), owner: unbase58(owner), data: Buffer.from(data ?? '', 'base64'), executable: false });
    if (w.chain.versions.has(key)) w.chain.record(key, had);
  },
  end: (w) => worlds.delete(w.chain.name),
};

function call(w, rpc, { method, params }) {
  const lying = w.faults.take('disagree', rpc);
  const view = new View(w.chain, w.faults.tip(rpc, w.chain.height));
  if (!methods[method]) throw new Error(`no method ${method}`);
  const lie = lying || (method === 'simulateTransaction' && w.faults.take('wrongAmount', rpc)) ? bump : undefined;
  const result = methods[method](view, params ?? [], lie);
  return lying ? twist(method, result) : result;
}

// serve answers one RPC request; null is to hang up without a word.
function serve(w, rpc, request) {
  if (w.every) w.chain.advance(w.every);
  if (w.faults.take('storm', rpc)) return { status: 429, body: '{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests"}}' };
  if (w.faults.take('garbage', rpc)) return { status: 200, body: garbage[w.faults.hits % garbage.length](request.id) };
  const reply = (rest) => ({ status: 200, body: JSON.stringify({ jsonrpc: '2.0', id: request.id, ...rest }) });
  try {
    if (request.method !== 'sendTransaction') return reply({ result: call(w, rpc, request) });
    const wire = Buffer.from(request.params[0], 'base64');
    // What is on its way already is not hit again: faults count transactions.
    const { kind, where } = w.chain.knows(wire) ? { where: {} } : w.faults.sending(rpc);
    const result = where ? w.chain.accept(wire, where) : new World('', native, svm).accept(wire);
    return kind === 'lostReply' ? null : reply({ result });
  } catch (e) {
    return reply({ error: { code: -32602, message: String(e.message ?? e) } });
  }
}

const server = createServer((req, res) => {
  const chunks = [];
  let size = 0;
  req.on('data', (c) => {
    if ((size += c.length) > MAX_BODY) req.destroy();
    else chunks.push(c);
  });
  req.on('end', () => {
    const [, name, what, n] = req.url.split('/');
    try {
      const w = world(name);
      const request = JSON.parse(Buffer.concat(chunks));
      const reply = what === 'control' ? { status: 200, body: JSON.stringify({ height: w.chain.height, hits: w.faults.hits, ...control[request.op](w, request) }) } : serve(w, Number(n), request);
      if (!reply) return res.destroy();
      res.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.body);
    } catch (e) {
      res.writeHead(500).end(String(e.stack));
    }
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
