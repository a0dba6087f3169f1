import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';

const COST = { N: 2 ** 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const KEY_BYTES = 64;
/** More than `COST` needs. A stored hash that asks for more is not one of ours. */
const maxmem = 64 * 2 ** 20;

const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** Rejects where scrypt throws. */
async function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return scryptAsync(password, salt, KEY_BYTES, { ...cost, maxmem });
}

/** `scrypt$N$r$p$salt$key`, the last two in base64url: a later `COST` leaves stored passwords valid. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return format(salt, await derive(password, salt, COST));
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
  const parts = HASH.exec(hash ?? NOBODY);
  if (!parts) return false;
  const [N, r, p] = parts.slice(1, 4).map(Number);
  const [salt, key] = parts.slice(4).map(part => Buffer.from(part, 'base64url'));
  // scrypt refuses some parameters, such as an N that is no power of two
  const actual = await derive(password, salt!, { N, r, p }).catch(() => undefined);
  return actual !== undefined && timingSafeEqual(actual, key!);
}
