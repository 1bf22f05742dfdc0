// A world is one chain: blocks, a blockhash window, commitment levels and forks
// around the real runtime, which has none of these. Worlds share the runtime;
// their accounts have different keys.
import { createHash } from 'node:crypto';
import { base58, parse, unbase58 } from './bytes.mjs';

export const WINDOW = 150; // blocks a blockhash is good for
export const FINAL = 32; // blocks until nothing is rolled back any more
const MAX_WIRE = 1232; // bytes of a transaction; LiteSVM does not look
const TOKEN = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA';
const NONE = { lamports: 0n, data: Buffer.alloc(0), owner: Buffer.alloc(32), executable: false };

export class World {
  constructor(name, native, svm) {
    Object.assign(this, { name, native, svm });
    this.height = 1000;
    this.pool = []; // sent and not yet in a block
    this.landed = new Map(); // signature -> transaction, on this fork
    this.versions = new Map(); // key -> [{height, account}], oldest first
    this.hashes = new Map(); // blockhash -> its height
  }

  blockhash(height) {
    const hash = base58(createHash('sha256').update(`${this.name}:${height}`).digest());
    this.hashes.set(hash, height);
    return hash;
  }

  lastValid(tx) {
    const height = this.hashes.get(tx.blockhash);
    return height === undefined ? -1 : height + WINDOW;
  }

  // knows says whether a transaction is in a block or on its way to one.
  knows(wire) {
    const { signature } = parse(wire);
    return this.landed.has(signature) || this.pool.some((p) => p.tx.signature === signature);
  }

  // accept takes a transaction for the next block; where says otherwise.
  accept(wire, where = {}) {
    if (wire.length > MAX_WIRE) throw new Error(`transaction of ${wire.length} bytes, ${MAX_WIRE} are possible`);
    const tx = parse(wire);
    if (this.landed.has(tx.signature) || this.pool.some((p) => p.tx.signature === tx.signature)) return tx.signature;
    this.pool.push({ tx, due: where.due?.(this.lastValid(tx)) ?? this.height + 1, force: where.force, doomed: where.doomed });
    return tx.signature;
  }

  // advance makes n blocks.
  advance(n) {
    for (; n > 0; n--) {
      this.height++;
      const due = this.pool.filter((p) => p.due <= this.height);
      this.pool = this.pool.filter((p) => p.due > this.height);
      for (const p of due) {
        if (p.force || this.height <= this.lastValid(p.tx)) this.execute(p);
      }
      for (const tx of [...this.landed.values()]) {
        if (tx.doomed && this.height === tx.height + tx.doomed) this.rollBack(tx.height);
      }
    }
  }

  execute({ tx, doomed }) {
    const before = new Map(tx.keys.map((k) => [k, this.raw(k)]));
    const result = tx.legacy ? this.svm.sendLegacyTransaction(tx.wire) : this.svm.sendVersionedTransaction(tx.wire);
    const failed = result instanceof this.native.FailedTransactionMetadata;
    for (const [key, account] of before) this.record(key, account);
    this.landed.set(tx.signature, {
      ...tx, doomed, height: this.height, err: failed ? describe(result.err()) : null,
      logs: (failed ? result.meta() : result).logs(),
      before: tokenBalances(tx.keys, (k) => before.get(k)),
      after: tokenBalances(tx.keys, (k) => this.raw(k)),
    });
  }

  // record appends the state of an account as of this block.
  record(key, before) {
    const list = this.versions.get(key) ?? [{ height: 0, account: before }];
    list.push({ height: this.height, account: this.raw(key) });
    this.versions.set(key, list);
  }

  // rollBack forgets everything from a block on, as a fork that lost.
  rollBack(from) {
    for (const [key, list] of this.versions) {
      const kept = list.filter((v) => v.height < from);
      if (kept.length === list.length) continue;
      this.versions.set(key, kept);
      this.put(key, kept.at(-1).account);
    }
    for (const [signature, tx] of this.landed) if (tx.height >= from) this.landed.delete(signature);
  }

  raw(key) {
    const a = this.svm.getAccount(unbase58(key));
    return a ? { lamports: a.lamports(), data: Buffer.from(a.data()), owner: Buffer.from(a.owner()), executable: a.executable() } : NONE;
  }

  put(key, a) {
    this.svm.setAccount(unbase58(key), new this.native.Account(a.lamports, a.data, a.owner, a.executable, 0n));
  }

  // at is an account as of a block; null if there was none.
  at(key, height) {
    const list = this.versions.get(key);
    const account = list ? list.findLast((v) => v.height <= height)?.account : this.raw(key);
    return account && (account.lamports > 0n || account.executable) ? account : null;
  }

  simulate(wire) {
    if (wire.length > MAX_WIRE) throw new Error(`transaction of ${wire.length} bytes, ${MAX_WIRE} are possible`);
    const tx = parse(wire);
    this.svm.setSigverify(false);
    try {
      const r = tx.legacy ? this.svm.simulateLegacyTransaction(wire) : this.svm.simulateVersionedTransaction(wire);
      const failed = r instanceof this.native.FailedTransactionMetadata;
      const meta = r.meta();
      const after = new Map();
      if (!failed) for (const p of r.postAccounts()) after.set(base58(p.address), p.account());
      return { err: failed ? describe(r.err()) : null, logs: meta.logs(), units: Number(meta.computeUnitsConsumed()), after };
    } finally {
      this.svm.setSigverify(true);
    }
  }
}

// describe puts an error into the form JSON-RPC has.
function describe(err) {
  const name = err?.constructor?.name;
  if (name === 'TransactionErrorInstructionError') {
    const inner = err.err();
    return { InstructionError: [err.index, inner?.constructor?.name === 'InstructionErrorCustom' ? { Custom: inner.code } : String(inner)] };
  }
  return String(err);
}

function tokenBalances(keys, account) {
  const list = [];
  keys.forEach((key, accountIndex) => {
    const a = account(key);
    if (base58(a.owner) !== TOKEN || a.data.length !== 165) return;
    const amount = a.data.readBigUInt64LE(64).toString();
    list.push({
      accountIndex, mint: base58(a.data.subarray(0, 32)), owner: base58(a.data.subarray(32, 64)), programId: TOKEN,
      uiTokenAmount: { amount, decimals: 6, uiAmount: null, uiAmountString: amount },
    });
  });
  return list;
}
