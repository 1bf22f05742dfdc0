// The JSON-RPC methods that Fallow uses, over a view of a world: which height
// this endpoint believes in, at which commitment.
import { base58, unbase58 } from './bytes.mjs';
import { FINAL, WINDOW } from './world.mjs';

export class View {
  constructor(world, tip) {
    Object.assign(this, { world, tip: tip ?? world.height });
  }

  height(commitment = 'finalized') {
    return { processed: this.tip, confirmed: this.tip - 1, finalized: this.tip - FINAL }[commitment];
  }

  account(key, o, lie) {
    const a = this.world.at(key, this.height(o?.commitment));
    if (!a) return null;
    const data = Buffer.from(a.data);
    lie?.(data);
    return {
      lamports: Number(a.lamports), owner: base58(a.owner), data: [data.toString('base64'), 'base64'],
      executable: a.executable, rentEpoch: 0, space: data.length,
    };
  }

  transaction(signature, commitment) {
    const tx = this.world.landed.get(signature);
    return tx && tx.height <= this.height(commitment) ? tx : null;
  }
}

const context = (view, o) => ({ slot: Math.max(0, view.height(o?.commitment)), apiVersion: '2.0.0' });
const answer = (view, o, value) => ({ context: context(view, o), value });

export const methods = {
  getVersion: () => ({ 'solana-core': '2.0.0', 'feature-set': 0 }),
  getHealth: () => 'ok',
  getGenesisHash: (v) => v.world.blockhash(0),
  getSlot: (v, [o]) => v.height(o?.commitment),
  getBlockHeight: (v, [o]) => v.height(o?.commitment),
  getMinimumBalanceForRentExemption: (v, [size]) => Number(v.world.svm.minimumBalanceForRentExemption(BigInt(size))),
  getBalance: (v, [key, o]) => answer(v, o, Number(v.world.at(key, v.height(o?.commitment))?.lamports ?? 0n)),
  getAccountInfo: (v, [key, o], lie) => answer(v, o, v.account(key, o, lie)),
  getMultipleAccounts: (v, [keys, o], lie) => {
    if (keys.length > 100) throw new Error('at most 100 accounts');
    return answer(v, o, keys.map((k) => v.account(k, o, lie)));
  },
  getLatestBlockhash: (v, [o]) => {
    const height = v.height(o?.commitment);
    return answer(v, o, { blockhash: v.world.blockhash(height), lastValidBlockHeight: height + WINDOW });
  },
  getSignatureStatuses: (v, [signatures]) => answer(v, { commitment: 'processed' }, signatures.map((s) => {
    const tx = v.transaction(s, 'processed');
    if (!tx) return null;
    const status = ['finalized', 'confirmed', 'processed'].find((c) => tx.height <= v.height(c));
    return {
      slot: tx.height, confirmations: status === 'finalized' ? null : v.tip - tx.height, err: tx.err,
      status: tx.err ? { Err: tx.err } : { Ok: null }, confirmationStatus: status,
    };
  })),
  getSignaturesForAddress: (v, [key, o = {}]) => {
    let list = [...v.world.landed.values()].filter((t) => t.keys.includes(key) && t.height <= v.height(o.commitment)).reverse();
    const after = list.findIndex((t) => t.signature === o.before);
    if (after >= 0) list = list.slice(after + 1);
    const until = list.findIndex((t) => t.signature === o.until);
    if (until >= 0) list = list.slice(0, until);
    return list.slice(0, o.limit ?? 1000).map((t) => ({
      signature: t.signature, slot: t.height, err: t.err, memo: null, blockTime: t.height, confirmationStatus: 'finalized',
    }));
  },
  getTransaction: (v, [signature, o]) => {
    const tx = v.transaction(signature, o?.commitment);
    return tx && {
      slot: tx.height, blockTime: tx.height, version: 'legacy', transaction: [tx.wire.toString('base64'), 'base64'],
      meta: {
        err: tx.err, fee: 5000 * tx.signatures, preBalances: [], postBalances: [], innerInstructions: [], logMessages: tx.logs,
        preTokenBalances: tx.before, postTokenBalances: tx.after, status: tx.err ? { Err: tx.err } : { Ok: null },
      },
    };
  },
  simulateTransaction: (v, [wire, o], lie) => {
    const r = v.world.simulate(Buffer.from(wire, 'base64'));
    const accounts = (o?.accounts?.addresses ?? []).map((key) => {
      const a = r.after.get(key) ?? v.world.svm.getAccount(unbase58(key));
      if (!a) return null;
      const data = Buffer.from(a.data());
      lie?.(data);
      return { lamports: Number(a.lamports()), owner: base58(a.owner()), data: [data.toString('base64'), 'base64'], executable: false, rentEpoch: 0 };
    });
    return answer(v, o, { err: r.err, logs: r.logs, accounts, unitsConsumed: r.units, returnData: null });
  },
};
