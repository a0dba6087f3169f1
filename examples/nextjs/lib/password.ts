import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

const COST = { N: 2 ** 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const KEY_BYTES = 64;
/** More than `COST` needs. A stored hash that asks for more is not one of ours. */
const maxmem = 64 * 2 ** 20;

/** `scrypt$N$r$p$salt$key`, the last two in base64url: a later `COST` leaves stored passwords valid. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return format(salt, await derive(password, salt, KEY_BYTES, { ...COST, maxmem }));
}

function format(salt: Buffer, key: Buffer): string {
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$');
}

// a cost of 0 would be Node.js's default
const HASH = /^scrypt\$([1-9]\d{0,6})\$([1-9]\d?)\$([1-9]\d?)\$([\w-]{22})\$([\w-]{86})$/;
/** No password has this key. */
const NOBODY = format(Buffer.alloc(SALT_BYTES), Buffer.alloc(KEY_BYTES));

/** False for anything but a hash of this password. Without a hash it takes as long: pass undefined for an unknown user. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', key = ''] = HASH.exec(hash ?? NOBODY) ?? [];
  const expected = Buffer.from(key, 'base64url');
  const cost = { N: Number(N), r: Number(r), p: Number(p), maxmem };
  try {
    const actual = await derive(password, Buffer.from(salt, 'base64url'), KEY_BYTES, cost);
    return expected.length === KEY_BYTES && timingSafeEqual(actual, expected);
  } catch {
    return false; // scrypt refuses such parameters
  }
}
