// Base58, and as much of Solana's wire format as a front needs to know.
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export function base58(bytes) {
  let n = BigInt('0x' + (Buffer.from(bytes).toString('hex') || '0'));
  let text = '';
  for (; n > 0n; n /= 58n) text = ALPHABET[Number(n % 58n)] + text;
  for (const b of bytes) {
    if (b !== 0) break;
    text = '1' + text;
  }
  return text;
}

export function unbase58(text, length = 32) {
  let n = 0n;
  for (const c of text) {
    const i = ALPHABET.indexOf(c);
    if (i < 0) throw new Error(`not base58: ${text}`);
    n = n * 58n + BigInt(i);
  }
  return Buffer.from(n.toString(16).padStart(length * 2, '0'), 'hex');
}

// parse reads a transaction: signature, keys, blockhash, and whether it is of
// the legacy format.
export function parse(wire) {
  let at = 0;
  const compact = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const b = wire[at++];
      value |= (b & 0x7f) << shift;
      if (!(b & 0x80)) return value;
    }
  };
  const take = (n) => wire.subarray(at, (at += n));
  const signatures = compact();
  const signature = base58(take(64));
  take(64 * (signatures - 1));
  const legacy = !(wire[at] & 0x80);
  if (!legacy) at++;
  take(3);
  const keys = [];
  for (let i = compact(); i > 0; i--) keys.push(base58(take(32)));
  if (at + 32 > wire.length) throw new Error('transaction is cut short');
  return { wire, signature, signatures, legacy, keys, blockhash: base58(take(32)) };
}
