// The faults a test arms. Each acts on the next `times` requests it fits, to the
// endpoint `rpc` (all, if that is not given).

// Faults of a transaction sent: what becomes of it instead.
const sends = {
  drop: () => null, // accepted, never seen again
  lostReply: () => ({}), // lands; the sender never hears
  late: () => ({ due: (lastValid) => lastValid - 1 }),
  lateExpired: () => ({ due: (lastValid) => lastValid + 78, force: true }),
  rollback: () => ({ doomed: 12 }), // confirmed, then on the losing fork
};

export class Faults {
  constructor() {
    this.armed = [];
    this.stale = new Map(); // endpoint -> {tip, left}
    this.hits = 0;
  }

  arm(fault) {
    this.armed.push({ times: 1, ...fault });
  }

  clear() {
    this.armed = [];
    this.stale.clear();
  }

  take(kind, rpc) {
    const f = this.armed.find((f) => f.kind === kind && f.times > 0 && (f.rpc ?? rpc) === rpc);
    if (!f) return null;
    f.times--;
    this.hits++;
    return f;
  }

  // sending says what to do with a transaction: null is to lose it.
  sending(rpc) {
    for (const kind of Object.keys(sends)) {
      const f = this.take(kind, rpc);
      if (f) return { kind, where: sends[kind]() };
    }
    return { where: {} };
  }

  // tip is the height an endpoint believes in.
  tip(rpc, height) {
    if (!this.stale.has(rpc) && this.armed.some((f) => f.kind === 'stale' && f.times > 0 && (f.rpc ?? rpc) === rpc)) {
      this.stale.set(rpc, height);
    }
    if (this.stale.has(rpc) && this.take('stale', rpc)) return this.stale.get(rpc);
    this.stale.delete(rpc);
    return height;
  }
}

// Data of token accounts off by one.
export const bump = (data) => {
  if (data.length === 165) data.writeBigUInt64LE(data.readBigUInt64LE(64) + 1n, 64);
};

// twist is what an endpoint that contradicts the others says.
export function twist(method, result) {
  switch (method) {
    case 'getBlockHeight':
      return result + 100_000;
    case 'getSignatureStatuses':
      return {
        ...result,
        value: result.value.map((s) => (s ? null : { slot: 1, confirmations: null, err: null, status: { Ok: null }, confirmationStatus: 'finalized' })),
      };
    case 'getAccountInfo':
      return { ...result, value: result.value ? null : { lamports: 890880, owner: '11111111111111111111111111111111', data: ['AA==', 'base64'], executable: false, rentEpoch: 0 } };
    default:
      return result;
  }
}

// garbage are answers of endpoints behind broken proxies.
export const garbage = [
  () => '<html><body><h1>502 Bad Gateway</h1></body></html>',
  (id) => `{"jsonrpc":"2.0","id":${id},"result":{"context":{"slot":`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":null}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":"all is well"}`,
  (id) => `{"jsonrpc":"2.0","id":${id},"result":{"context":{"slot":-1},"value":[17,{"confirmationStatus":9}]}}`,
  () => '',
  (id) => `{"jsonrpc":"2.0","id":${id},"error":{"code":-32005,"message":"Node is behind by 4711 slots"}}`,
];
